"""A storage after a write into a part of it: what each of its elements depends on, in memory order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default

import numpy as np

from convinspect.fields import bounds as exact
from convinspect.fields.bounds import BIG, EMPTY_FROM, Array
from convinspect.fields.field import NO_DOUBTS, AxisField, Cause, Doubts, Field, Shape, first
from convinspect.fields.nominal import Absent, Map, Nominal, at


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a tensor lies in its storage."""

    shape: Shape
    stride: Shape
    offset: int
    itemsize: int


@dataclass(slots=True, eq=False)
class Flat:
    """A storage after a write into a part of it: the bounds of each of its elements, in memory order."""

    strict: list[Array]
    local: list[Array]
    unclipped: list[Array]
    gates: list[Cause | None]
    doubts: Doubts = NO_DOUBTS
    spatial: dict[int, tuple[bool, ...]] = default(default_factory=dict)


def flatten(elements: int, count: int, fields: Mapping[Geometry, Field]) -> Flat:
    """Write the known ``fields`` of a storage out to its elements; what is not known depends on nothing."""
    flat = Flat(
        [np.full((2, elements), BIG, dtype=np.int64) for _ in range(count)],
        [np.full((2, elements), BIG, dtype=np.int64) for _ in range(count)],
        [np.full((2, elements), BIG, dtype=np.int64) for _ in range(count)],
        [None] * count,
    )
    for geometry, field in fields.items():
        scatter(flat, geometry, field)
    return flat


def _window(array: Array, geometry: Geometry) -> Array:
    """View the elements of one tensor in an array of the whole storage."""
    step = array.itemsize
    last = geometry.offset + sum((n - 1) * s for n, s in zip(geometry.shape, geometry.stride, strict=True))
    if last >= array.shape[1]:
        msg = "a tensor reaches beyond the storage that it was followed in"
        raise IndexError(msg)
    return np.lib.stride_tricks.as_strided(
        array[:, geometry.offset :],
        (2, *geometry.shape),
        (array.strides[0], *(s * step for s in geometry.stride)),
    )


def scatter(flat: Flat, geometry: Geometry, field: Field) -> None:
    """Write the field of one tensor into its storage's."""
    if 0 in geometry.shape:
        return
    for number, axis in enumerate(field.axes):
        _window(flat.strict[number], geometry)[...] = axis.strict
        _window(flat.local[number], geometry)[...] = axis.local
        unclipped = exact.nothing(len(geometry.shape))
        if isinstance(axis.nominal, Map):
            length = geometry.shape[axis.nominal.dim]
            unclipped = at(axis.nominal, np.arange(length, dtype=np.int64))
        _window(flat.unclipped[number], geometry)[...] = unclipped
        flat.gates[number] = first(flat.gates[number], axis.gate)
    flat.doubts = flat.doubts.join(field.doubts)
    if not field.is_nothing:
        rank = len(geometry.shape)
        flat.spatial[rank] = field.spatial


def read(flat: Flat, geometry: Geometry) -> Field:
    """Read the field of one tensor off its storage's."""
    rank = len(geometry.shape)
    spatial = flat.spatial.get(rank, (False,) * rank)
    axes = []
    for number in range(len(flat.strict)):
        strict = exact.compact(np.array(_window(flat.strict[number], geometry)))
        local = exact.compact(np.array(_window(flat.local[number], geometry)))
        same = strict.shape == local.shape and bool((strict == local).all())
        unclipped = exact.compact(np.array(_window(flat.unclipped[number], geometry)))
        nominal = _recognise(unclipped, local)
        axes.append(AxisField(strict, strict if same else local, nominal, flat.gates[number]))
    return Field(geometry.shape, spatial, tuple(axes), flat.doubts)


def _recognise(unclipped: Array, local: Array) -> Nominal:
    """Find the map in unclipped bounds that were written part by part.

    It is that of the longest evenly stepping run, if this is most of the positions: the rest is a border, as in
    circular padding.
    """
    if exact.is_empty(local):
        return Absent.NOTHING
    rank = unclipped.ndim - 1
    for dim in range(rank):
        if unclipped.shape[dim + 1] == 1:
            continue
        line = exact.reduce(unclipped, [other for other in range(rank) if other != dim])
        begin, end = _longest_run(line)
        inside = (slice(None),) * (dim + 1) + (slice(begin, end),)
        agrees = (unclipped[inside] == line[inside]) | (unclipped[inside] >= EMPTY_FROM)
        if agrees.all() and 2 * (end - begin) > unclipped.shape[dim + 1]:
            lo, minus_hi = line.reshape(2, -1)
            step = int(lo[begin + 1] - lo[begin])
            ends = np.array((lo[begin] - step * begin, minus_hi[begin] + step * begin), dtype=np.int64)
            return Map(dim, step, ends.reshape((2,) + (1,) * rank))
    return Absent.MISALIGNED


def _longest_run(line: Array) -> tuple[int, int]:
    """First and one past the last position of the longest run in which both bounds step by the same number."""
    lo, minus_hi = line.reshape(2, -1)
    steps = np.diff(lo)
    even = (steps == -np.diff(minus_hi)) & (steps != 0) & (lo[1:] < EMPTY_FROM) & (lo[:-1] < EMPTY_FROM)
    best, begin, run = 0, 0, 0
    for i, step in enumerate(steps):
        run = (run + 1 if run and step == steps[i - 1] else 1) if even[i] else 0
        if run > best:
            best, begin = run, i + 1 - run
    return begin, begin + best + 1 if best else begin
