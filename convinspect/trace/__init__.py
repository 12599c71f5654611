"""One forward of a model, written down: module scopes, operators, weights and what went wrong."""

from __future__ import annotations

from convinspect.trace.cast import stand_in
from convinspect.trace.run import trace

__all__ = ["stand_in", "trace"]
