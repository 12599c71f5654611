"""One forward of a model, written down: module scopes, operators, weights and what went wrong."""

from __future__ import annotations

from convinspect.trace.run import trace
from convinspect.trace.stand_in import stand_in

__all__ = ["stand_in", "trace"]
