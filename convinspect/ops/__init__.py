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
from convinspect.ops.names import known_as, type_name
from convinspect.ops.registry import free, price, priced
from convinspect.ops.results import results_of
from convinspect.ops.views import is_silent, is_view

__all__ = ["free", "is_silent", "is_view", "known_as", "price", "priced", "results_of", "type_name"]
