"""What counts samples, and what does not: inputs with and without a batch agree, and sequences may come first."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect import Report, inspect
from convinspect.records import ReceptiveField

from .layouts import Net, conv, conv1d, linear
from .rows import truth

Parts = tuple[Callable[[], nn.Module], ...]
IMAGE = (3, 8, 8)


def flat(x: Tensor) -> Tensor:
    """Flatten all but the batch, as people write it: without a batch there is only one way."""
    return x.flatten() if x.dim() == len(IMAGE) else x.flatten(1)


def lenet(x: Tensor, one: nn.Module, two: nn.Module, three: nn.Module) -> Tensor:
    y = F.max_pool2d(two(F.max_pool2d(one(x), 2).relu()), 2)
    return three(y.reshape(-1) if y.dim() == len(IMAGE) else y.view(len(y), -1))


def module(x: Tensor, first: nn.Module, last: nn.Module) -> Tensor:
    return last(nn.Flatten(x.dim() - len(IMAGE))(first(x)))


def merged(x: Tensor, first: nn.Module) -> Tensor:
    return first(x).movedim(-3, -1).flatten(-3, -2)


def windows(x: Tensor, first: nn.Module) -> Tensor:
    return first(x).unflatten(-1, (4, 2)).unflatten(-3, (4, 2)).transpose(-3, -2).flatten(-2).flatten(-3, -2)


def attended(x: Tensor, first: nn.Module, keys: nn.Module) -> Tensor:
    y = first(x).flatten(-2).mT
    return y + F.scaled_dot_product_attention(y, keys(y), y)


def outputs(x: Tensor, first: nn.Module, last: nn.Module) -> dict[str, Tensor | list[Tensor]]:
    y = first(x)
    return {"map": y, "score": last(flat(y)), "halves": [flat(half) for half in y.chunk(2, -3)]}


def decoded(x: Tensor, first: nn.Module, last: nn.Module) -> Tensor:
    return last(first(flat(x)).unflatten(-1, (2, 4, 4)))


NETS: dict[str, tuple[tuple[int, ...], Callable[..., object], Parts]] = {
    "lenet": ((1, 28, 28), lenet, (conv(1, 4, 5), conv(4, 6, 5), linear(294, 5))),
    "flat alone": (IMAGE, lambda x, a: flat(a(x)), (conv(),)),
    "flat and relu": (
        IMAGE,
        lambda x, a, b: b(torch.cat([flat(a(x)).relu(), flat(a(x))], -1)),
        (conv(), linear(512, 2)),
    ),
    "channels last and flat": (IMAGE, lambda x, a: flat(a(x).movedim(-3, -1).contiguous()), (conv(),)),
    "flat and back": (IMAGE, lambda x, a: flat(a(x)).unflatten(-1, (4, 8, 8)), (conv(),)),
    "nn.Flatten": (IMAGE, module, (conv(), linear(256, 2))),
    "rows and channels": (IMAGE, lambda x, a: a(x).flatten(-3, -2), (conv(),)),
    "positions": (IMAGE, merged, (conv(),)),
    "windows": (IMAGE, windows, (conv(),)),
    "tokens": (IMAGE, attended, (conv(), linear(4, 4))),
    "outputs": (IMAGE, outputs, (conv(), linear(256, 2))),
    "decoder": (IMAGE, decoded, (linear(192, 32), lambda: nn.ConvTranspose2d(2, 3, 2, 2))),
    "norm and softmax": (IMAGE, lambda x, a, b: flat(b(a(x))).softmax(-1), (conv(), lambda: nn.LayerNorm((4, 8, 8)))),
    "grouped": (IMAGE, lambda x, a: flat(a(x)), (lambda: nn.Conv2d(3, 6, 3, groups=3),)),
    "pool alone": (IMAGE, lambda x, a: flat(a(x)), (lambda: nn.MaxPool2d(2),)),
    "adaptive pool": (IMAGE, lambda x, a, b: b(flat(a(x))), (lambda: nn.AdaptiveAvgPool2d(2), linear(12, 2))),
    "function of a window": (IMAGE, lambda x: flat(F.conv2d(F.max_pool2d(x, 2), torch.ones(4, 3, 3, 3))), ()),
    "volume": ((2, 6, 6, 6), lambda x, a: F.max_pool3d(a(x), 2).flatten(-4), (lambda: nn.Conv3d(2, 3, 3),)),
    "signal": ((3, 12), lambda x, a, b: b(a(x).flatten(-2)), (conv1d(3, 4), linear(48, 2))),
    "signal and steps": (
        (3, 12),
        lambda x, a, b: b(a(x).mT)[0],
        (conv1d(3, 4), lambda: nn.GRU(4, 2, batch_first=True)),
    ),
}


def moved(field: ReceptiveField | None, axes: int) -> ReceptiveField | None:
    return field and replace(field, axes=tuple(axis + axes for axis in field.axes))


def said(report: Report, axes: int) -> list[object]:
    """Return what modules see, row by row and output by output, and each of their units."""
    assert report.units is not None
    found: list[object] = []
    for row, place in zip(report.layers, report.units.layers, strict=True):
        if row.kind == "module":
            units = None if place is None else report.units.distinct[place]
            found.append((row.path, moved(row.receptive_field, axes), units and (units.sizes, units.along)))
            found += [moved(output.receptive_field, axes) for output in row.outputs]
    return found


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("name", NETS)
def test_an_input_without_a_batch_is_seen_as_one_with_it(name: str, size: int) -> None:
    shape, forward, parts = NETS[name]
    net, x = Net(forward, [make() for make in parts]).eval(), torch.rand(shape)  # type: ignore[arg-type]
    alone = inspect(net, (x,), optimizer=None, sections=("units",))
    batch = inspect(net, (torch.stack([x] * size),), optimizer=None, sections=("units",))
    assert alone.failure is batch.failure is None
    assert any(row.receptive_field for row in alone.layers)
    assert said(alone, 1) == said(batch, 0)


SEQUENCES: dict[str, Callable[[], nn.Module]] = {
    "transformer": lambda: nn.TransformerEncoderLayer(4, 2, 8),
    "attention": lambda: Net(lambda x, a: a(x, x, x)[0], [nn.MultiheadAttention(4, 2)]),
    "lstm": lambda: nn.LSTM(4, 4),
    "both directions": lambda: nn.GRU(4, 4, num_layers=2, bidirectional=True),
    "scores by hand": lambda: Net(
        lambda x: torch.einsum("tsb,sbf->tbf", torch.einsum("tbf,sbf->tsb", x, x).softmax(1), x), []
    ),
    "convolution": lambda: Net(lambda x, a: a(x.permute(1, 2, 0)).permute(2, 0, 1), [nn.Conv1d(4, 4, 3, padding=1)]),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_may_come_first(name: str, batch: int) -> None:
    torch.manual_seed(0)
    net, x = SEQUENCES[name]().double().eval(), torch.rand(7, batch, 4, dtype=torch.float64)
    row = inspect(net, (x,), optimizer=None).layers[0]
    real = truth(net, x, (0, 1))["", None, 1]
    assert len(row.outputs) == len(real)
    for output, (steps, samples) in zip(row.outputs, real, strict=True):
        field = output.receptive_field
        assert field is not None
        assert field.axes == (0, 1)
        shape = steps.lo.shape
        unit = (shape[0] // 2, shape[1] // 2, 0)
        assert field.center == tuple((int(side.lo[unit]), int(side.hi[unit])) for side in (steps, samples))
        assert field.axis_status is not None
        assert field.axis_status[1] == "exact" or samples.hi.max() == 0


ALONE: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), torch.rand(7, 4)),
    "lstm": (lambda: nn.LSTM(4, 4), torch.rand(7, 4)),
    "gru": (lambda: nn.GRU(4, 4, batch_first=True), torch.rand(7, 4)),
    "bag": (lambda: Net(lambda x, a: (a(x).softmax(0) * x).sum(0), [nn.Linear(4, 1)]), torch.rand(7, 4)),
}


@pytest.mark.parametrize("name", ALONE)
def test_one_sequence_alone_is_followed_along_its_steps(name: str) -> None:
    make, x = ALONE[name]
    net, x = make().double().eval(), x.double()
    row = inspect(net, (x,), optimizer=None).layers[0]
    for output, (steps,) in zip(row.outputs, truth(net, x, (0,))["", None, 1], strict=True):
        field = output.receptive_field
        assert field is not None
        unit = (steps.lo.shape[0] // 2, *[0] * (steps.lo.ndim - 1))
        assert (field.axes, field.center) == ((0,), ((int(steps.lo[unit]), int(steps.hi[unit])),))


@pytest.mark.parametrize("net", [nn.Linear(4, 4), nn.Softmax(1), nn.BatchNorm1d(4)], ids=type)
def test_samples_of_features_have_no_field(net: nn.Module) -> None:
    report = inspect(net, (torch.rand(7, 4),), train=True, optimizer=None)
    assert all(row.receptive_field is None for row in report.layers)
    assert not report.warnings


def test_samples_stay_samples_where_nothing_takes_them_for_steps() -> None:
    net = nn.Sequential(nn.Embedding(10, 4), nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)).eval()
    field = inspect(net, (torch.randint(10, (3, 7)),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert field.axes == (1,)


def test_samples_that_are_run_one_by_one_stay_samples() -> None:
    net = Net(lambda x, a: torch.stack([a(image) for image in x]), [nn.Conv2d(3, 4, 3)])
    field = inspect(net, (torch.rand(3, 3, 8, 8),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.axes, field.size) == ((2, 3), (3, 3))


@pytest.mark.parametrize("name", ["lstm", "both directions", "transformer"])
def test_sequences_may_come_first_in_programs_as_in_python(name: str) -> None:
    net, x = SEQUENCES[name]().eval(), torch.rand(7, 3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = (net, torch.jit.trace(net, (x,), check_trace=False), torch.export.export(net, (x,)))
    fields = [inspect(model, (x,), optimizer=None).layers[0].receptive_field for model in models]
    assert fields[0] is not None
    assert fields == fields[:1] * 3


@pytest.mark.parametrize("size", [1, 3])
def test_tokens_before_a_convolution_have_a_batch(size: int) -> None:
    net = Net(lambda x, a, b: b(a(x).mT), [nn.Embedding(10, 4), nn.Conv1d(4, 2, 3)])
    field = inspect(net, (torch.randint(10, (size, 7)),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.axes, field.size) == ((1,), (3,))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("model", "x"),
    [
        (nn.ReLU(), torch.rand(1, 3, 0, 8)),
        (nn.Embedding(10, 4), torch.zeros(1, 0, dtype=torch.int64)),
        (nn.Linear(4, 4), torch.rand(1, 0, 4)),
        (nn.Conv2d(3, 4, 3), torch.rand(0, 3, 8, 8)),
    ],
)
def test_an_input_without_elements_has_no_fields_and_is_reported(
    model: nn.Module, x: torch.Tensor, device: str
) -> None:
    report = inspect(model, (x,), device=device)
    (layer,) = report.layers
    assert (report.failure, report.totals.macs, layer.receptive_field) == (None, 0, None)
    assert [tuple(output.shape) for output in layer.outputs] == [tuple(model(x).shape)]
