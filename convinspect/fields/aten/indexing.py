"""Indexing by tensors: what they hold is not read, so everything along an indexed dimension can be meant."""

from __future__ import annotations

import torch
from torch import Tensor

from convinspect.fields import moves, reading
from convinspect.fields.field import collapse
from convinspect.fields.rules import Call, Result, aten, register, tensors_in


@register("aten::embedding")
def embedding(call: Call) -> Result:
    """One row per index: the index's own field, over the features."""
    index = call["indices"]
    out = moves.widen(moves.insert(index, len(index.shape)), len(index.shape), call.shape[-1])
    rows = call["weight"]
    if rows.is_nothing:
        return out
    return call.merge([out, call.contract(rows, [0])], call.shape).doubting(data_dependent=call.cause)


@register("aten::index", "aten::_unsafe_index")
def index(call: Call) -> Result:
    """``self[i, :, j]``: hull over the indexed dimensions, and what the indices themselves depend on."""
    x = call["self"]
    indices = list(call.args["indices"]) + [None] * (len(x.shape) - len(call.args["indices"]))
    if any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices):
        whole = [collapse(field, (1,) * len(call.shape)) for field in call.fields()]
        return call.merge(whole, call.shape).doubting(data_dependent=call.cause)
    dims = [dim for dim, i in enumerate(indices) if i is not None]
    mixed = call.contract(x, dims)
    vague = any(axis.strict.shape[dim + 1] > 1 for axis in x.axes for dim in dims)
    shapes = [tuple(i.shape) for i in indices if i is not None]
    rank = max(len(shape) for shape in shapes)
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    place = dims[0] if adjacent else 0
    out = moves.drop(mixed, dims)
    for number in range(rank):
        out = moves.insert(out, place + number)
    for number in range(rank):
        out = moves.widen(out, place + number, call.shape[place + number])
    parts = [out]
    for i in indices:
        if i is not None and call.find(i) is not None:
            field = call.field(i)
            for _ in range(len(call.shape) - place - rank):
                field = moves.insert(field, len(field.shape))
            parts.append(field)
            vague = True
    merged = call.merge(parts, call.shape) if len(parts) > 1 else out
    return merged.doubting(data_dependent=call.cause) if vague else merged


@register("aten::index_select")
def index_select(call: Call) -> Result:
    """Any position along ``dim``."""
    x = call["self"]
    dim = call.args["dim"] % max(len(x.shape), 1)
    out = moves.widen(call.contract(x, [dim]), dim, call.shape[dim])
    picked = call["index"]
    if not picked.is_nothing:
        for _ in range(len(call.shape) - dim - 1):
            picked = moves.insert(picked, len(picked.shape))
        out = call.merge([out, picked], call.shape)
    mattered = not picked.is_nothing or any(axis.strict.shape[dim + 1] > 1 for axis in x.axes)
    return out.doubting(data_dependent=call.cause) if mattered else out


@register("aten::gather", "aten::take_along_dim")
def gather(call: Call) -> Result:
    """Any position along ``dim``, and the index's own."""
    x, picked = call["self"], call["index"] if "index" in call.args else call["indices"]
    dim = call.args["dim"] % max(len(x.shape), 1)
    out = call.contract(x, [dim])
    for d, size in enumerate(call.shape):
        out = moves.widen(out, d, size) if d == dim else reading.narrow(out, d, 0, size)
    return call.merge([out, picked], call.shape).doubting(data_dependent=call.cause)


@register(
    *aten(
        "scatter scatter_add scatter_reduce index_put index_add index_copy index_fill masked_scatter index_reduce "
        "_index_put_impl _unsafe_index_put put"
    )
)
def scatter(call: Call) -> Result:
    """What was there, and anywhere in it, anything that is written."""
    x = call["self"]
    # By the arguments' names: a pointwise function of x shares its field, and is a source all the same.
    others = tensors_in([value for name, value in call.args.items() if name != "self"])
    parts = [x, *(collapse(call.field(tensor), (1,) * len(call.shape)) for tensor in others)]
    return call.merge(parts, call.shape).doubting(data_dependent=call.cause)


@register("aten::slice_scatter", "aten::select_scatter", "aten::diagonal_scatter", "aten::as_strided_scatter")
def scatter_slice(call: Call) -> Result:
    """What was there, and what is written, as a bound."""
    parts = [call["self"], collapse(call["src"], (1,) * len(call.shape))]
    return call.merge(parts, call.shape).doubting(upper_bound=call.cause)


@register("aten::bucketize", "aten::searchsorted")
def search(call: Call) -> Result:
    """Element by element, against all of the boundaries, or of their own row of them."""
    values, bounds = call.args.get("self"), call.args["boundaries" if "boundaries" in call.args else "sorted_sequence"]
    parts = [call.field(values)] if isinstance(values, Tensor) else []
    edges = call.field(bounds)
    rows = len(edges.shape) > 1 and len(edges.shape) == len(call.shape)
    parts.append(call.contract(edges, [-1]) if rows else collapse(edges, (1,) * len(call.shape)))
    return call.merge(parts, call.shape)


@register("aten::one_hot")
def one_hot(call: Call) -> Result:
    """Element by element, in a dimension more."""
    x = call["self"]
    return moves.widen(moves.insert(x, len(x.shape)), len(x.shape), call.shape[-1])
