"""The document for programs."""

from __future__ import annotations

import json
from dataclasses import replace

from convinspect.diff import render
from convinspect.diff.compare import compare
from tests.diff.reports import conv, numbered, relu, report, seq

BEFORE = report(conv("a", 3, 8), relu("r", 8), conv("head", 8, 10))
AFTER = report(conv("a", 3, 16), relu("r", 16), conv("classifier", 8, 10))


def test_the_document_says_what_it_is_and_what_it_compares() -> None:
    document = json.loads(render(compare(BEFORE, AFTER), "json"))
    assert document["schema"] == "convinspect.diff/1"
    assert document["differs"] is True
    assert document["before"]["model"] == {"target": "model.py", "name": "Net", "format": "python", "mode": "eval"}
    assert document["after"]["tool"] == {"version": "1", "torch": "2.0", "python": "3.10"}
    assert document["totals"]["params"] == {"before": 936, "after": 1152, "change": 216, "status": "exact"}


def test_a_change_holds_both_sides_and_its_own_costs() -> None:
    document = json.loads(render(compare(BEFORE, AFTER), "json"))
    conv_ = next(change for change in document["changes"] if change["path_after"] == "a")
    assert (conv_["status"], conv_["itself"]) == ("changed", True)
    assert conv_["differs"] == ["params", "output", "macs"]
    assert conv_["own"]["params"] == {"before": 216, "after": 432, "change": 216, "status": "exact"}
    assert [conv_["outputs_before"][0]["shape"], conv_["outputs_after"][0]["shape"]] == [[1, 8, 8, 8], [1, 16, 8, 8]]
    head = next(change for change in document["changes"] if change["path_before"] == "head")
    assert (head["status"], head["path_after"]) == ("renamed", "classifier")


def test_every_row_that_was_added_is_there_with_no_side_before() -> None:
    after = report(conv("a", 3, 8), relu("r", 8), conv("head", 8, 10), seq("s", *numbered(relu("", 1), relu("", 2))))
    changes = json.loads(render(compare(BEFORE, after), "json"))["changes"]
    added = [change for change in changes if change["status"] == "added"]
    assert [change["path_after"] for change in added] == ["s", "s.0", "s.1"]
    assert {change["path_before"] for change in added} == {None}
    assert {change["type_before"] for change in added} == {None}


def test_what_is_not_known_is_null_and_says_so() -> None:
    unknown = report(replace(conv("a", 3, 8), macs=None), relu("r", 8), conv("head", 8, 10))
    document = json.loads(render(compare(BEFORE, unknown), "json"))
    change = next(change for change in document["changes"] if change["path_after"] == "a")
    assert change["own"]["macs"] == {"before": 13824, "after": None, "change": None, "status": "unknown"}
    assert document["totals"]["macs"]["status"] == "at_least"


def test_no_difference_has_no_changes() -> None:
    document = json.loads(render(compare(BEFORE, BEFORE), "json"))
    assert document["differs"] is False
    assert document["changes"] == []
    assert document["counts"]["unchanged"] == 4


def test_a_report_that_was_saved_and_read_gives_the_same_bytes() -> None:
    read = [type(one).from_dict(json.loads(json.dumps(one.to_dict()))) for one in (BEFORE, AFTER)]
    assert render(compare(*read), "json") == render(compare(BEFORE, AFTER), "json")
