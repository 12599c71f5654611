"""Operators whose result does not depend on the values of their tensors, and operators that hand them on."""

from __future__ import annotations

from torch import Tensor

from convinspect.fields.operations.moves import drop, insert, widen
from convinspect.fields.operations.reading import narrow
from convinspect.fields.rules import Call, Result, aten, named, rf_rule
from convinspect.fields.varying import MADE_OF_SHAPES


@rf_rule(
    *aten(
        f"{MADE_OF_SHAPES} empty_strided zero rand_like randn_like randint_like normal_ uniform_ random_ exponential_ "
        "_assert_async _assert_tensor_metadata"
    )
)
def constant(call: Call) -> Result:
    """Made from a shape alone, and what was there before is forgotten."""
    del call
    return None


@rf_rule(
    *aten(
        "clone contiguous detach alias lift_fresh lift _to_copy to dropout alpha_dropout feature_dropout "
        "native_dropout bernoulli _conj _neg_view resolve_conj resolve_neg requires_grad_ "
        "fake_quantize_per_tensor_affine nan_to_num rrelu_with_noise celu pin_memory _pin_memory "
        "lift_fresh_copy alias_copy detach_copy to_mkldnn _to_dense to_dense _to_sparse _to_sparse_csr "
        "type_as _lazy_clone _conj_copy _neg_view_copy quantize_per_tensor dequantize int_repr"
    )
)
def same(call: Call) -> Result:
    """Element by element, or not at all changed."""
    x = call.input
    return [x if x.shape == shape else None for shape in call.shapes]


@rf_rule(*aten("copy fill"))
def overwrite(call: Call) -> Result:
    """What is written, broadcast; nothing is left of what was there."""
    source = call.args.get("src", call.args.get("value"))
    return call.merge([call.field(source)]) if isinstance(source, Tensor) else None


@rf_rule(*aten("view_as_real view_as_complex"))
def complex_view(call: Call) -> Result:
    """Real and imaginary part as a last dimension, and back."""
    x = call["self"]
    if len(call.shape) > x.rank:
        # Both parts count as depending on what either does.
        parts = widen(insert(x, x.rank), x.rank, call.shape[-1])
        return parts if call.alike else parts.marked(upper_bound=call.cause)
    return drop(call.contract(x, [-1]), [x.rank - 1])


@rf_rule(
    *aten(
        "complex polar prelu _prelu_kernel hardswish floor_divide log_sigmoid_forward log_sigmoid "
        "binary_cross_entropy_with_logits rrelu_with_noise_functional _add_relu masked_fill"
    ),
    *named(
        "quantized",
        "add add_relu add_scalar add_scalar_relu celu clamp dropout elu hardswish leaky_relu mul mul_relu mul_scalar "
        "mul_scalar_relu relu6 sigmoid threshold",
    ),
)
def pointwise(call: Call) -> Result:
    """Hull of the operands, broadcast; for pointwise operators that torch does not tag as such."""
    return call.merge(call.fields())


@rf_rule("aten::isin")
def is_in(call: Call) -> Result:
    """Each element, against all of the test elements."""
    return call.merge([*call.fields("elements"), *map(call.whole, call.fields("test_elements"))])


@rf_rule("aten::glu")
def glu(call: Call) -> Result:
    """Split in half along ``dim``, and gate one half with the other."""
    x = call["self"]
    dim = call.get("dim", -1) % x.rank
    half = x.shape[dim] // 2
    return call.merge([narrow(x, dim, start, half) for start in (0, half)])


@rf_rule(*aten("tril triu"))
def triangle(call: Call) -> Result:
    """Element by element; what is set to zero is not taken out."""
    return call["self"].marked(upper_bound=call.cause)
