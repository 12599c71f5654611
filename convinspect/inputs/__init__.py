"""Dummy inputs: specs, or what the model itself knows, as tensors on the device of the run."""

from __future__ import annotations

from convinspect.inputs.making import Prepared, given_inputs, holds_meta, make_inputs
from convinspect.inputs.past import with_past
from convinspect.load import Loaded

__all__ = ["Prepared", "given_inputs", "holds_meta", "inputs_of", "make_inputs"]


def inputs_of(loaded: Loaded) -> Prepared:
    """Return ``loaded`` with all that its request gives to ``forward``: inputs, and a cache of what came before."""
    prepared = make_inputs(loaded)
    return with_past(prepared, loaded.request.past) if loaded.request.past else prepared
