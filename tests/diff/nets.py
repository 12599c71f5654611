"""One small network and what people do to it: `net` is before, every other factory after."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, act: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = act()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.features(x)).flatten(1))


class Renamed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = net().features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.backbone(x)).flatten(1))


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = net()
        self.temperature = nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.temperature(self.model(x))


def net() -> nn.Module:
    return Net(Block(3, 16), Block(16, 32, 2), Block(32, 64, 2), Block(64, 64))


def inserted() -> nn.Module:
    return Net(Block(3, 3), Block(3, 16), Block(16, 32, 2), Block(32, 64, 2), Block(64, 64))


def strided() -> nn.Module:
    return Net(Block(3, 16), Block(16, 32, 1), Block(32, 64, 2), Block(64, 64))


def activated() -> nn.Module:
    return Net(Block(3, 16), Block(16, 32, 2, act=nn.GELU), Block(32, 64, 2), Block(64, 64))


def frozen() -> nn.Module:
    model = net()
    model.features.requires_grad_(requires_grad=False)
    return model


def renamed() -> nn.Module:
    return Renamed()


def wrapped() -> nn.Module:
    return Wrapped()
