"""MobileNetV2, with torchvision's layout and names, so that its published weights fit.

    convinspect summary sample_models/mobilenet.py --input 3,224,224 --depth 2

3,504,872 parameters and 300.8 M MACs at 224. A block widens with a 1x1 convolution, filters each channel by itself
(3x3, depthwise) and narrows again. The depthwise part is nearly free; of features.2 (16 to 96 to 24 channels, 112x112
to 56x56):

    1x1 widening    112 x 112 x 96 x 16    = 19,267,584 MACs
    3x3 depthwise    56 x 56 x 96 x 9      =  2,709,504
    1x1 narrowing    56 x 56 x 24 x 96     =  7,225,344

One unit of the last convolution sees 491 pixels, more than the 224 that there are.
"""

from torch import Tensor, nn


class ConvNormActivation(nn.Sequential):
    """A convolution that keeps the size (but for its stride), a batch norm and a ReLU6."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        padding = (kernel_size - 1) // 2
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU6(inplace=True),
        )


class InvertedResidual(nn.Module):
    """Widen by ``expansion``, filter by channel, narrow; with a shortcut where the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = in_channels * expansion
        widen = [ConvNormActivation(in_channels, width, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widen,
            ConvNormActivation(width, width, 3, stride=stride, groups=width),
            nn.Conv2d(width, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out_channels, H / stride, W / stride)``."""
        if self.shortcut:
            return x + self.conv(x)
        return self.conv(x)


class MobileNetV2(nn.Module):
    """A strided convolution, 17 inverted residuals, a 1x1 convolution, a global average and a classifier."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormActivation(3, 32, 3, stride=2)]
        channels = 32
        for expansion, out_channels, blocks, stride in (
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ):
            for block in range(blocks):
                layers.append(InvertedResidual(channels, out_channels, stride if block == 0 else 1, expansion))
                channels = out_channels
        layers.append(ConvNormActivation(channels, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(N, num_classes)`` of images ``(N, 3, H, W)``."""
        x = nn.functional.adaptive_avg_pool2d(self.features(x), 1)
        return self.classifier(x.flatten(1))
