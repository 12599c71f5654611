"""Many ways through one block: DenseNet, GoogLeNet and ShuffleNet."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


class DenseLayer(nn.Module):
    """32 new maps from all that came before, which arrive as a list."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(channels, 128, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(128)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, before: list[Tensor]) -> Tensor:
        x = self.conv1(self.relu1(self.norm1(torch.cat(before, 1))))
        return self.conv2(self.relu2(self.norm2(x)))


class DenseBlock(nn.ModuleDict):
    """Layers that each see the outputs of all before them."""

    def __init__(self, layers: int, channels: int) -> None:
        super().__init__({f"denselayer{i + 1}": DenseLayer(channels + 32 * i) for i in range(layers)})

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.values():
            maps.append(layer(maps))
        return torch.cat(maps, 1)


class DenseNet121(nn.Module):
    """Four dense blocks of 6, 12, 24 and 16 layers."""

    def __init__(self) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(64),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(3, stride=2, padding=1),
        )
        channels = 64
        for i, depth in enumerate((6, 12, 24, 16), 1):
            layers[f"denseblock{i}"] = DenseBlock(depth, channels)
            channels += 32 * depth
            if i < 4:
                halving = OrderedDict(
                    norm=nn.BatchNorm2d(channels),
                    relu=nn.ReLU(inplace=True),
                    conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
                    pool=nn.AvgPool2d(2, 2),
                )
                layers[f"transition{i}"] = nn.Sequential(halving)
                channels //= 2
        layers["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.features(x), inplace=True)
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class BasicConv(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Four branches; the third is 3x3 as in torchvision, where the paper has 5x5."""

    def __init__(self, channels: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        ones, narrow3, threes, narrow5, fives, pooled = widths
        self.branch1 = BasicConv(channels, ones, 1)
        self.branch2 = nn.Sequential(BasicConv(channels, narrow3, 1), BasicConv(narrow3, threes, 3))
        self.branch3 = nn.Sequential(BasicConv(channels, narrow5, 1), BasicConv(narrow5, fives, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), BasicConv(channels, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(nn.Module):
    """Nine Inception blocks, without the auxiliary classifiers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = BasicConv(3, 64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv(64, 64, 1)
        self.conv3 = BasicConv(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, (64, 96, 128, 16, 32, 32))
        self.inception3b = Inception(256, (128, 128, 192, 32, 96, 64))
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, (192, 96, 208, 16, 48, 64))
        self.inception4b = Inception(512, (160, 112, 224, 24, 64, 64))
        self.inception4c = Inception(512, (128, 128, 256, 24, 64, 64))
        self.inception4d = Inception(512, (112, 144, 288, 32, 64, 64))
        self.inception4e = Inception(528, (256, 160, 320, 32, 128, 128))
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, (256, 160, 320, 32, 128, 128))
        self.inception5b = Inception(832, (384, 192, 384, 48, 128, 128))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            if layer is not self.fc:
                x = layer(x)
        return self.fc(x.flatten(1))


class ShuffleUnit(nn.Module):
    """Half of the channels goes through, half through convolutions; then they are interleaved."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        half = width // 2
        before = channels if stride > 1 else half
        shortcut = [*_depthwise(channels, stride), *_pointwise(channels, half)] if stride > 1 else []
        self.branch1 = nn.Sequential(*shortcut)
        self.branch2 = nn.Sequential(*_pointwise(before, half), *_depthwise(half, stride), *_pointwise(half, half))

    def forward(self, x: Tensor) -> Tensor:
        left, right = (x, x) if len(self.branch1) else x.chunk(2, dim=1)
        x = torch.cat([self.branch1(left), self.branch2(right)], 1)
        return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)
    return [conv, nn.BatchNorm2d(channels)]


def _pointwise(channels: int, width: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


class ShuffleNetV2(nn.Module):
    """Width 1.0: stages of 4, 8 and 4 units."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 24, 3, stride=2, padding=1, bias=False)
        self.conv1 = nn.Sequential(stem, nn.BatchNorm2d(24), nn.ReLU(inplace=True))
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage2 = _stage(24, 116, 4)
        self.stage3 = _stage(116, 232, 8)
        self.stage4 = _stage(232, 464, 4)
        self.conv5 = nn.Sequential(*_pointwise(464, 1024))
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean([2, 3]))


def _stage(channels: int, width: int, units: int) -> nn.Sequential:
    return nn.Sequential(ShuffleUnit(channels, width, 2), *(ShuffleUnit(width, width, 1) for _ in range(units - 1)))
