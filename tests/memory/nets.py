"""The nets of the comparisons that are not sample models: as published, small enough to run twice a test."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


def vgg11(classes: int = 1000) -> nn.Sequential:
    """Return VGG-11 with inputs of 224 x 224: Simonyan and Zisserman 2014, configuration A."""
    plan = [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0]
    layers: list[nn.Module] = []
    channels = 3
    for width in plan:
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    head = [nn.Linear(512 * 49, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 4096)]
    head += [nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, classes)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), *head)


class DenseLayer(nn.Module):
    """A bottleneck and a 3x3 convolution, their result put behind their input."""

    def __init__(self, channels: int, growth: int = 32) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(torch.relu_(self.norm1(x)))
        return torch.cat([x, self.conv2(torch.relu_(self.norm2(y)))], 1)


def densenet121() -> nn.Sequential:
    """Return DenseNet-121 (Huang et al. 2016), every layer's result copied behind its input."""
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    layers: list[nn.Module] = [*stem]
    for block, depth in enumerate((6, 12, 24, 16)):
        for _ in range(depth):
            layers.append(DenseLayer(channels))
            channels += 32
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        if block < 3:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def encoder(dropout: float = 0.1) -> nn.Module:
    """Return a transformer encoder of two layers."""
    layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=dropout, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def perceptron(*widths: int, bias: bool = True) -> nn.Sequential:
    """Return linear layers of ``widths`` with a ReLU between two of them."""
    layers: list[Any] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
