"""Operators that move elements about: reshapes, permutations, slices, shuffles."""

from __future__ import annotations

from convinspect.fields import moves, reading, reshaping
from convinspect.fields.field import Field
from convinspect.fields.mixing import set_aside
from convinspect.fields.nominal import Map
from convinspect.fields.rules import Call, Result, aten, register
from convinspect.fields.windows import slicing


@register(*aten("view _unsafe_view reshape view_copy flatten _reshape_alias unflatten"))
def reshape(call: Call) -> Result:
    """Same elements, same order, other dimensions."""
    x = call["self"]
    if call.op == "aten.view.dtype" and call.shape != x.shape:
        # Parts of an element each depend on all of it, and an element made of several on all of them.
        last, before, after = len(x.shape) - 1, x.shape[-1], call.shape[-1]
        if after > before:
            return reading.stretch(x, last, after // before)
        return call.window(x, last, kernel=before // after, stride=before // after)
    return reshaping.reshape(x, call.shape)


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
    return reading.select(x, dim, int(call.args["index"]) % x.shape[dim])


@register("aten::slice", "aten::slice_copy", "aten::narrow", "aten::narrow_copy")
def cut(call: Call) -> Result:
    """Take every ``step``-th position from ``start``."""
    x = call["self"]
    dim = call.get("dim", 0) % len(x.shape)
    length = x.shape[dim]
    start = int(call.get("start", 0))
    start = min(max(start + length if start < 0 else start, 0), length)
    return reading.slide(x, {dim: slicing(length, call.shape[dim], start, int(call.get("step", 1)))})


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
        pieces.append(reading.narrow(x, dim, start, shape[dim]))
        start += shape[dim]
    return pieces


@register("aten::unbind", "aten::unbind_copy")
def unbind(call: Call) -> Result:
    """Take every position by itself."""
    x = call["self"]
    dim = call.get("dim", 0) % len(x.shape)
    return [reading.select(x, dim, position) for position in range(len(call.outputs))]
