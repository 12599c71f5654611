"""The columns of the table: everything about each stands in its one entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from convinspect.errors import UsageError
from convinspect.render import cells, field
from convinspect.render.text import Sign

if TYPE_CHECKING:
    from convinspect.report import Report

if TYPE_CHECKING:
    from convinspect.render.rows import Row  # the columns' names are wanted where no report is shown

Topic: TypeAlias = Literal["tensors", "weights", "macs", "field", "memory"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``name`` for ``--columns``, its heading, what it ``means``, and how its cells are written.

    ``topic``: all but ``weights`` need a forward. ``silent`` returns why the column has nothing to say of a report, or
    nothing. ``extra`` columns come where the width allows it, in this order, those of one number together (0: never by
    themselves). Where the table is too wide, columns are left out in ``drop`` order (from 1; 0: last, from the right).
    Those of its ``signs`` that occur are explained. ``bar``: the cell is a percentage, which colour can show. ``sorts``
    returns what rows are sorted by, where their text would not do.
    """

    name: str
    heading: str
    topic: Topic
    cells: cells.Cells
    means: str
    left: bool = False
    default: bool = False
    extra: int = 0
    drop: int = 0
    bar: bool = False
    silent: Callable[[Report], str] = lambda _: ""
    signs: tuple[Sign, ...] = ()
    sorts: Callable[[Row], int | None] | None = None


# What else a column may be called: by its heading.
_ALIASES = {"stride": "jump", "activations": "allocated", "memory": "allocated"}


def chosen(names: Sequence[str]) -> list[Column]:
    """Return the columns of ``names``, each once; raises `UsageError` for a name that does not exist."""
    wanted: list[str] = []
    for given in names or ("default",):
        name = _ALIASES.get(given, given)
        if name not in ("default", "all", *COLUMNS):
            message = f"no column {name}"
            raise UsageError(message, f"choose from: default, all, {', '.join(COLUMNS)}")
        wanted += [c.name for c in COLUMNS.values() if c.default or name == "all"] if name in _SETS else [name]
    return [COLUMNS[name] for name in dict.fromkeys(wanted)]


_SETS = ("default", "all")


def extras() -> list[list[Column]]:
    """Return the columns that a wide page also has, in the order in which they come, in groups."""
    found = sorted((column for column in COLUMNS.values() if column.extra), key=attrgetter("extra"))
    return [list(group) for _, group in groupby(found, key=attrgetter("extra"))]


def with_values(columns: Sequence[Column], report: Report) -> tuple[list[Column], list[str]]:
    """Return the columns that have something to say of ``report``, and why each other one has not."""
    if report.model.format == "weights":
        return [column for column in columns if column.topic == "weights"], []
    silent = {column.name: column.silent(report) for column in columns}
    kept = [column for column in columns if not silent[column.name]]
    return kept, list(dict.fromkeys(why for why in silent.values() if why))


def _no_field(report: Report) -> str:
    if any(layer.receptive_field and layer.receptive_field.status != "unknown" for layer in report.layers):
        return ""
    flat = all(len(tensor.shape) <= 2 for tensor in report.inputs)  # noqa: PLR2004 - batch and features
    return f"RF ({'no input has spatial axes' if flat else 'not known for any layer'})"


def _tensors(name: str, heading: str, texts: Callable[[Row], list[str]], means: str, **rest: Any) -> Column:
    signs = (Sign.MORE, Sign.NONE)
    return Column(name, heading, "tensors", cells.several(texts), means, left=True, signs=signs, **rest)


def _sum(name: str, heading: str, of: str, written: cells.Cells, means: str, **rest: Any) -> Column:
    """Return the column of a sum over rows, ``of`` which in `Sums` it is written and sorted."""
    topic: Topic = "macs" if of == "macs" else "weights"
    return Column(name, heading, topic, written, means, sorts=attrgetter(f"sums.{of}"), **rest)


def _field(name: str, heading: str, written: cells.Cells, means: str, **rest: Any) -> Column:
    return Column(name, heading, "field", written, means, silent=_no_field, **rest)


def _bytes(name: str, heading: str, of: str, means: str, **rest: Any) -> Column:
    """Return the column of bytes of a run, by their name in `LayerMemory`."""
    get, of_layer = attrgetter(f"sums.memory.{of}"), attrgetter(f"memory.{of}")

    def silent(report: Report) -> str:
        # A layer that runs no operator allocates nothing for certain: that alone is no column.
        return "" if any(map(of_layer, report.layers)) else f"{heading} (not known for any layer)"

    return Column(name, heading, "memory", cells.allocation(get), means, silent=silent, sorts=get, **rest)


_SIZES = (Sign.ALL, Sign.GATED, Sign.EXTENTS, Sign.CENTRE, Sign.DATA, Sign.AT_MOST)
_ALL = (
    _tensors("input", "Input", cells.inputs, "shape of the first tensor that goes in", extra=3),
    _tensors("output", "Output", cells.outputs, "shape of the first tensor that comes out", default=True, drop=4),
    _tensors("dtype", "Dtype", cells.dtypes, "dtype of what comes out"),
    _sum(
        *("params", "Params", "params", cells.params, "parameters, with those of the rows below"),
        default=True,
        signs=(Sign.FROZEN, Sign.COUNTED),
    ),
    _sum("params_share", "%", "params", cells.params_share, "share of all parameters, in percent", extra=1, bar=True),
    _sum("trainable", "Trainable", "trainable_params", cells.trainable, "parameters that take a gradient"),
    _sum("param_bytes", "Param bytes", "param_bytes", cells.param_bytes, "what the parameters weigh"),
    _sum("buffers", "Buffers", "buffers", cells.buffers, "elements of buffers: running statistics, tables"),
    _sum(
        *("macs", "MACs", "macs", cells.macs, "multiply-adds of convolutions, linear layers and products"),
        default=True,
        drop=3,
        signs=(Sign.AT_LEAST,),
    ),
    _sum("macs_share", "%", "macs", cells.macs_share, "share of all MACs, in percent", extra=1, bar=True),
    _field(
        *("rf", "RF", cells.field_size, "receptive field: how many input positions one unit can see"),
        default=True,
        drop=2,
        signs=_SIZES,
        sorts=cells.extent,
    ),
    _field(
        *("jump", "Stride", cells.of_field(field.jump_text), "jump: input positions between two neighbouring units"),
        extra=2,
        signs=(Sign.LOCAL,),
    ),
    _field(
        *("start", "Start", cells.of_field(field.start_text)),
        "first input position that unit 0 sees, negative in the padding",
        signs=(Sign.LOCAL,),
    ),
    _field("center", "Center", cells.of_field(field.center_text), "what the centre unit sees of the real input"),
    _field(
        *("coverage", "Coverage", cells.of_field(field.coverage_text), "share of the input that the centre unit sees")
    ),
    _bytes(
        *("allocated", "Activations", "allocated_bytes", "bytes newly taken: none by views or in place"),
        default=True,
        drop=1,
    ),
    _bytes("saved", "Saved", "saved_bytes", "bytes kept for the backward pass", extra=4),
)
COLUMNS = {column.name: column for column in _ALL}
