"""Writes at places: exact where these are constants of the model; otherwise what is written can end up anywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from convinspect.fields.aten.indexing import constant
from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import Array
from convinspect.fields.hulls.hull import Absent, Map
from convinspect.fields.operations.field import Field, nothing
from convinspect.fields.operations.merging import concatenate
from convinspect.fields.operations.moves import broadcast, insert
from convinspect.fields.operations.reading import narrow, take
from convinspect.fields.rules import Call, Result, aten, rf_rule

_ADDS = ("add", "reduce")


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
    known = constant(call, call.args["index"]) if index.shape else None
    places = None if known is None else arrays.compact(known[None])[0]
    if places is not None and places.size == places.shape[dim]:
        source = written[1] if sources else nothing((1,) * index.rank, call.count)
        size = index.shape[dim]
        source = narrow(source, dim, 0, size) if source.shape[dim] > size else source
        put = _put(call, source, dim, np.broadcast_to(places.reshape(-1), size))
        if put is not None:
            return put
    along = [call.mix(field, [dim]) if field.shape else field for field in written]
    out = call.merge([call["self"], *along])
    # One constant for each position: its index alone says where it goes.
    single = not sources and (not index.shape or index.shape[dim] == 1)
    return out if single else out.marked(data_dependent=call.cause)


@rf_rule(*aten("index_copy index_add index_fill index_reduce"))
def write_along(call: Call) -> Result:
    """What is written, at the places of ``index`` along ``dim``."""
    places, source = constant(call, call.args["index"]), call.args.get("source", call.args.get("value"))
    if not call.shape or places is None:
        return scatter(call)
    put = _put(call, _field(call, source), call.args["dim"] % len(call.shape), places.reshape(-1))
    return scatter(call) if put is None else put


@rf_rule(*aten("index_put _index_put_impl _unsafe_index_put"))
def write_at(call: Call) -> Result:
    """What is written, at the places of one index."""
    given = [(dim, index) for dim, index in enumerate(call.args["indices"]) if index is not None]
    dim, index = given[0]
    places = constant(call, index) if len(given) == 1 and index.dim() == 1 and index.dtype != torch.uint8 else None
    if places is None:
        return scatter(call)
    places = np.flatnonzero(places) if places.dtype == np.bool_ else places
    put = _put(call, _field(call, call.args["values"]), dim, places)
    return scatter(call) if put is None else put


@rf_rule(*aten("masked_scatter put"))
def scatter(call: Call) -> Result:
    """What was there, and anywhere in it, anything that is written."""
    # By the arguments' names: a pointwise function of x shares its field, and is a source all the same.
    sources = call.fields(*(name for name in call.args if name != "self"))
    return call.merge([call["self"], *map(call.whole, sources)]).marked(data_dependent=call.cause)


@rf_rule(*aten("slice_scatter select_scatter"))
def scatter_slice(call: Call) -> Result:
    """What is written over a slice, or one position."""
    x, source = call["self"], call["src"]
    dim = call.get("dim", 0) % x.rank
    places = np.arange(x.shape[dim])
    if "index" in call.args:
        return _put(call, insert(source, dim), dim, places[[call.args["index"]]])
    return _put(call, source, dim, places[slice(call.args.get("start"), call.args.get("end"), call.get("step", 1))])


@rf_rule(*aten("diagonal_scatter as_strided_scatter"))
def scatter_diagonal(call: Call) -> Result:
    """What was there, and what is written, as a bound."""
    return call.merge([call["self"], call.whole(call["src"])]).marked(upper_bound=call.cause)


def _field(call: Call, source: object) -> Field:
    return call.field(source) if isinstance(source, Tensor) else nothing((), call.count)


def _put(call: Call, source: Field, dim: int, places: Array) -> Field | None:
    """Write ``source`` to ``places`` along ``dim``, or add it; ``None`` where several go to one place."""
    x, places = call["self"], places % call.shape[dim]
    if len(np.unique(places)) < len(places):
        return None
    if not len(places):
        return x
    source = broadcast(source, (*x.shape[:dim], len(places), *x.shape[dim + 1 :]))
    adds = any(word in call.op for word in _ADDS) or call.get("accumulate", call.get("reduce", False))
    adds = bool(adds) and call.get("include_self", True)
    under = nothing((*x.shape[:dim], 1, *x.shape[dim + 1 :]), call.count) if adds else x
    index = np.zeros(x.shape[dim], dtype=np.int64) if adds else np.arange(x.shape[dim])
    index[places] = under.shape[dim] + np.arange(len(places))
    everywhere = len(places) == len(index)
    if everywhere:
        put = take(source, dim, index - under.shape[dim])
    else:
        put = take(concatenate([under, source], dim), dim, index)
    if adds:
        return call.merge([x, put])
    return put if everywhere or x.is_nothing else _without_rule(put, dim)


def _without_rule(field: Field, dim: int) -> Field:
    """Set the maps along ``dim`` aside: what was there and what was written go on by rules of their own."""
    axes = [
        replace(axis, nominal=Absent.MISALIGNED) if isinstance(axis.nominal, Map) and axis.nominal.dim == dim else axis
        for axis in field.axes
    ]
    return replace(field, held=tuple(axes))
