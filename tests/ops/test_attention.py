"""Attention: two products, whichever kernel makes them."""

# ruff: noqa: SLF001, FBT003, N812 - torch's kernels have private names and positional switches; F is its custom

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convinspect.ops import price

from .recording import call_of, fact, flop_counter_macs, op_call, total

aten = torch.ops.aten
few = st.integers(1, 4)


def by_hand(batch: int, heads: int, queries: int, keys: int, features: int, value_features: int) -> int:
    scores = batch * heads * queries * keys * features
    mixing = batch * heads * queries * keys * value_features
    return scores + mixing


def qkv(device: str = "cpu", kv_heads: int = 4, value_features: int = 16) -> list[torch.Tensor]:
    shapes = [(2, 4, 5, 16), (2, kv_heads, 7, 16), (2, kv_heads, 7, value_features)]
    return [torch.ones(shape, device=device) for shape in shapes]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": "mask"}, {"dropout_p": 0.5}])
def test_every_way_through_attention_costs_the_same(device: str, options: dict[str, Any]) -> None:
    if "attn_mask" in options:
        options = {"attn_mask": torch.ones(5, 7, device=device)}
    expected = by_hand(2, 4, 5, 7, 16, 16)
    assert total(lambda: F.scaled_dot_product_attention(*qkv(device), **options)) == expected


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_grouped_queries_count_every_query_head(device: str) -> None:
    run = lambda: F.scaled_dot_product_attention(*qkv(device, kv_heads=2), enable_gqa=True)  # noqa: E731
    assert total(run) == by_hand(2, 4, 5, 7, 16, 16)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_values_may_be_wider_than_queries(device: str) -> None:
    run = lambda: F.scaled_dot_product_attention(*qkv(device, value_features=24))  # noqa: E731
    assert total(run) == by_hand(2, 4, 5, 7, 16, 24)


def test_one_query_broadcast_over_a_batch_of_keys() -> None:
    query, key, value = torch.ones(1, 1, 5, 8), torch.ones(3, 2, 7, 8), torch.ones(3, 2, 7, 8)
    whole = call_of(aten.scaled_dot_product_attention.default, query, key, value)
    decomposed = total(lambda: F.scaled_dot_product_attention(query, key, value))
    assert price(whole) == decomposed == by_hand(3, 2, 5, 7, 8, 8)


@given(batch=few, kv_heads=few, group=few, queries=few, keys=few, features=few, value_features=few)
@settings(deadline=None)  # torch's first call of an operator is slow
def test_fused_kernels_agree_with_the_flop_counter(
    batch: int, kv_heads: int, group: int, queries: int, keys: int, features: int, value_features: int
) -> None:
    heads = kv_heads * group
    query = torch.empty(batch, heads, queries, features, device="meta")
    key = torch.empty(batch, kv_heads, keys, features, device="meta")
    value = torch.empty(batch, kv_heads, keys, value_features, device="meta")
    operator = aten._scaled_dot_product_cudnn_attention.default
    call = call_of(operator, query, key, value, None, False)
    expected = by_hand(batch, heads, queries, keys, features, value_features)
    assert price(call) == flop_counter_macs(lambda: operator(query, key, value, None, False)) == expected


@pytest.mark.parametrize(
    "operator",
    [
        "scaled_dot_product_attention.default",
        "_scaled_dot_product_attention_math.default",
        "_scaled_dot_product_flash_attention.default",
        "_scaled_dot_product_flash_attention_for_cpu.default",
    ],
)
def test_operators_that_take_heads_before_positions(operator: str) -> None:
    name, overload = operator.split(".")
    call = call_of(getattr(getattr(aten, name), overload), *qkv("meta"))
    assert price(call) == by_hand(2, 4, 5, 7, 16, 16)


def test_the_memory_efficient_operator() -> None:
    call = call_of(aten._scaled_dot_product_efficient_attention.default, *qkv("meta"), None, False)
    assert price(call) == by_hand(2, 4, 5, 7, 16, 16)


def test_kernels_that_take_positions_before_heads() -> None:
    query, key = (torch.ones(2, n, 4, 16, device="meta", dtype=torch.float16) for n in (5, 7))
    flash = call_of(aten._flash_attention_forward.default, query, key, key, None, None, 5, 7, 0.0, False, False)
    efficient = call_of(
        aten._efficient_attention_forward.default, query, key, key, None, None, None, None, None, 0.0, 0
    )
    assert price(flash) == price(efficient) == by_hand(2, 4, 5, 7, 16, 16)


@pytest.mark.parametrize("given_argument", ["cum_seq_q", "window_size_left", "seqused_k"])
def test_lengths_that_stand_in_values_and_windows_are_unknown(given_argument: str) -> None:
    shapes = {"query": fact(9, 4, 16), "key": fact(9, 4, 16), "value": fact(9, 4, 16)}
    call = op_call("aten._flash_attention_forward.default", fact(9, 4, 16), **shapes, **{given_argument: 3})
    assert price(call) is None


def test_the_fast_path_of_multi_head_attention_costs_what_the_slow_one_does() -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = torch.ones(3, 5, 8)
    projections = 3 * 5 * (3 * 8 * 8) + 3 * 5 * 8 * 8
    expected = projections + by_hand(3, 2, 5, 5, 4, 4)
    fast = call_of(
        aten._native_multi_head_attention.default,
        *(x, x, x, 8, 2, layer.in_proj_weight, layer.in_proj_bias, layer.out_proj.weight, layer.out_proj.bias),
    )
    assert price(fast) == total(lambda: layer(x, x, x)) == expected


def test_attention_across_two_sequences() -> None:
    # A memory of 7 positions: queries and the output are projected 5 times, keys and values 7 times.
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    query, memory = torch.ones(3, 5, 8), torch.ones(3, 7, 8)
    projections = 3 * 5 * 8 * 8 + 2 * (3 * 7 * 8 * 8) + 3 * 5 * 8 * 8
    expected = projections + by_hand(3, 2, 5, 7, 4, 4)
    shapes = {"query": fact(3, 5, 8), "key": fact(3, 7, 8), "value": fact(3, 7, 8)}
    fast = op_call("aten._native_multi_head_attention.default", fact(3, 5, 8), **shapes)
    assert total(lambda: layer(query, memory, memory)) == price(fast) == expected


def test_the_fast_path_of_an_encoder_layer_costs_what_the_slow_one_does() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.ones(3, 5, 8)
    rows = 3 * 5
    expected = rows * (4 * 8 * 8) + by_hand(3, 2, 5, 5, 4, 4) + rows * (8 * 16 + 16 * 8)
    fast = total(lambda: layer(x))
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        slow = total(lambda: layer(x))
    finally:
        torch.backends.mha.set_fastpath_enabled(value=enabled)
    assert fast == slow == expected
