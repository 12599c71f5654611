"""One forward of a model, written down: module scopes, operators, weights, memory, fields, and what went wrong."""

from __future__ import annotations

from convinspect.trace.forward import trace

__all__ = ["trace"]
