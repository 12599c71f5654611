"""A storage after a write into a part of it: what each of its elements depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default

import numpy as np

from convinspect.fields import bounds as exact
from convinspect.fields.bounds import Array
from convinspect.fields.field import CERTAIN, AxisField, Cause, Field, Shape, Uncertainty, first
from convinspect.fields.nominal import Absent, Map, at
from convinspect.fields.writes import boxes
from convinspect.fields.writes.boxes import Geometry
from convinspect.fields.writes.recognising import recognise


@dataclass(slots=True, eq=False)
class Flat:
    """Bounds of every element of a storage, which is seen as contiguous dimensions ``grid``.

    Tensors that are boxes of the grid are written and read as such, and what is constant stays compact. For any other
    the grid is refined or, at worst, given up: one dimension of all elements.
    """

    elements: int
    grid: Shape
    strict: list[Array]
    local: list[Array]
    unclipped: list[Array]
    gates: list[Cause | None]
    doubts: Uncertainty = CERTAIN
    spatial: dict[int, tuple[bool, ...]] = default(default_factory=dict)

    def see_as(self, grid: Shape) -> None:
        """Change the grid; elements keep their order."""
        for arrays in (self.strict, self.local, self.unclipped):
            arrays[:] = [exact.reshape(array, self.grid, grid) for array in arrays]
        self.grid = grid

    def find_box(self, geometry: Geometry) -> boxes.Box | None:
        """Find the box of a tensor, in a finer grid if need be; ``None``: the grid was given up."""
        box = boxes.locate(self.grid, geometry)
        if box is not None:
            return box
        finer = boxes.refine(self.elements, self.grid, geometry)
        box = None if finer is None else boxes.locate(finer, geometry)
        if finer is not None and box is not None:
            self.see_as(finer)
            return box
        self.see_as((self.elements,))
        for arrays in (self.strict, self.local, self.unclipped):
            arrays[:] = [np.array(exact.spread(array, self.grid)) for array in arrays]
        return boxes.locate(self.grid, geometry)


def flatten(elements: int, count: int, fields: Mapping[Geometry, Field]) -> Flat:
    """Write the known ``fields`` of a storage out to its elements; what is not known depends on nothing."""
    empty = exact.nothing(1)
    flat = Flat(elements, (elements,), [empty] * count, [empty] * count, [empty] * count, [None] * count)
    for geometry, field in fields.items():
        scatter(flat, geometry, field)
    return flat


def scatter(flat: Flat, geometry: Geometry, field: Field) -> None:
    """Write the field of one tensor into its storage's."""
    if 0 in geometry.shape:
        return
    box = flat.find_box(geometry)
    for number, axis in enumerate(field.axes):
        unclipped = exact.nothing(len(geometry.shape))
        if isinstance(axis.nominal, Map):
            length = geometry.shape[axis.nominal.dim]
            unclipped = at(axis.nominal, np.arange(length, dtype=np.int64))
        for arrays, value in (
            (flat.strict, axis.strict),
            (flat.local, axis.local),
            (flat.unclipped, unclipped),
        ):
            if box is None:
                boxes.strided(arrays[number], geometry)[...] = value
            else:
                arrays[number] = boxes.paste(arrays[number], flat.grid, box, value)
        flat.gates[number] = first(flat.gates[number], axis.gate)
    flat.doubts = flat.doubts.join(field.doubts)
    if not field.is_nothing:
        flat.spatial[len(geometry.shape)] = field.spatial


def read(flat: Flat, geometry: Geometry) -> Field:
    """Read the field of one tensor off its storage's."""
    rank = len(geometry.shape)
    box = flat.find_box(geometry)

    def taken(array: Array) -> Array:
        return exact.compact(np.array(boxes.strided(array, geometry)) if box is None else boxes.pick(array, box))

    axes = []
    for number, gate in enumerate(flat.gates):
        strict, local = taken(flat.strict[number]), taken(flat.local[number])
        same = strict.shape == local.shape and bool((strict == local).all())
        nominal = Absent.NOTHING if exact.is_empty(local) else recognise(taken(flat.unclipped[number]))
        axes.append(AxisField(strict, strict if same else local, nominal, gate))
    return Field(geometry.shape, flat.spatial.get(rank, (False,) * rank), tuple(axes), flat.doubts)
