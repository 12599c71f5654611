"""Fused attention: every query sees all keys and values; masks are taken as structural (masked keys count)."""

from __future__ import annotations

from dataclasses import replace

from convinspect.fields.operations.merging import cross
from convinspect.fields.operations.moves import broadcast
from convinspect.fields.operations.reading import stretch
from convinspect.fields.rules import Call, Result, aten, rf_rule

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
    for field in (query, key, value):
        call.candidates.features(field, -1)
    if query.shape[:-2] != key.shape[:-2]:
        # Grouped-query attention: heads are shared.
        key, value = (stretch(one, one.rank - 3, query.shape[-3] // one.shape[-3]) for one in (key, value))
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
        axis.made_global(call.cause) if any(field.axes[number].global_op == call.cause for field in seen) else axis
        for number, axis in enumerate(rows.axes)
    )
    return call.with_rest(broadcast(cross([replace(rows, held=axes), *seen], shape), shape))


@rf_rule(*aten("_native_multi_head_attention _transformer_encoder_layer_fwd"))
def attend_fused(call: Call) -> Result:
    """A whole attention or encoder layer over ``(batch, positions, features)``, as one operator."""
    call.candidates.features(call.fields()[0], -1)
    mixed = [call.contract(field, [1, 2]) for field in call.fields() if field.rank == POSITIONS_RANK]
    return call.with_rest(broadcast(call.merge(mixed, (call.shape[0], 1, 1)), call.shape))
