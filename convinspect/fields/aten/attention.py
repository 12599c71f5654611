"""Fused attention: every query sees all keys and values; masks are taken as structural (masked keys count)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from convinspect.fields.call import Call
from convinspect.fields.hulls.windows import make_window
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.merging import cross
from convinspect.fields.operations.moves import broadcast
from convinspect.fields.operations.reading import slide
from convinspect.fields.rules import Result, aten, rf_rule

POSITIONS_RANK = 3


@rf_rule(
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
    masks = call.fields("attn_mask", "attn_bias")
    seen = [
        call.contract(key, [-2, -1]),
        call.contract(value, [-2]),
        *(call.contract(mask, [-1]) for mask in masks),
    ]
    rows = call.contract(query, [-1])
    # What chooses among all positions chooses globally: locally nothing of the query is left either.
    axes = tuple(
        axis.set_aside(call.cause) if any(field.axes[number].global_op == call.cause for field in seen) else axis
        for number, axis in enumerate(rows.axes)
    )
    return _with_weights(call, broadcast(cross([replace(rows, held=axes), *seen], shape), shape))


@rf_rule(*aten("_native_multi_head_attention _transformer_encoder_layer_fwd"))
def attend_fused(call: Call) -> Result:
    """A whole attention or encoder layer over ``(batch, positions, features)``, as one operator."""
    mixed = [call.contract(field, [1, 2]) for field in call.fields() if field.rank == POSITIONS_RANK]
    return _with_weights(call, broadcast(call.merge(mixed, (call.shape[0], 1, 1)), call.shape))


def _share_heads(query: Field, shared: Field) -> Field:
    """Repeat the heads of grouped-query attention."""
    heads, own = query.shape[-3], shared.shape[-3]
    index = np.repeat(np.arange(own, dtype=np.int64), heads // own)[:, None]
    return slide(shared, {shared.rank - 3: make_window(index, own, 1, None)})


def _with_weights(call: Call, out: Field) -> Result:
    """The result, and after it weights and statistics: all that any position saw."""
    return [out, *(collapse(out, shape) for shape in call.shapes[1:])]
