"""Operators that take functions, and functions of functions: what they run is seen, on the cpu and without data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from tests.trace.running import codes, report_of, row

BOTH = pytest.mark.parametrize("options", [{"device": "meta"}, {}], ids=["meta", "cpu"])


class Net(nn.Module):
    """Runs ``function`` of a layer of 4 x 4 and its input."""

    def __init__(self, function: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.function = nn.Linear(4, 4), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layer, x)


def _loop(layer: nn.Module, x: Tensor) -> Tensor:
    from torch._higher_order_ops import while_loop  # noqa: PLC0415 - the compiler comes with it

    out: Tensor = while_loop(lambda i, _: i < 3, lambda i, h: (i + 1, layer(h)), (torch.tensor(0), x))[1]
    return out


def _scan(layer: nn.Module, x: Tensor) -> Tensor:
    from torch._higher_order_ops.scan import scan  # noqa: PLC0415

    out: Tensor = scan(lambda c, v: (torch.tanh(layer(c) + v), c.clone()), x[0], x)[1]
    return out


def _mapped(layer: nn.Module, x: Tensor) -> Tensor:
    from torch._higher_order_ops import map as each  # noqa: PLC0415

    out: Tensor = each(layer, x)
    return out


def _called_with(layer: nn.Module, x: Tensor) -> Tensor:
    twice = {name: parameter * 2 for name, parameter in layer.named_parameters()}
    out: Tensor = torch.func.functional_call(layer, twice, (x,))
    return out


CASES: dict[str, tuple[Callable[[nn.Module, Tensor], Tensor], tuple[int, ...], int]] = {
    "while_loop": (_loop, (2, 4), 3 * 2 * 16),
    "scan": (_scan, (5, 2, 4), 5 * 2 * 16),
    "map": (_mapped, (3, 2, 4), 3 * 2 * 16),
    "vmap": (lambda layer, x: torch.vmap(layer)(x), (5, 2, 4), 5 * 2 * 16),
    "functional_call": (_called_with, (2, 4), 2 * 16),
    # The product, and for the derivative with respect to its input another.
    "grad": (lambda layer, x: torch.func.grad(lambda v: layer(v).tanh().sum())(x), (2, 4), 2 * 2 * 16),
    "checkpoint": (lambda layer, x: checkpoint(layer, x, use_reentrant=False), (2, 4), 2 * 16),
}


@BOTH
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_what_functions_of_functions_run_is_counted(name: str, options: dict[str, Any]) -> None:
    function, shape, macs = CASES[name]
    model, x = Net(function), torch.rand(shape)
    report = report_of(model, x, **options)
    assert report.failure is None
    assert (report.totals.macs, report.totals.macs_status) == (macs, "exact")
    assert [output.shape for output in report.outputs] == [tuple(model(x).shape)]


DERIVATIVES: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "jvp": lambda layer, x: torch.func.jvp(lambda v: torch.tanh(layer(v)), (x,), (torch.ones_like(x),))[1],
    "vjp": lambda layer, x: torch.func.vjp(layer, x)[1](torch.ones_like(x))[0],
    "jacrev": lambda layer, x: torch.func.jacrev(lambda v: layer(v).sum(0))(x),
    "hessian": lambda layer, x: torch.vmap(torch.func.hessian(lambda v: torch.sigmoid(layer(v)).exp().sum()))(x),
}


class Products(TorchDispatchMode):
    """Counts the multiply-adds of every product of matrices that torch runs."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm", "bmm", "baddbmm", "mv", "dot"):
            left = args[1] if name.endswith("addmm") else args[0]
            self.macs += out.numel() * left.shape[-1]
        return out


@BOTH
@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.filterwarnings("ignore")
def test_derivatives_are_counted_as_torch_counts_them(name: str, options: dict[str, Any]) -> None:
    model, x = Net(DERIVATIVES[name]), torch.rand(2, 4)
    with torch.no_grad(), Products() as counter:
        out = model(x)
    assert counter.macs
    report = report_of(model, x, **options)
    assert report.failure is None
    assert (report.totals.macs, report.totals.macs_status) == (counter.macs, "exact")
    assert [output.shape for output in report.outputs] == [tuple(out.shape)]
    assert "field_unknown" not in codes(report)


class Exit(nn.Module):
    """A cheap or a dear branch, as the first value says."""

    def __init__(self) -> None:
        super().__init__()
        self.cheap, self.dear = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.cond(x.mean() > 0, self.dear, self.cheap, (x,))
        return out


@BOTH
@pytest.mark.parametrize(("value", "path", "taps"), [(1, "dear", 25), (-1, "cheap", 1)])
def test_of_two_branches_the_one_that_the_values_choose_is_run(
    value: int, path: str, taps: int, options: dict[str, Any]
) -> None:
    report = report_of(Exit(), torch.full((1, 3, 8, 8), float(value)), **options)
    assert (row(report, path).macs, report.totals.macs_status) == (64 * 4 * 3 * taps, "exact")
    assert "branch_taken" in codes(report)


def test_an_exported_branch_is_run_as_well() -> None:
    x = torch.ones(1, 3, 8, 8)
    report = report_of(torch.export.export(Exit(), (x,)), x)
    assert (report.totals.macs, report.totals.macs_status) == (64 * 4 * 3 * 25, "exact")


@BOTH
@pytest.mark.filterwarnings("ignore")
def test_flex_attention_is_two_products(options: dict[str, Any]) -> None:
    def forward(layer: nn.Module, x: Tensor) -> Tensor:
        q = layer(x)
        out: Tensor = flex_attention(q, q, q, score_mod=lambda score, b, h, i, j: score + (i - j))  # noqa: ARG005
        return out

    report = report_of(Net(forward), torch.rand(1, 2, 16, 4), **options)
    assert (report.totals.macs, report.totals.macs_status) == (2 * 16 * 16 + 2 * (2 * 16 * 16 * 4), "exact")
