"""Fused attention: every query sees all keys and values; masks are taken as structural (masked keys count)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from convinspect.fields import moves, reading
from convinspect.fields.field import Cause, Field, collapse
from convinspect.fields.mixing import merge, set_aside
from convinspect.fields.rules import Call, Result, aten, register
from convinspect.fields.windows import make_window

POSITIONS_RANK = 3


@register(
    *aten(
        "scaled_dot_product_attention _scaled_dot_product_flash_attention "
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention "
        "_scaled_dot_product_cudnn_attention _scaled_dot_product_attention_math "
        "_scaled_dot_product_attention_math_for_mps _scaled_dot_product_fused_attention_overrideable"
    )
)
def attend(call: Call) -> Result:
    """``softmax(query @ key.T + mask) @ value`` over ``(..., positions, features)``."""
    query, key, value = call["query"], call["key"], call["value"]
    if query.shape[:-2] != key.shape[:-2]:
        key, value = _share_heads(query, key), _share_heads(query, value)
    shape = (*query.shape[:-1], value.shape[-1])
    rows, read = call.contract(query, [-1]), call.contract(key, [-2, -1])
    seen = [read, call.contract(value, [-2])]
    for name in ("attn_mask", "attn_bias"):
        mask = call.args.get(name)
        if mask is not None and call.find(mask) is not None:
            seen.append(call.contract(call.field(mask), [-1]))
    # What chooses among all positions chooses globally: locally nothing of the query is left either.
    axes = tuple(
        set_aside(axis, len(query.shape), call.cause) if _is_global(seen, number, call.cause) else axis
        for number, axis in enumerate(rows.axes)
    )
    out = moves.broadcast(merge([replace(rows, held=axes), *seen], shape, call.cause, crossed=True), shape)
    return [out, *(collapse(out, other) for other in call.outputs[1:])]


@register("aten::_native_multi_head_attention", "aten::_transformer_encoder_layer_fwd")
def attend_fused(call: Call) -> Result:
    """A whole attention or encoder layer over ``(batch, positions, features)``, as one operator."""
    mixed = [call.contract(field, [1, 2]) for field in call.fields() if len(field.shape) == POSITIONS_RANK]
    out = moves.broadcast(call.merge(mixed, (call.shape[0], 1, 1)), call.shape)
    return [out, *(collapse(out, other) for other in call.outputs[1:])]


def _is_global(fields: list[Field], number: int, cause: Cause) -> bool:
    """Tell whether this very operator made one of ``fields`` global along an axis."""
    return any(field.axes[number].gate == cause for field in fields)


def _share_heads(query: Field, shared: Field) -> Field:
    """Repeat the heads of grouped-query attention."""
    heads, own = query.shape[-3], shared.shape[-3]
    index = np.repeat(np.arange(own, dtype=np.int64), heads // own)[:, None]
    return reading.slide(shared, {len(shared.shape) - 3: make_window(index, own, 1, None)})
