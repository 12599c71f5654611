"""The receptive field of a row: one range over the fields of all its outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeAlias

from convinspect.records import FieldStatus, Interval, LocalField, ReceptiveField, TensorRecord

_Numbers: TypeAlias = "ReceptiveField | LocalField"
# Weaker claims first.
_BY_STRENGTH: tuple[FieldStatus, ...] = ("unknown", "data_dependent", "upper_bound", "global", "exact")


def field_of_outputs(outputs: Sequence[TensorRecord], each: str = "output") -> ReceptiveField | None:
    """Return one field for all ``outputs``: the range of their sizes, the largest halo, the weakest status.

    ``each`` is what they are apart by, the word for which ``size_by`` has.

    Numbers that differ and have no range (``jump``) are ``None``; ``center`` and ``coverage`` are those of the output
    whose unit sees most. Outputs that do not depend on the followed input do not count.
    """
    found = [output.receptive_field for output in outputs if output.receptive_field is not None]
    if not found or all(field == found[0] for field in found):
        return found[0] if found else None
    most = max(found, key=lambda field: math.prod(field.coverage or ()))
    names = [one.name for one in fields(LocalField)]
    locals_ = [field.local or LocalField(**{name: getattr(field, name) for name in names}) for field in found]
    return replace(
        most,
        **_ranges(found, each),
        local=_local(locals_, each) if any(field.local for field in found) else None,
        global_via=_first([field.global_via for field in found]),
        aligned=all(field.aligned for field in found),
        status=_weakest([field.status for field in found]),
        axis_status=_by_axis([field.axis_status for field in found], _weakest),
        axis_global_via=tuple(map(_first, zip(*(f.axis_global_via for f in found if f.axis_global_via), strict=True))),
    )


def _local(parts: Sequence[LocalField], each: str) -> LocalField:
    return LocalField(**_ranges(parts, each), center=max((part.center for part in parts), key=_cells))


def _cells(box: Sequence[Interval | None] | None) -> int:
    return math.prod(side[1] - side[0] + 1 if side else 0 for side in box or (None,))


def _ranges(parts: Sequence[_Numbers], each: str) -> dict[str, Any]:
    ways: dict[str, Callable[[Sequence[Any]], Any]] = {
        "size": max,
        "size_min": min,
        "jump": lambda entries: entries[0] if len(set(entries)) == 1 else None,
        "start": min,
        "halo": lambda sides: (max(side[0] for side in sides), max(side[1] for side in sides)),
    }
    ranges = {name: _by_axis([getattr(part, name) for part in parts], way) for name, way in ways.items()}
    return {**ranges, "size_by": _causes(parts, each)}


def _causes(parts: Sequence[_Numbers], each: str) -> tuple[str | None, ...] | None:
    """Return along each axis what sizes differ by: what the parts are (``each``), and what differs in one of them."""
    sizes = [(part.size, part.size_min) for part in parts]
    if any(size is None for size, _ in sizes):
        return None
    words: list[str | None] = []
    for axis in range(len(parts[0].size or ())):
        inside = [word for part in parts for word in ((part.size_by or ())[axis : axis + 1]) if word]
        apart = len({(size[axis], least[axis]) for size, least in sizes if size and least}) > 1
        found = dict.fromkeys(word for said in inside for word in said.split(" and "))
        words.append(" and ".join([*found, *([each] if apart else [])]) or None)
    return tuple(words)


def _by_axis(columns: Sequence[Sequence[Any] | None], way: Callable[[Sequence[Any]], Any]) -> tuple[Any, ...] | None:
    """Join the entries of each axis; one that is not known in one column is not known."""
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return None
    return tuple(None if None in entries else way(entries) for entries in zip(*known, strict=True))


def _first(entries: Sequence[Any]) -> Any:
    return next((entry for entry in entries if entry is not None), None)


def _weakest(statuses: Sequence[FieldStatus]) -> FieldStatus:
    return min(statuses, key=_BY_STRENGTH.index)
