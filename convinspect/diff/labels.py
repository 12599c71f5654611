"""What stands in a line: its name and type, shapes and fields before and after, what else is to be said."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.diff import amounts
from convinspect.diff.amounts import Change
from convinspect.diff.difference import Facet, Row
from convinspect.diff.lines import Line
from convinspect.diff.nodes import attributes_of
from convinspect.records import ReceptiveField, TensorRecord
from convinspect.render.text import Glyphs, clean
from convinspect.units import by_axis, counted, shape

_FACETS: dict[Facet, str] = {
    "output": "output",
    "field": "RF",
    "dtype": "dtype",
}


def names(line: Line, glyphs: Glyphs) -> str:
    """Return the name of what the line shows: ``conv1``, ``fc -> head``, ``2-5``."""
    before, after = (_name([row.names[side] for row in line.rows], glyphs) for side in (0, 1))
    if line.row.status == "renamed":
        return f"{before} {glyphs.arrow} {after}"
    return before if line.row.after is None else after


def _name(each: Sequence[str], glyphs: Glyphs) -> str:
    first, last = clean(each[0], glyphs), clean(each[-1], glyphs)
    return first if len(each) == 1 else f"{first}-{last.rpartition('.')[2]}"


def types(line: Line, glyphs: Glyphs) -> str:
    """Return the type of what the line shows: ``Conv2d``, ``relu()``, ``ReLU -> GELU``, ``BasicBlock x4``."""
    row = line.row
    texts = [
        clean(layer.type, glyphs) + ("()" if layer.kind == "function" else "")
        for layer in (row.before, row.after)
        if layer is not None
    ]
    text = f" {glyphs.arrow} ".join(texts) if "type" in row.facets else texts[-1]
    return f"{text} {glyphs.times}{len(line.rows)}" if len(line.rows) > 1 else text


def remark(line: Line, glyphs: Glyphs) -> str:
    """Return what else must be said of the line, in brackets: how many rows it stands for, where it was."""
    row, said = line.row, []
    if row.layer.call > 1 and row.layer.kind == "module":
        said.append(f"call {row.layer.call}")
    if row.status == "moved":
        said.append(_from(line, glyphs))
    if row.below and not line.is_open:
        said.append(_inside(line, glyphs))
    return f" ({', '.join(said)})" if said else ""


def _from(line: Line, glyphs: Glyphs) -> str:
    before = [row.before.path for row in line.rows if row.before is not None]
    if line.row.after is not None and line.row.after.path == before[-1]:
        return "in another order"
    return f"was {_name(before, glyphs) or 'the model'}"


def _inside(line: Line, glyphs: Glyphs) -> str:
    """Return how many rows a closed line stands for, and how many of them are not what they were."""
    number = sum(1 + row.below for row in line.rows)
    if line.like is not None:
        return f"like {_name([line.like.names[1]], glyphs)}"
    if line.row.status in ("added", "removed") or line.facets or not line.count:
        return counted(number, "row")
    if line.came or line.went:
        return f"{number - line.came:,} {glyphs.arrow} {counted(number - line.went, 'row')}"
    return f"{line.count:,} of {counted(number, 'row')} changed"


def details(line: Line, glyphs: Glyphs) -> str:
    """Return what changed in the row itself and has no column: ``stride 2 -> 1, trainable 64 -> 0``."""
    before, after = line.row.before, line.row.after
    if before is None or after is None or len(line.rows) > 1 or line.like is not None:
        return ""
    facets = (*line.row.facets, *line.facets)
    found: list[tuple[str, object, object]] = []
    if "attributes" in facets:
        was, now = dict(attributes_of(before)), dict(attributes_of(after))
        changed = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
        found += [(name, was.get(name, "none"), now.get(name, "none")) for name in changed]
    if "trainable" in facets:
        found.append(_sides("trainable", "trainable_params", line.costs["trainable_params"], glyphs))
    if "buffers" in facets:
        found.append(_sides("buffers", "buffers", line.costs["buffers"], glyphs))
    if "dtype" in facets:
        found.append(_sides("weights", "weight_bytes", line.costs["param_bytes"] + line.costs["buffer_bytes"], glyphs))
    if "sharing" in facets:
        found.append(("shares", before.shared_with or "nothing", after.shared_with or "nothing"))
    return ", ".join(clean(f"{name} {a} {glyphs.arrow} {b}", glyphs) for name, a, b in found)


def _sides(name: str, measure: str, value: Change, glyphs: Glyphs) -> tuple[str, str, str]:
    return name, amounts.amount(measure, value.before, glyphs), amounts.amount(measure, value.after, glyphs)


def count(line: Line) -> str:
    """Return what a line says that stands for no row: ``28 rows follow (output, RF)``, ``12 rows unchanged``."""
    if line.kind == "own":
        return "(itself)"
    if line.kind == "more":
        return f"{line.count:,} more lines"
    if line.kind == "unchanged":
        return f"{counted(line.count, 'row')} unchanged"
    # The others have their columns, or tell little where these differ.
    what = [text for facet, text in _FACETS.items() if facet in line.facets]
    what = what or ["MACs" if "macs" in line.facets else "memory"]
    return f"{counted(line.count, 'row')} follow{'s' if line.count == 1 else ''} ({', '.join(what)})"


def outputs(row: Row, glyphs: Glyphs) -> str:
    """Return the shape of the row's first output, of a row in both reports that of the first which changed."""
    if row.before is None or row.after is None:
        return clean(_first(row.layer.outputs), glyphs)
    if "output" not in row.facets:
        return ""
    before, after = row.before.outputs, row.after.outputs
    if len(before) != len(after):
        return clean(f"{_first(before)} {glyphs.arrow} {_first(after)}", glyphs)
    index = next(i for i, (ours, theirs) in enumerate(zip(before, after, strict=True)) if _kind(ours) != _kind(theirs))
    ours, theirs = before[index], after[index]
    both = (shape(ours.shape), shape(theirs.shape)) if ours.shape != theirs.shape else (ours.dtype, theirs.dtype)
    which = f"out.{index} " if len(before) > 1 else ""
    return clean(f"{which}{both[0]} {glyphs.arrow} {both[1]}", glyphs)


def _first(found: Sequence[TensorRecord]) -> str:
    if not found:
        return "none"
    return shape(found[0].shape) + (f" (+{len(found) - 1})" if len(found) > 1 else "")


def _kind(found: TensorRecord) -> tuple[tuple[int, ...], str]:
    return found.shape, found.dtype


def receptive_field(row: Row, glyphs: Glyphs) -> str:
    """Return the size of the row's receptive field, of a row in both reports where it changed; else its jump, ..."""
    if row.before is None or row.after is None:
        return clean(_field_texts(row.layer.receptive_field)["size"], glyphs)
    if "field" not in row.facets:
        return ""
    before, after = _field_texts(row.before.receptive_field), _field_texts(row.after.receptive_field)
    for name, ours in before.items():
        if ours != after[name]:
            label = "" if name == "size" else f"{name} "
            return clean(f"{label}{ours} {glyphs.arrow} {after[name]}", glyphs)
    return ""


def _field_texts(found: ReceptiveField | None) -> dict[str, str]:
    if found is None:
        return dict.fromkeys(("size", "smallest", "local", "jump", "start", "status"), "none")
    otherwise = {"global": "all", "data_dependent": "data"}.get(found.status, "?")
    local = found.local
    return {
        "size": _axes(found.size, otherwise),
        "smallest": _axes(found.size_min, otherwise),
        "local": _axes(local.size, "?") if local is not None else "none",
        "jump": _axes(found.jump or (local.jump if local is not None else None), "?"),
        "start": _axes(found.start, "?"),
        "status": found.status,
    }


def _axes(values: Sequence[object] | None, otherwise: str) -> str:
    return otherwise if values is None or None in values else by_axis(list(map(str, values)))


# The columns behind a line's label: what stands above, and the measure whose change they have (none: they are words).
COLUMNS: dict[str, tuple[str, str | None]] = {
    "output": ("Output", None),
    "params": ("Params", "params"),
    "macs": ("MACs", "macs"),
    "activations": ("Activations", "allocated_bytes"),
    "rf": ("RF", None),
}


def words(column: str, line: Line, glyphs: Glyphs) -> str:
    """Return what a column of words says of the line's row, where it stands for one."""
    if line.kind != "row":
        return ""
    return (outputs if column == "output" else receptive_field)(line.row, glyphs)
