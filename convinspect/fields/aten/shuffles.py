"""Operators that put elements in another order, or several times: flips, rolls, shuffles, repeats."""

from __future__ import annotations

from convinspect.fields import moves, reading, reshaping
from convinspect.fields.bounds import numel
from convinspect.fields.field import Field
from convinspect.fields.rules import Call, Result, register
from convinspect.fields.windows import rolling, slicing, sliding


@register("aten::flip")
def flip(call: Call) -> Result:
    """Count backwards."""
    x = call["self"]
    dims = [dim % len(x.shape) for dim in call.args["dims"]]
    return reading.slide(x, {dim: slicing(x.shape[dim], x.shape[dim], x.shape[dim] - 1, -1) for dim in dims})


@register("aten::rot90")
def rotate(call: Call) -> Result:
    """Quarter turns in the plane of two dimensions."""
    x = call["self"]
    one, other = (dim % len(x.shape) for dim in call.get("dims", (0, 1)))
    order = list(range(len(x.shape)))
    order[one], order[other] = order[other], order[one]
    for _ in range(call.get("k", 1) % 4):
        x = reading.slide(x, {other: slicing(x.shape[other], x.shape[other], x.shape[other] - 1, -1)})
        x = moves.permute(x, order)
    return x


@register("aten::roll")
def roll(call: Call) -> Result:
    """Shift round the end; without ``dims``, of the flattened tensor."""
    x = call["self"]
    shifts, dims = call.args["shifts"], call.get("dims", ())
    if not dims:
        flat = reshaping.reshape(x, (numel(x.shape),))
        return reshaping.reshape(reading.slide(flat, {0: rolling(numel(x.shape), shifts[0])}), x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        x = reading.slide(x, {dim % len(x.shape): rolling(x.shape[dim], shift)})
    return x


@register("aten::unfold", "aten::unfold_copy")
def unfold(call: Call) -> Result:
    """Write windows out, their taps as a last dimension."""
    x = call["self"]
    rank = len(x.shape)
    dim = call.args["dimension"] % rank
    window = sliding(x.shape[dim], call.shape[dim], call.args["size"], call.args["step"], 0, 1)
    x = reading.windows_out(x, dim, window)
    return moves.permute(x, [*range(dim + 1), *range(dim + 2, rank + 1), dim + 1])


@register("aten::pixel_shuffle")
def pixel_shuffle(call: Call) -> Result:
    """Channels ``(c, r, r)`` become the inner digits of rows and columns."""
    x, factor = call["self"], call.args["upscale_factor"]
    *front, channels, height, width = x.shape
    n = len(front)
    x = reshaping.reshape(x, (*front, channels // factor**2, factor, factor, height, width))
    x = moves.permute(x, [*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return _with_spatial(reshaping.reshape(x, call.shape), call["self"])


@register("aten::pixel_unshuffle")
def pixel_unshuffle(call: Call) -> Result:
    """The inner digits of rows and columns become channels ``(c, r, r)``."""
    x, factor = call["self"], call.args["downscale_factor"]
    *front, channels, height, width = x.shape
    n = len(front)
    x = reshaping.reshape(x, (*front, channels, height // factor, factor, width // factor, factor))
    x = moves.permute(x, [*range(n), n, n + 2, n + 4, n + 1, n + 3])
    return _with_spatial(reshaping.reshape(x, call.shape), call["self"])


@register("aten::channel_shuffle", "aten::native_channel_shuffle")
def channel_shuffle(call: Call) -> Result:
    """Channels ``(g, c)`` become ``(c, g)``."""
    x, groups = call["self"], call.args["groups"]
    count, channels, *rest = x.shape
    x = reshaping.reshape(x, (count, groups, channels // groups, *rest))
    return reshaping.reshape(moves.permute(x, [0, 2, 1, *range(3, len(x.shape))]), call.shape)


@register("aten::diagonal", "aten::diagonal_copy")
def diagonal(call: Call) -> Result:
    """Positions where two indices agree, as a last dimension."""
    rank, offset = len(call["self"].shape), call.get("offset", 0)
    dims = (call.get("dim1", 0) % rank, call.get("dim2", 1) % rank)
    return reading.diagonal(call["self"], dims, (max(-offset, 0), max(offset, 0)), call.shape[-1])


@register("aten::repeat", "aten::tile")
def repeat(call: Call) -> Result:
    """Whole copies, one after the other, along each dimension."""
    times = call.get("repeats", call.get("dims"))
    x = moves.raise_rank(call["self"], len(call.shape))
    for dim, count in enumerate((1,) * (len(call.shape) - len(times)) + tuple(times)):
        if count > 1:
            x = reading.again(x, dim, count)
    return x


@register("aten::repeat_interleave")
def repeat_interleave(call: Call) -> Result:
    """Each position ``repeats`` times; with a tensor of repeats, depends on data."""
    x, times = call["self"] if "self" in call.args else None, call.args["repeats"]
    if x is None:
        return None
    dim = call.args.get("dim")
    if dim is None:
        x, dim = reshaping.reshape(x, (numel(x.shape),)), 0
    dim %= len(x.shape)
    if isinstance(times, int):
        return reading.stretch(x, dim, times)
    return moves.widen(call.contract(x, [dim]), dim, call.shape[dim]).doubting(data_dependent=call.cause)


def _with_spatial(out: Field, like: Field) -> Field:
    """Keep which dimensions are positions through an operator that returns the same ones."""
    return Field(out.shape, like.spatial, out.axes, out.doubts)
