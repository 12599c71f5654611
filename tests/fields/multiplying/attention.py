"""Attention, by every name that a backend has for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.fields.oracle import randn

from .calls import Arguments, Case, Plain

HEADS, SEQUENCE, other_heads = randn(2, 2, 5, 3), randn(5, 2, 4), randn(2, 2, 5, 3)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return (query @ key.transpose(-2, -1)).softmax(-1) @ value


def positions_first(plain: Plain) -> Plain:
    return lambda x: plain(x.transpose(1, 2)).transpose(1, 2)


def projected(x: Tensor, key: Tensor | None = None) -> Tensor:
    """Attention between two projections, each of all features."""
    into, out = torch.ones(4, 4, dtype=x.dtype), torch.ones(4, 4, dtype=x.dtype)
    key = x if key is None else key
    return attend(x @ into, key @ into, key @ into) @ out


def by_heads(names: str) -> Arguments:
    """Self-attention, or with a constant on the other side."""
    other = randn(2, 2, 5, 3)
    spelt = {"query": "q", "key": "k", "value": "v"}
    operands = {name: names in ("all", name) for name in spelt}

    def make(x: Tensor) -> dict[str, Any]:
        found = {name: x if followed else other for name, followed in operands.items()}
        return {**found, **{spelt[name]: tensor for name, tensor in found.items()}}

    return make


FUSED = (
    "scaled_dot_product_attention _scaled_dot_product_attention_math _scaled_dot_product_attention_math_for_mps "
    "_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu "
    "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
    "_scaled_dot_product_fused_attention_overrideable _triton_scaled_dot_attention _cudnn_attention_forward"
)
FIRST = "_flash_attention_forward _flash_attention_forward_no_dropout_inplace _efficient_attention_forward"
CASES = [
    Case(FUSED, HEADS, (1, 2), lambda x: attend(x, x, x), by_heads("all")),
    Case(FUSED, HEADS, (1, 2), lambda x: attend(x, other_heads, other_heads), by_heads("query")),
    Case(FUSED, HEADS, (1, 2), lambda x: attend(other_heads, x, other_heads), by_heads("key")),
    Case(FIRST, HEADS, (1, 2), positions_first(lambda x: attend(x, x, x)), by_heads("all")),
    Case(
        FIRST,
        HEADS,
        (1, 2),
        positions_first(lambda x: attend(x, other_heads.transpose(1, 2), other_heads.transpose(1, 2))),
        by_heads("query"),
    ),
    Case(
        "_native_multi_head_attention",
        SEQUENCE,
        (0, 1, 2),
        lambda x: projected(x, randn(5, 2, 4)),
        lambda x: {"query": x, "key": randn(5, 2, 4), "value": randn(5, 2, 4)},
    ),
    Case(
        "_native_multi_head_attention _triton_multi_head_attention",
        SEQUENCE,
        (0, 1, 2),
        projected,
        lambda x: {"query": x, "key": x, "value": x},
    ),
    Case("_transformer_encoder_layer_fwd", SEQUENCE, (0, 1, 2), lambda x: x + projected(x), lambda x: {"src": x}),
]
