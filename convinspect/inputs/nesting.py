"""Arguments of ``forward`` that are tuples or dictionaries, put together from what was given for places in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from convinspect.errors import UsageError


def nested(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the arguments that ``values`` by dotted places make: ``state.0`` in a tuple, ``batch.rgb`` in a mapping.

    Raises `UsageError` where a place is given twice, or a tuple has a gap.
    """
    root: dict[str, Any] = {}
    inside: set[int] = {id(root)}
    for place, value in values:
        *folders, last = place.split(".")
        holder = root
        for name in folders:
            if name not in holder:
                holder[name] = {}
                inside.add(id(holder[name]))
            holder = holder[name]
            if id(holder) not in inside:
                raise UsageError(f"--input {place}: another input is the whole of it")
        if last in holder:
            raise UsageError(f"two inputs have the same name: {place}")
        holder[last] = value
    return {name: _settled(value, name, inside) for name, value in root.items()}


def _settled(value: Any, place: str, inside: set[int]) -> Any:
    if id(value) not in inside:
        return value
    items = {name: _settled(item, f"{place}.{name}", inside) for name, item in value.items()}
    if not all(name.isdigit() for name in items):
        return items
    missing = [f"{place}.{index}" for index in range(max(map(int, items))) if str(index) not in items]
    if missing:
        raise UsageError(f"{', '.join(missing)} is missing: --input counts the items of a tuple from 0")
    return tuple(items[str(index)] for index in range(len(items)))
