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
    bar = _Bar(total)
    timer = threading.Timer(_WORTH_A_BAR, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.advance
    finally:
        timer.cancel()
        bar.close()


class _Bar:
    """A bar that is drawn from the moment it is shown until it is closed, and then leaves nothing behind."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._bar: Any = None
        self._task: Any = None
        self._closed = False
        self._lock = threading.Lock()

    def show(self) -> None:
        """Draw it, with what is done already."""
        from rich.console import Console
        from rich.progress import Progress

        with self._lock:
            if self._closed:
                return
            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("models", total=self._total, completed=self._done)
            self._bar.start()

    def advance(self, _index: int, _outcome: Any) -> None:
        """Count one more."""
        with self._lock:
            self._done += 1
            if self._bar is not None:
                self._bar.update(self._task, completed=self._done)

    def close(self) -> None:
        """Wipe it away."""
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.stop()
