"""Operators that read windows of elements along a dimension, from slices to folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls import reading as hulls
from convinspect.fields.hulls.arrays import Array
from convinspect.fields.hulls.hull import Absent, Hull, Map, NoMapError
from convinspect.fields.hulls.windows import Window, make_window, slicing, stretching, taking
from convinspect.fields.operations.dimensions import Mixed, is_mixed, joined
from convinspect.fields.operations.field import Field, empty
from convinspect.fields.operations.moves import drop, permute, widen


def slide(field: Field, windows: Mapping[int, Window]) -> Field:
    """Read through ``windows``, by dimension."""
    active = {dim: window for dim, window in windows.items() if not window.identity}
    if not active:
        return field
    shape = tuple(active[dim].outputs if dim in active else size for dim, size in enumerate(field.shape))
    if 0 in shape:
        return empty(field, shape)

    def change(hull: Hull) -> Hull:
        for dim, window in active.items():
            hull = hulls.read(hull, dim, window, positions=bool(field.spatial[dim]))
        return hull.compacted()

    return field.changed(shape, field.spatial, change)


def select(field: Field, dim: int, position: int) -> Field:
    """Take one position along ``dim`` and drop the dimension."""
    return drop(narrow(field, dim, position, 1), (dim,))


def narrow(field: Field, dim: int, start: int, length: int) -> Field:
    """Take ``length`` positions along ``dim``, from ``start``."""
    return slide(field, {dim: slicing(field.shape[dim], length, start, 1)})


def take(field: Field, dim: int, index: Array) -> Field:
    """Take the positions ``index`` along ``dim``, in that order."""
    out = slide(field, {dim: taking(field.shape[dim], index)})
    if not is_mixed(out.spatial[dim]):
        return out
    # In another order, what was merged cannot be taken apart any more.
    return out.with_spatial((*out.spatial[:dim], Mixed(), *out.spatial[dim + 1 :]))


def take_along(field: Field, dim: int, index: Array) -> Field:
    """Take position ``index[..., k, ...]`` along ``dim`` for each element."""
    places = arrays.compact(index[None])[0]
    if places.size == places.shape[dim]:
        return take(field, dim, np.broadcast_to(places.reshape(-1), index.shape[dim]))

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map) and (hull.dim == dim or hull.varies(dim)):
            raise NoMapError(Absent.MISALIGNED)
        if not hull.varies(dim):
            return hull
        return Hull(np.take_along_axis(hull.array, places[None], axis=dim + 1)).compacted()

    return field.changed(index.shape, field.spatial, change)


def flip(field: Field, dim: int) -> Field:
    """Count backwards along ``dim``."""
    return slide(field, {dim: slicing(field.shape[dim], field.shape[dim], field.shape[dim] - 1, -1)})


def repeat(field: Field, dim: int, count: int) -> Field:
    """Put ``count`` copies after each other along ``dim``."""
    length = field.shape[dim]
    if length == 1:
        return widen(field, dim, count)
    return slide(field, {dim: make_window(np.tile(np.arange(length), count)[:, None], length, 1, None)})


def stretch(field: Field, dim: int, count: int) -> Field:
    """Repeat each position along ``dim`` ``count`` times."""
    return slide(field, {dim: stretching(field.shape[dim], count)})


def write_out(field: Field, dim: int, window: Window) -> Field:
    """Write windows along ``dim`` out: positions stay there, taps are a new dimension after it."""
    shape = (*field.shape[:dim], *window.index.shape, *field.shape[dim + 1 :])
    spatial = (*field.spatial[: dim + 1], False, *field.spatial[dim + 1 :])
    return field.changed(shape, spatial, lambda hull: hulls.write_out(hull, dim, window))


def fold_taps(field: Field, tap: int, place: int, window: Window) -> Field:
    """Add windows up where they overlap: dimension ``tap`` goes, ``place`` (behind it) has ``window``'s outputs."""
    shape, spatial = list(field.shape), list(field.spatial)
    shape[place], spatial[place] = window.outputs, True
    del shape[tap], spatial[tap]

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map):
            raise NoMapError(Absent.MISALIGNED)
        read = np.moveaxis(hull.array, (tap + 1, place + 1), (-2, -1))
        index, taps = window.index, np.arange(window.index.shape[1])
        places = np.maximum(index, 0) if hull.varies(place) else np.zeros_like(index)
        added = read[..., taps if hull.varies(tap) else np.zeros_like(taps), places]
        array = np.where(index >= 0, added, arrays.BIG).min(axis=-1)
        return Hull(np.moveaxis(array, -1, place)).compacted()

    return field.changed(tuple(shape), tuple(spatial), change)


def diagonal(field: Field, dims: tuple[int, int], starts: tuple[int, int], length: int) -> Field:
    """Take the ``length`` positions from ``starts`` on where ``dims`` advance together, as a last dimension."""
    if field.parts:
        return field.across(lambda part: diagonal(part, dims, starts, length))
    for dim, start in zip(dims, starts, strict=True):
        field = narrow(field, dim, start, length)
    field = permute(field, [*(dim for dim in range(field.rank) if dim not in dims), *dims])
    if length == 0:
        return empty(field, field.shape[:-1])
    one, other = field.rank - 2, field.rank - 1

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map) and hull.dim in (one, other):
            if hull.varies(one + other - hull.dim):
                raise NoMapError(Absent.MISALIGNED)
            hull = replace(hull, dim=one)
        array = hull.array
        if 1 in array.shape[-2:]:
            return hull.of(array.reshape((*array.shape[:-2], max(array.shape[-2:]))))
        return hull.of(np.diagonal(array, axis1=-2, axis2=-1))

    return field.changed(field.shape[:-1], (*field.spatial[:-2], joined(field.spatial[-2:])), change)
