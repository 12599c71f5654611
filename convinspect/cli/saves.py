"""The files that a model is made of, and waiting until one of them is saved."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from convinspect.gather.evidence import ABSENT, signature
from convinspect.spec import Request

# Milliseconds after which files are looked at in any case: a folder may have been replaced, a mount may say nothing.
_LOOK = 1000
# Seconds that a file must rest: an editor may still be writing.
_REST = 0.05
# Seconds for the target to come back: some editors move the old file away before they write the new one.
_AWAY = 1.0


class Saves:
    """What a request rests on: its target, its data, the Python files beside it, and what runs of it have looked at."""

    def __init__(self, request: Request) -> None:
        source = Path(request.target.source)
        self._target = (source if source.exists() else Path(*source.name.split(".")).with_suffix(".py")).absolute()
        data = (Path(spec.file).absolute() for spec in request.inputs if spec.file is not None)
        self._asked = {str(self._target), *map(str, data)}
        self._seen: dict[str, str] = {}

    def run_begins(self) -> None:
        """Take note of the files as they are: what is saved from now on is news."""
        self._seen = self._now()

    def run_ended(self, read: Mapping[str, str]) -> None:
        """Take note of the files that the run has ``read``, each with its signature then.

        Of other files than sources it counts what they are now: the run itself may have written them.
        """
        for path, was in read.items():
            if path not in self._asked:
                self._seen[path] = was if path.endswith(".py") else signature(path)

    def wait(self) -> None:
        """Return when a file is no longer as it was noted."""
        from watchfiles import watch  # noqa: PLC0415 - an extra, and no other command waits for it

        while not self.is_news():
            folders = {path.parent for path in map(Path, self._seen) if path.parent.is_dir()}
            if not folders:
                time.sleep(_LOOK / 1000)
                continue
            for _ in watch(*folders, watch_filter=None, recursive=False, yield_on_timeout=True, rust_timeout=_LOOK):
                if self.is_news():
                    return

    def is_news(self) -> bool:
        """Tell whether a file is not as it was noted; if so, once all of them rest."""
        now, since = self._now(), time.monotonic()
        if now == self._seen:
            return False
        while True:
            time.sleep(_REST)
            before, now = now, self._now()
            is_there = now[str(self._target)] != ABSENT or time.monotonic() - since > _AWAY
            if now == before and is_there:
                return now != self._seen

    def _now(self) -> dict[str, str]:
        beside = map(str, self._target.parent.glob("*.py"))
        return {path: signature(path) for path in {*self._asked, *beside, *self._seen}}
