"""One forward of a model, written down: module scopes, operators, weights and what went wrong."""

from __future__ import annotations

from convinspect.trace.cast import stand_in
from convinspect.trace.run import trace
from convinspect.trace.training import Plan

__all__ = ["Plan", "stand_in", "trace"]
