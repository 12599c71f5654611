"""The field of one tensor: what each of its elements depends on, along every followed axis of the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from convinspect.fields import bounds as exact
from convinspect.fields.bounds import Array
from convinspect.fields.nominal import Absent, Map, Nominal, seed

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """The operator that made a field global, unknown or dependent on data; ``order`` counts operators run."""

    order: int
    path: str
    op: str


@dataclass(frozen=True, slots=True, eq=False)
class AxisField:
    """Dependence along one followed axis of the input.

    ``strict`` is the exact bounds array, ``local`` the one with global gates set aside (the same object until a gate is
    passed), ``nominal`` the unclipped map behind ``local``, ``gate`` the first operator that made ``strict`` global.
    """

    strict: Array
    local: Array
    nominal: Nominal
    gate: Cause | None = None

    @property
    def is_nothing(self) -> bool:
        """Tell whether the tensor does not depend on this axis at all."""
        return self.strict.size == 2 and exact.is_empty(self.strict)  # noqa: PLR2004 - one element: lo and hi


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Why a field is not exact: the first cause of each kind, or ``None``."""

    unknown: Cause | None = None
    data_dependent: Cause | None = None
    upper_bound: Cause | None = None

    def join(self, other: Uncertainty) -> Uncertainty:
        """Keep the first cause of each kind."""
        if self == other:
            return self
        return Uncertainty(
            first(self.unknown, other.unknown),
            first(self.data_dependent, other.data_dependent),
            first(self.upper_bound, other.upper_bound),
        )


CERTAIN = Uncertainty()


@dataclass(slots=True, eq=False)
class Crossed:
    """Fields whose hull would be large: the queries and the keys of a matrix of attention scores.

    Hulls commute with everything that moves or reduces elements, so the parts go their way one by one, and are mostly
    small again before anyone asks for the hull that ``join`` makes of them.
    """

    parts: tuple[Field, ...]
    join: Callable[[tuple[Field, ...]], tuple[AxisField, ...]]
    joined: tuple[AxisField, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Dependence of a tensor of ``shape``; ``spatial`` marks the dimensions that positions run along."""

    shape: Shape
    spatial: tuple[bool, ...]
    held: tuple[AxisField, ...] | Crossed
    doubts: Uncertainty = CERTAIN

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

    def across(self, change: Callable[[Field], Field]) -> Field:
        """Change every part by itself."""
        if isinstance(self.held, tuple):
            return change(self)
        parts = tuple(change(part) for part in self.held.parts)
        spatial = tuple(any(flags) for flags in zip(*(part.spatial for part in parts), strict=True))
        return Field(parts[0].shape, spatial, Crossed(parts, self.held.join), self.doubts)

    @property
    def is_nothing(self) -> bool:
        """Tell whether the tensor does not depend on the followed input."""
        return not self.parts and all(axis.is_nothing for axis in self.axes)

    def doubting(
        self, *, unknown: Cause | None = None, data_dependent: Cause | None = None, upper_bound: Cause | None = None
    ) -> Field:
        """Mark the field as less than exact."""
        return replace(self, doubts=self.doubts.join(Uncertainty(unknown, data_dependent, upper_bound)))


def first(one: Cause | None, other: Cause | None) -> Cause | None:
    """Take the cause that ran first."""
    if one is None or other is None:
        return one or other
    return min(one, other)


def seed_field(shape: Shape, axes: Shape) -> Field:
    """Field of the followed input: every element depends on itself."""
    rank = len(shape)
    spatial = tuple(dim in axes for dim in range(rank))
    ramps = [exact.ramp(rank, dim, shape[dim]) for dim in axes]
    fields = tuple(AxisField(ramp, ramp, seed(rank, dim)) for dim, ramp in zip(axes, ramps, strict=True))
    return Field(shape, spatial, fields)


def nothing(shape: Shape, count: int) -> Field:
    """Field of a constant: ``count`` followed axes, none of which matters."""
    bounds = exact.nothing(len(shape))
    axis = AxisField(bounds, bounds, Absent.NOTHING)
    return Field(shape, (False,) * len(shape), (axis,) * count)


def everything(shape: Shape, lengths: Shape, cause: Cause) -> Field:
    """Field of what an operator without a rule puts out: the whole input, unknown."""
    axes = []
    for length in lengths:
        bounds = exact.interval(len(shape), 0, length - 1)
        axes.append(AxisField(bounds, bounds, Absent.CONSUMED, cause))
    return Field(shape, (False,) * len(shape), tuple(axes), Uncertainty(unknown=cause))


def empty(field: Field, shape: Shape) -> Field:
    """Field of a tensor of ``shape`` without elements, cut out of one that has ``field``."""
    none = exact.nothing(len(shape))
    axes = tuple(AxisField(none, none, Absent.NOTHING) for _ in field.axes)
    return Field(shape, (False,) * len(shape), axes, field.doubts)


def collapse(field: Field, shape: Shape) -> Field:
    """Let every element of a tensor of ``shape`` depend on all that ``field`` depends on."""
    rank = len(shape)
    axes = []
    for axis in field.axes:
        strict = _whole(axis.strict, rank)
        local = strict if axis.local is axis.strict else _whole(axis.local, rank)
        nominal = Absent.CONSUMED if isinstance(axis.nominal, Map) else axis.nominal
        axes.append(AxisField(strict, local, nominal, axis.gate))
    return Field(shape, (False,) * rank, tuple(axes), field.doubts)


def _whole(bounds: Array, rank: int) -> Array:
    hull: Array = bounds.reshape(2, -1).min(axis=1)
    return hull.reshape((2,) + (1,) * rank)
