"""What a forward without gradients needs: live bytes after every operator, their peak, and who holds them there.

The inference peak is what an allocator that starts empty must have: weights (parameters and buffers), the inputs,
which the caller holds until the forward has returned, and every activation from the operator that makes it until
the last tensor on its storage is dropped. What a kernel takes and gives back within one operator (workspaces, layout
copies) is not in it: it depends on the device and its libraries, and is told apart where it is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import nn

from convinspect.frontends.modules import constants_of, packed_tensors
from convinspect.records import Alive, AliveKind, ModuleCall, Note, OpCall, Peak, Phase, TotalMemory
from convinspect.tensors.describe import returned_tensors
from convinspect.tensors.identity import allocated_bytes, element_bytes, same_piece
from convinspect.tensors.operators import mutates, results
from convinspect.tensors.registered import is_scripted, registered_modules, registered_tensors
from convinspect.torch_private import undispatched
from convinspect.trace.memory.timeline import START, Allocation, Timeline
from convinspect.units import size

# Tensors made of Python data come to the dispatcher as an argument of this operator.
_BORN_HERE = torch.ops.aten.lift_fresh.default

# CUDA's caching allocator gives out multiples of this. Source: kMinBlockSize in c10's CUDACachingAllocator.
BLOCK_BYTES = 512

# How many rows a peak names; the rest is one entry a kind.
_NAMED_ROWS = 64

# What recurrent layers keep for a backward pass is padded as oneDNN likes it; results of Fourier transforms lie as the
# transforming library left them, which decides whether later operators copy. Fake tensors know neither exactly.
_NEAR = {"training": ("aten.mkldnn_rnn_layer", "aten._fft_"), "inference": ("aten._fft_",)}

_IN_ONE_SUM = frozenset({"weights", "inputs", "outputs", "gradients", "optimizer"})


class LiveBytes:
    """The timeline of a run, and which call each of its moments belongs to."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self._owners: list[int] = []

    def expect(self, model: nn.Module, inputs: Any) -> None:
        """Count the weights of ``model`` and the tensors of ``inputs``, which are there before the run."""
        for tensor in registered_tensors(model):
            self.timeline.hold(tensor, "weights", since_start=True)
        modules = registered_modules(model)
        with undispatched():  # packed objects stay real, and so is what is in them
            packed = [tensor for module in modules for _, tensor in packed_tensors(module)]
            self.timeline.assume(allocated_bytes(packed), "weights")
        for script in filter(is_scripted, modules):
            for tensor in results([value for _, value in constants_of(script)]):
                self.timeline.hold(tensor, "weights", since_start=True)
        for tensor in returned_tensors(inputs):  # a cache is an object that holds some
            self.timeline.hold(tensor, "inputs", since_start=True)
        self.timeline.settle()

    def observe(self, func: Any, given: Sequence[torch.Tensor], out: Any, owner: int) -> int:
        """Take note of an operator that has run as call ``owner``; return the bytes that it newly allocated."""
        timeline, new = self.timeline, 0
        if func is not _BORN_HERE:  # without data, the one that is made is another
            for tensor in given:
                if timeline.knows(tensor):
                    continue
                if not tensor.dim():
                    new += timeline.hold(tensor, "activations", owner)
                else:  # a tensor that nobody registered: a constant of the model
                    timeline.hold(tensor, "weights", since_start=True)
        for tensor in results(out):
            new += timeline.hold(tensor, "activations", owner)
        if mutates(func):
            new += sum(timeline.resized(tensor, owner) for tensor in given)
        timeline.tick()
        self._owners.append(owner)
        return new

    @property
    def owners(self) -> Sequence[int]:
        """The index of the call that each moment belongs to."""
        return self._owners

    def peak_call(self) -> int:
        """Return the index of the call at the peak; -1 where no operator ran."""
        moment = self.timeline.peak_at
        return self._owners[moment] if moment != START else START

    def record(self, calls: Sequence[ModuleCall | OpCall]) -> TotalMemory:
        """Return what the run needed; ``calls`` are the calls that it made."""
        alive = self.timeline.alive_at(self.timeline.peak_at)
        highest = peak("forward", self.peak_call(), alive, calls)
        return TotalMemory(
            input_bytes=highest.by_kind.get("inputs", 0),
            weight_bytes=highest.by_kind.get("weights", 0),
            inference_peak_bytes=highest.bytes,
            training=None,
            measured=None,
            inference_peak=highest,
            inference_peak_blocks_bytes=self.timeline.peak_in_blocks(BLOCK_BYTES),
        )


def peak(phase: Phase, call: int, alive: Iterable[Allocation], calls: Sequence[ModuleCall | OpCall]) -> Peak:
    """Return the peak at ``call`` (an index of ``calls``), where ``alive`` is there."""
    sums: Counter[tuple[AliveKind, str, int, str | None]] = Counter()
    kinds: Counter[AliveKind] = Counter()
    for allocation in alive:
        kind = allocation.kind
        key = (kind, *(("", 0, None) if kind in _IN_ONE_SUM else where(allocation.owner, calls)))
        sums[key] += allocation.bytes
        kinds[kind] += allocation.bytes
    ranked = sorted((key for key in sums if sums[key]), key=lambda key: (-sums[key], str(key)))
    rest: Counter[AliveKind] = Counter()
    for key in ranked[_NAMED_ROWS:]:
        rest[key[0]] += sums[key]
    named = (Alive(*key, sums[key]) for key in ranked[:_NAMED_ROWS])
    others = (Alive(kind, "", 0, None, size) for kind, size in rest.most_common())
    by_kind: dict[str, int] = {kind: size for kind, size in kinds.most_common() if size}
    path, number, op = where(call, calls)
    return Peak(sum(kinds.values()), phase, path, number, op, by_kind, (*named, *others))


def where(call: int, calls: Sequence[ModuleCall | OpCall]) -> tuple[str, int, str | None]:
    """Return the path and number of the module call that operator ``call`` ran in, and the operator's name."""
    if call == START:
        return "", 0, None
    op = calls[call]
    parent = calls[op.parent] if op.parent != START else None
    name = op.op if isinstance(op, OpCall) else None
    return (parent.path, parent.number, name) if isinstance(parent, ModuleCall) else ("", 0, name)


def near(what: Literal["training", "inference"], calls: Sequence[ModuleCall | OpCall]) -> tuple[Note, ...]:
    """Return a note where the memory of ``calls``, which fake tensors ran, is near and not exact."""
    ran = (i for i, call in enumerate(calls) if isinstance(call, OpCall) and call.op.startswith(_NEAR[what]))
    first = next(ran, None)
    if first is None:
        return ()
    path = where(first, calls)[0]
    message = (
        f"the {what} memory is near, not exact: recurrent layers and Fourier transforms "
        f"(the first is {path or 'the model itself'}) run in libraries with workspaces and layouts of their own"
    )
    return (Note(f"{what}_about", message, path),)


def beside_elements(model: nn.Module) -> tuple[Note, ...]:
    """Return a note where the weights of ``model`` lie in storages of another size: parts of larger ones, expanded."""
    tensors = list(registered_tensors(model))
    stored = allocated_bytes(tensors)
    own = sum({same_piece(tensor): element_bytes(tensor) for tensor in tensors}.values())
    if own == stored:
        return ()
    message = f"the weights, of {size(own)}, lie in storages of {size(stored)}: memory counts these, rows the elements"
    return (Note("other_storages", message),)
