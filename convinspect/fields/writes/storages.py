"""Fields kept by storage and geometry, so that views, writes and resurrected tensors are all followed.

A tensor is known by the storage that holds its elements and by shape, strides and offset: two tensors that agree in
these hold the same elements, whatever Python object stands for them. Storages are held by weak references: no memory
of the model is kept alive, and what is gone is forgotten at once, for what is known of one can be large.
"""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from math import prod

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from convinspect.fields.operations.causes import Cause
from convinspect.fields.operations.field import Field, collapse, nothing
from convinspect.fields.operations.merging import merge
from convinspect.fields.operations.moves import rearrange
from convinspect.fields.writes.boxes import Geometry
from convinspect.fields.writes.flat import Flat, flatten, read, scatter
from convinspect.fields.writes.windowed import windowed
from convinspect.tensors.identity import entry_of, untyped_storage
from convinspect.torch_private import storage_address, undispatched

TWO_SIZES = Cause(0, "", "a storage seen under two item sizes")


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one storage.

    ``hull`` is what any of it can depend on, once it was written in parts under two item sizes: nothing is known of
    single elements then, except of the tensors in ``fields``.
    """

    alive: weakref.ref[torch.UntypedStorage]
    elements: int
    itemsize: int
    fields: dict[Geometry, Field] = default(default_factory=dict)
    flat: Flat | None = None
    hull: Field | None = None

    def fits(self, geometry: Geometry) -> bool:
        """Tell whether a tensor can be found among elements of one size: those of all that is known."""
        sizes = {known.itemsize for known in (geometry, *self.fields)} | {self.itemsize}
        return self.hull is None and geometry.last < self.elements and len(sizes) == 1

    def whole(self, count: int) -> Field:
        """Return the hull of all that is known, as a bound."""
        known = [*self.fields.values(), *([] if self.hull is None else [self.hull])]
        if self.flat is not None:
            known.append(read(self.flat, Geometry((self.elements,), (1,), 0, self.itemsize)))
        parts = [collapse(field, ()) for field in known]
        return merge(parts or [nothing((), count)], (), TWO_SIZES).marked(upper_bound=TWO_SIZES)

    def flattened(self, count: int) -> Flat:
        """Write what is known out to every element."""
        return self.flat or flatten(self.elements, count, self.fields)


class StorageFields:
    """All followed tensors of one run, whose input has ``count`` followed axes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._records: dict[int, Record] = {}
        # Sparse tensors and oneDNN's own: these are their own only owners, and Python's weak references do for them.
        self._without_storage: MutableMapping[Tensor, Field | None] = WeakTensorKeyDictionary()

    def find(self, tensor: Tensor) -> Field | None:
        """Field of ``tensor``; ``None`` where it is not followed."""
        key = _storage_id(tensor)
        if key is None:
            return self._without_storage.get(tensor)
        record = self._records.get(key)
        if record is None:
            return None
        geometry = _geometry(tensor)
        if 0 in geometry.shape:
            return None
        found = record.fields.get(geometry) or self._found_anew(record, geometry)
        return None if found.is_nothing else found

    def in_the_memory_of(self, tensor: Tensor) -> Tensor | None:
        """Return what lies where ``tensor`` does, in a storage that is known."""
        address = tensor.data_ptr()
        for storage in [storage for record in self._records.values() if (storage := record.alive()) is not None]:
            offset = address - storage.data_ptr()
            if storage.device == tensor.device and 0 <= offset < storage.nbytes():
                with undispatched():
                    empty = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
                    return empty.set_(storage, offset // tensor.itemsize, tensor.shape, tensor.stride())
        return None

    def keep(self, outputs: Sequence[Tensor], results: Sequence[Field | None], targets: Sequence[Tensor]) -> None:
        """Remember the fields of what came out; what was written to changes all that shares its memory."""
        written = {_storage_id(tensor) for tensor in targets}
        for tensor, field in zip(outputs, results, strict=True):
            key = _storage_id(tensor)
            if key is None:
                self._without_storage[tensor] = field
            elif key in written:
                self._write(self._record(key, tensor), tensor, field or nothing(tuple(tensor.shape), self._count))
            elif field is not None and (key in self._records or not field.is_nothing):
                # Of a view into what is followed it is kept as well that it depends on nothing.
                self._record(key, tensor).fields[_geometry(tensor)] = field

    def forget(self, tensor: Tensor, field: Field) -> None:
        """Let all that shares the memory of ``tensor`` have ``field``: others have written to it."""
        key = _storage_id(tensor)
        if key is not None:
            record = self._record(key, tensor)
            record.fields, record.flat, record.hull = {}, None, collapse(field, ())

    def _found_anew(self, record: Record, geometry: Geometry) -> Field:
        found = _rearranged(record, geometry)
        if found is None and not record.fits(geometry):
            # A bound only: it is not kept as what is known of the storage.
            return collapse(record.whole(self._count), geometry.shape)
        if found is None:
            parts = (windowed(known, field, geometry) for known, field in record.fields.items())
            found = next((part for part in parts if part is not None), None)
        record.fields[geometry] = found or read(record.flattened(self._count), geometry)
        return record.fields[geometry]

    def _write(self, record: Record, tensor: Tensor, field: Field) -> None:
        """Replace what ``tensor`` depends on, and with it all that shares its memory."""
        geometry = _geometry(tensor)
        if _is_same(record.fields.get(geometry), field):
            return
        fits, kept = record.fits(geometry), {}
        elements = prod(geometry.shape)
        whole = elements * geometry.itemsize == untyped_storage(tensor).nbytes()
        if whole and (not fits or all(known == geometry for known in record.fields)):
            record.elements, record.itemsize = elements, geometry.itemsize
            record.flat = record.hull = None
        elif fits:
            record.flat = record.flattened(self._count)
            scatter(record.flat, geometry, field)
            kept = {known: other for known, other in record.fields.items() if record.flat.are_apart(known, geometry)}
        else:
            # What was there may be left in part, under another item size.
            record.hull = merge([record.whole(self._count), collapse(field, ())], (), TWO_SIZES)
            record.flat = None
        record.fields = {**kept, geometry: field}

    def _record(self, key: int, tensor: Tensor) -> Record:
        record = self._records.get(key)
        if record is None:
            storage = untyped_storage(tensor)
            record = Record(
                entry_of(storage, self._records), storage.nbytes() // max(tensor.itemsize, 1), tensor.itemsize
            )
            self._records[key] = record
        return record


def _is_same(known: Field | None, field: Field) -> bool:
    """Tell whether a write leaves ``known`` as it was: a bias by distance says no more of scores than their queries."""
    if known is None or known is field or not known.parts:
        return known is field
    pairs = zip(known.parts, field.parts, strict=False)
    return len(known.parts) == len(field.parts) and all(one.held is other.held for one, other in pairs)


def _storage_id(tensor: Tensor) -> int | None:
    """Identity of the tensor's storage; ``None`` for a layout that has none (sparse, oneDNN's own)."""
    if tensor.layout is not torch.strided:
        return None
    return storage_address(untyped_storage(tensor))


def _geometry(tensor: Tensor) -> Geometry:
    shape, stride = tuple(tensor.shape), tensor.stride()
    # The stride of a dimension of size 1 says nothing, and operators set it as they like.
    if 1 in shape:
        stride = tuple([0 if size == 1 else step for size, step in zip(shape, stride, strict=True)])
    return Geometry(shape, stride, int(tensor.storage_offset()), tensor.itemsize)


def _rearranged(record: Record, geometry: Geometry) -> Field | None:
    """Field of the same elements in another order of dimensions, as ``transpose_`` and ``squeeze_`` leave a tensor."""
    wanted = sorted(geometry.walks)
    if len(dict(wanted)) < len(wanted):
        return None  # two dimensions with the same stride
    for known, field in record.fields.items():
        if (known.offset, known.itemsize, sorted(known.walks)) == (geometry.offset, geometry.itemsize, wanted):
            places = {step: dim for dim, step in enumerate(known.stride) if known.shape[dim] > 1}
            order = zip(geometry.stride, geometry.shape, strict=True)
            return rearrange(field, [places[step] if size > 1 else None for step, size in order])
    return None
