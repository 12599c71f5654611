"""Fake tensors that the user's own code has kept: found after a run, and taken out of where they are."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import CellType, FrameType, ModuleType
from typing import Any

from convinspect.trace.fake.tensor import alive, disown
from convinspect.users_code import let_go

# A cache holds tuples of tensors, or objects that hold them: so many steps lead from a tensor to its cache.
_STEPS = 5


@contextmanager
def no_leftovers() -> Iterator[None]:
    """Run the block, and see to it that no fake tensor which it made is left in anybody's hands.

    Caches of functions that hold one are cleared, and entries of containers and attributes of objects taken out: what
    was there is computed anew when it is needed. One that cannot be taken out raises an error when it is used.
    """
    before = {id(tensor) for tensor in alive()}
    try:
        yield
    except BaseException as error:
        let_go(error)
        raise
    finally:
        if any(id(tensor) not in before for tensor in alive()):
            _clear(before)


def _clear(before: set[int]) -> None:
    gc.collect(1)  # the young ones: cycles that a run has left
    if all(id(tensor) in before for tensor in alive()):
        return
    frozen = gc.get_freeze_count()
    gc.unfreeze()  # a cache may be anybody's
    try:
        _clear_everywhere(before)
    finally:
        if frozen:
            gc.freeze()


def _clear_everywhere(before: set[int]) -> None:
    gc.collect()
    for clean in (_clear_caches, _take_out):
        left = [tensor for tensor in alive() if id(tensor) not in before]
        if left:
            clean(left)
            del left
            gc.collect()
    disown(tensor for tensor in alive() if id(tensor) not in before)


def _clear_caches(tensors: list[Any]) -> None:
    """Clear the caches of functions, such as ``functools.lru_cache``, that lead to ``tensors``."""
    level: list[Any] = tensors
    seen = {id(level)}
    for _ in range(_STEPS):
        seen.update(map(id, level))
        level = [holder for holder in gc.get_referrers(*level) if id(holder) not in seen and not _is_ours(holder)]
        seen.add(id(level))
        for holder in level:
            if hasattr(type(holder), "cache_clear"):
                holder.cache_clear()


def _take_out(tensors: list[Any]) -> None:
    """Take ``tensors`` out of the containers that hold them; what cannot be changed goes out of its own holders."""
    pending: list[tuple[Any, int]] = [(tensor, 0) for tensor in tensors]
    seen = {id(tensors), id(pending)}
    while pending:
        entry = pending.pop()
        item, steps = entry
        seen.add(id(entry))
        for holder in gc.get_referrers(item):
            if id(holder) in seen or _is_ours(holder):
                continue
            if isinstance(holder, (tuple, frozenset)) and steps < _STEPS:
                seen.add(id(holder))
                pending.append((holder, steps + 1))
            else:
                _remove(holder, item)


def _remove(holder: Any, item: Any) -> None:
    if isinstance(holder, dict):
        for key in [key for key, value in holder.items() if value is item]:
            del holder[key]
    elif isinstance(holder, (list, deque)):
        kept = [value for value in holder if value is not item]
        holder.clear()
        holder.extend(kept)
    elif isinstance(holder, set):
        kept = [value for value in holder if value is not item]
        holder.clear()
        holder.update(kept)
    elif isinstance(holder, CellType):
        del holder.cell_contents


def _is_ours(holder: Any) -> bool:
    """Tell what is part of the run itself: frames, and what this package keeps."""
    if isinstance(holder, (FrameType, ModuleType)):
        return True
    return isinstance(holder, dict) and holder.get("__name__", "").startswith("convinspect") and "__spec__" in holder
