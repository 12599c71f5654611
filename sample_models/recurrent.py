"""LSTM and GRU, stacked and in both directions, with or without projections: many matrices behind one call.

    convinspect summary sample_models/recurrent.py --input 50,40
    convinspect summary sample_models/recurrent.py --input 50,40 --arg proj_size=16

The input is 50 frames of 40 features. An LSTM has 4 gates, a GRU 3; each gate has a matrix for the input, one for the
state and two biases. A projection shortens the state, and with it every matrix that reads it. Parameters:

    per direction      plain                                 proj_size=16
    lstm, layer 0      4 x 32 x (40 + 32) + 8 x 32  =  9,472   4 x 32 x (40 + 16) + 8 x 32 + 16 x 32 = 7,936
    lstm, layer 1      4 x 32 x (64 + 32) + 8 x 32  = 12,544   4 x 32 x (32 + 16) + 8 x 32 + 16 x 32 = 6,912
    gru                3 x 24 x (64 + 24) + 6 x 24  =  6,480   3 x 24 x (32 + 24) + 6 x 24           = 4,176

With both directions the LSTM has 44,032 and the GRU 12,960; ``frames`` has 48 x 10 + 10 = 490 and ``whole`` as many.
MACs are all of these but the biases, for each frame: 50 x (44,032 - 4 x 256) = 2,150,400 for the plain LSTM and
50 x (12,960 - 2 x 144) = 633,600 for its GRU. Backwards in time every output sees the whole signal.
"""

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """Two layers of LSTM and one of GRU, in both directions; scores for each frame and for the whole."""

    def __init__(self, features: int = 40, num_classes: int = 10, proj_size: int = 0) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, 32, num_layers=2, batch_first=True, bidirectional=True, proj_size=proj_size)
        self.gru = nn.GRU(2 * (proj_size or 32), 24, batch_first=True, bidirectional=True)
        self.frames = nn.Linear(48, num_classes)
        self.whole = nn.Linear(48, num_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``(N, T, num_classes)`` and ``(N, num_classes)`` of signals ``(N, T, features)``."""
        x, _ = self.lstm(x)
        x, last = self.gru(x)
        return self.frames(x), self.whole(torch.cat([last[0], last[1]], dim=1))
