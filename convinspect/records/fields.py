"""Receptive fields on record: which input indices a tensor, or one unit of it, depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.records.numbers import Count, Ratio, Share

FieldStatus: TypeAlias = Literal["exact", "upper_bound", "global", "data_dependent", "unknown"]
Jump: TypeAlias = int | Ratio
Interval: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GlobalOperator:
    """What made a field global: the module path and the operator."""

    path: str
    op: str


@dataclass(frozen=True, slots=True)
class LocalField:
    """A field with its global gates set aside; one entry per spatial axis, as in `ReceptiveField`."""

    size: tuple[Count | None, ...] | None
    size_min: tuple[Count | None, ...] | None
    jump: tuple[Jump | None, ...] | None
    start: tuple[int | None, ...] | None
    center: tuple[Interval | None, ...] | None
    halo: tuple[Interval | None, ...] | None = None
    size_by: tuple[str | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Which input indices a tensor depends on; every tuple has one entry per spatial axis of ``input``.

    ``size`` is nominal (unclipped), the largest over channels and phases, ``size_min`` the smallest, and ``size_by``
    what they differ by (``"channel"``, ``"phase"``, ``"output"``, ``"run"``, or several of them joined by ``and``);
    ``jump`` an int, or text such as ``"1/2"``; ``start`` the first input index that output 0 sees (negative: padding);
    ``center`` the inclusive interval inside the real input that the unit at ``n // 2`` depends on (``None``:
    nothing); ``coverage`` its share of the input. ``halo``: how many input positions before and after a tile its
    units read, for tiles cut where all phases start anew. ``axes`` are axes of the input tensor, batch included.

    Where no dimension of the tensor runs along positions alone (after flattening), ``center`` and ``coverage`` speak
    of the one unit that sees most. ``axis_status`` and ``axis_global_via`` say of each axis by itself what ``status``
    and ``global_via`` say of all (``None`` in a report that an earlier version saved). ``axis_labels`` are names of
    the axes, where they were given.
    """

    input: str
    axes: tuple[Count, ...]
    size: tuple[Count | None, ...] | None
    size_min: tuple[Count | None, ...] | None
    jump: tuple[Jump | None, ...] | None
    start: tuple[int | None, ...] | None
    center: tuple[Interval | None, ...] | None
    coverage: tuple[Share, ...] | None
    local: LocalField | None
    global_via: GlobalOperator | None
    aligned: bool
    status: FieldStatus
    halo: tuple[Interval | None, ...] | None = None
    axis_status: tuple[FieldStatus, ...] | None = None
    axis_global_via: tuple[GlobalOperator | None, ...] | None = None
    axis_labels: tuple[str, ...] | None = None
    size_by: tuple[str | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class AxisUnits:
    """What the units of one tensor see along one axis of the input, where ``axes`` of the tensor's units decide it.

    There is one interval for each index along ``axes`` (numbers into `Units.sizes`), the last one fastest; one alone
    where every unit sees the same. ``box`` is clipped to the real input (``None``: nothing is seen), ``local`` the same
    with global operators set aside (``None``: there are none), ``nominal`` the unclipped one behind ``local``
    (``None``: no nominal field is known).
    """

    axes: tuple[Count, ...]
    box: tuple[Interval | None, ...]
    local: tuple[Interval | None, ...] | None
    nominal: tuple[Interval | None, ...] | None


@dataclass(frozen=True, slots=True)
class Units:
    """What every unit of one tensor sees; ``sizes`` are those of its spatial axes, ``dims`` which of its axes they are.

    ``input`` and ``axes`` are as in `ReceptiveField`, and ``along`` has one entry for each of these axes.
    """

    input: str
    axes: tuple[Count, ...]
    dims: tuple[Count, ...]
    sizes: tuple[Count, ...]
    along: tuple[AxisUnits, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """The input box that one unit depends on, over its channels; one entry per axis of the followed input.

    ``path`` is the module whose output the unit belongs to, ``index`` its place on the output's spatial axes. ``box``
    is clipped to the real input (``None``: it depends on nothing), ``nominal`` unclipped (``None`` where no nominal
    field is known, and for global fields). ``cells`` are how many positions the nominal box has, ``padding_cells``
    how many of these are not in ``box``: padding of the input, or of a layer on the way.
    """

    input: str
    axes: tuple[Count, ...]
    index: tuple[Count, ...]
    box: tuple[Interval | None, ...]
    nominal: tuple[Interval | None, ...]
    cells: Count | None
    padding_cells: Count | None
    path: str = ""
