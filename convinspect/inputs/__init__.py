"""Dummy inputs: specs, or what the model itself knows, as tensors on the device of the run."""

from __future__ import annotations

from convinspect.inputs.making import Inputs, given_inputs, make_inputs
from convinspect.inputs.moving import holds_meta
from convinspect.inputs.suggesting import has_batch

__all__ = ["Inputs", "given_inputs", "has_batch", "holds_meta", "make_inputs"]
