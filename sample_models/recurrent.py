"""LSTM and GRU, stacked, in both directions and with projections: many matrices behind one call.

    convinspect summary sample_models/recurrent.py --input 50,40

The input is 50 frames of 40 features. An LSTM has 4 gates, a GRU 3; each gate has a matrix for the input and one for
the state, and two biases. A projection shortens the state, and with it the matrices that read it. Per direction:

    lstm layer 0   4 x 32 x (40 + 16) + 2 x 4 x 32 + 16 x 32 =  7,936 parameters
    lstm layer 1   4 x 32 x (32 + 16) + 2 x 4 x 32 + 16 x 32 =  6,912
    gru            3 x 24 x (32 + 24) + 2 x 3 x 24           =  4,176

so 2 x (7,936 + 6,912) = 29,696 and 2 x 4,176 = 8,352; ``frames`` has 48 x 10 + 10 = 490 and ``whole`` as many.
MACs are all of these but the biases, for each frame: 50 x (29,696 - 4 x 256) = 1,433,600 for the LSTM and
50 x (8,352 - 2 x 144) = 403,200 for the GRU. Backwards in time every output sees the whole signal.
"""

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """Two layers of projected LSTM, one of GRU, all in both directions; labels for each frame and for the whole."""

    def __init__(self, features: int = 40, num_classes: int = 10) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, 32, num_layers=2, batch_first=True, bidirectional=True, proj_size=16)
        self.gru = nn.GRU(32, 24, batch_first=True, bidirectional=True)
        self.frames = nn.Linear(48, num_classes)
        self.whole = nn.Linear(48, num_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``(N, T, num_classes)`` and ``(N, num_classes)`` of signals ``(N, T, features)``."""
        x, _ = self.lstm(x)
        x, last = self.gru(x)
        return self.frames(x), self.whole(torch.cat([last[0], last[1]], dim=1))
