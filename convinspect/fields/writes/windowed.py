"""Windows that overlap in memory, as ``as_strided`` and a short-time Fourier transform lay them out."""

from __future__ import annotations

from convinspect.fields.hulls.windows import sliding
from convinspect.fields.operations.field import Field
from convinspect.fields.operations.moves import rearrange
from convinspect.fields.operations.reading import narrow, slide, write_out
from convinspect.fields.writes.boxes import Geometry


def windowed(known: Geometry, field: Field, wanted: Geometry) -> Field | None:
    """Read ``wanted`` off a tensor that lies as ``known`` and has ``field``; ``None`` where it is no windows of it.

    One of its dimensions, or two, run along each of that tensor's: positions of windows, and the taps in them.
    """
    along = _along(known, wanted)
    if along is None or known.itemsize != wanted.itemsize or all(len(dims) < 2 for dims in along.values()):  # noqa: PLR2004 - positions and taps
        return None
    order: list[int | None] = []
    rest = wanted.offset - known.offset
    for dim, (step, length) in enumerate(zip(known.stride, known.shape, strict=True)):
        start, rest = divmod(rest, step) if step else (0, rest)
        dims = sorted(along[dim], key=lambda own: -wanted.stride[own])
        steps = [wanted.stride[own] // step for own in dims]
        reach = sum(each * (wanted.shape[own] - 1) for each, own in zip(steps, dims, strict=True))
        if not 0 <= start <= start + reach < length:
            return None
        place, order = len(order), [*order, *dims]
        if len(dims) == 2:  # noqa: PLR2004 - as above
            count, taps = (wanted.shape[own] for own in dims)
            field = write_out(field, place, sliding(length, count, taps, steps[0], -start, steps[1]))
            field = field.with_spatial((*field.spatial[: place + 1], True, *field.spatial[place + 2 :]))
        elif dims:
            field = slide(field, {place: sliding(length, wanted.shape[dims[0]], 1, steps[0], -start, 1)})
        else:
            order.append(None)
            field = narrow(field, place, start, 1)
    places = {own: place for place, own in enumerate(order)}
    return None if rest else rearrange(field, [places.get(own) for own in range(len(wanted.shape))])


def _along(known: Geometry, wanted: Geometry) -> dict[int, list[int]] | None:
    """Return which dimensions of ``wanted`` run along each of ``known``; ``None`` where that cannot be told."""
    found: dict[int, list[int]] = {dim: [] for dim in range(len(known.shape))}
    for own, (step, size) in enumerate(zip(wanted.stride, wanted.shape, strict=True)):
        if size == 1:
            continue
        fits = [dim for dim, each in enumerate(known.stride) if each and step >= each and step % each == 0]
        if not step or not fits:
            return None
        found[max(fits, key=lambda dim: known.stride[dim])].append(own)
    return found if all(len(dims) <= 2 for dims in found.values()) else None  # noqa: PLR2004 - positions and taps
