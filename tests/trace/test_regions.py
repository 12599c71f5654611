"""What an exported program runs without gradients or under autocast belongs to the modules that it came from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from convinspect import Report, inspect
from convinspect.report import Layer


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
