"""Where fake tensors only know about what the CPU does: libraries keep some of it to themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from convinspect.records import ModuleCall, Note, OpCall
from convinspect.trace.memory.live import where

# What recurrent layers keep for a backward pass is padded as oneDNN likes it; results of Fourier transforms lie as
# the transforming library left them, which decides whether later operators copy.
_OPERATORS = {
    "training": ("aten.mkldnn_rnn_layer", "aten._fft_"),
    "inference": ("aten._fft_",),
}
_SHOWN = 3


def about(what: Literal["training", "inference"], calls: Sequence[ModuleCall | OpCall]) -> tuple[Note, ...]:
    """Return a note where the memory of ``calls``, run on fake tensors, is about right and not exact."""
    ran = (
        index for index, call in enumerate(calls) if isinstance(call, OpCall) and call.op.startswith(_OPERATORS[what])
    )
    paths = list(dict.fromkeys(where(index, calls)[0] for index in ran))
    if not paths:
        return ()
    names = ", ".join(path or "the model itself" for path in paths[:_SHOWN])
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    message = (
        f"the {what} memory is near, not exact: recurrent layers and Fourier transforms ({names}{more}) "
        "run in libraries with workspaces and layouts of their own"
    )
    return (Note(f"{what}_about", message, paths[0]),)
