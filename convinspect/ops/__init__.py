"""What operators cost and what they are called: pure answers from a call's name, arguments and shapes."""

from __future__ import annotations

from convinspect.ops import (  # noqa: F401  # they register what they know
    attention,
    convolution,
    einsum,
    free_table,
    matmul,
    recurrent,
)
from convinspect.ops.names import display_name, type_name
from convinspect.ops.registry import mac_rule, no_macs, price
from convinspect.ops.results import results_of
from convinspect.ops.views import is_silent, is_view

__all__ = ["display_name", "is_silent", "is_view", "mac_rule", "no_macs", "price", "results_of", "type_name"]
