"""ResNet-18 to ResNet-152, with torchvision's layout and names, so that its published weights fit.

    convinspect summary sample_models/resnet.py:resnet50 --input 3,224,224
    convinspect summary sample_models/resnet.py:resnet18 --input 3,224,224 --arg num_classes=10 --depth 2

There is one factory for each depth; the class itself needs arguments.

    factory      parameters   GMACs at 224
    resnet18     11,689,512          1.814
    resnet34     21,797,672          3.664
    resnet50     25,557,032          4.089
    resnet101    44,549,160          7.801
    resnet152    60,192,808         11.514

A residual sum has two branches with different fields, and the larger one counts: at the end of layer4 a unit
sees 435 pixels in ResNet-18 and 427 in ResNet-50, and its neighbour the same 32 pixels further on. The one
``relu`` of a block runs two or three times.
"""

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: ResNet-18 and ResNet-34."""

    expansion: int = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(in_channels, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, width, H / stride, W / stride)``."""
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution beside a shortcut: ResNet-50 and deeper.

    The 3x3 convolution strides, as in torchvision (v1.5), not the first 1x1 as in the paper.
    """

    expansion: int = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 4 * width, H / stride, W / stride)``."""
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A strided 7x7 stem, four stages of ``layers`` blocks, a global average and a classifier."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: tuple[int, int, int, int],
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(block, layers[0], in_channels=64, width=64, stride=1)
        self.layer2 = _stage(block, layers[1], in_channels=64 * block.expansion, width=128, stride=2)
        self.layer3 = _stage(block, layers[2], in_channels=128 * block.expansion, width=256, stride=2)
        self.layer4 = _stage(block, layers[3], in_channels=256 * block.expansion, width=512, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(N, num_classes)`` of images ``(N, 3, H, W)``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(num_classes: int = 1000) -> ResNet:
    """Return ResNet-18: 2, 2, 2 and 2 basic blocks."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes)


def resnet34(num_classes: int = 1000) -> ResNet:
    """Return ResNet-34: 3, 4, 6 and 3 basic blocks."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes)


def resnet50(num_classes: int = 1000) -> ResNet:
    """Return ResNet-50: 3, 4, 6 and 3 bottlenecks."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes)


def resnet101(num_classes: int = 1000) -> ResNet:
    """Return ResNet-101: 3, 4, 23 and 3 bottlenecks."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes)


def resnet152(num_classes: int = 1000) -> ResNet:
    """Return ResNet-152: 3, 8, 36 and 3 bottlenecks."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes)


def _stage(
    block: type[BasicBlock] | type[Bottleneck], blocks: int, *, in_channels: int, width: int, stride: int
) -> nn.Sequential:
    first = block(in_channels, width, stride)
    rest = [block(width * block.expansion, width, stride=1) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    # An identity needs no parameters, so the paper projects only where the shape changes.
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )
