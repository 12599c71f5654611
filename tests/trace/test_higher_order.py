"""Operators that take functions, and functions of functions: what they run is seen, on the cpu and without data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from tests.shell import convinspect
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


def _scan_of_trees(layer: nn.Module, x: Tensor) -> Tensor:
    from torch._higher_order_ops.scan import scan  # noqa: PLC0415

    def step(carry: dict[str, Tensor], part: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return {"state": torch.tanh(layer(carry["state"]) + part["x"])}, {"out": carry["state"] * 2}

    last, each = scan(step, {"state": torch.zeros(2, 4)}, {"x": x}, reverse=True)
    out: Tensor = each["out"] + last["state"]
    return out


def _conditions_in_a_loop(layer: nn.Module, x: Tensor) -> Tensor:
    from torch._higher_order_ops import while_loop  # noqa: PLC0415

    def body(i: Tensor, kept: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        def inner(kept: dict[str, Tensor]) -> dict[str, Tensor]:
            even = i % 2 == 0
            one: Tensor = torch.cond(even, layer, lambda h: h + 1, (kept["h"],))
            return {"h": one}

        out: dict[str, Tensor] = torch.cond(i < 3, inner, lambda kept: {"h": kept["h"] * 2}, (kept,))
        return i + 1, out

    out: Tensor = while_loop(lambda i, _: i < 5, body, (torch.tensor(0), {"h": x}))[1]["h"]
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
    "scan of trees": (_scan_of_trees, (5, 2, 4), 5 * 2 * 16),
    # Of the turns 0, 1, 2 the first and the last.
    "cond in cond in while_loop": (_conditions_in_a_loop, (2, 4), 2 * 2 * 16),
    # Each sample takes its own branch: both are run for all.
    "cond in vmap": (
        lambda layer, x: torch.vmap(lambda v: torch.cond(v.sum() > 2, layer, lambda u: layer(u) + 1, (v,)))(x),
        (5, 4),
        2 * 5 * 16,
    ),
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


@pytest.mark.parametrize("value", [1, -1])
@pytest.mark.parametrize("exported", [True, False])
def test_what_a_condition_gives_may_see_what_either_branch_does(value: int, *, exported: bool) -> None:
    x = torch.full((1, 3, 9, 9), float(value))
    model: Any = torch.export.export(Exit(), (x,)) if exported else Exit()
    report = report_of(model, x)
    taps = 25 if value > 0 else 1
    assert (report.totals.macs, report.totals.macs_status) == (81 * 4 * 3 * taps, "exact")
    field = report.layers[0].receptive_field
    assert field is not None
    assert (field.size, field.center, field.status) == ((5, 5), ((2, 6), (2, 6)), "upper_bound")
    ran, *_ = (note.message for note in report.warnings if note.code == "branch_taken")
    assert str(value > 0).lower() in ran


class Alike(nn.Module):
    """Branches that read the same; ``other`` is not made for the values that choose the first one."""

    def __init__(self, other: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.register_buffer("steps", torch.zeros(1))
        self.other = other or (lambda x: self.two(x) + self.steps.add_(1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.cond(x.mean() > 0, self.one, self.other, (x,))
        return out


@BOTH
def test_a_branch_that_is_not_taken_costs_nothing(options: dict[str, Any]) -> None:
    model, x = Alike(), torch.ones(1, 3, 8, 8)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    report, alone = report_of(model, x, **options), report_of(model.one, x, **options)
    field = report.layers[0].receptive_field
    assert field is not None
    assert (field.size, field.status) == ((3, 3), "exact")
    assert report.totals.macs == alone.totals.macs
    assert row(report, "one").memory == alone.layers[0].memory
    assert [layer.path for layer in report.layers if layer.call == 0 and layer.kind == "module"] == ["two"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def _endless(x: Tensor) -> Tensor:
    from torch._higher_order_ops import while_loop  # noqa: PLC0415

    out: Tensor = while_loop(lambda h: h.sum() > 0, lambda h: (h + 1,), (x,))[0]
    return out


@pytest.mark.parametrize("other", [_endless, lambda x: x[:, :1].reshape(2, -1) @ torch.zeros(3, 3)])
def test_a_branch_that_cannot_run_leaves_the_field_unknown(other: Callable[[Tensor], Tensor]) -> None:
    report = report_of(Alike(other), torch.ones(1, 3, 8, 8), optimizer=None)
    field = report.layers[0].receptive_field
    assert field is not None
    assert field.status == "unknown"
    assert "field_unknown" in codes(report)
    assert (report.failure, report.totals.macs) == (None, 36 * 4 * 3 * 9)


def test_what_a_branch_gives_is_not_what_it_was_given() -> None:
    def forward(layer: nn.Module, x: Tensor) -> Tensor:
        out: Tensor = torch.cond(x.sum() > 0, lambda x: x, lambda x: x + layer(x.mean((1, 2))[:, None, None]), (x,))
        return layer(x) + 0 * out.sum()

    report = report_of(Net(forward), torch.ones(1, 6, 6, 4))
    field = row(report, "layer").receptive_field
    assert field is not None
    assert (field.size, field.status) == ((1, 1), "exact")


@pytest.mark.filterwarnings("ignore")
def test_a_program_with_a_vmap_or_a_size_that_is_compared_is_read(tmp_path: Path) -> None:
    x = torch.rand(5, 2, 4)
    for function in (CASES["vmap"][0], lambda layer, x: torch.cond(x.sum() > 0, layer, lambda x: layer(x[:3]), (x,))):
        program = torch.export.export(Net(function), (x,))
        try:
            torch.export.save(program, tmp_path / "net.pt2")
        except RuntimeError as error:  # torch 2.12
            pytest.skip(str(error).splitlines()[0])
        result = convinspect("summary", tmp_path / "net.pt2", "--json")
        assert (result.code, json.loads(result.out)["totals"]["macs"]) == (0, 5 * 2 * 16)


@BOTH
@pytest.mark.filterwarnings("ignore")
def test_flex_attention_is_two_products(options: dict[str, Any]) -> None:
    def forward(layer: nn.Module, x: Tensor) -> Tensor:
        q = layer(x)
        out: Tensor = flex_attention(q, q, q, score_mod=lambda score, b, h, i, j: score + (i - j))  # noqa: ARG005
        return out

    report = report_of(Net(forward), torch.rand(1, 2, 16, 4), **options)
    assert (report.totals.macs, report.totals.macs_status) == (2 * 16 * 16 + 2 * (2 * 16 * 16 * 4), "exact")
