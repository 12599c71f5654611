"""What the table says of memory: totals, peaks and a bar in proportion."""

from __future__ import annotations

import torch
from torch import nn

from convinspect.pipeline import inspect
from convinspect.render.memory import bar, memory_lines
from convinspect.report import Report
from sample_models.inplace import InPlace, OutOfPlace


def text(report: Report) -> str:
    return "\n".join(line.text for line in memory_lines(report))


def test_the_bar_has_each_kinds_letter_in_proportion() -> None:
    assert bar({"weights": 300, "activations": 90, "inputs": 10}) == "w" * 30 + "a" * 9 + "i"
    assert bar({"optimizer": 1000, "saved": 1}) == "o" * 40
    assert bar({"gradients": 1, "temporaries": 1, "outputs": 2}) == "g" * 10 + "t" * 10 + "r" * 20
    assert bar({}) == ""


def test_the_footer_says_where_the_peaks_fall() -> None:
    x = torch.rand(1, 3, 32, 32)
    saving, plain = (text(inspect(model, (x,))) for model in (InPlace(), OutOfPlace()))
    assert "peak 161.2 KiB of live tensors, in relu1 (relu)" in plain
    assert "alive there: a activations 128.0 KiB, w weights 21.16 KiB, i input 12.00 KiB" in plain
    assert "peak 113.2 KiB of live tensors, in pool1 (avg_pool2d)" in saving
    assert "alive there: a activations 80.00 KiB, w weights 21.16 KiB, i input 12.00 KiB" in saving


def test_the_footer_has_the_training_step_that_was_asked_for() -> None:
    model, x = nn.Linear(256, 256), torch.rand(1, 256)
    said = text(inspect(model, (x,), optimizer="momentum", amp="bfloat16"))
    assert "in a training step with momentum under bfloat16 autocast, in" in said
    assert "optimizer state 257.0 KiB" in said
    assert "the backward pass of" in said or "the optimizer's step" in said
    assert "training step with" not in text(inspect(model, (x,), optimizer=None))


def test_the_report_keeps_everything_through_json() -> None:
    report = inspect(nn.Linear(4, 4), (torch.rand(2, 4),))
    memory = report.to_dict()["totals"]["memory"]
    assert memory["inference_peak"]["bytes"] == memory["inference_peak_bytes"]
    assert memory["training"]["peak"]["bytes"] == memory["training"]["peak_bytes"]
    assert Report.from_dict(report.to_dict()) == report


def test_the_rows_add_up_to_what_is_saved() -> None:
    report = inspect(OutOfPlace(), (torch.rand(2, 3, 32, 32),))
    assert report.totals.memory.training is not None
    saved = [layer.memory.saved_bytes for layer in report.layers]
    assert None not in saved
    assert sum(size or 0 for size in saved) == report.totals.memory.training.saved_bytes
