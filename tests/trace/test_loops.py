"""Loops over time: what runs many times alike in one call of a module is one row that has the sums."""

from __future__ import annotations

import csv
import io
from inspect import getsource
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect
from convinspect.explain import explain
from convinspect.parsing import parse_input
from convinspect.pipeline import summarise
from convinspect.render import Options, render
from convinspect.report import Layer, Report
from convinspect.spec import Request, Target


class Scan(nn.Module):
    """A state of 4 numbers a channel, updated and read once a step."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8)
        self.decay = nn.Parameter(torch.rand(4))
        self.read = nn.Parameter(torch.rand(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(x)
        state = x.new_zeros(x.shape[0], x.shape[2], 4)
        read = []
        for step in range(x.shape[1]):
            state = state * self.decay + x[:, step, :, None]
            read.append((state @ self.read).squeeze(-1))
        return torch.stack(read, 1)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Scan(), Scan()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(x))
        return out


SCAN = f"import torch\nfrom torch import Tensor, nn\n{getsource(Scan)}\n{getsource(Net)}"


def _report(steps: int, device: str | None = None) -> Report:
    return inspect(Net(), torch.rand(1, steps, 8), device=device)


def _row(report: Report, path: str, name: str) -> Layer:
    (row,) = (layer for layer in report.layers if (layer.path, layer.type) == (path, name))
    return row


@pytest.mark.parametrize("device", [None, "meta"])
def test_a_loop_is_one_row_an_operator_with_the_sums_of_its_runs(device: str | None) -> None:
    report = _report(100, device)
    for path in ("first", "second"):
        product = _row(report, path, "matmul")
        assert product.runs == 100
        assert product.macs == 100 * 8 * 4
        assert product.memory.allocated_bytes == 100 * 8 * 4
        assert _row(report, path, "add").memory.allocated_bytes == 100 * 8 * 4 * 4
        assert _row(report, path, "stack").runs == 1
    assert report.totals.macs == 2 * 100 * 8 * (8 + 4)
    assert len(report.layers) < 30
    assert [note.code for note in report.warnings] == ["loops_folded"]


def test_up_to_64_runs_have_rows_of_their_own_and_all_figures_go_on_alike() -> None:
    few, many = _report(64), _report(128)
    assert {layer.runs for layer in few.layers} == {1}
    assert not few.warnings
    for name in ("mul", "add", "matmul"):
        rows = [layer for layer in few.layers if (layer.path, layer.type) == ("first", name)]
        folded = _row(many, "first", name)
        assert len(rows) == 64
        assert folded.runs == 128
        assert folded.macs == 2 * sum(row.macs or 0 for row in rows)
        saved, allocated = folded.memory.saved_bytes, folded.memory.allocated_bytes
        assert allocated == 2 * sum(row.memory.allocated_bytes or 0 for row in rows)
        # One run more or less at the ends of the loop.
        each = rows[1].memory.saved_bytes or 0
        assert abs((saved or 0) - 2 * sum(row.memory.saved_bytes or 0 for row in rows)) <= 2 * each


def test_what_differs_in_shape_or_settings_stays_apart() -> None:
    class Growing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            total = x.new_zeros(())
            for length in range(1, 81):
                total = total + nn.functional.avg_pool1d(x, 1 + length % 2).sum() + x[..., :length].sum()
            return total

    report = inspect(Growing(), torch.rand(1, 2, 100))
    pools = [layer for layer in report.layers if layer.type.startswith("avg_pool")]
    assert len(pools) == 80  # 40 of each kind
    assert {layer.runs for layer in pools} == {1}
    assert [layer.runs for layer in report.layers if layer.type == "add"] == [160]


def test_a_folded_row_is_told_in_every_format() -> None:
    report = _report(100)
    assert "matmul() x100" in str(report.table(depth="all"))
    assert Report.from_dict(report.to_dict()) == report
    rows = {(row["path"], row["type"]): row for row in csv.DictReader(io.StringIO(render(report, "csv", Options())))}
    assert rows["second", "matmul"]["runs"] == "100"
    steps = [step for row in explain(report, "matmul").rows for step in row.steps]
    assert all(step.agrees for step in steps)
    assert any(step.working == "100 runs * 8x1 outputs * 4 summed" for step in steps)


def test_a_graph_goes_back_where_the_loop_does(tmp_path: Path) -> None:
    path = tmp_path / "scan.py"
    path.write_text(SCAN)
    report = summarise(Request(Target(f"{path}:Net", str(path), "Net"), (parse_input("100,8"),), sections=("graph",)))
    names = [layer.type for layer in report.layers]
    edges = {(names[a], names[b]) for a, b in report.graph or () if a >= 0}
    assert {("mul", "add"), ("add", "mul")} <= edges  # the second leads to an earlier row
    assert Report.from_dict(report.to_dict()) == report


class Smooth(nn.Module):
    """A 3-tap convolution, 70 times."""

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(70):
            x = nn.functional.conv1d(x, torch.ones(1, 1, 3), padding=1)
        return x


def test_sizes_of_a_loop_differ_by_run_and_follow_from_no_one_run() -> None:
    report = inspect(Smooth(), (torch.rand(1, 1, 200),), optimizer=None, sections=("graph",))
    row = _row(report, "", "conv1d")
    field = row.receptive_field
    assert field is not None
    assert (row.runs, field.size_min, field.size, field.size_by) == (70, (3,), (141,), ("run",))
    (told,) = explain(report, "conv1d").rows
    assert all(step.value in (None, step.traced) for step in told.steps)
    assert any("3 to 141, by run" in step.why for step in told.steps)


class LoopsTwice(nn.Module):
    """Two loops of one operator, with another one between them that the second loop reads."""

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(40):
            x = x + x
        between = x.sigmoid()
        for _ in range(40):
            x = x + between
        return x


def test_a_row_of_two_loops_may_read_what_ran_between_them() -> None:
    report = inspect(LoopsTwice(), (torch.rand(1, 4),), sections=("graph",))
    added, between = (next(i for i, row in enumerate(report.layers) if row.type == name) for name in ("add", "sigmoid"))
    assert report.graph is not None
    assert {(added, between), (between, added)} <= set(report.graph)
    assert Report.from_dict(report.to_dict()) == report
