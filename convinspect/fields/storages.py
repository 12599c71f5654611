"""Fields kept by storage and geometry, so that views, writes and resurrected tensors are all followed.

A tensor is known by the storage that holds its elements and by shape, strides and offset: two tensors that agree in
these hold the same elements, whatever Python object stands for them. Storages are held by weak references of the C++
object: no memory of the model is kept alive, and an address is not used again while its reference is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as default

import numpy as np
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from convinspect.fields import bounds as exact
from convinspect.fields import moves
from convinspect.fields.bounds import BIG, EMPTY_FROM, Array
from convinspect.fields.field import NO_DOUBTS, AxisField, Cause, Doubts, Field, Shape, first
from convinspect.fields.nominal import Absent, Map, Nominal, at

FIRST_SWEEP = 256


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


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one storage."""

    alive: StorageWeakRef
    elements: int
    fields: dict[Geometry, Field] = default(default_factory=dict)
    flat: Flat | None = None


class Storages:
    """All followed storages of one run."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._records: dict[int, Record] = {}
        self._sweep_at = FIRST_SWEEP

    def find(self, tensor: Tensor) -> Field | None:
        """Field of ``tensor``; ``None`` where its storage is not followed."""
        storage = tensor.untyped_storage()
        record = self._records.get(storage._cdata)  # noqa: SLF001 - the only identity of a storage
        if record is None:
            return None
        geometry = _geometry(tensor)
        if 0 in geometry.shape:
            return None
        found = record.fields.get(geometry)
        if found is None:
            found = _rearranged(record, geometry) or _read(_flatten(record, self._count), geometry)
            record.fields[geometry] = found
        return None if found.is_nothing else found

    def put(self, tensor: Tensor, field: Field) -> None:
        """Remember the field of a tensor that an operator put out: new, or a view that adds no write."""
        self._record(tensor).fields[_geometry(tensor)] = field

    def write(self, tensor: Tensor, field: Field) -> None:
        """Replace what ``tensor`` depends on, and with it all that shares its memory."""
        record, geometry = self._record(tensor), _geometry(tensor)
        if record.fields.get(geometry) is field:
            return
        whole = exact.numel(geometry.shape) == record.elements
        if whole and all(known == geometry for known in record.fields):
            record.fields, record.flat = {geometry: field}, None
            return
        flat = _flatten(record, self._count)
        _scatter(flat, geometry, field)
        record.fields, record.flat = {geometry: field}, flat

    def _record(self, tensor: Tensor) -> Record:
        storage = tensor.untyped_storage()
        record = self._records.get(storage._cdata)  # noqa: SLF001
        if record is None:
            if len(self._records) >= self._sweep_at:
                self._records = {key: r for key, r in self._records.items() if not r.alive.expired()}
                self._sweep_at = max(FIRST_SWEEP, 2 * len(self._records))
            record = Record(StorageWeakRef(storage), storage.nbytes() // max(tensor.itemsize, 1))
            self._records[storage._cdata] = record  # noqa: SLF001
        return record


def _geometry(tensor: Tensor) -> Geometry:
    shape = tuple(tensor.shape)
    # The stride of a dimension of size 1 says nothing, and operators set it as they like.
    stride = tuple(0 if size == 1 else step for size, step in zip(shape, tensor.stride(), strict=True))
    return Geometry(shape, stride, int(tensor.storage_offset()), tensor.itemsize)


def _rearranged(record: Record, geometry: Geometry) -> Field | None:
    """Field of the same elements in another order of dimensions, as ``transpose_`` and ``squeeze_`` leave a tensor."""
    real = [dim for dim, size in enumerate(geometry.shape) if size > 1]
    strides = [geometry.stride[dim] for dim in real]
    for known, field in record.fields.items():
        old = [dim for dim, size in enumerate(known.shape) if size > 1]
        places = {known.stride[dim]: dim for dim in old}
        same = known.offset == geometry.offset and known.itemsize == geometry.itemsize and len(places) == len(old)
        if not same or len(old) != len(real) or set(places) != set(strides):
            continue
        order = [places[stride] for stride in strides]
        if [known.shape[dim] for dim in order] != [geometry.shape[dim] for dim in real]:
            continue
        ones = [dim for dim, size in enumerate(known.shape) if size == 1]
        moved = moves.drop(moves.permute(field, [*order, *ones]), range(len(order), len(known.shape)))
        for dim, size in enumerate(geometry.shape):
            if size == 1:
                moved = moves.insert(moved, dim)
        return moved
    return None


def _flatten(record: Record, count: int) -> Flat:
    """Write the known fields of a storage out to its elements; what is not known depends on nothing."""
    if record.flat is not None:
        return record.flat
    flat = Flat(
        [np.full((2, record.elements), BIG, dtype=np.int64) for _ in range(count)],
        [np.full((2, record.elements), BIG, dtype=np.int64) for _ in range(count)],
        [np.full((2, record.elements), BIG, dtype=np.int64) for _ in range(count)],
        [None] * count,
    )
    for geometry, field in record.fields.items():
        _scatter(flat, geometry, field)
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


def _scatter(flat: Flat, geometry: Geometry, field: Field) -> None:
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


def _read(flat: Flat, geometry: Geometry) -> Field:
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
