"""The optional sections of the JSON: they agree with the rest of the report, and with what is asked one by one."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convinspect import inspect
from convinspect.errors import UsageError
from convinspect.parsing import parse_input, parse_target, parse_unit
from convinspect.pipeline import summarise
from convinspect.records import Timeline
from convinspect.report import Report
from convinspect.spec import SECTIONS, Request
from tests.shell import convinspect

NETS = """
import torch
from torch import nn

def conv(width, **how):
    return nn.Conv2d(width, width, 3, padding=1, **how)

class UpDown(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = conv(2, stride=2), nn.ConvTranspose2d(2, 2, 2, 2)
        self.near, self.last = nn.Upsample(scale_factor=2), conv(2, dilation=2)
        self.pool = nn.MaxPool2d(3, 2)

    def forward(self, x):
        return self.last(self.pool(self.near(self.up(self.down(x)))))

class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.gate, self.b = conv(4), nn.Conv2d(4, 4, 1), conv(4)

    def forward(self, x):
        x = self.a(x)
        return self.b(x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid())

class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.cut, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x):
        tokens = self.norm(self.cut(x).flatten(2).transpose(1, 2))
        return self.attention(torch.cat([torch.zeros(1, 1, 8, device=x.device), tokens], 1))

class Wave(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv1d(1, 4, 9, 4), nn.Conv1d(4, 4, 3, padding="same")

    def forward(self, x):
        return self.two(self.one(x))

class Solid(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv3d(1, 2, 3, (1, 2, 2)), nn.Conv3d(2, 2, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, x):
        return self.two(self.one(x))
"""
SHAPES = {"UpDown": "2,23,18", "Gated": "4,9,11", "Patches": "3,16,12", "Wave": "1,100", "Solid": "1,7,15,13"}


def _request(folder: Path, name: str, **more: Any) -> Request:
    file = folder / "nets_with_units.py"
    file.write_text(NETS, "utf-8")
    target = parse_target(f"{file}:{name}")
    return Request(target, (parse_input(SHAPES[name]),), device="meta", optimizer=None, **more)


def _box(report: Report, row: int, index: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the box and the nominal one of one unit, read out of the section."""
    assert report.units is not None
    place = report.units.layers[row]
    assert place is not None
    units = report.units.distinct[place]
    found = []
    for along in units.along:
        at = 0
        for number in along.axes:
            at = at * units.sizes[number] + index[number]
        # A nominal box is that of the local field; a global one has none.
        is_global = along.local is not None
        found.append((along.box[at], along.nominal[at] if along.nominal and not is_global else None))
    return tuple(box for box, _ in found), tuple(nominal for _, nominal in found)


@pytest.mark.parametrize("name", SHAPES)
def test_the_boxes_of_all_units_are_those_that_are_asked_for_one_by_one(name: str, tmp_path: Path) -> None:
    report = summarise(_request(tmp_path, name, sections=("units",)))
    assert report.units is not None
    draw = random.Random(name)  # noqa: S311 - any units will do
    rows = [
        row
        for row, place in enumerate(report.units.layers)
        if place is not None and report.layers[row].kind == "module" and report.layers[row].call == 1
    ]
    assert len(rows) > 1
    for row in rows:
        sizes = report.units.distinct[report.units.layers[row] or 0].sizes
        for _ in range(2):
            index = tuple(draw.randrange(size) for size in sizes)
            said = ",".join(map(str, index))
            unit = summarise(_request(tmp_path, name, unit=parse_unit(f"{report.layers[row].path}:{said}"))).unit
            assert unit is not None
            box, nominal = _box(report, row, index)
            assert box == unit.box
            assert nominal == unit.nominal


def heights(line: Timeline) -> list[int]:
    """Return the bytes that are alive after each moment."""
    change = [0] * (len(line.moments) + 1)
    for life in line.allocations:
        change[life.born] += life.bytes
        if life.died is not None:
            change[life.died] -= life.bytes
    return list(accumulate(change))[:-1]


def _net() -> nn.Module:
    block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout(0.5))
    return nn.Sequential(block, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 7 * 7, 300), nn.Linear(300, 300))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_the_highest_moments_of_the_timeline_are_the_peaks(optimizer: Any) -> None:
    x = torch.empty(2, 3, 16, 16)
    report = inspect(_net(), x, optimizer=optimizer, sections=["timeline"])
    memory, lines = report.totals.memory, report.timeline
    assert lines is not None
    assert lines.training is not None
    assert memory.training is not None
    assert memory.inference_peak is not None
    assert max(heights(lines.inference)) == memory.inference_peak_bytes
    assert max(heights(lines.training)) == memory.training.peak_bytes
    assert [moment.phase for moment in lines.training.moments] == sorted(
        (moment.phase for moment in lines.training.moments), key=["forward", "backward", "step"].index
    )
    at = heights(lines.training).index(memory.training.peak_bytes)
    peak = memory.training.peak
    assert peak is not None
    assert lines.training.moments[at].phase == peak.phase
    alive = [life for life in lines.training.allocations if life.born <= at and (life.died is None or at < life.died)]
    assert {kind: sum(life.bytes for life in alive if life.kind == kind) for kind in peak.by_kind} == dict(peak.by_kind)


def test_what_is_alive_is_put_down_to_the_row_that_made_it() -> None:
    report = inspect(_net(), torch.empty(2, 3, 16, 16), sections=["timeline"])
    assert report.timeline is not None
    conv = next(row for row, layer in enumerate(report.layers) if layer.type == "Conv2d")
    bytes_ = 2 * 8 * 14 * 14 * 4
    for line in (report.timeline.inference, report.timeline.training):
        assert line is not None
        assert bytes_ in [life.bytes for life in line.allocations if life.owner == conv]
        assert conv in [moment.owner for moment in line.moments]
    assert report.timeline.training is not None
    backward = [moment for moment in report.timeline.training.moments if "convolution_backward" in moment.op]
    assert [moment.owner for moment in backward] == [conv]


class _Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, dtype=torch.complex64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x).abs()
        return y


def test_a_complex_convolution_has_edges_too() -> None:
    report = inspect(_Twice(), torch.zeros(1, 2, 9, dtype=torch.complex64), sections=SECTIONS)
    names = [layer.path or layer.type for layer in report.layers]
    assert {(names[a] if a >= 0 else "x", names[b]) for a, b in report.graph or ()} == {("x", "conv"), ("conv", "abs")}


def test_sections_are_there_where_they_are_asked_for_and_come_back_from_the_json(tmp_path: Path) -> None:
    plain = summarise(_request(tmp_path, "Gated"))
    assert (plain.graph, plain.timeline, plain.units) == (None, None, None)
    report = summarise(_request(tmp_path, "Gated", sections=SECTIONS))
    assert Report.from_dict(json.loads(report.to_json())) == report
    assert replace(report, graph=None, timeline=None, units=None) == plain


def test_the_command_line_takes_sections_with_json_alone(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(NETS, "utf-8")
    words = ["summary", "nets.py:Wave", "--input", SHAPES["Wave"], "--device", "meta"]
    document = json.loads(convinspect(*words, "--json", "--json-sections", "graph, units", cwd=tmp_path).out)
    assert document["graph"] == [[-1, 1], [1, 2]]
    assert document["timeline"] is None
    assert document["units"]["layers"] == [0, 1, 0]
    for more, complaint in (
        (["--json", "--json-sections", "graph,plot"], "plot: no section of the report"),
        (["--json-sections", "graph"], "--json-sections are parts of the JSON report"),
    ):
        done = convinspect(*words, *more, cwd=tmp_path)
        assert (done.code, complaint in done.err) == (2, True)


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (lambda d: d["units"]["layers"].pop(), "units.layers"),
        (lambda d: d["units"]["layers"].__setitem__(0, 99), "units.layers[0]"),
        (lambda d: d["units"]["distinct"][0]["sizes"].append(3), "units.distinct[0].sizes"),
        (lambda d: d["units"]["distinct"][0]["along"].pop(), "units.distinct[0].along"),
        (lambda d: d["units"]["distinct"][0]["along"][0]["box"].pop(), "units.distinct[0].along[0].box"),
        (lambda d: d["units"]["distinct"][0]["along"][0]["axes"].append(7), "units.distinct[0].along[0].axes"),
        (lambda d: d["timeline"]["inference"]["moments"][0].update(owner=9), "timeline.inference.moments[0].owner"),
        (lambda d: d["timeline"]["inference"]["allocations"][-1].update(owner=9), "].owner"),
        (
            lambda d: d["timeline"]["inference"]["allocations"][0].update(died=0),
            "timeline.inference.allocations[0].died",
        ),
        (lambda d: d["timeline"]["inference"]["allocations"][0].update(kind="dust"), "kind"),
    ],
)
def test_a_damaged_section_is_refused_with_its_place(damage: Any, place: str, tmp_path: Path) -> None:
    document = summarise(_request(tmp_path, "Wave", sections=SECTIONS)).to_dict()
    damage(document)
    with pytest.raises(UsageError, match="damaged report") as found:
        Report.from_dict(document)
    assert place in str(found.value)
