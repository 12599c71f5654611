"""The layout of torchsummary: its own output to the character wherever it runs, and the same form where it does not."""

from __future__ import annotations

import contextlib
import io

import pytest
import torch
import torchsummary

import convinspect
from convinspect.render import render
from tests.test_sample_models import SMALL, Sample
from tests.test_second_opinion import CRASHES, MISSES

from . import nets

RUNS = [sample for sample in SMALL if sample.file not in CRASHES | MISSES]


@pytest.mark.parametrize("sample", RUNS, ids=str)
def test_it_is_torchsummary_s_own_output_to_the_character(sample: Sample) -> None:
    model = sample.build().eval()
    with contextlib.redirect_stdout(io.StringIO()) as printed, torch.no_grad():
        torchsummary.summary(model, [shape[1:] for shape in sample.inputs], device="cpu")
    report = convinspect.inspect(model, tuple(torch.ones(shape) for shape in sample.inputs), optimizer=None)
    assert render(report, "torchsummary") == printed.getvalue().removesuffix("\n")


def test_tuples_and_words_have_the_same_form() -> None:
    lines = render(nets.odd(), "torchsummary").splitlines()
    assert lines[1] == "        Layer (type)               Output Shape         Param #"
    assert lines[-1] == "-" * 64
    assert any("Linear-" in line and "65,000" in line for line in lines)
