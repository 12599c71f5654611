"""Published networks, as short as their receptive fields allow: one channel where the number does not matter.

Each is a function of an image that returns its named endpoints. Sources: TF-slim (the nets of Araujo, Norris and Sim,
Distill 2019) and torchvision's definitions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

Ends = dict[str, Tensor]
Branch = list[tuple[object, int]]


def conv(x: Tensor, k: int | tuple[int, int], s: int = 1, p: int | tuple[int, int] | None = None, d: int = 1) -> Tensor:
    """Mix all channels into one, ``k`` wide; ``p=None`` keeps the size at stride 1."""
    kernel = (k, k) if isinstance(k, int) else k
    padding = tuple(d * (n - 1) // 2 for n in kernel) if p is None else p
    weight = torch.ones(1, x.shape[1], *kernel, device=x.device, dtype=x.dtype)
    return F.relu(F.conv2d(x, weight, None, s, padding, d))


def same(x: Tensor, k: int, s: int) -> Tensor:
    """Pad as TensorFlow's SAME does: the left half rounded down."""
    amounts: list[int] = []
    for n in reversed(x.shape[2:]):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        amounts += [total // 2, total - total // 2]
    return F.pad(x, amounts)


def conv_same(x: Tensor, k: int, s: int = 1) -> Tensor:
    return conv(same(x, k, s), k, s, 0)


def pool_same(x: Tensor, k: int, s: int) -> Tensor:
    return F.max_pool2d(same(x, k, s), k, s)


def pool(x: Tensor, k: int = 3, s: int = 2, p: int = 0, *, ceil: bool = False) -> Tensor:
    return F.max_pool2d(x, k, s, p, ceil_mode=ceil)


def chain(x: Tensor, *kernels: int | tuple[int, int]) -> Tensor:
    for k in kernels:
        x = conv(x, k)
    return x


def slim_alexnet(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["conv1"] = x = conv(x, 11, 4, 0)
    ends["pool1"] = x = pool(x)
    ends["conv2"] = x = conv(x, 5)
    x = pool(x)
    for name in ("conv3", "conv4", "conv5"):
        ends[name] = x = conv(x, 3)
    ends["pool5"] = pool(x)
    return {f"alexnet_v2/{name}": end for name, end in ends.items()}


def slim_vgg(prefix: str, counts: list[int]) -> Callable[[Tensor], Ends]:
    def net(x: Tensor) -> Ends:
        ends: Ends = {}
        for block, count in enumerate(counts, 1):
            for number in range(1, count + 1):
                ends[f"{prefix}/conv{block}/conv{block}_{number}"] = x = conv(x, 3)
            ends[f"{prefix}/pool{block}"] = x = pool(x, 2)
        return ends

    return net


def slim_inception_v2(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["Conv2d_1a_7x7"] = x = conv_same(x, 7, 2)
    ends["MaxPool_2a_3x3"] = x = pool_same(x, 3, 2)
    ends["Conv2d_2b_1x1"] = x = conv(x, 1)
    ends["Conv2d_2c_3x3"] = x = conv(x, 3)
    ends["MaxPool_3a_3x3"] = x = pool_same(x, 3, 2)
    for name in ["3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b", "5c"]:
        if name.endswith("a"):
            x = torch.cat([conv_same(conv(x, 1), 3, 2), conv_same(chain(x, 1, 3), 3, 2), pool_same(x, 3, 2)], 1)
        else:
            x = torch.cat([conv(x, 1), chain(x, 1, 3), chain(x, 1, 3, 3), conv(F.avg_pool2d(x, 3, 1, 1), 1)], 1)
        ends[f"Mixed_{name}"] = x
    return ends


def inception_v3(x: Tensor, pools: tuple[str, str] = ("MaxPool_3a_3x3", "MaxPool_5a_3x3")) -> Ends:
    ends: Ends = {}
    ends["Conv2d_1a_3x3"] = x = conv(x, 3, 2, 0)
    ends["Conv2d_2a_3x3"] = x = conv(x, 3, 1, 0)
    ends["Conv2d_2b_3x3"] = x = conv(x, 3)
    ends[pools[0]] = x = pool(x)
    ends["Conv2d_3b_1x1"] = x = conv(x, 1)
    ends["Conv2d_4a_3x3"] = x = conv(x, 3, 1, 0)
    ends[pools[1]] = x = pool(x)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        pooled = conv(F.avg_pool2d(x, 3, 1, 1), 1)
        ends[name] = x = torch.cat([conv(x, 1), chain(x, 1, 5), chain(x, 1, 3, 3), pooled], 1)
    ends["Mixed_6a"] = x = torch.cat([conv(x, 3, 2, 0), conv(chain(x, 1, 3), 3, 2, 0), pool(x)], 1)
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        long = chain(x, 1, (7, 1), (1, 7), (7, 1), (1, 7))
        ends[name] = x = torch.cat([conv(x, 1), chain(x, 1, (1, 7), (7, 1)), long, F.avg_pool2d(x, 3, 1, 1)], 1)
    reduced = conv(chain(x, 1, (1, 7), (7, 1)), 3, 2, 0)
    ends["Mixed_7a"] = x = torch.cat([conv(conv(x, 1), 3, 2, 0), reduced, pool(x)], 1)
    for name in ("Mixed_7b", "Mixed_7c"):
        one, two = conv(x, 1), chain(x, 1, 3)
        split = [conv(y, k) for y in (one, two) for k in ((1, 3), (3, 1))]
        ends[name] = x = torch.cat([conv(x, 1), *split, F.avg_pool2d(x, 3, 1, 1)], 1)
    return ends


def slim_mobilenet_v1(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["Conv2d_0"] = x = conv_same(x, 3, 2)
    for number, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1):
        ends[f"Conv2d_{number}_pointwise"] = x = conv(conv_same(x, 3, stride), 1)
    return ends


def slim_resnet50(x: Tensor) -> Ends:
    """Strides stand in the last unit of a block, where the shortcut is a pool of one tap."""
    ends: Ends = {}
    x = pool_same(conv(x, 7, 2, 3), 3, 2)
    for block, count in enumerate((3, 4, 6, 3), 1):
        for unit in range(count):
            stride = 2 if unit == count - 1 and block < 4 else 1
            shortcut = F.max_pool2d(x, 1, stride) if stride > 1 else x
            x = shortcut + conv(conv(conv(x, 1), 3, stride, 1), 1)
        ends[f"resnet_v1_50/block{block}"] = x
    return ends


def alexnet(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["features.0"] = x = conv(x, 11, 4, 2)
    ends["features.2"] = x = pool(x)
    ends["features.3"] = x = conv(x, 5)
    ends["features.5"] = x = pool(x)
    for index in (6, 8, 10):
        ends[f"features.{index}"] = x = conv(x, 3)
    ends["features.12"] = pool(x)
    return ends


def vgg(counts: list[int]) -> Callable[[Tensor], Ends]:
    def net(x: Tensor) -> Ends:
        ends: Ends = {}
        index = 0
        for count in counts:
            for _ in range(count):
                ends[f"features.{index}"] = x = conv(x, 3)
                index += 2
            ends[f"features.{index}"] = x = pool(x, 2)
            index += 1
        return ends

    return net


def resnet(counts: list[int], *, bottleneck: bool) -> Callable[[Tensor], Ends]:
    def net(x: Tensor) -> Ends:
        ends: Ends = {}
        ends["conv1"] = x = conv(x, 7, 2, 3)
        ends["maxpool"] = x = pool(x, 3, 2, 1)
        for layer, count in enumerate(counts, 1):
            for unit in range(count):
                stride = 2 if layer > 1 and unit == 0 else 1
                shortcut = conv(x, 1, stride) if unit == 0 else x
                inner = conv(conv(conv(x, 1), 3, stride), 1) if bottleneck else conv(conv(x, 3, stride), 3)
                x = shortcut + inner
            ends[f"layer{layer}"] = x
        return ends

    return net


def googlenet(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["conv1"] = x = conv(x, 7, 2, 3)
    ends["maxpool1"] = x = pool(x, ceil=True)
    ends["conv2"] = x = conv(x, 1)
    ends["conv3"] = x = conv(x, 3)
    ends["maxpool2"] = x = pool(x, ceil=True)
    for name in ["3a", "3b", "maxpool3", "4a", "4b", "4c", "4d", "4e", "maxpool4", "5a", "5b"]:
        if name.startswith("max"):
            ends[name] = x = pool(x, 3 if name == "maxpool3" else 2, ceil=True)
            continue
        pooled = conv(F.max_pool2d(x, 3, 1, 1), 1)
        ends[f"inception{name}"] = x = torch.cat([conv(x, 1), chain(x, 1, 3), chain(x, 1, 3), pooled], 1)
    return ends


def mobilenet_v2(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["features.0"] = x = conv(x, 3, 2)
    index = 1
    for count, first in ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)):
        for unit in range(count):
            inner = conv(conv(conv(x, 1), 3, first if unit == 0 else 1), 1)
            ends[f"features.{index}"] = x = inner if unit == 0 else x + inner
            index += 1
    ends["features.18"] = conv(x, 1)
    return ends


def squeezenet(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["features.0"] = x = conv(x, 7, 2, 0)
    for index in range(2, 13):
        if index in (2, 6, 11):
            x = pool(x, ceil=True)
        else:
            squeezed = conv(x, 1)
            x = torch.cat([conv(squeezed, 1), conv(squeezed, 3)], 1)
        ends[f"features.{index}"] = x
    return ends


def excited(x: Tensor) -> Tensor:
    """Squeeze and excite: scale every channel by what its mean says."""
    return x * conv(conv(x.mean((2, 3), keepdim=True), 1), 1).sigmoid()


def efficientnet_b0(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["features.0"] = x = conv(x, 3, 2)
    stages = ((3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1))
    for index, (kernel, stride, count) in enumerate(stages, 1):
        for unit in range(count):
            inner = conv(excited(conv(conv(x, 1), kernel, stride if unit == 0 else 1)), 1)
            x = inner if unit == 0 else x + inner
        ends[f"features.{index}"] = x
    ends["features.8"] = conv(x, 1)
    return ends


def mobilenet_v3_large(x: Tensor) -> Ends:
    ends: Ends = {}
    ends["features.0"] = x = conv(x, 3, 2)
    blocks = ["3", "3/2", "3", "5/2s", "5s", "5s", "3/2", "3", "3", "3", "3s", "3s", "5/2s", "5s", "5s"]
    for index, block in enumerate(blocks, 1):
        stride = 2 if "/2" in block else 1
        inner = conv(conv(x, 1), int(block[0]), stride)
        inner = conv(excited(inner) if block.endswith("s") else inner, 1)
        ends[f"features.{index}"] = x = inner if stride > 1 else x + inner
    ends["features.16"] = conv(x, 1)
    return ends


def unet(depth: int, *, bilinear: bool = False) -> Callable[[Tensor], Ends]:
    def net(x: Tensor) -> Ends:
        skips = []
        for _ in range(depth):
            x = chain(x, 3, 3)
            skips.append(x)
            x = pool(x, 2)
        x = chain(x, 3, 3)
        for skip in reversed(skips):
            if bilinear:
                up = F.interpolate(x, scale_factor=2, mode="bilinear")
            else:
                up = F.conv_transpose2d(x, torch.ones(x.shape[1], 1, 2, 2, device=x.device), stride=2)
            x = chain(torch.cat([skip, up], 1), 3, 3)
        return {"out": x}

    return net


def patchgan(x: Tensor) -> Ends:
    for stride in (2, 2, 2, 1, 1):
        x = conv(x, 4, stride, 1)
    return {"out": x}


def conv1d(x: Tensor, k: int, s: int = 1, d: int = 1) -> Tensor:
    return F.relu(F.conv1d(x, torch.ones(1, 1, k, device=x.device), None, s, 0, d))


def wav2vec2(x: Tensor) -> Ends:
    for k, s in zip((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), strict=True):
        x = conv1d(x, k, s)
    return {"out": x}


def tcn(kernel: int, dilations: tuple[int, ...]) -> Callable[[Tensor], Ends]:
    def net(x: Tensor) -> Ends:
        for d in dilations:
            y = x
            for _ in range(2):
                y = conv1d(F.pad(y, (d * (kernel - 1), 0)), kernel, 1, d)
            x = x + y
        return {"out": x}

    return net


def wavenet(x: Tensor) -> Ends:
    for power in range(10):
        y = conv1d(x, 2, 1, 2**power)
        x = x[..., 2**power :] + y
    return {"out": x}
