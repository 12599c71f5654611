"""What operators cost and what they are called: pure answers from a call's name, arguments and shapes."""

from __future__ import annotations

from convinspect.ops import (  # noqa: F401  # they declare what they know
    attention,
    convolution,
    einsum,
    embedding,
    free,
    matmul,
    normalization,
    pooling,
    recurrent,
    resampling,
    sparse,
    views,
)
from convinspect.ops.operators import (
    attributes_of,
    display_name,
    is_silent,
    is_view_named,
    mac_rule,
    no_macs,
    operator,
    results_of,
    type_name,
)
from convinspect.ops.pricing import price

__all__ = [
    "attributes_of",
    "display_name",
    "is_silent",
    "is_view_named",
    "mac_rule",
    "no_macs",
    "operator",
    "price",
    "results_of",
    "type_name",
]
