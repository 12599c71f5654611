"""Operators that move elements about: reshapes, permutations, slices, shuffles."""

from __future__ import annotations

from convinspect.fields import moves
from convinspect.fields.field import Field
from convinspect.fields.mixing import set_aside
from convinspect.fields.nominal import Map
from convinspect.fields.rules import Call, Result, aten, register
from convinspect.fields.windows import rolling, slicing, sliding


@register(*aten("view _unsafe_view reshape view_copy flatten _reshape_alias unflatten"))
def reshape(call: Call) -> Result:
    """Same elements, same order, other dimensions."""
    x = call["self"]
    if call.op == "aten.view.dtype":
        return x if call.shape == x.shape else None
    return moves.reshape(x, call.shape)


@register("aten::permute", "aten::permute_copy")
def permute(call: Call) -> Result:
    """Reorder the dimensions."""
    x = call["self"]
    return moves.permute(x, [dim % len(x.shape) for dim in call.args["dims"]])


@register("aten::transpose", "aten::transpose_copy", "aten::swapaxes", "aten::swapdims")
def transpose(call: Call) -> Result:
    """Swap two dimensions."""
    x = call["self"]
    order = list(range(len(x.shape)))
    if order:
        one, other = call.args["dim0"], call.args["dim1"]
        order[one], order[other] = order[other], order[one]
    return moves.permute(x, order)


@register("aten::t", "aten::numpy_T", "aten::mT", "aten::adjoint", "aten::t_copy")
def flip_matrix(call: Call) -> Result:
    """Swap the last two dimensions."""
    x = call["self"]
    order = list(range(len(x.shape)))
    return moves.permute(x, [*order[:-2], *reversed(order[-2:])])


@register("aten::unsqueeze", "aten::unsqueeze_copy")
def unsqueeze(call: Call) -> Result:
    """Put a dimension of size 1 in."""
    x = call["self"]
    return moves.insert(x, call.args["dim"] % (len(x.shape) + 1))


@register("aten::squeeze", "aten::squeeze_copy")
def squeeze(call: Call) -> Result:
    """Drop dimensions of size 1: those named, or all."""
    x = call["self"]
    named = call.args.get("dim")
    dims = range(len(x.shape)) if named is None else [named] if isinstance(named, int) else named
    return moves.drop(x, [dim % len(x.shape) for dim in dims if x.shape[dim] == 1])


@register("aten::expand", "aten::expand_copy", "aten::expand_as", "aten::broadcast_to")
def expand(call: Call) -> Result:
    """Repeat dimensions of size 1; one value for all positions is a global gate."""
    x = call["self"]
    return x if x.shape == call.shape else _spread(call, moves.raise_rank(x, len(call.shape)))


def _spread(call: Call, x: Field) -> Field:
    axes = []
    for axis in x.axes:
        along = axis.nominal.dim if isinstance(axis.nominal, Map) else None
        gate = along is not None and x.shape[along] == 1 < call.shape[along]
        axes.append(set_aside(axis, len(call.shape), call.cause) if gate else axis)
    spatial = tuple(flag and size == new for flag, size, new in zip(x.spatial, x.shape, call.shape, strict=True))
    return Field(call.shape, spatial, tuple(axes), x.doubts)


@register("aten::select", "aten::select_copy")
def select(call: Call) -> Result:
    """Take one position and drop the dimension."""
    x = call["self"]
    dim = call.args["dim"] % len(x.shape)
    return moves.select(x, dim, int(call.args["index"]) % x.shape[dim])


@register("aten::slice", "aten::slice_copy", "aten::narrow", "aten::narrow_copy")
def cut(call: Call) -> Result:
    """Take every ``step``-th position from ``start``."""
    x = call["self"]
    dim = call.get("dim", 0) % len(x.shape)
    length = x.shape[dim]
    start = int(call.get("start", 0))
    start = min(max(start + length if start < 0 else start, 0), length)
    return moves.slide(x, {dim: slicing(length, call.shape[dim], start, int(call.get("step", 1)))})


@register(
    *aten(
        "split split_with_sizes chunk unsafe_chunk unsafe_split unsafe_split_with_sizes tensor_split split_copy "
        "split_with_sizes_copy hsplit vsplit"
    )
)
def split(call: Call) -> Result:
    """Cut into pieces that follow each other along ``dim``."""
    x = call["self"]
    dim = call.get("dim", 0) % len(x.shape)
    pieces, start = [], 0
    for shape in call.outputs:
        pieces.append(moves.narrow(x, dim, start, shape[dim]))
        start += shape[dim]
    return pieces


@register("aten::unbind", "aten::unbind_copy")
def unbind(call: Call) -> Result:
    """Take every position by itself."""
    x = call["self"]
    dim = call.get("dim", 0) % len(x.shape)
    return [moves.select(x, dim, position) for position in range(len(call.outputs))]


@register("aten::flip")
def flip(call: Call) -> Result:
    """Count backwards."""
    x = call["self"]
    dims = [dim % len(x.shape) for dim in call.args["dims"]]
    return moves.slide(x, {dim: slicing(x.shape[dim], x.shape[dim], x.shape[dim] - 1, -1) for dim in dims})


@register("aten::rot90")
def rotate(call: Call) -> Result:
    """Quarter turns in the plane of two dimensions."""
    x = call["self"]
    one, other = (dim % len(x.shape) for dim in call.get("dims", (0, 1)))
    order = list(range(len(x.shape)))
    order[one], order[other] = order[other], order[one]
    for _ in range(call.get("k", 1) % 4):
        x = moves.slide(x, {other: slicing(x.shape[other], x.shape[other], x.shape[other] - 1, -1)})
        x = moves.permute(x, order)
    return x


@register("aten::roll")
def roll(call: Call) -> Result:
    """Shift round the end; without ``dims``, of the flattened tensor."""
    x = call["self"]
    shifts, dims = call.args["shifts"], call.get("dims", ())
    if not dims:
        flat = moves.reshape(x, (_numel(x),))
        return moves.reshape(moves.slide(flat, {0: rolling(_numel(x), shifts[0])}), x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        x = moves.slide(x, {dim % len(x.shape): rolling(x.shape[dim], shift)})
    return x


@register("aten::unfold", "aten::unfold_copy")
def unfold(call: Call) -> Result:
    """Write windows out, their taps as a last dimension."""
    x = call["self"]
    rank = len(x.shape)
    dim = call.args["dimension"] % rank
    window = sliding(x.shape[dim], call.shape[dim], call.args["size"], call.args["step"], 0, 1)
    x = moves.windows_out(x, dim, window)
    return moves.permute(x, [*range(dim + 1), *range(dim + 2, rank + 1), dim + 1])


@register("aten::pixel_shuffle")
def pixel_shuffle(call: Call) -> Result:
    """Channels ``(c, r, r)`` become the inner digits of rows and columns."""
    x, factor = call["self"], call.args["upscale_factor"]
    *front, channels, height, width = x.shape
    n = len(front)
    x = moves.reshape(x, (*front, channels // factor**2, factor, factor, height, width))
    x = moves.permute(x, [*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return _with_spatial(moves.reshape(x, call.shape), call["self"])


@register("aten::pixel_unshuffle")
def pixel_unshuffle(call: Call) -> Result:
    """The inner digits of rows and columns become channels ``(c, r, r)``."""
    x, factor = call["self"], call.args["downscale_factor"]
    *front, channels, height, width = x.shape
    n = len(front)
    x = moves.reshape(x, (*front, channels, height // factor, factor, width // factor, factor))
    x = moves.permute(x, [*range(n), n, n + 2, n + 4, n + 1, n + 3])
    return _with_spatial(moves.reshape(x, call.shape), call["self"])


@register("aten::channel_shuffle", "aten::native_channel_shuffle")
def channel_shuffle(call: Call) -> Result:
    """Channels ``(g, c)`` become ``(c, g)``."""
    x, groups = call["self"], call.args["groups"]
    count, channels, *rest = x.shape
    x = moves.reshape(x, (count, groups, channels // groups, *rest))
    return moves.reshape(moves.permute(x, [0, 2, 1, *range(3, len(x.shape))]), call.shape)


@register("aten::diagonal", "aten::diagonal_copy")
def diagonal(call: Call) -> Result:
    """Positions where two indices agree, as a last dimension; followed as what either sees."""
    x = call["self"]
    rank = len(x.shape)
    one, other = call.get("dim1", 0) % rank, call.get("dim2", 1) % rank
    mixed = moves.drop(call.contract(x, [one, other]), [one, other])
    return moves.widen(moves.insert(mixed, rank - 2), rank - 2, call.shape[-1]).doubting(upper_bound=call.cause)


@register("aten::repeat", "aten::tile")
def repeat(call: Call) -> Result:
    """Whole copies, one after the other, along each dimension."""
    times = call.get("repeats", call.get("dims"))
    x = moves.raise_rank(call["self"], len(call.shape))
    for dim, count in enumerate((1,) * (len(call.shape) - len(times)) + tuple(times)):
        if count > 1:
            x = moves.again(x, dim, count)
    return x


@register("aten::repeat_interleave")
def repeat_interleave(call: Call) -> Result:
    """Each position ``repeats`` times; with a tensor of repeats, depends on data."""
    x, times = call["self"] if "self" in call.args else None, call.args["repeats"]
    if x is None:
        return None
    dim = call.args.get("dim")
    if dim is None:
        x, dim = moves.reshape(x, (_numel(x),)), 0
    dim %= len(x.shape)
    if isinstance(times, int):
        return moves.stretch(x, dim, times)
    return moves.widen(call.contract(x, [dim]), dim, call.shape[dim]).doubting(data_dependent=call.cause)


def _numel(x: Field) -> int:
    total = 1
    for size in x.shape:
        total *= size
    return total


def _with_spatial(out: Field, like: Field) -> Field:
    """Keep which dimensions are positions through an operator that returns the same ones."""
    return Field(out.shape, like.spatial, out.axes, out.doubts)
