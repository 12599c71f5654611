"""What stands below the table: signs that occur, what is left out, every warning; with -v what the words mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convinspect import units
from convinspect.records import Note
from convinspect.render import field, field_summary
from convinspect.render.cells import size_text
from convinspect.render.layout import Layout
from convinspect.render.rows import Row
from convinspect.render.text import Glyphs, Sign
from convinspect.report import Report

_NAMED = 3


def legend(report: Report, rows: Sequence[Row], layout: Layout, glyphs: Glyphs, *, verbose: bool) -> Iterator[str]:
    """Yield the meaning of each sign that occurs in ``layout``; with ``verbose`` also of those that speak plainly."""
    found = [(sign, _cells_with(sign, layout)) for sign in Sign]
    occurring = {sign for sign, cells in found if cells}
    for sign, cells in found:
        if cells and (verbose or not sign.plain) and not (sign is Sign.ALL and Sign.GATED in occurring):
            causes = _causes(report) if sign in (Sign.ALL, Sign.GATED) else ""
            causes = field_summary.global_axes(report.layers) + causes if sign is Sign.ALL else causes
            stopped = sign is Sign.AT_LEAST and report.failure is not None and not report.uncounted
            meaning = "at least: the forward stopped" if stopped else sign.meaning
            yield f"{sign.shown.format(glyphs=glyphs)}  {meaning}{causes}"
    columns = {filled.column.topic for filled in layout.columns}
    if "field" in columns:
        fields = [layer.receptive_field for row in rows for layer in row.layers if layer.receptive_field]
        spread = [one for one in fields if one.size and one.size_min and tuple(one.size_min) != tuple(one.size)]
        if spread:
            by = field.differ_by(spread).replace("phase", "phase after resampling")
            yield f"a-b  RF: least and most, where units of one layer differ{f' by {by}' if by else ''}"
        yield from _axes(report)
        yield from _other_inputs(report)


def _cells_with(sign: Sign, layout: Layout) -> list[str]:
    columns = [filled for filled in layout.columns if sign in (*filled.column.signs, Sign.UNKNOWN)]
    return [text for filled in columns for text in filled.texts if re.search(sign.pattern, text)]


def _axes(report: Report) -> Iterator[str]:
    """Yield which axes the fields speak of, where they are not those after batch and channels."""
    followed = next((layer.receptive_field for layer in report.layers if layer.receptive_field), None)
    said = field.axes_text(followed, report) if followed is not None else None
    if said is not None:
        yield f"RF is in {said}"


def _other_inputs(report: Report) -> Iterator[str]:
    """Yield whose fields are shown where there are several inputs: rows of the others have none."""
    followed = next((layer.receptive_field.input for layer in report.layers if layer.receptive_field), None)
    others = [tensor.name for tensor in report.inputs if tensor.name != followed]
    if followed is not None and others:
        yield f"RF is of {followed}; rows that do not depend on it have none: --field-of {others[0]} follows the other"


def _causes(report: Report) -> str:
    found = field_summary.causes(report.layers)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f", through {', '.join(found[:_NAMED])}{more}" if found else ""


def left_out(layout: Layout, silent: Sequence[str], width: int) -> Iterator[str]:
    """Yield which columns are missing and why, and that names are shortened."""
    if silent:
        yield f"left out: {', '.join(silent)}"
    missing = [*layout.dropped, *(["the middle of names"] if layout.shortened else [])]
    if missing:
        yield f"left out: {', '.join(missing)} (--width {max(layout.whole_width, width + 1)} shows all)"


def unit(report: Report) -> Iterator[str]:
    """Yield which box of the input the unit sees that was asked for."""
    if report.unit:
        yield field.unit_text(report.unit)


def warnings(report: Report, *, told: bool) -> Iterator[str]:
    """Yield why the forward stopped, and every warning; those that differ only by the numbers in them stand as one.

    Where the failure and the choice of the model have been ``told`` elsewhere, they are not repeated.
    """
    alike: dict[tuple[str, str], list[Note]] = {}
    for note in report.warnings:
        if (told and note.is_told) or (note.code == "macs_lower_bound" and report.uncounted):
            continue
        alike.setdefault((note.code, re.sub(r"\d+", "#", note.message)), []).append(note)
    if report.stopped and not told:
        yield report.stopped
    yield from map(_said, alike.values())
    if report.uncounted:
        yield f"MACs are a lower bound: no rule says what these operators cost: {_uncounted(report)}"


def _said(notes: Sequence[Note]) -> str:
    first = notes[0]
    place = f"{first.path}: " if first.path and first.path not in first.message else ""
    more = f" (and {len(notes) - 1} more like it)" if len(notes) > 1 else ""
    return place + first.message + more


def _uncounted(report: Report) -> str:
    ops: dict[str, list[str]] = {}
    for one in report.uncounted:
        times = f"{one.count}x in " if one.count > 1 else "in "
        ops.setdefault(one.op, []).append(times + (one.path or "the model"))
    said = []
    for op, places in ops.items():
        more = f" and {len(places) - _NAMED} other places" if len(places) > _NAMED else ""
        said.append(f"{op} ({', '.join(places[:_NAMED])}{more})")
    return "; ".join(said)


_MACS = (
    "One MAC is one multiply-add of a convolution, linear, matmul, attention, bilinear or recurrent layer; "
    "bias, norms, activations, pooling and softmax are not counted. FLOPs are twice the MACs"
)


def definitions(report: Report, layout: Layout) -> Iterator[str]:
    """Yield what each column means, then what else there is to say of the totals."""
    yield "A row includes the rows below it; hidden operators keep the shape, or are views or copies"
    for filled in layout.columns:
        yield f"{filled.column.heading}: {filled.column.means}"
    if report.model.format == "weights":
        return
    total = report.totals
    flops = f": {units.exact(total.macs)} and {units.exact(total.flops)} here" if total.macs and total.flops else ""
    eight = "; of complex numbers, eight times" if any(layer.complex_macs for layer in report.layers) else ""
    yield _MACS + eight + flops
    if total.buffers:
        yield f"Buffers: {units.exact(total.buffers)} elements"
    if total.memory.inference_peak_bytes is not None:
        yield "Peaks are of live tensors: kernels' own workspaces are not included"
    if total.memory.training:
        step = total.memory.training
        yield (
            f"A training step with {step.optimizer} as a whole: gradients {size_text(step.gradient_bytes)}, "
            f"optimizer state {size_text(step.optimizer_bytes)}, saved for backward {size_text(step.saved_bytes)}"
        )
    yield from _fields(report)


def _fields(report: Report) -> Iterator[str]:
    fields = [layer.receptive_field for layer in report.layers if layer.receptive_field]
    if all(one.status == "unknown" for one in fields):
        return
    steps = {1: "steps", 2: "pixels"}.get(len(fields[0].axes), "positions")
    seen = field_summary.whole_input_text(report)
    where = field.axes_text(fields[0], report) or f"{steps} of {fields[0].input}"
    yield f"Receptive fields are in {where}" + (f"; {seen}" if seen else "")
    yield f"Tile halo: {field_summary.halo_text(report) or 'not known'}"
