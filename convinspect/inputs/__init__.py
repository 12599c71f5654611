"""Dummy inputs: specs, or what the model itself knows, as tensors on the device of the run."""

from __future__ import annotations

from convinspect.inputs.making import Prepared, given_inputs, holds_meta, make_inputs

__all__ = ["Prepared", "given_inputs", "holds_meta", "make_inputs"]
