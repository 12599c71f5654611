"""The settings of a row are those that its layer was made with, whichever way the operator was called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name
from torch import Tensor, nn

import convinspect
from convinspect.records import Attributes
from tests.load.forms import quiet

SIGNAL, IMAGE, CLIP = (2, 6, 16), (2, 6, 16, 16), (1, 6, 8, 8, 8)
Shape = tuple[int, ...]
CONVOLUTIONS = [
    (nn.Conv1d(6, 4, 3, 2, 1, 2, groups=2), SIGNAL),
    (nn.Conv2d(6, 12, (3, 5), (1, 2), (0, 1), bias=False), IMAGE),
    (nn.Conv2d(6, 6, 3, padding=(1, 2), padding_mode="circular"), IMAGE),
    (nn.Conv2d(6, 6, 3, padding=2, padding_mode="reflect"), IMAGE),
    (nn.Conv1d(6, 6, 3, padding=1, padding_mode="replicate"), SIGNAL),
    (nn.Conv3d(6, 2, (1, 3, 3), dilation=(1, 2, 1)), CLIP),
    (nn.ConvTranspose1d(6, 4, 4, 2, 1), SIGNAL),
    (nn.ConvTranspose2d(6, 4, 3, (2, 3), 1, (1, 2), groups=2, dilation=2), IMAGE),
]
POOLS = [
    (nn.MaxPool1d(3, 2, 1, ceil_mode=True), SIGNAL, "max"),
    (nn.MaxPool2d((3, 2), padding=(1, 0), dilation=(2, 1)), IMAGE, "max"),
    (nn.MaxPool3d(2), CLIP, "max"),
    (nn.AvgPool1d(3, 2, 1), SIGNAL, "avg"),
    (nn.AvgPool2d(3, 1, 1, count_include_pad=False, divisor_override=4), IMAGE, "avg"),
    (nn.AvgPool3d(2, ceil_mode=True), CLIP, "avg"),
    (nn.LPPool2d(2, (3, 3), 2), IMAGE, "lp"),
    (nn.LPPool1d(3, 4, 2), SIGNAL, "lp"),
]


def of(model: nn.Module, *inputs: Shape) -> Attributes:
    """Return the settings of the report's first row."""
    return rows(model, *inputs)[0]


def rows(model: Any, *inputs: Shape) -> list[Attributes]:
    tensors = [torch.zeros(shape, dtype=torch.long if len(shape) == 1 else None) for shape in inputs]
    report = convinspect.inspect(model, tensors, optimizer=None, device="meta")
    return [layer.attributes for layer in report.layers]


def spread(value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


@pytest.mark.parametrize(("layer", "x"), CONVOLUTIONS, ids=str)
def test_a_convolution_has_what_it_was_built_with(layer: Any, x: Shape) -> None:
    got = of(layer, x)
    for name in ("kernel_size", "stride", "padding", "dilation", "groups", "in_channels", "out_channels"):
        assert got[name] == getattr(layer, name), name
    assert got["transposed"] is layer.transposed
    assert got["padding_mode"] == layer.padding_mode
    assert got["bias"] is (layer.bias is not None)
    assert got.get("output_padding", layer.output_padding) == layer.output_padding
    assert ("output_padding" in got) is layer.transposed


@pytest.mark.parametrize(("layer", "x", "pool"), POOLS, ids=str)
def test_a_pool_has_what_it_was_built_with(layer: Any, x: Shape, pool: str) -> None:
    got = of(layer, x)
    axes = len(x) - 2
    assert got["pool"] == pool
    for name in ("kernel_size", "stride", "padding", "dilation"):
        if name in got and hasattr(layer, name):
            assert got[name] == spread(getattr(layer, name), axes), name
    assert got["ceil_mode"] is layer.ceil_mode
    assert "divisor_override" not in got or got["divisor_override"] == layer.divisor_override
    if pool == "avg":
        assert got["count_include_pad"] is layer.count_include_pad
    if pool == "lp":
        assert got["norm_type"] == layer.norm_type


@pytest.mark.parametrize(
    ("layer", "x", "expected"),
    [
        (nn.AdaptiveAvgPool1d(1), SIGNAL, {"pool": "avg", "output_size": (1,)}),
        (nn.AdaptiveAvgPool2d(1), IMAGE, {"pool": "avg", "output_size": (1, 1)}),
        (nn.AdaptiveAvgPool2d((5, None)), IMAGE, {"pool": "avg", "output_size": (5, 16)}),
        (nn.AdaptiveMaxPool1d(3), SIGNAL, {"pool": "max", "output_size": (3,)}),
        (nn.AdaptiveMaxPool3d(2), CLIP, {"pool": "max", "output_size": (2, 2, 2)}),
        (
            nn.FractionalMaxPool2d(2, output_size=(5, 6)),
            IMAGE,
            {"pool": "fractional", "kernel_size": (2, 2), "output_size": (5, 6)},
        ),
        (nn.Linear(16, 4), IMAGE, {"in_features": 16, "out_features": 4, "bias": True}),
        (nn.Linear(16, 4, bias=False), SIGNAL, {"in_features": 16, "out_features": 4, "bias": False}),
        (nn.Upsample(scale_factor=2), IMAGE, {"mode": "nearest", "scale_factor": (2.0, 2.0)}),
        (
            nn.Upsample(size=5, mode="linear"),
            SIGNAL,
            {"mode": "linear", "output_size": (5,), "align_corners": False},
        ),
        (
            nn.Upsample(size=(5, 7), mode="nearest-exact"),
            IMAGE,
            {"mode": "nearest-exact", "output_size": (5, 7)},
        ),
        (
            nn.LSTM(16, 5, 2, bidirectional=True, proj_size=3),
            SIGNAL,
            {"input_size": 16, "hidden_size": 5, "bias": True, "num_layers": 2, "bidirectional": True, "proj_size": 3},
        ),
        (
            nn.LSTM(16, 5, 2, batch_first=True),
            SIGNAL,
            {"input_size": 16, "hidden_size": 5, "bias": True, "num_layers": 2, "bidirectional": False},
        ),
        (
            nn.GRU(16, 5),
            SIGNAL,
            {"input_size": 16, "hidden_size": 5, "bias": True, "num_layers": 1, "bidirectional": False},
        ),
        (
            nn.RNN(16, 7),
            SIGNAL,
            {"input_size": 16, "hidden_size": 7, "bias": True, "num_layers": 1, "bidirectional": False},
        ),
        (nn.GRUCell(16, 5), (2, 16), {"input_size": 16, "hidden_size": 5, "bias": True}),
        (nn.ZeroPad2d((1, 2, 3, 4)), IMAGE, {"padding": ((3, 4), (1, 2)), "padding_mode": "constant", "value": 0.0}),
        (nn.ReflectionPad1d(2), SIGNAL, {"padding": (2,), "padding_mode": "reflect"}),
        (nn.Embedding(10, 4), (5,), {"num_embeddings": 10, "embedding_dim": 4}),
        (nn.ReLU(), IMAGE, {}),
        (nn.ReLU(inplace=True), IMAGE, {"inplace": True}),
        (nn.BatchNorm2d(6), IMAGE, {"num_features": 6, "affine": True, "bias": True}),
        (nn.InstanceNorm2d(6), IMAGE, {}),
        (nn.Sequential(nn.Conv2d(6, 6, 3)), IMAGE, {}),
    ],
    ids=str,
)
def test_a_layer_has_the_settings_of_its_operator(layer: nn.Module, x: Shape, expected: dict[str, Any]) -> None:
    assert of(layer, x) == expected


def test_a_recurrent_layer_of_a_trace_that_gives_the_sequence_alone_has_all_its_settings() -> None:
    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(16, 5, 2, proj_size=3, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.lstm(x)[0]
            return found

    given = torch.zeros(2, 7, 16)
    with quiet():
        traced = torch.jit.trace(Sequence().eval(), given)
    found = convinspect.inspect(traced, given, optimizer=None)
    lstm = next(layer for layer in found.layers if layer.type == "LSTM")
    sizes = {"input_size": 16, "hidden_size": 5, "bias": True, "num_layers": 2, "bidirectional": False, "proj_size": 3}
    assert lstm.attributes == sizes


class LSTM(nn.Module):
    """Of torch's layer it has the name, and names of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.zeros(3, 2))
        self.weight_hr_l0 = nn.Parameter(torch.zeros(16, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, T, 2)`` of ``(N, T, 16)``."""
        return x @ self.weight_hr_l0 @ self.weight_ih_l0


def test_a_class_with_the_name_of_a_recurrent_layer_has_no_settings_of_it() -> None:
    assert of(LSTM(), SIGNAL) == {}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False], ids=["two products", "one kernel"])
def test_attention_says_its_heads_by_whatever_operators_it_runs(batch_first: bool, need_weights: bool) -> None:  # noqa: FBT001
    layer = nn.MultiheadAttention(24, 3, kdim=16, vdim=16, batch_first=batch_first)

    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = layer

        def forward(self, query: Tensor, key: Tensor) -> Tensor:
            return self.attention(query, key, key, need_weights=need_weights)[0]

    other = (2, 7, 16) if batch_first else (7, 2, 16)
    query = (2, 5, 24) if batch_first else (5, 2, 24)
    assert {"num_heads": 3, "head_dim": 8, "embed_dim": 24} in rows(Cross(), query, other)


class Same(nn.Conv2d):
    """TensorFlow's SAME: what is missing is padded in front of the convolution, the odd one after."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(F.pad(x, (0, 1, 1, 2)), self.weight, self.bias)


class Pooled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)


class TwoLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 6, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, self.weight), self.weight)


def child(model: nn.Module, *inputs: Shape) -> Attributes:
    return rows(nn.Sequential(model), *inputs)[1]


def test_what_a_layer_pads_in_front_of_its_operator_is_its_padding() -> None:
    assert child(Same(6, 6, 4, 2), IMAGE)["padding"] == ((1, 2), (0, 1))
    assert child(nn.Conv2d(6, 6, 4, padding="same", dilation=3), IMAGE)["padding"] == ((4, 5), (4, 5))
    assert child(nn.Conv1d(6, 6, 4, padding="same", padding_mode="circular"), SIGNAL)["padding"] == ((1, 2),)
    pool = child(Pooled(), IMAGE)
    assert (pool["padding"], pool["padding_mode"]) == (((0, 1), (0, 1)), "constant")


def test_a_module_of_two_layers_is_none() -> None:
    assert child(TwoLayers(), IMAGE) == {}


def _functions(x: Tensor) -> Tensor:
    x = F.conv2d(x, x.new_zeros(8, 3, 3, 3), stride=2, padding=1, groups=2)
    return F.avg_pool2d(F.interpolate(x, scale_factor=2.0), 2)


class Functional(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _functions(x)


def _as_it_is(model: nn.Module) -> nn.Module:
    return model


def _traced(model: nn.Module) -> Any:
    return torch.jit.trace(model, torch.zeros(IMAGE))  # type: ignore[no-untyped-call]


def _exported(model: nn.Module) -> Any:
    return torch.export.export(model, (torch.zeros(IMAGE),))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", [_as_it_is, _traced, _exported])
def test_functional_calls_have_their_settings_in_every_kind_of_model(way: Callable[[nn.Module], Any]) -> None:
    report = convinspect.inspect(way(Functional()), (torch.zeros(IMAGE),), optimizer=None)
    found = {layer.type: layer.attributes for layer in report.layers}
    assert found["conv2d"]["kernel_size"] == (3, 3)
    assert (found["conv2d"]["groups"], found["conv2d"]["stride"]) == (2, (2, 2))
    assert found["interpolate"]["scale_factor"] == (2.0, 2.0)
    assert (found["avg_pool2d"]["pool"], found["avg_pool2d"]["stride"]) == ("avg", (2, 2))


def test_a_product_of_two_activations_is_no_layer() -> None:
    class Product(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ x.T

    assert not any(rows(Product(), (4, 8)))
