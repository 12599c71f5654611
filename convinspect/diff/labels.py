"""What stands in front of a line's numbers: its name and type, what else is to be said, and what is not shown."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect import units
from convinspect.diff.facets import Facet
from convinspect.diff.lines import Line
from convinspect.diff.nodes import attributes_of
from convinspect.diff.signs import Signs, clean

_FACETS: dict[Facet, str] = {
    "output": "output",
    "params": "params",
    "macs": "MACs",
    "allocated": "memory",
    "saved": "saved",
    "field": "RF",
    "dtype": "dtype",
}


def names(line: Line, signs: Signs) -> str:
    """Return the name of what the line shows: ``conv1``, ``fc -> head``, ``2-5``."""
    before, after = (_name([row.names[side] for row in line.rows], signs) for side in (0, 1))
    row = line.row
    if row.status == "renamed" or (row.status == "moved" and before != after):
        return f"{before or '(model)'} {signs.arrow} {after or '(model)'}"
    return before if row.after is None else after


def _name(each: Sequence[str], signs: Signs) -> str:
    first, last = clean(each[0], signs), clean(each[-1], signs)
    return first if len(each) == 1 else f"{first}-{last.rpartition('.')[2]}"


def types(line: Line, signs: Signs) -> str:
    """Return the type of what the line shows: ``Conv2d``, ``relu()``, ``ReLU -> GELU``, ``BasicBlock x4``."""
    row = line.row
    texts = [
        clean(layer.type, signs) + ("()" if layer.kind == "function" else "")
        for layer in (row.before, row.after)
        if layer is not None
    ]
    text = f" {signs.arrow} ".join(texts) if "type" in row.facets else texts[-1]
    return f"{text} {signs.times}{len(line.rows)}" if len(line.rows) > 1 else text


def remark(line: Line, signs: Signs) -> str:
    """Return what else must be said of the line, in brackets: how many rows it stands for, where it was."""
    row, said = line.row, []
    if row.layer.call > 1 and row.layer.kind == "module":
        said.append(f"call {row.layer.call}")
    if row.status == "moved" and row.before is not None and row.after is not None:
        same = row.before.path == row.after.path
        said.append("in another order" if same else f"was {clean(row.before.path, signs) or 'the model'}")
    if row.below and not line.is_open:
        said += _inside(line)
    return f" ({', '.join(said)})" if said else ""


def _inside(line: Line) -> list[str]:
    number = sum(1 + row.below for row in line.rows)
    if line.row.status in ("added", "removed"):
        return [row_count(number)]
    said = [f"{line.hidden:,} of {row_count(number)} changed"] if line.hidden else [row_count(number)]
    return [*said, f"{line.follow:,} follow"] if line.follow else said


def details(line: Line, signs: Signs) -> str:
    """Return what changed in the row itself and has no column: ``stride 2 -> 1, trainable 64 -> 0``."""
    before, after = line.row.before, line.row.after
    if before is None or after is None or len(line.rows) > 1:
        return ""
    found: list[tuple[str, str, str]] = []
    if "attributes" in line.row.facets:
        ours, theirs = dict(attributes_of(before)), dict(attributes_of(after))
        found += [
            (name, ours.get(name, "none"), theirs.get(name, "none"))
            for name in sorted({*ours, *theirs})
            if ours.get(name) != theirs.get(name)
        ]
    if "trainable" in line.row.facets:
        found.append(("trainable", units.exact(before.trainable_params), units.exact(after.trainable_params)))
    if "buffers" in line.row.facets:
        found.append(("buffers", units.exact(before.buffers), units.exact(after.buffers)))
    if "dtype" in line.row.facets:
        weights = (sum((layer.param_bytes, layer.buffer_bytes)) for layer in (before, after))
        found.append(("weights", *(units.size(weight) for weight in weights)))
    if "sharing" in line.row.facets:
        found.append(("shares", before.shared_with or "nothing", after.shared_with or "nothing"))
    return ", ".join(clean(f"{name} {a} {signs.arrow} {b}", signs) for name, a, b in found)


def rest(line: Line) -> str:
    """Return what is not shown of a row: ``28 rows follow (output, MACs, RF), 12 unchanged``."""
    said = []
    if line.follow:
        what = ", ".join(_FACETS[facet] for facet in _FACETS if facet in line.facets)
        said.append(f"{row_count(line.follow)} follow{'s' if line.follow == 1 else ''} ({what})")
    if line.unchanged:
        said.append(f"{line.unchanged:,} unchanged" if said else f"{row_count(line.unchanged)} unchanged")
    return ", ".join(said)


def row_count(number: int) -> str:
    """Return ``1 row``, ``1,200 rows``."""
    return f"{number:,} row{'' if number == 1 else 's'}"
