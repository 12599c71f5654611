"""One forward of a model, written down: module scopes, operators, weights and what went wrong."""

from __future__ import annotations

from convinspect.trace.fake.model import fake
from convinspect.trace.forward import trace
from convinspect.trace.training.step import TrainingConfig

__all__ = ["TrainingConfig", "fake", "trace"]
