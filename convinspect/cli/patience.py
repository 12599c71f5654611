"""A word on stderr where a run takes long: what is going on, and what would be quicker."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from convinspect.cli.streams import say

# Seconds that a person waits before asking whether anything happens.
_PATIENCE = 10.0


@contextmanager
def patience(what: str, device: str, seconds: float = _PATIENCE) -> Iterator[None]:
    """Run the block; where it takes longer than ``seconds`` on a terminal, say that ``what`` still runs."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    quicker = "" if device == "meta" else "; --device meta needs no data and computes nothing"
    timer = threading.Timer(seconds, say, (f"note: {what} is still being built and run on {device}{quicker}",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
