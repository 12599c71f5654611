"""Formats of a line a layer: numbers that add up when they are read back, and text that harms no reader."""

from __future__ import annotations

import csv
import io
import json
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import convinspect
from convinspect.render import Options, render

from . import nets

# What a spreadsheet would run, or Markdown take for the end of a cell. A dot cannot stand in a module's name.
NAMES = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "a|b", "*bold*", "<b>", "`code`"]


def named() -> convinspect.Report:
    """Return the report of a model whose parts are called so."""
    model = nn.Module()
    for name in NAMES:
        model.add_module(name, nn.Linear(4, 4))
    model.forward = lambda x: [part(x) for part in model.children()][-1]  # type: ignore[method-assign]
    return convinspect.inspect(model, torch.zeros(1, 4), optimizer=None)


def test_csv_adds_up_when_it_is_read_back() -> None:
    for report in (nets.lenet(), nets.odd(), nets.attention()):
        rows = list(csv.DictReader(io.StringIO(render(report, "csv"))))
        assert len(rows) == len(report.layers)
        assert sum(int(row["params"]) for row in rows) == report.totals.params
        assert sum(int(row["macs"] or 0) for row in rows) == (report.totals.macs or 0)


def test_csv_runs_nothing_in_a_spreadsheet() -> None:
    cells = [cell for row in csv.reader(io.StringIO(render(named(), "csv"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=1+1" in cells
    assert "'@SUM(A1)" in cells


def test_markdown_has_the_same_cells_in_every_line() -> None:
    lines = [line for line in render(named(), "markdown", Options(depth="all")).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 1 + len(NAMES)
    assert {line.replace("\\|", "").count("|") for line in lines} == {lines[0].count("|")}
    assert "\\*bold\\*" in "".join(lines)
    assert "<b>" not in "".join(lines)


def test_json_lines_are_the_layers() -> None:
    lines = [json.loads(line) for line in render(nets.odd(), "jsonl").splitlines()]
    assert lines == nets.odd().to_dict()["layers"]


def test_a_data_frame_has_the_rows_and_the_columns_of_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    rows = nets.lenet().to_pandas()
    assert list(rows[0]) == next(csv.reader(io.StringIO(render(nets.lenet(), "csv"))))
    assert sum(row["params"] for row in rows) == 21_840
