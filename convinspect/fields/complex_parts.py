"""Real and imaginary parts: a field speaks of a complex number as a whole, and of each part where these are alike."""

from __future__ import annotations

import numpy as np

from convinspect.fields.operations.field import Field
from convinspect.fields.rules import Call
from convinspect.tensors.operators import results

# Each part of the result depends on all of a real operand.
_IN_BOTH_PARTS = frozenset(("mul", "div", "polar", "_fft_r2c"))


def parts_differ(call: Call) -> bool:
    """Tell whether an operator gives complex numbers whose parts may depend on different things."""
    if not any(output.is_complex() for output in call.outputs):
        return False
    real = [call.field(tensor) for tensor in results(list(call.args.values())) if not tensor.is_complex()]
    followed = [field for field in real if not field.is_nothing]
    name = call.op.split(".")[1].removesuffix("_")
    if not followed or name in _IN_BOTH_PARTS:
        return False
    if name == "view_as_complex":
        return followed[0].varies(followed[0].rank - 1)
    return name != "complex" or not _are_alike(real)


def _are_alike(fields: list[Field]) -> bool:
    one, other = fields
    pairs = zip(one.axes, other.axes, strict=True)
    return one.shape == other.shape and all(np.array_equal(a.strict.array, b.strict.array) for a, b in pairs)
