"""Operators whose result does not depend on the values of their tensors, and operators that hand them on."""

from __future__ import annotations

from torch import Tensor

from convinspect.fields import moves, reading
from convinspect.fields.field import Field, collapse
from convinspect.fields.rules import Call, Result, aten, register


@register(
    *aten(
        "empty_like zeros_like ones_like full_like rand_like randn_like randint_like new_empty new_zeros new_ones "
        "new_full new_empty_strided empty_strided zero normal_ uniform_ random_ exponential_ sym_size "
        "sym_stride sym_numel sym_storage_offset is_same_size _assert_async _assert_tensor_metadata"
    )
)
def constant(call: Call) -> Result:
    """Made from a shape alone, and what was there before is forgotten."""
    del call
    return None


@register(
    *aten(
        "clone contiguous detach alias lift_fresh lift _to_copy to dropout alpha_dropout feature_dropout "
        "native_dropout bernoulli _conj _neg_view resolve_conj resolve_neg requires_grad_ "
        "fake_quantize_per_tensor_affine nan_to_num rrelu_with_noise celu pin_memory _pin_memory "
        "lift_fresh_copy alias_copy detach_copy to_mkldnn _to_dense to_dense _to_sparse _to_sparse_csr "
        "_lazy_clone _conj_copy _neg_view_copy"
    )
)
def same(call: Call) -> Result:
    """Element by element, or not at all changed."""
    return [field if field.shape == shape else None for field in [_main(call)] for shape in call.outputs]


@register("aten::copy", "aten::fill")
def overwrite(call: Call) -> Result:
    """What is written, broadcast; nothing is left of what was there."""
    source = call.args.get("src", call.args.get("value"))
    return call.merge([call.field(source)]) if isinstance(source, Tensor) else None


@register("aten::view_as_real", "aten::view_as_complex")
def complex_view(call: Call) -> Result:
    """Real and imaginary part as a last dimension, and back."""
    field = call["self"]
    rank = len(field.shape)
    if len(call.shape) > rank:
        # Both parts count as depending on what either does.
        parts = moves.widen(moves.insert(field, rank), rank, call.shape[-1])
        return parts.doubting(upper_bound=call.cause)
    return moves.drop(call.contract(field, [rank - 1]), [rank - 1])


@register(
    *aten(
        "complex polar prelu _prelu_kernel hardswish floor_divide log_sigmoid_forward "
        "binary_cross_entropy_with_logits rrelu_with_noise_functional _add_relu masked_fill"
    )
)
def pointwise(call: Call) -> Result:
    """Hull of the operands, broadcast; for pointwise operators that torch does not tag as such."""
    return call.merge(call.fields())


@register("aten::isin")
def is_in(call: Call) -> Result:
    """Each element, against all of the test elements."""
    elements, tested = call.args.get("elements"), call.args.get("test_elements")
    parts = [call.field(elements)] if isinstance(elements, Tensor) else []
    if isinstance(tested, Tensor):
        parts.append(collapse(call.field(tested), (1,) * len(call.shape)))
    return call.merge(parts, call.shape)


@register("aten::glu")
def glu(call: Call) -> Result:
    """Split in half along ``dim``, and gate one half with the other."""
    field = call["self"]
    dim = call.get("dim", -1) % len(field.shape)
    half = field.shape[dim] // 2
    return call.merge([reading.narrow(field, dim, 0, half), reading.narrow(field, dim, half, half)])


@register("aten::tril", "aten::triu")
def triangle(call: Call) -> Result:
    """Element by element; what is set to zero is not taken out."""
    return call["self"].doubting(upper_bound=call.cause)


def _main(call: Call) -> Field:
    return call["self"] if "self" in call.args else call["input"]
