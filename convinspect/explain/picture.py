"""The box of the input that one unit sees, drawn in characters, padding apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from convinspect.explain.steps import Step, axis_names
from convinspect.records import Interval, ReceptiveField
from convinspect.report import Report

INPUT, SEEN, PADDING, NOTHING = ".", "#", "o", " "
# As much as a terminal of 80 columns and 24 lines shows of it.
_WIDTH, _HEIGHT = 72, 18
_PLANE = 2


def unit_steps(report: Report) -> Iterator[Step]:
    """Yield where the unit's box begins and ends, by its index and the field of its row, and what is padding."""
    unit = report.unit
    row = next((row for row in report.layers if unit and row.kind == "module" and row.path == unit.path), None)
    field = row.receptive_field if row is not None else None
    if unit is None or field is None:
        return
    for axis, name in enumerate(map(str, axis_names(len(unit.axes)))):
        nominal = unit.nominal[axis]
        if nominal is None:
            continue
        found = _box(field, axis, unit.index[axis]) if len(unit.index) == len(unit.axes) else None
        box = unit.box[axis]
        where = "nothing of it is in the input" if box is None else f"in the input {box[0]} to {box[1]}"
        working, value = found or ("", None)
        yield Step("field", name, working, value, f"{nominal[0]} to {nominal[1]}", where)
    sizes = [nominal[1] - nominal[0] + 1 for nominal in unit.nominal if nominal is not None]
    inside = [box[1] - box[0] + 1 if box is not None else 0 for box in unit.box]
    if unit.cells is not None and len(sizes) == len(unit.axes):
        yield Step("field", "positions", " * ".join(map(str, sizes)), prod(sizes), unit.cells)
        working = f"{prod(sizes)} - {' * '.join(map(str, inside))}"
        yield Step("field", "padding", working, prod(sizes) - prod(inside), unit.padding_cells)


def _box(field: ReceptiveField, axis: int, index: int) -> tuple[str, str] | None:
    """Return working and ends of the box of unit ``index``: it begins ``index`` jumps after that of unit 0."""
    if field.size is None or field.jump is None or field.start is None or field.size != field.size_min:
        return None
    size, jump, start = field.size[axis], field.jump[axis], field.start[axis]
    if size is None or start is None or not isinstance(jump, int):
        return None
    first = start + index * jump
    return f"{start} + {index}*{jump} and {size} from there", f"{first} to {first + size - 1}"


def picture_of(report: Report) -> tuple[str, ...]:
    """Return the lines of a picture: the last two axes of the input, or its one; none where no unit was asked for."""
    unit = report.unit
    shape = next((tensor.shape for tensor in report.inputs if unit and tensor.name == unit.input), None)
    if unit is None or shape is None or not unit.axes:
        return ()
    planes = list(zip(unit.axes, unit.box, unit.nominal, strict=True))[-_PLANE:]
    axes = [_Axis(shape[axis], box, nominal or box) for axis, box, nominal in planes]
    if len(axes) < _PLANE:
        axes = [_Axis(1, (0, 0), (0, 0)), *axes]
    step = max(-(-axes[0].extent // _HEIGHT), -(-axes[1].extent // _WIDTH), 1)
    down, across = (axis.marks(step) for axis in axes)
    lines = ["".join(_sign(row, column) for column in across).rstrip() for row in down]
    scale = f", a character for {step}x{step} positions" if step > 1 else ""
    return (*lines, f"{SEEN} seen   {PADDING} padding that is seen   {INPUT} the rest of the input{scale}")


class _Axis:
    """One axis of the picture: it runs over the input and over what is seen of its surroundings."""

    def __init__(self, length: int, box: Interval | None, nominal: Interval | None) -> None:
        self._length, self._box, self._nominal = length, box, nominal
        self._first = min(0, nominal[0] if nominal else 0)
        self._last = max(length - 1, nominal[1] if nominal else 0)

    @property
    def extent(self) -> int:
        """How many positions are drawn."""
        return self._last - self._first + 1

    def marks(self, step: int) -> list[tuple[bool, bool, bool]]:
        """Return for each ``step`` positions whether some are in the input, in the box, and in the unclipped box."""
        # A character never holds positions of both the input and its surroundings.
        begin = self._first // step * step
        cells = [range(at, at + step) for at in range(begin, self._last + 1, step)]
        return [
            (
                any(0 <= i < self._length for i in cell),
                _touches(cell, self._box),
                _touches(cell, self._nominal),
            )
            for cell in cells
        ]


def _touches(cell: Sequence[int], box: Interval | None) -> bool:
    return box is not None and cell[0] <= box[1] and cell[-1] >= box[0]


def _sign(row: tuple[bool, bool, bool], column: tuple[bool, bool, bool]) -> str:
    inside, seen, nominal = (a and b for a, b in zip(row, column, strict=True))
    if inside and seen:
        return SEEN
    if nominal:
        return PADDING
    return INPUT if inside else NOTHING
