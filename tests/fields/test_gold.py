"""Published receptive fields: every number of ``gold.json``, on the meta device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from convinspect.fields import FieldTracker, spatial_axes
from convinspect.records import ReceptiveField

from . import nets
from .oracle import Watch

GOLD = json.loads((Path(__file__).parent / "gold.json").read_text())

DISTILL = {
    "alexnet_v2": nets.slim_alexnet,
    "vgg_a": nets.slim_vgg("vgg_a", [1, 1, 2, 2, 2]),
    "vgg_16": nets.slim_vgg("vgg_16", [2, 2, 3, 3, 3]),
    "inception_v2": nets.slim_inception_v2,
    "inception_v3": nets.inception_v3,
    "mobilenet_v1": nets.slim_mobilenet_v1,
    "resnet_v1_50": nets.slim_resnet50,
}
TORCHVISION = {
    "alexnet": nets.alexnet,
    "vgg16": nets.vgg([2, 2, 3, 3, 3]),
    "vgg11": nets.vgg([1, 1, 2, 2, 2]),
    "resnet18": nets.resnet([2, 2, 2, 2], bottleneck=False),
    "resnet34": nets.resnet([3, 4, 6, 3], bottleneck=False),
    "resnet50": nets.resnet([3, 4, 6, 3], bottleneck=True),
    "inception_v3": lambda x: nets.inception_v3(x, ("maxpool1", "maxpool2")),
    "googlenet": nets.googlenet,
    "mobilenet_v2": nets.mobilenet_v2,
    "squeezenet1_0": nets.squeezenet,
}
SEQUENCES = {
    "wav2vec2 feature extractor k=10,3,3,3,3,2,2 s=5,2,2,2,2,2,2": (nets.wav2vec2, (1, 1, 16000)),
    "TCN k3 d1,2,4,8 (2 causal convs/block)": (nets.tcn(3, (1, 2, 4, 8)), (1, 1, 100)),
    "TCN k2 d1,2": (nets.tcn(2, (1, 2)), (1, 1, 100)),
    "WaveNet k2 d1..512": (nets.wavenet, (1, 1, 2048)),
    "PatchGAN n=3": (nets.patchgan, (1, 3, 256, 256)),
}


def fields(net, *shape: int) -> dict[str, ReceptiveField]:  # noqa: ANN001
    tracker = FieldTracker()
    x = torch.zeros(shape, device="meta")
    with torch.no_grad(), Watch(tracker):
        tracker.seed(x, "x", spatial_axes(x.shape, x.dtype))
        ends = net(x)
    assert not tracker.unknown_ops
    return {name: tracker.describe(end) for name, end in ends.items()}


def numbers(field: ReceptiveField) -> list[list[int]]:
    assert field.status == "exact"
    assert field.aligned
    return [[size, jump, -start] for size, jump, start in zip(field.size, field.jump, field.start, strict=True)]


@pytest.mark.parametrize("name", sorted(GOLD["distill_321"]))
def test_distill(name: str) -> None:
    found = fields(DISTILL[name], 1, 3, 321, 321)
    for endpoint, value in GOLD["distill_321"][name].items():
        assert numbers(found[endpoint]) == [value, value], endpoint


@pytest.mark.parametrize("name", sorted(GOLD["torchvision"]))
def test_torchvision(name: str) -> None:
    found = fields(TORCHVISION[name], 1, 3, 224, 224)
    for endpoint, value in GOLD["torchvision"][name].items():
        assert numbers(found[endpoint]) == [value, value], endpoint


@pytest.mark.parametrize("name", sorted(GOLD["one_dimensional"]))
def test_sequences(name: str) -> None:
    net, shape = SEQUENCES[name]
    found = numbers(fields(net, *shape)["out"])
    assert all(axis == GOLD["one_dimensional"][name] for axis in found)


@pytest.mark.parametrize(
    ("net", "sizes"),
    [
        (nets.unet(1), (18, 18)),
        (nets.unet(2), (44, 44)),
        (nets.unet(3), (100, 92)),
        (nets.unet(3, bilinear=True), (116, 108)),
        (
            lambda x: {
                "out": torch.conv_transpose2d(nets.conv(x, 3, 2), torch.ones(1, 1, 4, 4, device="meta"), None, 2, 1)
            },
            (5, 5),
        ),
        (lambda x: {"out": nets.conv(torch.nn.functional.interpolate(nets.conv(x, 3, 2), scale_factor=2), 3)}, (5, 5)),
    ],
)
def test_sizes_by_phase(net, sizes: tuple[int, int]) -> None:  # noqa: ANN001
    field = fields(net, 1, 3, 256, 256)["out"]
    assert (field.size[0], field.size_min[0]) == sizes
    assert field.jump == (1, 1)


@pytest.mark.parametrize(
    ("net", "first", "last", "local"),
    [
        (nets.efficientnet_b0, "features.1", "features.8", (851, 32, -425)),
        (nets.mobilenet_v3_large, "features.4", "features.16", (595, 32, -297)),
    ],
)
def test_gates_make_the_strict_field_global_and_leave_the_local_one(net, first, last, local) -> None:  # noqa: ANN001
    found = fields(net, 1, 3, 224, 224)
    names = list(found)
    assert all(found[name].status == "exact" for name in names[: names.index(first)])
    assert all(found[name].status == "global" for name in names[names.index(first) :])
    field = found[last]
    assert (field.size, field.jump, field.start) == (None, None, None)
    assert field.center == ((0, 223), (0, 223))
    assert field.global_via.op == "aten.mean.dim"
    assert (field.local.size[0], field.local.jump[0], field.local.start[0]) == local
