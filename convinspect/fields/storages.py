"""Fields kept by storage and geometry, so that views, writes and resurrected tensors are all followed.

A tensor is known by the storage that holds its elements and by shape, strides and offset: two tensors that agree in
these hold the same elements, whatever Python object stands for them. Storages are held by weak references of the C++
object: no memory of the model is kept alive, and an address is not used again while its reference is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as default

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from convinspect.fields import bounds as exact
from convinspect.fields import mixing, moves
from convinspect.fields.field import Cause, Field, collapse, nothing
from convinspect.fields.writes.boxes import Geometry
from convinspect.fields.writes.flat import Flat, flatten, read, scatter

FIRST_SWEEP = 256
TWO_SIZES = Cause(0, "", "a storage seen under two item sizes")


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one storage.

    ``hull`` is what any of it can depend on, once it was written in parts under two item sizes: nothing is known of
    single elements then, except of the tensors in ``fields``.
    """

    alive: StorageWeakRef
    elements: int
    itemsize: int
    fields: dict[Geometry, Field] = default(default_factory=dict)
    flat: Flat | None = None
    hull: Field | None = None

    def fits(self, geometry: Geometry) -> bool:
        """Tell whether a tensor can be found among elements of one size: those of all that is known."""
        last = geometry.offset + sum((n - 1) * s for n, s in zip(geometry.shape, geometry.stride, strict=True))
        sizes = {known.itemsize for known in (geometry, *self.fields)} | {self.itemsize}
        return self.hull is None and last < self.elements and len(sizes) == 1

    def whole(self, count: int) -> Field:
        """Return the hull of all that is known, as a bound."""
        known = [*self.fields.values(), *([] if self.hull is None else [self.hull])]
        if self.flat is not None:
            known.append(read(self.flat, Geometry((self.elements,), (1,), 0, self.itemsize)))
        parts = [collapse(field, ()) for field in known]
        return mixing.merge(parts or [nothing((), count)], (), TWO_SIZES).doubting(upper_bound=TWO_SIZES)

    def flattened(self, count: int) -> Flat:
        """Write what is known out to every element."""
        return self.flat or flatten(self.elements, count, self.fields)


class StorageFields:
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
            found = _rearranged(record, geometry)
            if found is None and not record.fits(geometry):
                found = collapse(record.whole(self._count), geometry.shape)
                return None if found.is_nothing else found
            found = found or read(record.flattened(self._count), geometry)
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
        fits = record.fits(geometry)
        whole = exact.numel(geometry.shape) * geometry.itemsize == tensor.untyped_storage().nbytes()
        if whole and (not fits or all(known == geometry for known in record.fields)):
            record.elements, record.itemsize = exact.numel(geometry.shape), geometry.itemsize
            record.fields, record.flat, record.hull = {geometry: field}, None, None
            return
        if not fits:
            # What was there may be left in part, under another item size.
            record.hull = mixing.merge([record.whole(self._count), collapse(field, ())], (), TWO_SIZES)
            record.fields, record.flat = {geometry: field}, None
            return
        if record.flat is None:
            # Flat storages can be large: none outlives its tensors for long.
            self._sweep()
        flat = record.flattened(self._count)
        scatter(flat, geometry, field)
        record.fields, record.flat = {geometry: field}, flat

    def _sweep(self) -> None:
        """Forget storages that are gone."""
        self._records = {key: record for key, record in self._records.items() if not record.alive.expired()}

    def _record(self, tensor: Tensor) -> Record:
        storage = tensor.untyped_storage()
        record = self._records.get(storage._cdata)  # noqa: SLF001
        if record is None:
            if len(self._records) >= self._sweep_at:
                self._sweep()
                self._sweep_at = max(FIRST_SWEEP, 2 * len(self._records))
            record = Record(StorageWeakRef(storage), storage.nbytes() // max(tensor.itemsize, 1), tensor.itemsize)
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
