"""The command line: the only room that knows click; importing it imports nothing, so that Ctrl-C is heard at once."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 fine, 2 usage, 3 the user's model failed, 70 our bug, 130 interrupted."""
    try:
        from convinspect.cli.program import run  # noqa: PLC0415 - an interrupt while it is imported has no traceback

        code = run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        from convinspect.cli.streams import say  # noqa: PLC0415

        say("error: interrupted")
        code = _INTERRUPTED
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # what Python does at its end has no news to tell
    atexit.register(gc.freeze)  # it would search all that torch has made for garbage before it forgets it
    sys.exit(code)
