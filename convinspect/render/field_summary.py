"""What receptive fields mean: which layer is the first to see everything, and how far tiles must overlap."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.ops import display_name
from convinspect.records import Interval, ReceptiveField
from convinspect.report import Layer, Report
from convinspect.tree import layer_name, leaves

# A batch of vectors: no axis that an image could be cut along.
_FLAT = 2


def causes(layers: Sequence[Layer]) -> list[str]:
    """Return what made fields global, each once, in order: ``stage.se.pool (mean)``."""
    found: dict[str, None] = {}
    for layer in layers:
        via = layer.receptive_field.global_via if layer.receptive_field else None
        if via:
            found[_gate(via.path, via.op)] = None
    return list(found)


def _gate(path: str, op: str) -> str:
    return f"{path} ({display_name(op)})" if path else f"{display_name(op)}()"


def whole_input_text(report: Report) -> str | None:
    """Return which layer is the first whose centre unit depends on the whole input.

    ``None`` where that is not known: a field of unknown extent stands before it, or it is the model itself.
    """
    for layer in leaves(report.layers):
        field = layer.receptive_field
        if field and _is_vague(field):
            return None
        if field and _covers(field):
            # The model as a whole is the first only where nothing below it is shown: that says nothing.
            return (
                f"the centre unit of {layer_name(layer)} is the first to see the whole input" if layer.depth else None
            )
    return "no layer's centre unit sees the whole input"


def _is_vague(field: ReceptiveField) -> bool:
    return field.status in ("unknown", "data_dependent", "upper_bound") or not field.coverage


def _covers(field: ReceptiveField) -> bool:
    return bool(field.coverage) and all(share == 1 for share in field.coverage or ())


def halo_text(report: Report) -> str | None:
    """Return the overlap that tiled inference needs around each tile, or why there is none that is enough.

    ``None`` where the output's field is not known.
    """
    root = report.layers[0] if report.layers else None
    field = root.receptive_field if root else None
    if root is None or field is None or field.status == "unknown":
        return None
    if field.status == "data_dependent":
        return "none is enough: the output's field depends on the data"
    if field.halo and None in field.halo:
        return _halo_along_some(field, field.halo)
    if field.halo:
        return _halo(field, field.halo)
    gate = f"none is enough: {_gate(field.global_via.path, field.global_via.op)} " if field.global_via else ""
    if field.local and (local := _halo(field, field.local.halo)):
        return f"{gate}looks at the whole input; without it, {local}" if gate else None
    if gate:
        return f"{gate}looks at the whole input"
    if _is_flat(root, field):
        return "none is enough: the output has no spatial axes"
    return _unbounded(report)


def _is_flat(root: Layer, field: ReceptiveField) -> bool:
    flat = bool(root.outputs) and all(len(out.shape) <= _FLAT for out in root.outputs)
    return flat and field.jump is None and field.status == "exact"


def _unbounded(report: Report) -> str | None:
    for layer in leaves(report.layers):
        field = layer.receptive_field
        if field and _is_vague(field):
            return None
        if field and _covers(field) and not field.size:
            return f"none is enough: {layer_name(layer)} looks at the whole input"
    return None


def _halo(field: ReceptiveField, sides: tuple[Interval | None, ...] | None) -> str | None:
    """Return one sentence where all axes need the same, else one for each group of axes of the input."""
    if sides is None:
        return None
    bound = "at most " if field.status == "upper_bound" else ""
    groups: dict[Interval, list[int]] = {}
    for axis, side in zip(field.axes, sides, strict=True):
        if side is None:
            return None
        groups.setdefault(side, []).append(axis)
    if len(groups) == 1:
        return bound + _around(*next(iter(groups)))
    return "; ".join(
        f"{_named(axes)}: {bound}{_around(*side)}" if any(side) else f"{_named(axes)}: 0"
        for side, axes in groups.items()
    )


def _halo_along_some(field: ReceptiveField, sides: tuple[Interval | None, ...]) -> str | None:
    """Return what the axes need that have a halo, and why the others have none: they are global."""
    statuses, gates = field.axis_status or (), field.axis_global_via or ()
    known = [number for number, side in enumerate(sides) if side is not None]
    if any(statuses[number : number + 1] != ("global",) for number in range(len(sides)) if number not in known):
        return None
    parts = [_named([field.axes[n]]) + f": {_around(*side)}" for n, side in enumerate(sides) if side is not None]
    for number, gate in enumerate(gates):
        if number not in known and gate is not None:
            parts.append(
                f"{_named([field.axes[number]])}: none is enough, {_gate(gate.path, gate.op)} looks at all of it"
            )
    return "; ".join(parts)


def global_axes(layers: Sequence[Layer]) -> str:
    """Return along which axes fields are the whole input, where that is not all: ``along axis 3``."""
    fields = [layer.receptive_field for layer in layers if layer.receptive_field]
    along = {
        axis
        for field in fields
        for axis, status in zip(field.axes, field.axis_status or (field.status,) * len(field.axes), strict=True)
        if status == "global"
    }
    everywhere = {axis for field in fields for axis in field.axes}
    return f" along {_named(sorted(along))}" if along and along != everywhere else ""


def _named(axes: Sequence[int]) -> str:
    return ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))


def _around(before: int, after: int) -> str:
    return f"{before} on each side of a tile" if before == after else f"{before} before and {after} after each tile"
