"""Rules of structure held against saved reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from convinspect.check.limits import rule
from convinspect.errors import UsageError
from tests.check.saved import noting, ruled, saved

LENET, PARTS, UNCOUNTED, WEIGHTS = map(saved, ("lenet", "parts", "uncounted", "weights"))


def test_no_layer_may_have_more_than_its_share_of_the_parameters() -> None:
    # fc1 has 16,050 of 21,840: 73.4890...%
    assert ruled(LENET, max_share="73.49%").status == "PASS"
    one = ruled(LENET, max_share="73.48%")
    assert (one.status, one.value, one.limit, one.margin) == ("FAIL", "16,050 (73.5%)", "max 16,048 (73.48%)", "2 over")
    assert [row.name for row in one.heaviest] == ["fc1 (Linear)"]


def test_frozen_parameters_must_all_be_frozen() -> None:
    assert ruled(PARTS, frozen=["backbone.*"]).status == "PASS"
    one = ruled(PARTS, frozen=["backbone", "head"])
    assert (one.status, one.value) == ("FAIL", "170 trainable of 1,578")
    assert [(row.name, row.amount) for row in one.heaviest] == [("head (Linear)", "170 trainable")]


def test_trainable_parameters_must_all_be_trained() -> None:
    assert ruled(PARTS, trainable=["gate", "head"]).status == "PASS"
    assert ruled(PARTS, trainable="*").value == "1,408 frozen of 1,850"


@pytest.mark.parametrize(("pattern", "says"), [("bone", "no module matches"), ("backbone.2", "no parameters in")])
def test_a_pattern_without_parameters_cannot_be_checked(pattern: str, says: str) -> None:
    one = ruled(PARTS, frozen=[pattern])
    assert (one.status, one.exit_code) == ("ERROR", 2)
    assert says in (one.reason or "")


def test_dtypes_are_those_of_weights_and_outputs() -> None:
    assert ruled(LENET, dtypes=["float32"]).status == "PASS"
    one = ruled(LENET, dtypes=["float16", "bf16"])
    assert (one.status, one.value, one.limit) == ("FAIL", "float32", "only float16, bfloat16")
    assert one.heaviest[0].name == "weights in float32"


def test_the_counter_of_batches_is_no_weight() -> None:
    assert "int64" in PARTS.totals.bytes_by_dtype
    assert ruled(PARTS, dtypes=["float32"]).status == "PASS"


def test_an_operator_that_widens_is_named() -> None:
    last = LENET.layers[-1]
    wide = replace(last, outputs=tuple(replace(out, dtype="float64") for out in last.outputs))
    one = ruled(replace(LENET, layers=(*LENET.layers[:-1], wide)), dtypes=["float32"])
    assert [(row.name, row.amount) for row in one.heaviest] == [("log_softmax()", "gives float64")]


def test_no_operator_may_be_uncounted() -> None:
    assert ruled(LENET, no_uncounted=True).status == "PASS"
    one = ruled(UNCOUNTED, no_uncounted=True)
    assert one.status == "FAIL"
    assert [(row.name, row.amount) for row in one.heaviest] == [("aten.linalg_inv_ex.default in the model", "1x")]
    assert ruled(WEIGHTS, no_uncounted=True).status == "ERROR"


def test_a_file_of_weights_does_not_tell_what_is_trained() -> None:
    assert ruled(WEIGHTS, frozen=["fc"]).status == "ERROR"


def test_a_module_that_is_not_registered_leaves_rules_undecided() -> None:
    report = noting(PARTS, "unregistered", "not registered", "backbone.0")
    assert ruled(report, frozen=["backbone"]).status == "ERROR"
    assert ruled(report, frozen=["backbone.3"]).status == "PASS"
    assert ruled(report, max_share="99%").status == "ERROR"


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("max-share", 0.4, "no unit"),
        ("max-share", "140%", "more than there is"),
        ("frozen", [], "expected a list of module patterns"),
        ("trainable", [1], "expected a list of module patterns"),
        ("dtypes", ["float31"], "unknown dtype"),
        ("no-uncounted", "yes", "expected true or false"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(kind: Any, value: object, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        rule(kind, value, "rules.x")


def test_a_rule_that_is_switched_off_is_none() -> None:
    assert rule("no-uncounted", value=False, key="x") is None
