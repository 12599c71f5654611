"""The oracle: what the CPU's allocator itself said while a model ran, from torch's profiler.

Every allocation and release is an event with an address. What is taken and given back within one operator is the
scratch of its kernel (an unfolded image, a copy in another layout) and is told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Counted:
    """Peak of the bytes that outlive the operator that takes them, and the most scratch of one operator."""

    peak: int
    scratch: int


class _Marks(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with record_function("operator"):
            return func(*args, **(kwargs or {}))


def count(run: Callable[[], Any]) -> Counted:
    """Return what the allocator counted beyond what it had given out before ``run``."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler, _Marks():
        kept = run()
    del kept
    events: list[tuple[int, int, int]] = []
    spans: list[tuple[int, int]] = []
    pending = list(profiler.profiler.kineto_results.experimental_event_tree())
    while pending:
        event = pending.pop()
        if event.tag.name == "Allocation":
            events.append((event.start_time_ns, event.extra_fields.alloc_size, event.extra_fields.ptr))
        elif event.name == "operator":
            spans.append((event.start_time_ns, event.end_time_ns))
        pending.extend(event.children)
    return _counted(sorted(events), sorted(spans))


def _counted(events: list[tuple[int, int, int]], spans: list[tuple[int, int]]) -> Counted:
    scratch = _scratch(events, spans)
    live = peak = taken = most = 0
    for index, (_, size, _) in enumerate(events):
        if index in scratch:
            taken += size
            most = max(most, taken)
        else:
            live += size
            peak = max(peak, live)
    return Counted(peak, most)


def _scratch(events: list[tuple[int, int, int]], spans: list[tuple[int, int]]) -> set[int]:
    within = _innermost([time for time, _, _ in events], spans)
    taken: dict[int, int] = {}
    scratch: set[int] = set()
    for index, (_, size, pointer) in enumerate(events):
        if size > 0:
            taken[pointer] = index
        elif pointer in taken:
            first = taken.pop(pointer)
            if within[first] == within[index] is not None:
                scratch |= {first, index}
    return scratch


def _innermost(times: list[int], spans: list[tuple[int, int]]) -> list[int | None]:
    """Return for each of ``times`` the innermost operator that was running; operators nest in one another."""
    within: list[int | None] = []
    running: list[int] = []
    coming = 0
    for time in times:
        while coming < len(spans) and spans[coming][0] <= time:
            running.append(coming)
            coming += 1
        running = [span for span in running if spans[span][1] >= time]
        within.append(running[-1] if running else None)
    return within


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Return the bytes of the storages of ``tensors``, each once."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
