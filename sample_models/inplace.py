"""The same net with and without in-place ReLU: the same numbers, less memory.

    convinspect summary sample_models/inplace.py:InPlace --input 3,32,32
    convinspect summary sample_models/inplace.py:OutOfPlace --input 3,32,32

``ReLU(inplace=True)`` writes over its input and allocates nothing; ``ReLU()`` needs a second tensor of that size, just
when memory is fullest. Per sample, in float32 and in inference, with the input (12,288 bytes) held all the time:

    alive while         OutOfPlace                               InPlace
    conv1 runs          12,288 + 65,536             77,824       the same
    relu1 runs          12,288 + 65,536 + 65,536   143,360       12,288 + 65,536     77,824
    pool1 runs          12,288 + 65,536 + 16,384    94,208       the same

so the peak falls from 143,360 to 94,208 bytes. Both have the same 5,418 parameters under the same names.
"""

from torch import Tensor, nn


class ConvNet(nn.Module):
    """Two convolutions, each with a ReLU and an average pool, and a classifier."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=inplace)
        self.pool1 = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=inplace)
        self.pool2 = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(N, 10)`` of images ``(N, 3, H, W)``; they are left as they are."""
        # One name throughout: each tensor dies as soon as the next one stands.
        x = self.conv1(x)
        x = self.relu1(x)
        x = self.pool1(x)
        x = self.conv2(x)
        x = self.relu2(x)
        x = self.pool2(x)
        return self.fc(x.flatten(1))


class InPlace(ConvNet):
    """The net whose ReLUs write over their input."""

    def __init__(self) -> None:
        super().__init__(inplace=True)


class OutOfPlace(ConvNet):
    """The net whose ReLUs return a new tensor."""

    def __init__(self) -> None:
        super().__init__(inplace=False)
