"""Operators that read windows of elements along a dimension, from slices to folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from convinspect.fields import bounds as exact
from convinspect.fields import nominal as maps
from convinspect.fields.bounds import Array
from convinspect.fields.field import Field, empty
from convinspect.fields.moves import drop, move, permute, widen
from convinspect.fields.nominal import Absent, Nominal
from convinspect.fields.windows import Window, chosen, slicing, stretching


def slide(field: Field, windows: Mapping[int, Window]) -> Field:
    """Read through ``windows``, by dimension."""
    active = {dim: window for dim, window in windows.items() if not window.identity}
    if not active:
        return field
    shape = list(field.shape)
    for dim, window in active.items():
        shape[dim] = window.outputs

    if 0 in shape:
        return empty(field, tuple(shape))

    def array(bounds: Array) -> Array:
        for dim, window in active.items():
            bounds = exact.gather(bounds, dim, window.index, covered=window.covered, complete=window.complete)
        return exact.compact(bounds)

    def nominal(old: Nominal) -> Nominal:
        for dim, window in active.items():
            old = maps.slide(old, dim, window, positions=field.spatial[dim])
        return old

    return move(field, tuple(shape), field.spatial, array, nominal)


def select(field: Field, dim: int, position: int) -> Field:
    """Take one position along ``dim`` and drop the dimension."""
    return drop(slide(field, {dim: slicing(field.shape[dim], 1, position, 1)}), (dim,))


def narrow(field: Field, dim: int, start: int, length: int) -> Field:
    """Take ``length`` positions along ``dim``, from ``start``."""
    return slide(field, {dim: slicing(field.shape[dim], length, start, 1)})


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


def diagonal(field: Field, dims: tuple[int, int], starts: tuple[int, int], length: int) -> Field:
    """Take the ``length`` positions from ``starts`` on where ``dims`` advance together, as a last dimension."""
    if field.parts:
        return field.across(lambda part: diagonal(part, dims, starts, length))
    rank = len(field.shape)
    for dim, start in zip(dims, starts, strict=True):
        field = narrow(field, dim, start, length)
    field = permute(field, [*(dim for dim in range(rank) if dim not in dims), *dims])
    if length == 0:
        return empty(field, field.shape[:-1])

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        if old.dim < rank - 2:
            return replace(old, bounds=exact.diagonal(old.bounds))
        across = rank - 1 if old.dim == rank - 2 else rank - 2
        if old.bounds.shape[across + 1] > 1:
            return Absent.MISALIGNED
        return replace(old, dim=rank - 2, bounds=exact.diagonal(old.bounds))

    spatial = (*field.spatial[:-2], any(field.spatial[-2:]))
    return move(field, field.shape[:-1], spatial, exact.diagonal, nominal)


def again(field: Field, dim: int, count: int) -> Field:
    """Put ``count`` copies after each other along ``dim``."""
    length = field.shape[dim]
    if length == 1:
        return widen(field, dim, count)
    return slide(field, {dim: chosen(length, tuple(range(length)) * count)})


def stretch(field: Field, dim: int, count: int) -> Field:
    """Repeat each position along ``dim`` ``count`` times."""
    return slide(field, {dim: stretching(field.shape[dim], count)})
