"""What attention costs: queries with keys, then the weights with values, masked positions included."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import NotGivenError, Shape, is_given, output, shape
from convinspect.ops.operators import Operator, priced
from convinspect.records import Attributes, OpCall

_HEADS_AXIS, _WITH_HEADS = -3, 4


def _heads_first(call: OpCall) -> Attributes:
    """Read ``(batch, heads, L, E)``; a query without an axis for heads may hold them in its batch, and says nothing."""
    query = shape(call, "query", "q")
    if len(query) != _WITH_HEADS:
        raise NotGivenError(call.op)
    return _heads(query[_HEADS_AXIS], query[-1])


def _sequence_first(call: OpCall) -> Attributes:
    *_, heads, features = shape(call, "query")
    return _heads(heads, features)


def _heads(heads: int, features: int) -> Attributes:
    return Attributes(num_heads=heads, head_dim=features, embed_dim=heads * features)


def _whole(call: OpCall) -> Attributes:
    heads, features = call.args.get("num_head", call.args.get("num_heads")), call.args.get("embed_dim")
    if not isinstance(heads, int) or not isinstance(features, int) or heads < 1:
        raise NotGivenError(call.op)
    return _heads(heads, features // heads)


@priced(
    """
    scaled_dot_product_attention _scaled_dot_product_attention_math _scaled_dot_product_attention_math_for_mps
    _scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
    _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention
    _scaled_dot_product_fused_attention_overrideable _triton_scaled_dot_attention
    """,
    Operator(by_products=True, attributes=_heads_first),
)
def attention_macs(call: OpCall) -> int:
    """Price ``softmax(q @ k.T) @ v``: q ``(*batch, L, E)``, k ``(..., S, E)``, v ``(..., S, Ev)``.

    ``batch * L * S * (E + Ev)`` MACs. Grouped queries: k and v have fewer heads than q, each used several times.
    A causal mask saves nothing here, as in FlopCounterMode. Scaling, mask and softmax are not counted.
    """
    query, key, value = shape(call, "query", "q"), shape(call, "key", "k"), shape(call, "value", "v")
    # The output's rows, not the query's: a batch of one query is broadcast over many keys.
    return prod(output(call)[:-1]) * key[-2] * (query[-1] + value[-1])


@priced(
    "_flash_attention_forward _flash_attention_forward_no_dropout_inplace _efficient_attention_forward",
    Operator(by_products=True, attributes=_sequence_first),
)
def sequence_first_attention_macs(call: OpCall) -> int:
    """Price the kernels that take ``(batch, L, heads, E)``: the same two products as `attention_macs`.

    Sequences of unequal length packed in one tensor have their lengths in its values: then unknown.
    A sliding window limits the keys of a query: then unknown too.
    """
    packed = ("cum_seq_q", "cum_seq_k", "cu_seqlens_q", "cu_seqlens_k", "seqused_k", "seqlen_k", "block_table")
    windows = ("window_size_left", "window_size_right", "window_size")
    if is_given(call, *packed, *windows):
        raise NotGivenError(call.op)
    query, key, value = (shape(call, name) for name in ("query", "key", "value"))
    batch, length, heads, features = query
    return batch * heads * length * key[1] * (features + value[-1])


@priced("_cudnn_attention_forward", Operator(by_products=True, attributes=_heads_first))
def cudnn_attention_macs(call: OpCall) -> int:
    """Price cuDNN's kernel, which takes ``(batch, heads, L, E)``; packed sequences are unknown."""
    if is_given(call, "cum_seq_q", "cum_seq_k"):
        raise NotGivenError(call.op)
    return attention_macs(call)


@priced(
    "_native_multi_head_attention=multi_head_attention _triton_multi_head_attention",
    Operator(by_products=True, attributes=_whole),
)
def multi_head_attention_macs(call: OpCall) -> int:
    """Price the fast path of torch.nn.MultiheadAttention: query ``(B, L, D)``, key and value ``(B, S, D)``.

    ``B*D*D*(L + 2*S)`` for q, k and v, ``2*B*L*S*D`` for the two products, ``B*L*D*D`` for what goes out.
    """
    return _multi_head(shape(call, "query"), shape(call, "key"))


@priced("_transformer_encoder_layer_fwd=transformer_encoder_layer", Operator(attributes=_whole))
def encoder_layer_macs(call: OpCall) -> int:
    """Price the fast path of torch.nn.TransformerEncoderLayer: self-attention, then two linear layers."""
    source = shape(call, "src")
    feed_forward = prod(shape(call, "ffn_weight_1")) + prod(shape(call, "ffn_weight_2"))
    return _multi_head(source, source) + prod(source[:-1]) * feed_forward


def _multi_head(query: Shape, key: Shape) -> int:
    batch, length, features = query
    _, keys, _ = key
    projections = batch * features**2 * (2 * length + 2 * keys)
    return projections + 2 * batch * length * keys * features
