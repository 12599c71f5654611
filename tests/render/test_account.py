"""Memory as an account, of peaks built by hand: what each column says, and that it adds up."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convinspect.records import Measured, Peak
from convinspect.records.memory import Phase
from convinspect.render.account import account
from convinspect.render.text import ASCII, UNICODE
from convinspect.report import Report, TrainingMemory

from . import nets

KINDS = ("weights", "inputs", "activations", "outputs", "gradients", "optimizer", "saved", "temporaries")
UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


def peak(path: str = "", phase: Phase = "forward", **sizes: int) -> Peak:
    return Peak(sum(sizes.values()), phase, path, 1, "aten.relu.default", sizes, ())


def report(inference: Peak, training: Peak | None = None) -> Report:
    made = nets.lenet()
    step = TrainingMemory("adamw", 0, 0, 0, training.bytes, None, training) if training else None
    memory = replace(made.totals.memory, inference_peak_bytes=inference.bytes, inference_peak=inference, training=step)
    return replace(made, totals=replace(made.totals, memory=memory))


def said(made: Report, width: int = 80) -> str:
    return "\n".join(account(made, UNICODE, width))


def test_kinds_stand_below_each_other_and_phases_beside_each_other() -> None:
    step = peak("fc", "backward", weights=4096, gradients=2048, saved=512)
    assert account(report(peak(weights=4096, activations=1024), step), UNICODE, 80) == [
        "Peak memory     inference         training, adamw",
        "  weights        4.00 KiB                4.00 KiB",
        "  activations    1.00                    0.50",
        "  gradients         ·                    2.00",
        "  = peak         5.00 KiB                6.50 KiB",
        "  at               relu()   backward of fc (relu)",
    ]


@pytest.mark.parametrize(
    ("path", "phase", "place"),
    [
        ("conv1", "forward", "conv1 (relu)"),
        ("", "forward", "relu()"),
        ("conv1", "backward", "backward of conv1 (relu)"),
        ("", "backward", "backward of the model (relu)"),
        ("conv1", "step", "optimizer step"),
    ],
)
def test_each_column_says_where_its_peak_falls(path: str, phase: Phase, place: str) -> None:
    assert re.search(rf"^  at +{re.escape(place)}$", said(report(peak(path, phase, weights=9))), re.MULTILINE)


def test_where_the_place_is_too_long_for_its_column_it_has_a_line() -> None:
    text = said(report(peak("encoder.layers.11.self_attn.out_projection", weights=9)), 40)
    assert "inference peak:" in text
    assert max(map(len, text.splitlines())) <= 40
    assert not re.search(r"^  at", text, re.MULTILINE)


def test_a_place_of_many_lines_keeps_its_beginning_and_its_end() -> None:
    lines = account(report(peak(".".join(["child"] * 300), weights=9)), UNICODE, 40)
    assert len(lines) <= 8
    assert "inference peak: child.child" in "\n".join(lines)
    assert "(relu)" in lines[-1]
    assert any("…" in line for line in lines)


@given(st.fixed_dictionaries({kind: st.integers(0, 2**40) for kind in KINDS}))
def test_each_column_adds_up_to_its_peak(sizes: dict[str, int]) -> None:
    made = peak(**sizes)
    lines = account(report(made), ASCII, 80)
    unit = next(line for line in lines if "= peak" in line).split()[-1]
    found = 0.0
    for line in lines[1:-2]:
        number, *own = line.replace("optimizer state", "optimizer").split()[1:]
        found += 0 if number == "-" else float(number) * UNITS[own[0] if own else unit]
    # Each figure is off by half of its last digit at most.
    assert abs(found - made.bytes) <= 0.006 * made.bytes + 0.04 * UNITS[unit]
    assert not any(re.search(r" 0(\.0+)?$", line) for line in lines)


def test_without_a_peak_there_is_no_account() -> None:
    assert account(nets.lenet(), UNICODE, 80) == []


def test_what_the_allocator_measured_stands_below() -> None:
    made = report(peak(weights=9))
    memory = replace(made.totals.memory, measured=Measured(2048, 4096, 0, 2000, 512, 2.4))
    text = said(replace(made, totals=replace(made.totals, memory=memory)), 120)
    assert text.endswith(
        "Measured on cpu: 2.00 KiB allocated, 4.00 KiB reserved; estimate in blocks 1.95 KiB, difference +2.4 %"
    )
