"""Python's garbage collector, spared a search where nothing is to be found: it costs more than a small model's run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Searches of the middle generation, of which there is one in some thousand new objects.
_NEVER = 1 << 30


def import_torch() -> None:
    """Import torch, if nobody has, and let the collector pass its objects by from then on.

    They are some hundred thousand that live as long as the process does. A search among a process's objects
    (``gc.get_objects``, ``gc.get_referrers``) leaves them out as well.
    """
    if "torch" in sys.modules:
        return
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        from convinspect.torch_private import compiler_questions  # noqa: PLC0415

        compiler_questions()  # found by such a search
    finally:
        if was_enabled:
            gc.enable()
    gc.freeze()


@contextmanager
def young_alone() -> Iterator[None]:
    """Let the collector search the young objects alone while the block runs: what a run writes down stays.

    A search of all of it for every quarter that it grows by would be a fifth of the time of a large network.
    """
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
