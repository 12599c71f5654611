"""Complex numbers: one multiply-add is one MAC, whichever way it arrives; the truths are counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convinspect import Report, inspect
from tests.load.forms import quiet
from tests.shell import convinspect

COMPLEX = torch.complex64


class Radar(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, dtype=COMPLEX)
        self.fc = nn.Linear(36, 5, dtype=COMPLEX)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).flatten(2))


class WithoutGradients(Radar):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


def image(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=COMPLEX)


def costs(report: Report) -> list[tuple[str, int | None]]:
    assert report.failure is None
    return [(layer.path, layer.macs) for layer in report.layers if layer.macs]


def ways() -> dict[str, Report]:
    x = image(1, 2, 8, 8)
    scripted = torch.jit.script(Radar())
    with torch.inference_mode():
        called_inside = inspect(Radar(), (x,), optimizer=None)
    return {
        "eager": inspect(Radar(), (x,), optimizer=None),
        "inference_mode": inspect(WithoutGradients(), (x,), optimizer=None),
        "called_inside": called_inside,
        "meta": inspect(Radar(), (x,), device="meta", optimizer=None),
        "script": inspect(scripted, (x,), optimizer=None),
        "program": inspect(torch.export.export(Radar(), (x,)), (x,), optimizer=None),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_complex_multiply_add_is_one_mac_and_eight_flops_whichever_way_it_arrives() -> None:
    convolution, linear = (3 * 6 * 6) * (2 * 3 * 3), (3 * 5) * 36
    for way, report in ways().items():
        assert costs(report) == [("conv", convolution), ("fc", linear)], way
        assert report.totals.flops == 8 * (convolution + linear), way
        assert report.run.dtype == "complex64", way
        assert Report.from_dict(report.to_dict()) == report


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    ("layer", "x", "macs"),
    [
        (nn.Conv1d(2, 4, 3, bias=False, dtype=COMPLEX), image(1, 2, 9), 4 * 7 * 2 * 3),
        (nn.Conv2d(2, 4, 4, padding="same", dtype=COMPLEX), image(2, 8, 8), 4 * 8 * 8 * 2 * 16),
        (
            nn.Conv2d(4, 4, 3, groups=4, padding=1, padding_mode="circular", dtype=COMPLEX),
            image(1, 4, 6, 6),
            4 * 36 * 9,
        ),
        (nn.Conv3d(1, 2, 2, dtype=COMPLEX), image(1, 1, 3, 3, 3).conj(), 2 * 8 * 8),
        (nn.ConvTranspose2d(2, 3, 3, dtype=COMPLEX), image(1, 2, 4, 4), 2 * 16 * 3 * 9),
    ],
)
def test_every_complex_convolution_is_one(layer: nn.Module, x: Tensor, macs: int) -> None:
    model: Any = nn.Sequential(layer, nn.Identity())
    assert costs(inspect(model, (x,), optimizer=None)) == [("0", macs)]


def test_a_complex_convolution_without_a_module_is_one_row_of_complex_numbers() -> None:
    class Functional(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.conv2d(x, torch.ones(3, 2, 3, 3, dtype=COMPLEX)).abs()

    report = inspect(Functional(), (image(1, 2, 8, 8),), optimizer=None)
    assert [layer.type for layer in report.layers] == ["Functional", "conv2d", "abs"]
    assert report.layers[1].outputs[0].dtype == "complex64"
    assert report.layers[1].receptive_field is not None
    assert report.layers[1].receptive_field.size == (3, 3)
    assert report.totals.flops == 8 * (3 * 36 * 18)


def test_real_products_of_gauss_way_by_hand_stay_what_they_are() -> None:
    class ByHand(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            w = torch.ones(3, 1, 3, 3)
            a, b = nn.functional.conv2d(x.real, w), nn.functional.conv2d(x.imag, w)
            return torch.complex(a - b, a + b)

    report = inspect(ByHand(), (image(1, 1, 8, 8),), optimizer=None)
    assert report.totals.macs == 2 * (3 * 36 * 9)
    assert report.totals.flops == 2 * report.totals.macs


class Derived(nn.Module):
    """The gradient of a sum of magnitudes, by the input alone or by the weights as well."""

    def __init__(self, layer: nn.Module, *, weights: bool) -> None:
        super().__init__()
        self.layer, self.weights = layer, weights

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            by = (x, *self.layer.parameters()) if self.weights else (x,)
            return torch.autograd.grad(self.layer(x).abs().sum(), by)[0]


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize(
    ("layer", "x", "macs"),
    [
        (nn.Conv1d(2, 3, 3, dtype=COMPLEX), image(1, 2, 8), 3 * 6 * 2 * 3),
        (nn.Conv2d(4, 4, 3, groups=2, bias=False, padding=1, dtype=COMPLEX), image(1, 4, 6, 6), 4 * 36 * 2 * 9),
        (nn.ConvTranspose2d(2, 3, 3, dtype=COMPLEX), image(1, 2, 4, 4), 2 * 16 * 3 * 9),
    ],
)
def test_each_derivative_of_a_complex_convolution_costs_what_it_does(
    layer: nn.Module, x: Tensor, macs: int, *, weights: bool
) -> None:
    for device in ("cpu", "meta"):
        report = inspect(Derived(layer, weights=weights), (x,), device=device, optimizer=None)
        assert costs(report) == [("layer", macs), ("", macs * (1 + weights))]
        assert report.totals.flops == 8 * macs * (2 + weights)


BEGINNINGS = """
import torch
from torch import nn


class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 4, dtype=torch.complex64))

    def forward(self, x):
        return torch.fft.irfft(torch.fft.rfft(x)[..., :4] @ self.weight, n=8)


class Lifted(Fourier):
    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(8, 8)

    def forward(self, x):
        return super().forward(self.lift(x))


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4, dtype=torch.complex64)

    def forward(self, x):
        return self.layer(x)
"""


@pytest.mark.parametrize(("name", "dtype"), [("Fourier", "float32"), ("Lifted", "float32"), ("Whole", "complex64")])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_inputs_are_complex_where_the_model_begins_with_complex_numbers(
    name: str, dtype: str, device: str, tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(BEGINNINGS)
    shown = convinspect("summary", f"{file}:{name}", "--input", "8", "--device", device, "--json")
    report = json.loads(shown.out)
    assert report["failure"] is None
    assert report["inputs"][0]["dtype"] == dtype
    assert report["run"]["dtype"] == "complex64"


def test_a_decomposed_program_multiplies_complex_numbers_once_too() -> None:
    model = nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular", dtype=COMPLEX).eval()
    with quiet():
        program = torch.export.export(model, (image(1, 2, 8, 8),)).run_decompositions()
    report = inspect(program, (image(1, 2, 8, 8),), optimizer=None)
    assert report.totals.macs == 2 * 2 * 9 * 8 * 8
    assert (report.layers[0].attributes["in_channels"], report.layers[0].attributes["out_channels"]) == (2, 2)
