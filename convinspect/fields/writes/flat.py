"""A storage after a write into a part of it: what each of its elements depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import Array, Shape
from convinspect.fields.hulls.hull import Absent, Hull, Map
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.causes import CERTAIN, Cause, Uncertainty, earliest
from convinspect.fields.operations.dimensions import Kind, Mixed
from convinspect.fields.operations.field import Field
from convinspect.fields.writes import boxes
from convinspect.fields.writes.boxes import Geometry
from convinspect.fields.writes.recognising import recognise


@dataclass(slots=True, eq=False)
class Flat:
    """Bounds of every element of a storage, which is seen as contiguous dimensions ``grid``.

    ``sides`` are three arrays for each followed axis: strict, local and unclipped bounds. Tensors that are boxes of the
    grid are written and read as such, and what is constant stays compact. For any other the grid is refined or, at
    worst, given up: one dimension of all elements. ``kinds`` say by its stride what runs along a dimension,
    ``spatial`` by their number, of those of one element.
    """

    elements: int
    grid: Shape
    sides: list[list[Array]]
    global_ops: list[Cause | None]
    uncertainty: Uncertainty = CERTAIN
    spatial: dict[int, tuple[Kind, ...]] = default(default_factory=dict)
    kinds: dict[int, Kind] = default(default_factory=dict)

    def see_as(self, grid: Shape) -> None:
        """Change the grid; elements keep their order."""
        self.sides = [[arrays.reshape(array, self.grid, grid) for array in sides] for sides in self.sides]
        self.grid = grid

    def are_apart(self, one: Geometry, other: Geometry) -> bool:
        """Tell that two tensors share no element, as far as the grid shows it."""
        found = [boxes.locate(self.grid, geometry) for geometry in (one, other)]
        sides = zip(*(box.slices for box in found if box is not None), strict=True)
        return None not in found and any(a.stop <= b.start or b.stop <= a.start for a, b in sides)

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
        whole = (2, self.elements)
        self.sides = [[np.array(np.broadcast_to(array, whole)) for array in sides] for sides in self.sides]
        return boxes.locate(self.grid, geometry)


def flatten(elements: int, count: int, fields: Mapping[Geometry, Field]) -> Flat:
    """Write the known ``fields`` of a storage out to its elements; what is not known depends on nothing."""
    flat = Flat(elements, (elements,), [[arrays.nothing(1)] * 3 for _ in range(count)], [None] * count)
    for geometry, field in fields.items():
        scatter(flat, geometry, field)
    return flat


def scatter(flat: Flat, geometry: Geometry, field: Field) -> None:
    """Write the field of one tensor into its storage's."""
    if 0 in geometry.shape:
        return
    box = flat.find_box(geometry)
    for number, axis in enumerate(field.axes):
        unclipped = arrays.nothing(field.rank)
        if isinstance(axis.nominal, Map):
            unclipped = axis.nominal.written_out(geometry.shape[axis.nominal.dim]).array
        for side, value in enumerate((axis.strict.array, axis.local.array, unclipped)):
            array = flat.sides[number][side]
            if box is None:
                boxes.strided(array, geometry)[...] = value
            else:
                flat.sides[number][side] = boxes.paste(array, flat.grid, box, value)
        flat.global_ops[number] = earliest((flat.global_ops[number], axis.global_op))
    flat.uncertainty = Uncertainty.of((flat.uncertainty, field.uncertainty))
    if not field.is_nothing:
        flat.spatial[field.rank] = field.spatial
        steps = zip(geometry.stride, geometry.shape, field.spatial, strict=True)
        flat.kinds.update({step: kind for step, size, kind in steps if step and size > 1})


def read(flat: Flat, geometry: Geometry) -> Field:
    """Read the field of one tensor off its storage's."""
    rank = len(geometry.shape)
    box = flat.find_box(geometry)

    def taken(array: Array) -> Array:
        return arrays.compact(np.array(boxes.strided(array, geometry)) if box is None else boxes.pick(array, box))

    axes = []
    for sides, global_op in zip(flat.sides, flat.global_ops, strict=True):
        strict, local, unclipped = (taken(array) for array in sides)
        exact = Hull(strict)
        nominal = Absent.NOTHING if arrays.is_empty(local) else recognise(unclipped)
        axes.append(AxisField(exact, exact if np.array_equal(strict, local) else Hull(local), nominal, global_op))
    varying = {dim for dim in range(rank) if any(axis.strict.varies(dim) for axis in axes)}
    return Field(geometry.shape, _kinds(flat, geometry, varying), tuple(axes), flat.uncertainty)


def _kinds(flat: Flat, geometry: Geometry, varying: set[int]) -> tuple[Kind, ...]:
    """Tell what runs along the dimensions of a tensor: what runs along the elements of its storage.

    Where two dimensions run along the same (windows that overlap), positions do along what is ``varying``, somehow.
    """
    known = flat.spatial.get(len(geometry.shape), (False,) * len(geometry.shape))
    walked = [
        max((own for own in flat.kinds if step % own == 0), default=0) if step and size > 1 else None
        for step, size in zip(geometry.stride, geometry.shape, strict=True)
    ]
    real = [own for own in walked if own is not None]
    if 0 in real or len(set(real)) < len(real):
        return tuple(Mixed() if dim in varying else False for dim in range(len(walked)))
    return tuple(kind if own is None else flat.kinds[own] for own, kind in zip(walked, known, strict=True))
