"""Fused attention: every query sees all keys and values; masks are taken as structural (masked keys count)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convinspect.fields.operations.field import Field
from convinspect.fields.operations.merging import cross
from convinspect.fields.operations.moves import broadcast, permute
from convinspect.fields.operations.reading import stretch
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule(
    *aten(
        "scaled_dot_product_attention _scaled_dot_product_flash_attention "
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention "
        "_scaled_dot_product_cudnn_attention _scaled_dot_product_attention_math "
        "_scaled_dot_product_attention_math_for_mps _scaled_dot_product_fused_attention_overrideable "
        "_triton_scaled_dot_attention _cudnn_attention_forward"
    )
)
def attend(call: Call) -> Result:
    """``softmax(query @ key.T + mask) @ value`` over ``(..., positions, features)``."""
    return call.with_rest(_packed(call) or _attended(call, [call[name] for name in _names(call)]))


@rf_rule(*aten("_flash_attention_forward _flash_attention_forward_no_dropout_inplace _efficient_attention_forward"))
def attend_positions_first(call: Call) -> Result:
    """The same over ``(batch, positions, heads, features)``."""
    packed = _packed(call)
    if packed is not None:
        return call.with_rest(packed)
    out = _attended(call, [permute(call[name], (0, 2, 1, 3)) for name in _names(call)])
    return call.with_rest(permute(out, (0, 2, 1, 3)))


def _names(call: Call) -> tuple[str, ...]:
    return ("query", "key", "value") if "query" in call.args else ("q", "k", "v")


def _packed(call: Call) -> Field | None:
    """Sequences of unequal lengths in one tensor, one after the other: all of them, as a bound."""
    if all(call.args.get(name) is None for name in ("cum_seq_q", "cu_seqlens_q", "seqused_k", "block_table")):
        return None
    whole = call.merge([call.whole(field) for field in call.fields()])
    return whole.marked(upper_bound=call.cause)


def _attended(call: Call, operands: Sequence[Field]) -> Field:
    query, key, value = operands
    for field in (query, key, value):
        call.candidates.features(field, -1)
        call.candidates.samples(field, [-2])
    if query.shape[:-2] != key.shape[:-2]:
        # Grouped-query attention: heads are shared.
        key, value = (stretch(one, one.rank - 3, query.shape[-3] // one.shape[-3]) for one in (key, value))
    shape = (*query.shape[:-1], value.shape[-1])
    masks = call.fields("attn_mask", "attn_bias", "bias")
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
    return broadcast(cross([replace(rows, held=axes), *seen], shape), shape)


@rf_rule(*aten("_native_multi_head_attention _triton_multi_head_attention _transformer_encoder_layer_fwd"))
def attend_fused(call: Call) -> Result:
    """A whole attention or encoder layer over ``(batch, positions, features)``, as one operator."""
    names = ("src",) * 3 if "src" in call.args else _names(call)
    out = call.mix(_attended(call, [call[name] for name in names]), [-1])
    weights = call.fields(*(name for name in call.args if name not in names))
    parts = [out, *map(call.whole, weights)]
    if "src" in call.args:
        parts.append(call.mix(call["src"], [-1]))  # what goes past the attention
    return call.with_rest(call.merge(parts))
