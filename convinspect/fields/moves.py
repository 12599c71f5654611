"""Operators that move elements or read windows of them: each is one function from field to field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from convinspect.fields import bounds as exact
from convinspect.fields import nominal as maps
from convinspect.fields import regroup
from convinspect.fields.bounds import Array, numel
from convinspect.fields.field import AxisField, Field, Shape
from convinspect.fields.nominal import Absent, Map, Nominal
from convinspect.fields.windows import Window, chosen, slicing, stretching


def move(
    field: Field,
    shape: Shape,
    spatial: tuple[bool, ...],
    array: Callable[[Array], Array],
    nominal: Callable[[Nominal], Nominal],
) -> Field:
    """Apply one function to the exact arrays of every axis and one to its map."""
    axes = []
    for axis in field.axes:
        strict = array(axis.strict)
        local = strict if axis.local is axis.strict else array(axis.local)
        axes.append(AxisField(strict, local, nominal(axis.nominal), axis.gate))
    return Field(shape, spatial, tuple(axes), field.doubts)


def slide(field: Field, windows: Mapping[int, Window]) -> Field:
    """Read through ``windows``, by dimension."""
    active = {dim: window for dim, window in windows.items() if not window.identity}
    if not active:
        return field
    shape = list(field.shape)
    for dim, window in active.items():
        shape[dim] = window.outputs

    if 0 in shape:
        return _emptied(field, tuple(shape))

    def array(bounds: Array) -> Array:
        for dim, window in active.items():
            bounds = exact.gather(bounds, dim, window.index, covered=window.covered, complete=window.complete)
        return exact.compact(bounds)

    def nominal(old: Nominal) -> Nominal:
        for dim, window in active.items():
            old = maps.slide(old, dim, window, positions=field.spatial[dim])
        return old

    return move(field, tuple(shape), field.spatial, array, nominal)


def permute(field: Field, dims: Sequence[int]) -> Field:
    """Reorder the dimensions."""
    order = tuple(dims)
    if field.parts:
        return field.across(lambda part: permute(part, order))
    return move(
        field,
        tuple(field.shape[dim] for dim in order),
        tuple(field.spatial[dim] for dim in order),
        lambda bounds: exact.permute(bounds, order),
        lambda nominal: maps.reorder(nominal, order),
    )


def select(field: Field, dim: int, position: int) -> Field:
    """Take one position along ``dim`` and drop the dimension."""
    return drop(slide(field, {dim: slicing(field.shape[dim], 1, position, 1)}), (dim,))


def drop(field: Field, dims: Sequence[int]) -> Field:
    """Drop dimensions of size 1; a map that ran along one of them has no axis left."""
    gone = set(dims)
    keep = tuple(dim for dim in range(len(field.shape)) if dim not in gone)

    def array(bounds: Array) -> Array:
        return bounds.reshape((2, *(bounds.shape[dim + 1] for dim in keep)))

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        if old.dim in gone:
            return Absent.CONSUMED
        return replace(old, dim=keep.index(old.dim), bounds=array(old.bounds))

    return move(
        field,
        tuple(field.shape[dim] for dim in keep),
        tuple(field.spatial[dim] for dim in keep),
        array,
        nominal,
    )


def insert(field: Field, dim: int) -> Field:
    """Put a dimension of size 1 at ``dim``."""

    def array(bounds: Array) -> Array:
        return bounds.reshape((*bounds.shape[: dim + 1], 1, *bounds.shape[dim + 1 :]))

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        return replace(old, dim=old.dim + (old.dim >= dim), bounds=array(old.bounds))

    return move(
        field,
        (*field.shape[:dim], 1, *field.shape[dim:]),
        (*field.spatial[:dim], False, *field.spatial[dim:]),
        array,
        nominal,
    )


def raise_rank(field: Field, rank: int) -> Field:
    """Put dimensions of size 1 in front until there are ``rank``, as broadcasting does."""
    missing = rank - len(field.shape)
    if missing <= 0:
        return field
    return move(
        field,
        (1,) * missing + field.shape,
        (False,) * missing + field.spatial,
        lambda bounds: exact.align(bounds, rank),
        lambda nominal: maps.raise_rank(nominal, rank),
    )


def reshape(field: Field, shape: Shape) -> Field:
    """Reshape; what was constant stays compact, and maps follow as `regroup.reshape` says."""
    if shape == field.shape:
        return field
    if numel(shape) == 0:
        return _emptied(field, shape)
    if field.parts:
        return field.across(lambda part: reshape(part, shape))
    spatial = _reshaped_spatial(field, shape)

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        outer = next(group[1] for group in exact.reshape_groups(field.shape, shape) if old.dim in group[0])
        if field.shape[old.dim] > 1 and outer and not any(spatial[dim] for dim in outer):
            return Absent.CONSUMED
        return regroup.reshape(old, field.shape, shape)

    return move(field, shape, spatial, lambda bounds: exact.reshape(bounds, field.shape, shape), nominal)


def _emptied(field: Field, shape: Shape) -> Field:
    none = exact.nothing(len(shape))
    axes = tuple(AxisField(none, none, Absent.NOTHING) for _ in field.axes)
    return Field(shape, (False,) * len(shape), axes, field.doubts)


def _reshaped_spatial(field: Field, shape: Shape) -> tuple[bool, ...]:
    """Which dimensions of ``shape`` positions still run along.

    Positions merged with positions (or below the batch) stay positions. Merged with channels they do not, unless one
    dimension of positions takes channels in as its last digit, as a pixel shuffle does, or a batch of windows with
    their heads.
    """
    spatial = [False] * len(shape)
    along = [axis.nominal.dim for axis in field.axes if isinstance(axis.nominal, Map)]
    for inner, outer in exact.reshape_groups(field.shape, shape):
        real = [dim for dim in inner if field.shape[dim] > 1]
        if not any(field.spatial[dim] for dim in real):
            # A position axis of length 1 is still one.
            flag = any(field.spatial[dim] for dim in inner) and not real
        elif all(field.spatial[dim] for dim in real if dim > 0):
            flag = True
        else:
            deep = len(shape) > 2  # noqa: PLR2004 - batch and features
            flag = deep and real[0] in along and not any(field.spatial[dim] for dim in real[1:])
        for dim in outer:
            spatial[dim] = flag
    return tuple(spatial)


def repeat_channels(field: Field, dim: int, groups: int, outputs: int) -> Field:
    """Mix the channels at ``dim`` within each of ``groups``, into ``outputs`` channels."""
    shape = (*field.shape[:dim], outputs, *field.shape[dim + 1 :])

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        if old.dim == dim:
            return Absent.MISALIGNED
        return replace(old, bounds=exact.split_groups(old.bounds, dim, groups, outputs))

    return move(
        field,
        shape,
        field.spatial,
        lambda bounds: exact.compact(exact.split_groups(bounds, dim, groups, outputs)),
        nominal,
    )


def narrow(field: Field, dim: int, start: int, length: int) -> Field:
    """Take ``length`` positions along ``dim``, from ``start``."""
    return slide(field, {dim: slicing(field.shape[dim], length, start, 1)})


def widen(field: Field, dim: int, size: int) -> Field:
    """Repeat a dimension of size 1."""
    return replace(field, shape=(*field.shape[:dim], size, *field.shape[dim + 1 :]))


def windows_out(field: Field, dim: int, window: Window) -> Field:
    """Write windows along ``dim`` out: positions stay there, taps are a new dimension after it."""
    shape = (*field.shape[:dim], *window.index.shape, *field.shape[dim + 1 :])
    spatial = (*field.spatial[: dim + 1], False, *field.spatial[dim + 1 :])
    return move(
        field,
        shape,
        spatial,
        lambda bounds: exact.windows_out(bounds, dim, window.index),
        lambda nominal: maps.windows_out(nominal, dim, window),
    )


def fold_taps(field: Field, tap: int, place: int, window: Window) -> Field:
    """Add windows up where they overlap: dimension ``tap`` goes, ``place`` (behind it) has ``window``'s outputs."""
    shape = list(field.shape)
    shape[place] = window.outputs
    del shape[tap]
    spatial = list(field.spatial)
    del spatial[tap]
    spatial[place - 1] = True

    def nominal(old: Nominal) -> Nominal:
        return old if isinstance(old, Absent) else Absent.MISALIGNED

    return move(
        field, tuple(shape), tuple(spatial), lambda bounds: exact.fold_taps(bounds, tap, place, window.index), nominal
    )


def again(field: Field, dim: int, count: int) -> Field:
    """Put ``count`` copies after each other along ``dim``."""
    length = field.shape[dim]
    if length == 1:
        return widen(field, dim, count)
    return slide(field, {dim: chosen(length, tuple(range(length)) * count)})


def stretch(field: Field, dim: int, count: int) -> Field:
    """Repeat each position along ``dim`` ``count`` times."""
    return slide(field, {dim: stretching(field.shape[dim], count)})


def broadcast(field: Field, shape: Shape) -> Field:
    """Repeat dimensions of size 1 until the tensor has ``shape``."""
    return field if field.shape == shape else replace(raise_rank(field, len(shape)), shape=shape)
