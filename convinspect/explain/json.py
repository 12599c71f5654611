"""Explanations as JSON, for programs and for those who draw them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convinspect.explain.steps import Explanation
from convinspect.explain.terms import TERMS
from convinspect.json_text import json_text

SCHEMA = "convinspect.explain/1"


def write(explanation: Explanation) -> str:
    """Return the document ``convinspect.explain/1``: every figure with its formula, and as it ran."""
    document = asdict(explanation)
    for row in document["rows"]:
        row["settings"] = dict(row["settings"])
    return _text(document)


def write_terms() -> str:
    """Return the terms by their names."""
    return _text({"terms": dict(TERMS)})


def _text(document: dict[str, Any]) -> str:
    return json_text({"schema": SCHEMA, **document}, indent=2)
