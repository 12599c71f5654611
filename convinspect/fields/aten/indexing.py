"""Indexing by tensors: exact by constants of the model; by others everything along a dimension can be meant."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from convinspect.fields.aten.sampling import by_data
from convinspect.fields.hulls.arrays import Array, Shape
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.moves import broadcast, drop, insert, permute, reshape, widen
from convinspect.fields.operations.reading import narrow, take, take_along
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
    places = _places(call, given)
    if places is not None:
        return _taken(x, places, call.shape)
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


def _places(call: Call, given: Mapping[int, Tensor]) -> dict[int, Array] | None:
    """Return the places along each indexed dimension; ``None`` where they are no constants."""
    found: dict[int, Array] = {}
    shift = 0  # a mask stands for as many dimensions as it has
    for dim, tensor in given.items():
        values = constant(call, tensor)
        if values is None or tensor.dtype == torch.uint8:
            return None
        if values.dtype == np.bool_:
            found.update(enumerate(np.nonzero(values), dim + shift))
            shift += values.ndim - 1
        else:
            found[dim + shift] = values
    return found


def constant(call: Call, tensor: Tensor) -> Array | None:
    """Return the values of an index that is a constant of the model, and ``None`` of any other."""
    return call.constant(tensor) if call.field(tensor).is_nothing else None


def _taken(x: Field, places: Mapping[int, Array], shape: Shape) -> Field | None:
    """Read the elements at ``places``, of which those of all dimensions go together."""
    dims = list(places)
    sizes = tuple(x.shape[dim] for dim in dims)
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    first = dims[0] if adjacent else 0
    others = [dim for dim in range(x.rank) if dim not in dims]
    x = permute(x, [*others[:first], *dims, *others[first:]])
    x = reshape(x, (*x.shape[:first], prod(sizes), *x.shape[first + len(dims) :]))
    numbers = np.broadcast_arrays(*(place % size for place, size in zip(places.values(), sizes, strict=True)))
    index = np.ravel_multi_index(tuple(numbers), sizes).reshape(-1)
    return reshape(take(x, first, index), shape) if index.size else None


@rf_rule("aten::index_select")
def index_select(call: Call) -> Result:
    """Any position along ``dim``."""
    x, picked = call["self"], call["index"]
    dim = call.args["dim"] % max(x.rank, 1)
    places = _places(call, {dim: call.args["index"]})
    if places is not None:
        return _taken(x, places, call.shape)
    out = call.mix(x, [dim])
    if not picked.is_nothing:
        out = call.merge([out, _with_dims_after(picked, len(call.shape) - dim - 1)])
    elif not x.varies(dim):
        return out
    return out.marked(data_dependent=call.cause)


@rf_rule(*aten("gather take_along_dim"))
def gather(call: Call) -> Result:
    """Any position along ``dim``, and the index's own."""
    x, picked = call["self"], call.args["index" if "index" in call.args else "indices"]
    if not x.shape:
        return x
    if call.get("dim") is None:
        x = reshape(x, (prod(x.shape),))
    dim = call.get("dim", 0) % x.rank
    for other, size in enumerate(call.shape):
        if other != dim:
            x = narrow(x, other, 0, size) if x.shape[other] > 1 else widen(x, other, size)
    places = constant(call, picked)
    if places is not None:
        return take_along(x, dim, np.broadcast_to(places % x.shape[dim], call.shape))
    return call.merge([call.mix(x, [dim]), call.field(picked)]).marked(data_dependent=call.cause)


@rf_rule("aten::take")
def take_flat(call: Call) -> Result:
    """Elements by their numbers in the flattened tensor."""
    x = call["self"]
    places = constant(call, call.args["index"])
    return by_data(call) if places is None else _taken(reshape(x, (prod(x.shape),)), {0: places}, call.shape)


@rf_rule("aten::masked_select")
def masked_select(call: Call) -> Result:
    """Those elements for which a mask is true, one after the other."""
    x, mask = call["self"], constant(call, call.args["mask"])
    if mask is None:
        return by_data(call)
    full = np.broadcast_shapes(x.shape, mask.shape)
    places = np.nonzero(np.broadcast_to(mask, full))
    return _taken(broadcast(x, full), dict(enumerate(places)), call.shape)


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
