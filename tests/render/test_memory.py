"""What the table says of memory, of peaks built by hand."""

from __future__ import annotations

import re
from dataclasses import replace

from convinspect.records import Peak
from convinspect.records.memory import Phase
from convinspect.render import Options, render
from convinspect.report import Report

from . import nets


def report(path: str, phase: Phase) -> Report:
    """Return a report with one peak: 3/4 weights, 1/4 activations, and an input too small for a letter."""
    peak = Peak(4_001, phase, path, 1, "aten.relu.default", {"weights": 3_000, "activations": 1_000, "inputs": 1}, ())
    made = nets.lenet()
    memory = replace(made.totals.memory, inference_peak_bytes=peak.bytes, inference_peak=peak)
    return replace(made, totals=replace(made.totals, memory=memory))


def said(path: str, phase: Phase = "forward") -> str:
    return " ".join(render(report(path, phase)).split())


def test_a_peak_is_of_live_tensors_and_says_where() -> None:
    assert "Inference peak 3.907 KiB of live tensors, in conv1 (relu)" in said("conv1")
    assert "in relu() www" in said("")
    assert "in the backward pass of conv1 (relu)" in said("conv1", "backward")
    assert "in the backward pass of the model itself (relu)" in said("", "backward")


def test_each_share_begins_with_its_letter_in_the_bar() -> None:
    text = said("")
    assert "w" * 30 + "a" * 10 + " alive there" in text
    assert "alive there: w weights 2.930 KiB, a activations 1000 B, i input 1 B" in text
    assert text.count("workspaces are not included in the peaks") == 1


def test_without_a_peak_there_is_no_word_of_workspaces() -> None:
    made = nets.lenet()
    memory = replace(made.totals.memory, inference_peak_bytes=None)
    assert "workspaces" not in render(replace(made, totals=replace(made.totals, memory=memory)))


def test_each_segment_of_a_bar_has_its_colour() -> None:
    text = render(report("", "forward"), "table", Options(color=True))
    assert re.search(r"\x1b\[34mw{30}\x1b\[0m\x1b\[32ma{10}\x1b\[0m", text)
