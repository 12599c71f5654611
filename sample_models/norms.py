"""Four normalisations: the same 16 parameters, different buffers, and very different fields.

    convinspect summary sample_models/norms.py --input 3,16,16
    convinspect summary sample_models/norms.py --input 3,16,16 --train --batch-size 2

    layer                       parameters    buffers                      one unit depends on
    batch    BatchNorm2d        8 + 8         8 + 8 + 1, running mean,     itself; in training on the whole batch
    sync     SyncBatchNorm      8 + 8         variance, batches seen       the same, over all processes
    layer    LayerNorm          8 + 8         none                         the channels of its own pixel
    group    GroupNorm          8 + 8         none                         every pixel of its group of 2 channels

So up to ``layer`` a field is 7x7, three 3x3 convolutions, and from ``group`` on it is everything. Normalising is not
multiply-accumulate: all MACs are the convolutions', 16 x 16 x (8 x 27 + 3 x 8 x 72) = 497,664.

The net traces and exports. It does not script: TorchScript cannot compile SyncBatchNorm, which asks whether several
processes train together.
"""

from torch import Tensor, nn


class Norms(nn.Module):
    """Four 3x3 convolutions, each with another norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.batch = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.sync = nn.SyncBatchNorm(8)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.layer = nn.LayerNorm(8)
        self.conv4 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.group = nn.GroupNorm(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 8, H, W)`` of images ``(N, 3, H, W)``."""
        x = nn.functional.relu(self.batch(self.conv1(x)))
        x = nn.functional.relu(self.sync(self.conv2(x)))
        # LayerNorm takes the last axis, so the channels go there and back.
        x = self.layer(self.conv3(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.group(self.conv4(nn.functional.relu(x)))
