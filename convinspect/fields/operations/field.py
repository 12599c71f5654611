"""The field of one tensor: what each of its elements depends on, along every followed axis of the input."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.hull import Absent, Hull, Map, NoMapError
from convinspect.fields.operations.axis import AxisField, nowhere
from convinspect.fields.operations.causes import CERTAIN, Cause, Uncertainty
from convinspect.fields.operations.dimensions import BATCH, Kind, joined

# Hulls that are larger are not kept to compare others with.
COMPARED_BYTES = 1 << 16


@dataclass(slots=True, eq=False)
class Crossed:
    """Fields whose hull would be large: the queries and the keys of a matrix of attention scores.

    Hulls commute with everything that moves or reduces elements, so the parts go their way one by one, and are mostly
    small again before anyone asks for the hull that ``join`` makes of them.
    """

    parts: tuple[Field, ...]
    join: Callable[[tuple[Field, ...]], tuple[AxisField, ...]]
    joined: tuple[AxisField, ...] | None = None


class _Referable:
    """What may be held by weak references."""

    __slots__ = ("__weakref__",)


@dataclass(frozen=True, slots=True, eq=False)
class Field(_Referable):
    """Dependence of a tensor of ``shape``; ``spatial`` says of each dimension whether positions run along it."""

    shape: Shape
    spatial: tuple[Kind, ...]
    held: tuple[AxisField, ...] | Crossed
    uncertainty: Uncertainty = CERTAIN

    @property
    def rank(self) -> int:
        """How many dimensions the tensor has."""
        return len(self.shape)

    @property
    def axes(self) -> tuple[AxisField, ...]:
        """Dependence along each followed axis of the input."""
        held = self.held
        if isinstance(held, tuple):
            return held
        if held.joined is None:
            held.joined = held.join(held.parts)
        return held.joined

    @property
    def parts(self) -> tuple[Field, ...]:
        """Fields that this one is the hull of; empty for a field that is written out."""
        return () if isinstance(self.held, tuple) else self.held.parts

    @property
    def is_nothing(self) -> bool:
        """Tell whether the tensor does not depend on the followed input."""
        return not self.parts and all(axis.strict.is_nothing for axis in self.axes)

    def varies(self, dim: int) -> bool:
        """Tell whether elements along ``dim`` depend on different things."""
        return any(axis.strict.varies(dim) for axis in self.axes)

    def across(self, change: Callable[[Field], Field]) -> Field:
        """Change every part by itself."""
        if isinstance(self.held, tuple):
            return change(self)
        parts = tuple(change(part) for part in self.held.parts)
        spatial = tuple(map(joined, zip(*(part.spatial for part in parts), strict=True)))
        return Field(parts[0].shape, spatial, Crossed(parts, self.held.join), self.uncertainty)

    def changed(self, shape: Shape, spatial: tuple[Kind, ...], change: Callable[[Hull], Hull]) -> Field:
        """Change every hull in the same way, into those of a tensor of ``shape``."""
        if not isinstance(self.held, tuple):
            parts = tuple(part.changed(shape, spatial, change) for part in self.held.parts)
            return Field(shape, spatial, Crossed(parts, self.held.join), self.uncertainty)
        rank = len(shape)
        axes = [nowhere(rank) if axis.is_nowhere else axis.changed(change) for axis in self.axes]
        return Field(shape, spatial, tuple(axes), self.uncertainty)

    def repeated(self, shape: Shape) -> Field:
        """Repeat dimensions of size 1 until the tensor has ``shape``."""
        return Field(shape, self.spatial, self.held, self.uncertainty)

    def with_spatial(self, spatial: tuple[Kind, ...]) -> Field:
        """Say otherwise which dimensions positions run along."""
        return Field(self.shape, spatial, self.axes, self.uncertainty)

    def marked(self, **causes: Cause) -> Field:
        """Mark the field as ``data_dependent`` or an ``upper_bound``, by the operator that made it so."""
        return replace(self, uncertainty=Uncertainty.of((self.uncertainty, Uncertainty(**causes))))


def content_of(field: Field) -> Hashable | None:
    """Return what two fields share that say the same; ``None`` of one that is too large to compare."""
    if field.parts or any(axis.strict.array.nbytes > COMPARED_BYTES for axis in field.axes):
        return None
    content: list[Hashable] = [field.shape, field.spatial, field.uncertainty]
    for axis in field.axes:
        content.append(axis.global_op)
        for hull in (axis.strict, None if axis.local is axis.strict else axis.local, axis.nominal):
            if not isinstance(hull, Hull):
                content.append(hull)
            elif hull.array.nbytes > COMPARED_BYTES:
                return None
            else:
                content += (hull.array.shape, hull.array.tobytes())
                content += (hull.dim, hull.advance, hull.wraps) if isinstance(hull, Map) else ()
    return tuple(content)


def without(field: Field, numbers: frozenset[int]) -> Field:
    """Set the axes ``numbers`` aside: nothing is said of them, and where positions ran along them none do."""
    if not numbers or (not field.parts and all(field.axes[number].strict.is_nothing for number in numbers)):
        return field
    if field.parts:
        return field.across(lambda part: without(part, numbers))
    rank = field.rank
    axes = tuple(nowhere(rank) if number in numbers else axis for number, axis in enumerate(field.axes))
    gone = {axis.nominal.dim for axis in field.axes if isinstance(axis.nominal, Map)}
    gone -= {axis.nominal.dim for axis in axes if isinstance(axis.nominal, Map)}
    spatial = tuple(False if dim in gone else kind for dim, kind in enumerate(field.spatial))
    return Field(field.shape, spatial, axes, field.uncertainty)


def limited_to(field: Field, numbers: Sequence[int]) -> Field:
    """Keep the axes ``numbers`` alone."""
    if field.parts:
        return field.across(lambda part: limited_to(part, numbers))
    axes = tuple([field.axes[number] for number in numbers])
    return Field(field.shape, field.spatial, axes, field.uncertainty)


def seed_field(shape: Shape, axes: Shape, *, batched: bool) -> Field:
    """Field of the followed input: every element depends on itself; ``batched``: its first dimension counts samples."""
    held = []
    for dim in axes:
        origin = Map(np.zeros((2,) + (1,) * len(shape), dtype=np.int64), dim, 1)
        exact = Hull(origin.written_out(shape[dim]).array)
        held.append(AxisField(exact, exact, origin))
    kinds: list[Kind] = [dim in axes for dim in range(len(shape))]
    kinds[0] = BATCH if batched else kinds[0]
    return Field(shape, tuple(kinds), tuple(held))


def nothing(shape: Shape, count: int) -> Field:
    """Field of a constant: ``count`` followed axes, none of which matters."""
    return Field(shape, (False,) * len(shape), (nowhere(len(shape)),) * count)


def everything(shape: Shape, lengths: Shape, cause: Cause) -> Field:
    """Field of what an operator without a rule puts out: the whole input, unknown."""
    held = []
    for length in lengths:
        whole = Hull(np.array((0, 1 - length), dtype=np.int64).reshape((2,) + (1,) * len(shape)))
        held.append(AxisField(whole, whole, Absent.CONSUMED, cause))
    return Field(shape, (False,) * len(shape), tuple(held), Uncertainty(unknown=cause))


def empty(field: Field, shape: Shape) -> Field:
    """Field of a tensor of ``shape`` without elements, cut out of one that has ``field``."""
    return replace(nothing(shape, len(field.axes)), uncertainty=field.uncertainty)


def collapse(field: Field, shape: Shape) -> Field:
    """Let every element of a tensor of ``shape`` depend on all that ``field`` depends on."""
    rank = len(shape)

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map):
            raise NoMapError(Absent.CONSUMED)
        return Hull(hull.array.reshape(2, -1).min(axis=1).reshape((2,) + (1,) * rank))

    return field.changed(shape, (False,) * rank, change)
