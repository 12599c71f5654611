"""Reports in plain files: saved ones that are read here and now, and those of earlier runs that still hold."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from convinspect.errors import UsageError
from convinspect.gather.assignment import seal, unseal
from convinspect.gather.evidence import Disk, Evidence, digest
from convinspect.report import Report
from convinspect.spec import Request

_MOST_BYTES = 256 << 20
_MOST_OF_ONE_KEY = 8  # states of the files that are gone back and forth between, as by changing branches
_ABANDONED = 3600.0  # seconds after which a file in the making has been left behind by a run that was killed
# The folder may be one that the user keeps other things in: only files of such names are ours to remove.
_OURS = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{62}/[0-9a-f]{16}\.json(\.\d+\.making)?")


class Store:
    """The cache folder; `None`: there is none, and nothing is found."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._disk = Disk()

    def find(self, key: str) -> tuple[Report, tuple[str, ...]] | None:
        """Return the report of ``key`` whose evidence holds, and its notes; `None` where there is none."""
        for path in self._newest_first(key):
            entry = _read(path, key)
            # Whatever else has come to stand there, it is no report of this key.
            with suppress(KeyError, TypeError, ValueError, AttributeError, UsageError):
                if entry is not None and self._disk.holds(Evidence.from_dict(entry["evidence"])):
                    report = Report.from_dict(entry["report"])
                    with suppress(OSError):
                        os.utime(path)  # what is used stays
                    return report, tuple(entry["notes"])
        return None

    def keep(self, key: str, evidence: dict[str, Any], report: dict[str, Any], notes: tuple[str, ...]) -> None:
        """Keep ``report`` under ``key`` while ``evidence`` holds, and make room for it."""
        if self._folder is None:
            return
        letter = seal({"key": key, "evidence": evidence, "report": report, "notes": notes}, "")
        path = f"{self._of(key)}/{digest(json.dumps(evidence))[:16]}.json"
        making = f"{path}.{os.getpid()}.{threading.get_ident()}.making"
        with suppress(OSError):  # a full or a read-only disk
            os.makedirs(self._of(key), mode=0o700, exist_ok=True)
            try:
                with open(making, "wb") as file:
                    file.write(letter)
                os.replace(making, path)
            except OSError:
                os.unlink(making)
            for old in self._newest_first(key)[_MOST_OF_ONE_KEY:]:
                os.unlink(old)
        _make_room(self._folder)

    def _of(self, key: str) -> str:
        name = digest(key)
        return f"{self._folder}/{name[:2]}/{name[2:]}"

    def _newest_first(self, key: str) -> list[str]:
        if self._folder is None:
            return []
        names = _names(self._of(key))
        return [path for _, _, path in sorted(_looked_at(names), reverse=True) if path.endswith(".json")]


def cache_folder() -> str | None:
    """Return where reports are kept: in ``CONVINSPECT_CACHE``, or the platform's folder for such; `None`: nowhere."""
    chosen = os.environ.get("CONVINSPECT_CACHE")
    if chosen:
        return os.path.abspath(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return f"{base}/convinspect" if os.path.isabs(base) else None


def _read(path: str, key: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            entry = unseal(file.read(), "")
    except (OSError, ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and entry.get("key") == key else None


def _names(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]
    except OSError:
        return []


def _looked_at(paths: Iterable[str]) -> list[tuple[float, int, str]]:
    found = []
    for path in paths:
        with suppress(OSError):  # another run has just removed it
            status = os.stat(path)
            found.append((status.st_mtime, status.st_size, path))
    return found


def _make_room(folder: str) -> None:
    """Remove the entries that were used longest ago until the rest fits, and what killed runs have left."""
    paths = (path for part in _names(folder) for key in _names(part) for path in _names(key))
    room = _MOST_BYTES
    for used, size, path in sorted(_looked_at(p for p in paths if _OURS.fullmatch(p, len(folder))), reverse=True):
        room -= size
        if room < 0 or (path.endswith(".making") and used < time.time() - _ABANDONED):
            with suppress(OSError):
                os.unlink(path)


def is_saved_report(request: Request, folder: str) -> bool:
    """Tell whether the request's target, as named from ``folder``, is JSON that says which schema it follows."""
    try:
        with open(os.path.join(folder, request.target.source), "rb") as file:
            if not file.read(64).lstrip().startswith(b"{"):
                return False
            file.seek(0)
            document = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "schema" in document


def read_saved_report(request: Request, folder: str) -> Report:
    """Return the report in the target's file; raises `UsageError` for a damaged one, and for a request of a run."""
    from convinspect.pipeline import summarise  # noqa: PLC0415

    source = os.path.join(folder, request.target.source)
    return summarise(replace(request, target=replace(request.target, source=source)))
