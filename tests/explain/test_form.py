"""How an explanation looks: padding drawn apart, terms with their examples, JSON that says what is not known."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.explain import explain
from convinspect.explain.writing import as_json, as_text
from convinspect.spec import UnitSpec
from tests.explain.reports import report_of


def test_a_picture_draws_padding_apart() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))
    told = explain(report_of(model, torch.zeros(1, 1, 4, 5), unit=UnitSpec("0", (0, 0))), "0")
    assert told.picture[:5] == ("ooo", "o##...", "o##...", " .....", " .....")
    assert all(step.agrees for step in told.unit_steps)


def test_a_line_shows_the_formula_and_what_it_gives() -> None:
    text = as_text(explain(report_of(nn.Conv2d(1, 2, 3, 2), torch.zeros(1, 1, 9, 9))))
    assert "floor((9 + 2*0 - 1*(3-1) - 1)/2) + 1 = 4" in text


def test_the_terms_hold_the_sentence_that_people_learn() -> None:
    assert "floor((i + 2p - d(k-1) - 1)/s) + 1" in " ".join(as_text(None).split())


def test_json_has_both_figures_of_a_step() -> None:
    document = json.loads(as_json(explain(report_of(nn.Linear(3, 2), torch.zeros(1, 3)))))
    macs = next(step for step in document["rows"][0]["steps"] if step["topic"] == "MACs")
    assert (document["schema"], macs["value"], macs["traced"]) == ("convinspect.explain/1", 6, 6)


def test_a_layer_that_is_not_there_is_told_with_those_that_are_near() -> None:
    report = report_of(nn.Sequential(nn.Linear(3, 2)), torch.zeros(1, 3))
    with pytest.raises(UsageError, match="linaer: no row"):
        explain(report, "linaer")
