"""Operators that move elements about: reshapes, permutations, slices."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from convinspect.fields.hulls.hull import Map
from convinspect.fields.hulls.windows import slicing
from convinspect.fields.operations import moves, reading
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.dimensions import BATCH
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule(*aten("view _unsafe_view reshape view_copy flatten _reshape_alias unflatten view_as reshape_as ravel"))
def reshape(call: Call) -> Result:
    """Same elements, same order, other dimensions."""
    x = call["self"]
    if call.op == "aten.view.dtype" and call.shape != x.shape:
        # Parts of an element each depend on all of it, and an element made of several on all of them.
        last, before, after = x.rank - 1, x.shape[-1], call.shape[-1]
        if after > before:
            return reading.stretch(x, last, after // before)
        return call.window(x, last, kernel=before // after, stride=before // after)
    return moves.reshape(x, call.shape)


@rf_rule(*aten("permute permute_copy transpose transpose_copy swapaxes swapdims t numpy_T mT adjoint t_copy"))
def permute(call: Call) -> Result:
    """Reorder the dimensions: all as given, or two of them, by default the last."""
    x = call["self"]
    order = list(range(x.rank))
    if "dims" in call.args:
        order = [dim % x.rank for dim in call.args["dims"]]
    elif x.rank > 1:
        one, other = (call.get(f"dim{n}", call.get(f"axis{n}", n - 2)) for n in (0, 1))
        order[one], order[other] = order[other], order[one]
    return moves.permute(x, order)


@rf_rule(*aten("unsqueeze unsqueeze_copy"))
def unsqueeze(call: Call) -> Result:
    """Put a dimension of size 1 in; in front of all it is a batch."""
    dim = call.args["dim"] % len(call.shape)
    out = moves.insert(call["self"], dim)
    return out if dim else out.with_spatial((BATCH, *out.spatial[1:]))


@rf_rule(*aten("squeeze squeeze_copy"))
def squeeze(call: Call) -> Result:
    """Drop dimensions of size 1: those named, or all."""
    x = call["self"]
    named = call.get("dim", range(x.rank))
    dims = [dim % x.rank for dim in ([named] if isinstance(named, int) else named) if x.rank]
    return moves.drop(x, [dim for dim in dims if x.shape[dim] == 1])


@rf_rule(*aten("expand expand_copy expand_as broadcast_to"))
def expand(call: Call) -> Result:
    """Repeat dimensions of size 1; one value for all positions is global."""
    if call["self"].shape == call.shape:
        return call["self"]
    x = moves.raise_rank(call["self"], len(call.shape))
    repeated = [dim for dim, size in enumerate(x.shape) if size == 1 < call.shape[dim]]

    def spread(axis: AxisField) -> AxisField:
        everywhere = isinstance(axis.nominal, Map) and axis.nominal.dim in repeated
        return axis.made_global(call.cause) if everywhere else axis

    spatial = tuple(kind if dim not in repeated else False for dim, kind in enumerate(x.spatial))
    return replace(x, shape=call.shape, spatial=spatial, held=tuple(map(spread, x.axes)))


@rf_rule(*aten("select select_copy"))
def select(call: Call) -> Result:
    """Take one position and drop the dimension."""
    x = call["self"]
    dim = call.args["dim"] % x.rank
    return reading.select(x, dim, int(call.args["index"]) % x.shape[dim])


@rf_rule(*aten("slice slice_copy narrow narrow_copy"))
def cut(call: Call) -> Result:
    """Take every ``step``-th position from ``start``."""
    x = call["self"]
    dim = call.get("dim", 0) % x.rank
    length = x.shape[dim]
    start = int(call.get("start", 0))
    start = min(max(start + length if start < 0 else start, 0), length)
    return reading.slide(x, {dim: slicing(length, call.shape[dim], start, int(call.get("step", 1)))})


@rf_rule(
    *aten(
        "split split_with_sizes chunk unsafe_chunk unsafe_split unsafe_split_with_sizes tensor_split split_copy "
        "split_with_sizes_copy hsplit vsplit"
    )
)
def split(call: Call) -> Result:
    """Cut into pieces that follow each other along ``dim``."""
    x = call["self"]
    dim = call.get("dim", 0) % x.rank
    sizes = [shape[dim] for shape in call.shapes]
    starts = accumulate(sizes, initial=0)
    return [reading.narrow(x, dim, start, size) for start, size in zip(starts, sizes, strict=False)]


@rf_rule(*aten("unbind unbind_copy"))
def unbind(call: Call) -> Result:
    """Take every position by itself."""
    x = call["self"]
    dim = call.get("dim", 0) % x.rank
    call.candidates.samples(x, [dim])
    return [reading.select(x, dim, position) for position in range(len(call.outputs))]
