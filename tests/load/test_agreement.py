"""One model, one report: eager, scripted, exported and on meta, row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from convinspect.pipeline import inspect
from convinspect.report import Layer, LayerMemory, Report, TotalMemory, Totals
from tests.load.forms import exported, first_difference, report_of, rows, scripted, traced
from tests.test_sample_models import CONVOLUTIONS, SMALL, Sample, _inputs

# Deeper or longer forms of what is there already.
HEAVY = ("resnet50", "proj_size", "depth=3", "depth=4", "MobileNetV2")


def _samples(way: str) -> list[Any]:
    """Return the samples that can be converted this way; the slow ones run on request."""
    chosen = [sample for sample in (*CONVOLUTIONS[::6], *SMALL) if way in sample.ways]
    return [
        pytest.param(s, marks=pytest.mark.heavy if any(h in str(s) for h in HEAVY) else (), id=str(s)) for s in chosen
    ]


def _made(sample: Sample) -> tuple[Any, tuple[Any, ...]]:
    torch.manual_seed(0)
    return sample.build().eval(), tuple(_inputs(sample.inputs))


def _without_peaks(report: Report) -> Totals:
    memory = TotalMemory(report.totals.memory.input_bytes, report.totals.memory.weight_bytes, None, None, None)
    return replace(report.totals, memory=memory)


@pytest.mark.parametrize("sample", _samples("script"))
def test_a_scripted_model_has_the_rows_of_the_eager_one(sample: Sample, tmp_path: Path) -> None:
    model, inputs = _made(sample)
    eager = inspect(model, inputs)
    script = report_of(scripted(model, tmp_path / "model.pt"), inputs)
    assert first_difference(rows(eager), rows(script)) == ""
    # The interpreter lets go of a value after its last use; Python holds on to a name until the function returns.
    assert _without_peaks(script) == _without_peaks(eager)
    assert (script.inputs, script.outputs) == (eager.inputs, eager.outputs)


@pytest.mark.parametrize("sample", _samples("export"))
def test_an_exported_model_has_the_rows_of_the_eager_one(sample: Sample, tmp_path: Path) -> None:
    model, inputs = _made(sample)
    eager = inspect(model, inputs)
    program = report_of(exported(model, inputs, tmp_path / "model.pt2"), inputs)
    # A program does not keep what a module was given: a tensor that it got twice is there once.
    # Nor the class of a module that it does not run.
    never = {layer.path for layer in eager.layers if layer.call == 0}
    got = [
        replace(layer, type="") if layer.path in never else layer for layer in rows(program, inputs=False, saved=False)
    ]
    wanted = [
        replace(layer, type="") if layer.path in never else layer for layer in rows(eager, inputs=False, saved=False)
    ]
    assert first_difference(wanted, got) == ""
    assert program.totals.macs == eager.totals.macs
    assert program.outputs == eager.outputs


@pytest.mark.parametrize("sample", _samples("trace"))
def test_a_traced_model_has_the_rows_of_the_eager_one(sample: Sample, tmp_path: Path) -> None:
    model, inputs = _made(sample)
    eager = inspect(model, inputs)
    archive = report_of(traced(model, inputs, tmp_path / "model.pt"), inputs)
    # The tracer drops results that nobody reads (the states of an LSTM), and makes tensors of numbers.
    assert first_difference(_heads(eager), _heads(archive)) == ""
    assert archive.totals.macs == eager.totals.macs


def _heads(report: Report) -> list[Layer]:
    nothing = LayerMemory(None, None)
    return [replace(layer, outputs=layer.outputs[:1], memory=nothing) for layer in rows(report, inputs=False)]


@pytest.mark.parametrize("way", [scripted, exported])
@pytest.mark.parametrize("sample", _samples("export")[5:12])
def test_on_meta_a_file_has_the_rows_that_it_has_on_the_cpu(sample: Sample, way: Any, tmp_path: Path) -> None:
    model, inputs = _made(sample)
    if way is scripted and "script" not in sample.ways:
        pytest.skip("does not script")
    path = scripted(model, tmp_path / "a.pt") if way is scripted else exported(model, inputs, tmp_path / "a.pt2")
    meta = tuple(tensor.to("meta") for tensor in inputs)
    assert first_difference(rows(report_of(path, inputs)), rows(report_of(path, meta, device="meta"))) == ""
