"""Operators that put elements in another order, or several times: flips, rolls, shuffles, repeats."""

from __future__ import annotations

from math import prod

import numpy as np

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.windows import rolling, sliding, transposed
from convinspect.fields.operations import reading
from convinspect.fields.operations.field import Field
from convinspect.fields.operations.moves import permute, raise_rank, reshape
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule("aten::flip")
def flip(call: Call) -> Result:
    """Count backwards."""
    x = call["self"]
    for dim in call.args["dims"]:
        x = reading.flip(x, dim % x.rank)
    return x


@rf_rule("aten::rot90")
def rotate(call: Call) -> Result:
    """Quarter turns in the plane of two dimensions."""
    x = call["self"]
    one, other = (dim % x.rank for dim in call.get("dims", (0, 1)))
    order = list(range(x.rank))
    order[one], order[other] = order[other], order[one]
    for _ in range(call.get("k", 1) % 4):
        x = permute(reading.flip(x, other), order)
    return x


@rf_rule("aten::roll")
def roll(call: Call) -> Result:
    """Shift round the end; without ``dims``, of the flattened tensor."""
    x = call["self"]
    shifts, dims = call.args["shifts"], call.get("dims", ())
    if not dims:
        flat = reading.slide(reshape(x, (prod(x.shape),)), {0: rolling(prod(x.shape), shifts[0])})
        return reshape(flat, x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        x = reading.slide(x, {dim % x.rank: rolling(x.shape[dim], shift)})
    return x


@rf_rule(*aten("unfold unfold_copy"))
def unfold(call: Call) -> Result:
    """Write windows out, their taps as a last dimension."""
    x = call["self"]
    dim = call.args["dimension"] % x.rank
    call.candidates.positions(x, [dim])
    window = sliding(x.shape[dim], call.shape[dim], call.args["size"], call.args["step"], 0, 1)
    out = reading.write_out(x, dim, window)
    return permute(out, [*range(dim + 1), *range(dim + 2, out.rank), dim + 1])


@rf_rule("aten::unfold_backward")
def add_up(call: Call) -> Result:
    """Add windows up where they overlap: output ``o`` reads ``(o - t)/step``."""
    x, dim = call["grad_in"], call.args["dim"] % len(call.shape)
    window = transposed(x.shape[dim], call.shape[dim], call.args["size"], call.args["step"], 0, 1)
    taps_first = [*range(dim), x.rank - 1, *range(dim, x.rank - 1)]
    return reading.fold_taps(permute(x, taps_first), dim, dim + 1, window)


@rf_rule("aten::pixel_shuffle")
def pixel_shuffle(call: Call) -> Result:
    """Channels ``(c, r, r)`` become the inner digits of rows and columns."""
    factor = call.args["upscale_factor"]
    *front, channels, height, width = call["self"].shape
    n = len(front)
    split = (*front, channels // factor**2, factor, factor, height, width)
    return _shuffle(call, split, (*range(n), n, n + 3, n + 1, n + 4, n + 2)).with_spatial(call["self"].spatial)


@rf_rule("aten::pixel_unshuffle")
def pixel_unshuffle(call: Call) -> Result:
    """The inner digits of rows and columns become channels ``(c, r, r)``."""
    factor = call.args["downscale_factor"]
    *front, channels, height, width = call["self"].shape
    n = len(front)
    split = (*front, channels, height // factor, factor, width // factor, factor)
    return _shuffle(call, split, (*range(n), n, n + 2, n + 4, n + 1, n + 3)).with_spatial(call["self"].spatial)


@rf_rule(*aten("channel_shuffle native_channel_shuffle"))
def channel_shuffle(call: Call) -> Result:
    """Channels ``(g, c)`` become ``(c, g)``."""
    count, channels, *rest = call["self"].shape
    groups = call.args["groups"]
    return _shuffle(call, (count, groups, channels // groups, *rest), (0, 2, 1, *range(3, len(rest) + 3)))


def _shuffle(call: Call, split: Shape, order: Shape) -> Field:
    return reshape(permute(reshape(call["self"], split), order), call.shape)


@rf_rule(*aten("diagonal diagonal_copy"))
def diagonal(call: Call) -> Result:
    """Positions where two indices agree, as a last dimension."""
    x, offset = call["self"], call.get("offset", 0)
    dims = (call.get("dim1", 0) % x.rank, call.get("dim2", 1) % x.rank)
    return reading.diagonal(x, dims, (max(-offset, 0), max(offset, 0)), call.shape[-1])


@rf_rule(*aten("repeat tile"))
def repeat(call: Call) -> Result:
    """Whole copies, one after the other, along each dimension."""
    times = call.get("repeats", call.get("dims"))
    x = raise_rank(call["self"], len(call.shape))
    for dim, count in enumerate(times, len(call.shape) - len(times)):
        if count > 1:
            x = reading.repeat(x, dim, count)
    return x


@rf_rule("aten::repeat_interleave")
def repeat_interleave(call: Call) -> Result:
    """Each position ``repeats`` times; with a tensor of repeats, depends on data."""
    times = call.args["repeats"]
    if "self" not in call.args:
        return [field.marked(data_dependent=call.cause) for field in call.all_of(call.fields())]
    x, dim = call["self"], call.args.get("dim")
    if dim is None:
        x, dim = reshape(x, (prod(x.shape),)), 0
    if isinstance(times, int):
        return reading.stretch(x, dim % x.rank, times)
    known = None if call.fields("repeats") else call.constant(times)
    if known is not None:
        return reading.take(x, dim % x.rank, np.repeat(np.arange(x.shape[dim]), known))
    return call.merge([call.mix(x, [dim]), *map(call.whole, call.fields("repeats"))]).marked(data_dependent=call.cause)
