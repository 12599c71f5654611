"""The document: what was inspected and how, the rows, the totals; to JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from convinspect.errors import UsageError
from convinspect.json_text import json_text
from convinspect.records import Bytes, Count, Failure, Model, NamedTensor, Note, Run, Timelines, Tool, Unit
from convinspect.report.reading import damaged, faults_of, read
from convinspect.report.rows import Layer, RowsUnits, Totals, Uncounted
from convinspect.showing import Shown

SCHEMA = "convinspect.report/1"


Edge: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A model input or output: ``name`` as the caller knows it, ``bytes`` of its elements."""

    name: str
    shape: tuple[Count, ...]
    dtype: str
    bytes: Bytes

    @classmethod
    def of(cls, named: NamedTensor) -> Tensor:
        """Return ``named`` in the report's form."""
        return cls(named.name, named.record.shape, named.record.dtype, named.record.bytes)


@dataclass(frozen=True, slots=True)
class Report(Shown):
    """What a network is, row by row in order of execution, and in total; ``unit``: the one that was asked for.

    ``failure`` says why the forward stopped: the rows up to there are right, the others unknown. ``graph``, where it
    was asked for, has an edge ``(from, to)`` for each row that reads what another one made, by their places in
    ``layers``, in the order of its arguments; the inputs are -1, -2 and so on. Where they were asked for,
    ``timeline`` has the life of each allocation, and ``units`` what every unit of a row's first output sees.
    """

    tool: Tool
    model: Model
    run: Run
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    totals: Totals
    warnings: tuple[Note, ...]
    uncounted: tuple[Uncounted, ...]
    unit: Unit | None = None
    failure: Failure | None = None
    graph: tuple[Edge, ...] | None = None
    timeline: Timelines | None = None
    units: RowsUnits | None = None

    @property
    def stopped(self) -> str | None:
        """Where the forward stopped and why, in one line; ``None`` where it did not."""
        if self.failure is None:
            return None
        at = f", at {self.failure.op}()" if self.failure.op else ""
        return f"{self.failure.path or 'in forward'}{at}: {self.failure.message}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document as dicts, lists, ints, floats, strings and ``None``."""
        document: dict[str, Any] = json.loads(json_text(self._builtins()))  # tuples become lists
        return document

    @classmethod
    def from_dict(cls, document: Any) -> Report:
        """Return the report that `to_dict` made ``document`` from; keys that are not known here are ignored.

        Raises `UsageError` where the document is not a report of this schema, holds what no report does, or does not
        add up; the message names the place.
        """
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema != SCHEMA:
            said = f"{schema!r:.80}" if isinstance(schema, (str, type(None))) else f"a {type(schema).__name__}"
            raise UsageError(
                f"not a {SCHEMA} document (schema: {said})",
                "save one with: convinspect summary MODEL --input ... --json --output report.json",
            )
        report = read(cls, document)
        for place, fault in faults_of(report):
            raise damaged(place, fault)
        return report

    def to_json(self, *, ascii_only: bool = False) -> str:
        """Return the document as indented JSON text without a line break at its end."""
        return json_text(self._builtins(), indent=2, ascii_only=ascii_only)

    def _builtins(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **msgspec.to_builtins(self)}
