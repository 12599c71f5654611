"""Pictures for papers: what is drawn is what the report says, in files that are the same each time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from convinspect.errors import UsageError
from convinspect.plot import PlotOptions, draw
from convinspect.plot.memory import alive
from tests.shell import convinspect
from tests.web import nets

pytest.importorskip("matplotlib", reason="matplotlib is not installed: it is in the extra plot")
_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")

_NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 5, 2), nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())

    def forward(self, x):
        return self.b(self.a(x)) + 1
"""


def _plot(tmp_path: Path, *words: str) -> Any:
    (tmp_path / "net.py").write_text(_NET)
    kind, *more = words
    return convinspect("plot", kind, "net.py:Net", "--input", "3,32,32", "--device", "meta", *more, cwd=tmp_path)


def test_the_bands_of_memory_add_up_to_the_peak() -> None:
    report = nets.report("down")
    memory, lines = report.totals.memory, report.timeline
    assert lines is not None
    assert lines.training is not None
    assert memory.training is not None
    for line, peak in ((lines.inference, memory.inference_peak_bytes), (lines.training, memory.training.peak_bytes)):
        assert max(map(sum, zip(*alive(line).values(), strict=True))) == peak


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_report_gives_the_same_file(suffix: str) -> None:
    for kind in ("memory", "field"):
        made = draw(nets.report("down"), kind, PlotOptions(), suffix)  # type: ignore[arg-type]
        assert made == draw(nets.report("down"), kind, PlotOptions(), suffix)  # type: ignore[arg-type]
        assert made.startswith({".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix])


def test_fields_are_those_of_the_report_and_memory_names_its_phases(tmp_path: Path) -> None:
    assert _plot(tmp_path, "field", "-o", "f.svg", "--layer", "a", "--layer", "b").code == 0
    said = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "f.svg").read_text("utf-8"))
    assert {"a: 5x5", "b: 9x9"} <= set(said)
    assert _plot(tmp_path, "memory", "-o", "m.svg").code == 0
    said = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "m.svg").read_text("utf-8"))
    assert {"forward", "backward", "step", "weights", "gradients"} <= set(said)
    assert _plot(tmp_path, "memory", "--run", "inference", "-o", "m.svg").code == 0
    assert "backward" not in (tmp_path / "m.svg").read_text("utf-8")


@_dot
def test_a_graph_has_a_box_a_layer_and_shapes_on_its_arrows(tmp_path: Path) -> None:
    done = _plot(tmp_path, "graph", "-o", "g.svg")
    assert done.code == 0, done.err
    said = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "g.svg").read_text("utf-8"))
    assert {"x", "a", "Conv2d 5x5 /2", "b.0", "b.1", "add()", "1x3x32x32", "1x4x14x14"} <= set(said)
    assert _plot(tmp_path, "graph", "--depth", "1", "-o", "g.svg").code == 0
    said = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "g.svg").read_text("utf-8"))
    assert {"a", "b", "Sequential"} <= set(said)
    assert "b.0" not in said


def test_lines_and_volumes_have_fields_too() -> None:
    for name in ("wave", "solid"):
        assert draw(nets.report(name), "field", PlotOptions(), ".svg")


def test_a_dollar_in_a_name_is_no_formula(tmp_path: Path) -> None:
    net = _NET.replace("self.a, self.b", "self.c, self.b").replace("self.a(x)", "self.c(x)")
    net = net.replace("self.c, self.b = nn.Conv2d(3, 4, 5, 2), ", "self.b = ").replace(
        "        self.b =", "        self.add_module('$x_', nn.Conv2d(3, 4, 5, 2))\n        self.b ="
    )
    (tmp_path / "net2.py").write_text(net.replace("self.c(x)", "self._modules['$x_'](x)"))
    words = ["plot", "field", "net2.py:Net", "--input", "3,32,32", "--device", "meta", "-o", "f.svg"]
    assert convinspect(*words, cwd=tmp_path).code == 0
    assert "$x_: 5x5" in (tmp_path / "f.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["memory", "-o", "m.txt"], "not a .svg, .png or .pdf file"),
        (["memory", "-o", "m.svg", "--layer", "a"], "--layer is for plot field"),
        (["field", "-o", "m.svg", "--layer", "z"], "no module of this path ran"),
        (["memory", "--optimizer", "none", "--run", "training", "-o", "m.svg"], "no training step is known"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_is_written(words: list[str], complaint: str, tmp_path: Path) -> None:
    done = _plot(tmp_path, *words)
    assert (done.code, complaint in done.err) == (2, True), done.err
    assert not (tmp_path / "m.svg").exists()


def test_what_draws_is_told_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UsageError, match="graphviz, which is not installed"):
        draw(nets.report("wave"), "graph", PlotOptions(), ".svg")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(UsageError, match="plot needs matplotlib"):
        draw(nets.report("wave"), "field", PlotOptions(), ".svg")
