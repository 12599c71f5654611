"""Indexing by tensors: what they hold is not read, so everything along an indexed dimension can be meant."""

from __future__ import annotations

import torch
from torch import Tensor

from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.moves import drop, insert, widen
from convinspect.fields.operations.reading import narrow
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule("aten::embedding")
def embedding(call: Call) -> Result:
    """One row per index: the index's own field, over the features."""
    index, rows = call["indices"], call["weight"]
    if not index.is_nothing:
        call.candidates.decide(frozenset())  # tokens have no features
    out = widen(_with_dims_after(index, 1), index.rank, call.shape[-1])
    if rows.is_nothing:
        return out
    return call.merge([out, call.contract(rows, [0])]).marked(data_dependent=call.cause)


@rf_rule(*aten("embedding_bag _embedding_bag _embedding_bag_forward_only"))
def embedding_bag(call: Call) -> Result:
    """Any row of the weight, column by column, and all indices; with several bags, as a bound."""
    parts = []
    for field in call.fields("indices", "offsets", "per_sample_weights"):
        whole = collapse(call.contract(field, range(field.rank)), (1, 1))
        parts.append(whole.marked(upper_bound=call.cause) if call.shape[0] > 1 else whole)
    parts += [call.contract(rows, [0]).marked(data_dependent=call.cause) for rows in call.fields("weight")]
    return call.with_rest(call.merge(parts))


@rf_rule(*aten("index _unsafe_index"))
def index(call: Call) -> Result:
    """``self[i, :, j]``: hull over the indexed dimensions, and what the indices themselves depend on."""
    x = call["self"]
    given = {dim: i for dim, i in enumerate(call.args["indices"]) if i is not None}
    if any(i.dtype in (torch.bool, torch.uint8) for i in given.values()):
        return call.merge([call.whole(field) for field in call.fields()]).marked(data_dependent=call.cause)
    dims = list(given)
    rank = max(i.dim() for i in given.values())
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    place = dims[0] if adjacent else 0
    out = drop(call.contract(x, dims), dims)
    for dim in range(place, place + rank):
        out = widen(insert(out, dim), dim, call.shape[dim])
    followed = call.fields("indices")
    if followed:
        after = len(call.shape) - place - rank
        out = call.merge([out, *(_with_dims_after(field, after) for field in followed)])
    vague = followed or any(x.varies(dim) for dim in dims)
    return out.marked(data_dependent=call.cause) if vague else out


@rf_rule("aten::index_select")
def index_select(call: Call) -> Result:
    """Any position along ``dim``."""
    x, picked = call["self"], call["index"]
    dim = call.args["dim"] % max(x.rank, 1)
    out = call.mix(x, [dim])
    if not picked.is_nothing:
        out = call.merge([out, _with_dims_after(picked, len(call.shape) - dim - 1)])
    elif not x.varies(dim):
        return out
    return out.marked(data_dependent=call.cause)


@rf_rule(*aten("gather take_along_dim"))
def gather(call: Call) -> Result:
    """Any position along ``dim``, and the index's own."""
    x, picked = call["self"], call["index" if "index" in call.args else "indices"]
    dim = call.args["dim"] % max(x.rank, 1)
    out = call.mix(x, [dim])
    for d, size in enumerate(call.shape):
        if d != dim:
            out = narrow(out, d, 0, size)
    return call.merge([out, picked]).marked(data_dependent=call.cause)


@rf_rule(*aten("scatter scatter_add scatter_reduce"))
def scatter_along(call: Call) -> Result:
    """What was there, and along ``dim`` anything that is written; one constant goes where its index says."""
    index, dim = call["index"], call.args["dim"] % max(len(call.shape), 1)
    others = [d for d in range(index.rank) if d != dim]
    if any(index.shape[d] != call.shape[d] for d in others):
        return scatter(call)
    sources = call.fields("src", "value")
    written = [index, *sources]
    for d in others:
        written = [narrow(field, d, 0, call.shape[d]) if field.shape else field for field in written]
    along = [call.mix(field, [dim]) if field.shape else field for field in written]
    out = call.merge([call["self"], *along])
    # One constant for each position: its index alone says where it goes.
    single = not sources and (not index.shape or index.shape[dim] == 1)
    return out if single else out.marked(data_dependent=call.cause)


@rf_rule(
    *aten("index_put index_add index_copy index_fill masked_scatter index_reduce _index_put_impl _unsafe_index_put put")
)
def scatter(call: Call) -> Result:
    """What was there, and anywhere in it, anything that is written."""
    # By the arguments' names: a pointwise function of x shares its field, and is a source all the same.
    sources = call.fields(*(name for name in call.args if name != "self"))
    return call.merge([call["self"], *map(call.whole, sources)]).marked(data_dependent=call.cause)


@rf_rule(*aten("slice_scatter select_scatter diagonal_scatter as_strided_scatter"))
def scatter_slice(call: Call) -> Result:
    """What was there, and what is written, as a bound."""
    return call.merge([call["self"], call.whole(call["src"])]).marked(upper_bound=call.cause)


@rf_rule(*aten("bucketize searchsorted"))
def search(call: Call) -> Result:
    """Element by element, against all of the boundaries, or of their own row of them."""
    edges = call["boundaries" if "boundaries" in call.args else "sorted_sequence"]
    values = [call["self"]] if isinstance(call.args.get("self"), Tensor) else []
    rows = 1 < edges.rank == len(call.shape)
    return call.merge([*values, call.contract(edges, [-1]) if rows else call.whole(edges)])


@rf_rule("aten::one_hot")
def one_hot(call: Call) -> Result:
    """Element by element, in a dimension more."""
    x = call["self"]
    return widen(_with_dims_after(x, 1), x.rank, call.shape[-1])


def _with_dims_after(field: Field, count: int) -> Field:
    """Put ``count`` dimensions of size 1 behind the others."""
    for _ in range(count):
        field = insert(field, field.rank)
    return field
