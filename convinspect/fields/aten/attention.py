"""Fused attention: every query sees all keys and values; masks are taken as structural (masked keys count)."""

from __future__ import annotations

import numpy as np

from convinspect.fields import mixing, moves
from convinspect.fields.field import Field, collapse
from convinspect.fields.rules import Call, Result, register
from convinspect.fields.windows import make_window


@register(
    *(
        f"aten::{name}"
        for name in (
            "scaled_dot_product_attention _scaled_dot_product_flash_attention "
            "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention "
            "_scaled_dot_product_cudnn_attention _scaled_dot_product_attention_math "
            "_scaled_dot_product_attention_math_for_mps _scaled_dot_product_fused_attention_overrideable"
        ).split()
    )
)
def attend(call: Call) -> Result:
    """``softmax(query @ key.T + mask) @ value`` over ``(..., positions, features)``."""
    query, key, value = call["query"], call["key"], call["value"]
    if query.shape[:-2] != key.shape[:-2]:
        key, value = _share_heads(query, key), _share_heads(query, value)
    rows = call.contract(query, [-1])
    columns = moves.permute(call.contract(key, [-1]), _swapped(len(key.shape)))
    shape = (*query.shape[:-1], key.shape[-2])
    parts = [rows, columns]
    for name in ("attn_mask", "attn_bias"):
        mask = call.args.get(name)
        if mask is not None and call.find(mask) is not None:
            parts.append(call.field(mask))
    scores = moves.broadcast(mixing.merge(parts, shape, call.cause, crossed=True), shape)
    weights = call.contract(scores, [-1], keeps_own=True)
    out = mixing.merge(
        [call.contract(weights, [-1]), call.contract(value, [-2])],
        (*query.shape[:-1], value.shape[-1]),
        call.cause,
        crossed=True,
    )
    out = moves.broadcast(out, (*query.shape[:-1], value.shape[-1]))
    rest: list[Field | None] = [
        collapse(out, shape) if number else out for number, shape in enumerate(call.outputs)
    ]
    return rest


def _swapped(rank: int) -> list[int]:
    return [*range(rank - 2), rank - 1, rank - 2]


def _share_heads(query: Field, shared: Field) -> Field:
    """Repeat the heads of grouped-query attention."""
    heads, own = query.shape[-3], shared.shape[-3]
    index = np.repeat(np.arange(own, dtype=np.int64), heads // own)[:, None]
    return moves.slide(shared, {len(shared.shape) - 3: make_window(index, own, 1, None)})
