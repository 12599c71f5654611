"""The edges of a report: which rows read what another one made."""

from __future__ import annotations

from pathlib import Path

import torch

from convinspect.parsing import parse_input, parse_target
from convinspect.pipeline import summarise
from convinspect.report import Report
from convinspect.spec import Request

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.left, self.right = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.drop, self.act = nn.Dropout(), nn.ReLU(inplace=True)

    def forward(self, x, y):
        x = self.act(self.drop(self.stem(x)).detach())
        return torch.cat([self.right(x), self.left(x), y], 1)
"""


def edges(report: Report) -> set[tuple[str, str]]:
    names = [layer.path or layer.type for layer in report.layers]
    inputs = [tensor.name for tensor in report.inputs]
    return {(inputs[-a - 1] if a < 0 else names[a], names[b]) for a, b in report.graph or ()}


def report_of(tmp_path: Path, *, graph: bool = True) -> Report:
    (tmp_path / "net.py").write_text(NET, "utf-8")
    inputs = tuple(map(parse_input, ("3,8,8", "4,8,8")))
    target = parse_target(str(tmp_path / "net.py"))
    return summarise(Request(target, inputs, device="meta", optimizer=None, sections=("graph",) if graph else ()))


def test_rows_are_joined_through_modules_that_do_nothing_and_operators_without_a_row(tmp_path: Path) -> None:
    assert edges(report_of(tmp_path)) == {
        ("x", "stem"),
        ("stem", "act"),
        ("act", "right"),
        ("act", "left"),
        ("right", "cat"),
        ("left", "cat"),
        ("y", "cat"),
    }


def test_what_a_row_reads_stands_in_the_order_of_its_arguments(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    last = len(report.layers) - 1
    read = [a for a, b in report.graph or () if b == last]
    assert [report.layers[a].path if a >= 0 else a for a in read] == ["right", "left", -2]


def test_a_report_has_no_edges_unless_asked(tmp_path: Path) -> None:
    assert report_of(tmp_path, graph=False).graph is None


def test_a_tensor_whose_place_another_one_takes_is_not_taken_for_it() -> None:
    from convinspect.trace.record.origins import Origins  # noqa: PLC0415 - the rest is asked of reports

    origins = Origins([])
    gone = torch.zeros(1)
    origins.made(gone, 7)
    number = id(gone)
    del gone
    others = [torch.zeros(1) for _ in range(100)]
    assert all(origins.of([other]) == () for other in others if id(other) == number)
