"""Python's garbage collector, spared a search where nothing is to be found: it costs more than a small model's run."""

from __future__ import annotations

import gc
import sys


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
