"""What a person who waits is told, on stderr: that a run still goes on, and how far several models are."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from convinspect.cli.streams import say

# Seconds that a person waits before asking whether anything happens.
_PATIENCE = 10.0
# Seconds before it is worth a line.
_WORTH_A_BAR = 1.0


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


@contextmanager
def progress(total: int) -> Iterator[Callable[[int, Any], None] | None]:
    """Give what is to be called when one of ``total`` models is done; ``None`` where nobody would see it.

    Nothing is shown where it takes less than a second.
    """
    if total < 2 or sys.stderr is None or not sys.stderr.isatty():  # noqa: PLR2004 - of one there is no how far
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("models", total=total)
    timer = threading.Timer(_WORTH_A_BAR, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda _index, _outcome: bar.advance(task)
    finally:
        timer.cancel()
        timer.join()
        if bar.live.is_started:
            bar.stop()
