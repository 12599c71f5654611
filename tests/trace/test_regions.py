"""What an exported program runs in a region, a branch or a loop belongs to the modules that it came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from convinspect import Report, inspect
from convinspect.report import Layer
from tests.load.forms import quiet


class Probe(nn.Module):
    """A head on a backbone that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = self.backbone(x)
        return self.head(h)


class Mixed(nn.Module):
    """Half precision in a part, and in it a part without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            y = self.body(x)
            with torch.no_grad():
                y = self.body[2](y)
        return self.head(y.float())


class Twice(nn.Module):
    """A region in the middle of a module, whose layer runs in it twice and whose function in it has no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"a": nn.Conv2d(3, 3, 1)})
        self.b = nn.Conv2d(3, 3, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            y = self.block["a"](x)
            z = torch.sigmoid(self.block["a"](y))
        return self.b(y + z), z


class Branch(nn.Module):
    """A branch of two that values choose, in a region."""

    def __init__(self) -> None:
        super().__init__()
        self.large = nn.ModuleDict({"a": nn.Conv2d(3, 4, 1), "b": nn.BatchNorm2d(4), "c": nn.Conv2d(4, 3, 1)})
        self.small = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cond(x.sum() > 0, self.chain, self.small, (x,))

    def chain(self, x: Tensor) -> Tensor:
        return self.large["c"](self.large["b"](self.large["a"](x)).relu())


class Loop(nn.Module):
    """A layer that a loop calls until the values say that it is enough."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        turns = torch.tensor(0)
        _, x = while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, self.step(y)), (turns, x))
        return x


class Chained(nn.Module):
    """In a region a layer twice in a row, one with two operators, and weights that two modules have."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.lstm = nn.Linear(8, 8), nn.LSTM(8, 8)
        self.tied, self.head = nn.Linear(8, 8, bias=False), nn.Linear(8, 8)
        self.tied.weight = self.head.weight

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y = self.tied(self.lstm(self.again(self.again(x)))[0])
        return self.head(y)


def layers(report: Report) -> list[tuple[str, int, int]]:
    """Return path, run and MACs of the modules that multiply."""
    assert report.failure is None
    return [(row.path, row.call, row.macs) for row in report.layers if row.kind == "module" and row.macs]


def rows(report: Report) -> list[Layer]:
    assert report.failure is None
    return [replace(layer, type=layer.type.lower()) for layer in report.layers]


@pytest.mark.parametrize("model", [Probe(), Mixed(), Twice()], ids=lambda model: type(model).__name__)
def test_a_region_has_the_rows_of_the_python_model(model: nn.Module) -> None:
    model, x = model.eval(), torch.rand(1, 3, 8, 8)
    program = torch.export.export(model, (x,))
    assert "wrap_with" in str(program.graph)
    eager, exported = (inspect(model, (x,), optimizer=None), inspect(program, (x,), optimizer=None))
    assert rows(exported) == rows(eager)
    assert {note.code for note in exported.warnings} == {note.code for note in eager.warnings}
    assert rows(inspect(program, (x,), device="meta", optimizer=None)) == rows(eager)


def test_autocast_ends_with_the_program_also_where_it_stops() -> None:
    program = torch.export.export(Mixed().eval(), (torch.rand(1, 3, 8, 8),))
    program.state_dict["body.0.weight"] = torch.nn.Parameter(torch.rand(4, 2, 3, 3))
    report = inspect(program, (torch.rand(1, 3, 8, 8),), optimizer=None)
    assert report.failure is not None
    assert report.failure.path == "body.0"
    assert not torch.is_autocast_enabled("cpu")


def exported(model: nn.Module, x: Tensor, *, decomposed: bool) -> Any:
    with quiet():
        program = torch.export.export(model.eval(), (x,))
        return program.run_decompositions() if decomposed else program


@pytest.mark.parametrize(
    ("model", "decomposed"),
    [(Probe(), True), (Mixed(), True), (Twice(), True), (Branch(), False), (Branch(), True), (Loop(), False)],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_what_a_program_forgets_is_told_by_the_weights(model: nn.Module, decomposed: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    x = torch.rand(1, 3, 8, 8)
    program = exported(model, x, decomposed=decomposed)
    with quiet():
        torch.export.save(program, tmp_path / "program.pt2")
        loaded = torch.export.load(tmp_path / "program.pt2")
    eager = inspect(model, (x,), optimizer=None)
    for one in (program, loaded):
        report = inspect(one, (x,), optimizer=None)
        assert layers(report) == layers(eager)
        codes = {note.code for note in report.warnings}
        assert "placed_by_weights" in codes
        assert "never_called" not in codes
        assert {row.path for row in report.layers} <= {path for path, _ in model.named_modules()}


def test_where_weights_do_not_tell_the_module_nothing_is_said_of_it() -> None:
    model, x = Chained(), torch.rand(5, 1, 8)
    report = inspect(exported(model, x, decomposed=True), (x,), optimizer=None)
    eager = inspect(model, (x,), optimizer=None)
    assert report.totals.macs == eager.totals.macs
    assert layers(report) == [row for row in layers(eager) if row[0] != "tied"]
    (tied,) = (row for row in report.layers if row.kind == "function" and row.macs)
    assert (tied.path, tied.macs) == ("", 5 * 8 * 8)
    assert not {"never_ran", "never_called"} & {note.code for note in report.warnings}


def test_a_branch_that_stops_names_the_layer_it_stopped_in() -> None:
    x = torch.rand(1, 3, 8, 8)
    program = exported(Branch(), x, decomposed=False)
    program.state_dict["large.c.weight"] = nn.Parameter(torch.rand(3, 2, 1, 1))
    report = inspect(program, (x,), optimizer=None)
    assert report.failure is not None
    assert report.failure.path == "large.c"
    assert torch.is_grad_enabled()
