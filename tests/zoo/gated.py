"""Inverted residuals with gates: MobileNetV3 and EfficientNet."""

from __future__ import annotations

from torch import Tensor, nn

# kernel, expanded width, width, gate, hard swish, stride
MOBILENET_V3_LARGE = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)
# expansion, kernel, stride, width, blocks
EFFICIENTNET_B0 = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class Gate(nn.Module):
    """Squeeze and excite: each channel times a number that the whole map decides."""

    def __init__(self, channels: int, narrow: int, *, hard: bool) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, narrow, 1)
        self.activation = nn.ReLU() if hard else nn.SiLU(inplace=True)
        self.fc2 = nn.Conv2d(narrow, channels, 1)
        self.scale_activation = nn.Hardsigmoid() if hard else nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x)))))


class Block(nn.Module):
    """Widen, filter, gate, narrow, and add the input where it fits."""

    def __init__(self, layers: list[nn.Module], *, shortcut: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(*layers)
        self._shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self._shortcut else self.block(x)


class Gated(nn.Module):
    """Features, an average, a classifier."""

    def __init__(self, features: list[nn.Module], classifier: nn.Sequential) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def mobilenet_v3_large() -> nn.Module:
    features: list[nn.Module] = [_conv(3, 16, 3, 2, activation=nn.Hardswish(inplace=True))]
    channels = 16
    for kernel, wide, width, gate, swish, stride in MOBILENET_V3_LARGE:
        kind = nn.Hardswish if swish else nn.ReLU
        layers: list[nn.Module] = [_conv(channels, wide, activation=kind(inplace=True))] if wide != channels else []
        layers.append(_conv(wide, wide, kernel, stride, groups=wide, activation=kind(inplace=True)))
        if gate:
            layers.append(Gate(wide, _divisible_by_8(wide / 4), hard=True))
        layers.append(_conv(wide, width))
        features.append(Block(layers, shortcut=stride == 1 and channels == width))
        channels = width
    features.append(_conv(channels, 960, activation=nn.Hardswish(inplace=True)))
    head = nn.Sequential(nn.Linear(960, 1280), nn.Hardswish(inplace=True), nn.Dropout(0.2), nn.Linear(1280, 1000))
    return Gated(features, head)


def efficientnet_b0() -> nn.Module:
    features: list[nn.Module] = [_conv(3, 32, 3, 2, activation=nn.SiLU(inplace=True))]
    channels = 32
    for expansion, kernel, first_stride, width, blocks in EFFICIENTNET_B0:
        stage: list[nn.Module] = []
        for block in range(blocks):
            stride = 1 if block else first_stride
            wide = channels * expansion
            layers: list[nn.Module] = [_conv(channels, wide, activation=nn.SiLU(inplace=True))] if expansion > 1 else []
            layers.append(_conv(wide, wide, kernel, stride, groups=wide, activation=nn.SiLU(inplace=True)))
            layers += [Gate(wide, channels // 4, hard=False), _conv(wide, width)]
            stage.append(Block(layers, shortcut=stride == 1 and channels == width))
            channels = width
        features.append(nn.Sequential(*stage))
    features.append(_conv(channels, 1280, activation=nn.SiLU(inplace=True)))
    return Gated(features, nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000)))


def _conv(
    channels: int,
    width: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: nn.Module | None = None,
) -> nn.Sequential:
    conv = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), *([activation] if activation else []))


def _divisible_by_8(width: float) -> int:
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded
