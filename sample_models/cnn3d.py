"""A small network for video: its fields in time and in space differ.

    convinspect summary sample_models/cnn3d.py --input 3,8,32,32

The input is channels, frames, rows, columns. ``conv2`` is factored into space and time, which needs 5,816 parameters
where a dense 3x3x3 kernel needs 13,856:

    layer     kernel     parameters                         output           field, frames x pixels
    conv1     3x3x3      16 x 3 x 27 + 16  = 1,312          16 x 8 x 32 x 32      3 x 3
    pool1     1x2x2                                         16 x 8 x 16 x 16      3 x 4
    space2    1x3x3      24 x 16 x 9 + 24  = 3,480          24 x 8 x 16 x 16      3 x 8
    time2     3x1x1      32 x 24 x 3 + 32  = 2,336          32 x 8 x 16 x 16      5 x 8
    pool2     2x2x2                                         32 x 4 x 8 x 8        6 x 10
    conv3     3x3x3      64 x 32 x 27 + 64 = 55,360         64 x 4 x 8 x 8       10 x 18
    fc                   10 x 64 + 10      =    650         10
"""

from torch import Tensor, nn


class Cnn3d(nn.Module):
    """Three stages of convolutions over frames, rows and columns, and a classifier."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 16, 3, padding=1)
        self.pool1 = nn.MaxPool3d((1, 2, 2))
        self.space2 = nn.Conv3d(16, 24, (1, 3, 3), padding=(0, 1, 1))
        self.time2 = nn.Conv3d(24, 32, (3, 1, 1), padding=(1, 0, 0))
        self.pool2 = nn.MaxPool3d(2)
        self.conv3 = nn.Conv3d(32, 64, 3, padding=1)
        self.average = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(N, num_classes)`` of clips ``(N, 3, frames, H, W)``."""
        x = self.pool1(nn.functional.relu(self.conv1(x)))
        x = self.pool2(nn.functional.relu(self.time2(self.space2(x))))
        x = nn.functional.relu(self.conv3(x))
        return self.fc(self.average(x).flatten(1))
