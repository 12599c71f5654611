"""Rows of torchsummary beside rows of a report, and why they differ where that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from convinspect.report import Layer
from convinspect.second_opinion.opinion import Difference
from convinspect.second_opinion.row_hook import HookedRow, is_left_out

BATCH = 2  # torchsummary's own, whatever the report's
_WEIGHTS = ("weight", "bias")
_NAMED = 3


def compare(
    sight: HookedRow, shapes: list[list[int]], params: int, layer: Layer | None, module: nn.Module, batch: int | None
) -> Iterator[Difference]:
    """Yield how a row of torchsummary, with output ``shapes`` and ``params``, differs from the report's ``layer``.

    First axes are not compared: torchsummary does not say them. ``batch`` is the report's.
    """
    if layer is None:
        yield Difference(sight.path, "runs", f"no run {sight.call}", "one", "the forward took another way")
        return
    ours = [list(output.shape[1:]) for output in layer.outputs]
    theirs = [shape[1:] for shape in shapes]
    if ours != theirs:
        why = "its batch is 2, and the batch is not the first axis" if _by_batch(ours, theirs, batch or 1) else None
        yield Difference(sight.path, "output", _joined(ours), _joined(theirs), why)
    here = layer.params if sight.hook == 1 else 0
    if here != params:
        yield Difference(sight.path, "parameters", f"{here:,}", f"{params:,}", _why(sight, layer, module))


def without_row(layer: Layer, modules: Mapping[str, nn.Module]) -> Difference:
    """Return why torchsummary misses the parameters of ``layer``, which it has no row for."""
    if not layer.path:
        why: str | None = "it leaves out the model itself"
    elif layer.call == 0:
        why = "never ran"
    elif is_left_out(modules.get(layer.path)):
        why = "it leaves out every Sequential"
    else:
        why = None
    return Difference(layer.path, "parameters", f"{layer.params:,}", "no row", why)


def _by_batch(ours: list[list[int]], theirs: list[list[int]], batch: int) -> bool:
    """Tell whether sizes differ only as the two batches do."""
    if [len(shape) for shape in ours] != [len(shape) for shape in theirs]:
        return False
    pairs = zip((size for shape in ours for size in shape), (size for shape in theirs for size in shape), strict=True)
    return all(a == b or a * BATCH == b * batch for a, b in pairs)


def _why(sight: HookedRow, layer: Layer, module: nn.Module) -> str | None:
    own = dict(module.named_parameters(recurse=False, remove_duplicate=False))
    if sight.hook > 1:
        return "one module under two names: two rows there, counted once here"
    if sight.call > 1 and not layer.params:
        return "counted at its first run here, at every run there"
    if layer.shared_with is not None:
        return f"shared with {layer.shared_with or 'the model'} and counted there once"
    others = [name for name in own if name not in _WEIGHTS]
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return f"it counts weight and bias alone, not {', '.join(others[:_NAMED])}{more}"
    if any(isinstance(getattr(module, name, None), torch.Tensor) and name not in own for name in _WEIGHTS):
        return "its weight or bias is no parameter of its own, but a buffer or computed"
    return None


def _joined(shapes: list[list[int]]) -> str:
    return ", ".join("x".join(map(str, ["N", *shape])) for shape in shapes) or "none"
