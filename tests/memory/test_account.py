"""What the page says of memory: an account of the peaks, and where they fall."""

from __future__ import annotations

import re

import torch
from torch import nn

from convinspect.pipeline import inspect
from convinspect.render.account import account
from convinspect.render.text import UNICODE
from convinspect.report import Report
from sample_models.inplace import InPlace, OutOfPlace


def text(report: Report) -> str:
    return "\n".join(account(report, UNICODE, 100))


def test_the_account_says_where_the_peaks_fall() -> None:
    x = torch.rand(1, 3, 32, 32)
    saving, plain = (text(inspect(model, (x,), optimizer=None)) for model in (InPlace(), OutOfPlace()))
    assert plain.splitlines() == [
        "Peak memory        inference",
        "  weights           21.2 KiB",
        "  input             12.0",
        "  activations        128",
        "  = peak             161 KiB",
        "  at            relu1 (relu)",
    ]
    assert saving.splitlines()[3:] == [
        "  activations             80.0",
        "  = peak                   113 KiB",
        "  at            pool1 (avg_pool2d)",
    ]


def test_the_account_has_the_training_step_that_was_asked_for() -> None:
    model, x = nn.Linear(256, 256), torch.rand(1, 256)
    said = text(inspect(model, (x,), optimizer="momentum", amp="bfloat16"))
    assert "training, momentum bfloat16" in said
    assert re.search(r"optimizer state +· +257$", said, re.MULTILINE)
    assert "backward of" in said or "optimizer step" in said
    assert "training" not in text(inspect(model, (x,), optimizer=None))


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
