"""Which files came with Python and with installed packages, and which are the user's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from typing import Any

from convinspect.gather.recording import absolute

_PACKAGES = ("/site-packages/", "/dist-packages/")


class Installed:
    """The files that are changed by installing, not by editing. ``own`` folders are the user's, wherever they lie."""

    def __init__(self, own: Sequence[str] = ()) -> None:
        self._own = tuple(_folder(path) for path in own)
        ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self._always = (_folder(os.path.dirname(os.__file__)), _folder(ours))
        # Where packages were installed with ``pip install --target``.
        self._folders = tuple(_folder(path) for path in sys.path if _has_packages(path))

    def __contains__(self, path: str) -> bool:
        """Tell whether the absolute ``path`` is such a file."""
        if path.startswith(self._always) or any(part in path for part in _PACKAGES):
            return True
        return path.startswith(self._folders) and not path.startswith(self._own)

    def own_among(self, paths: Mapping[str, str]) -> dict[str, str]:
        """Return those of ``paths`` that lie in the user's folders and are not installed there."""
        return {path: said for path, said in paths.items() if path.startswith(self._own) and path not in self}


def read_own_sources(installed: Installed) -> None:
    """Have each of the user's modules compiled from its source from now on, never taken from ``__pycache__``.

    Python takes compiled code for that of a source with the same size and the same second: a model that was edited
    twice in one second would be reported as it was before.
    """
    kind: Any = SourceFileLoader
    path_stats = kind.path_stats

    def of_installed(self: Any, path: str) -> Any:
        if absolute(path) not in installed:
            raise OSError(f"{path}: to be compiled")
        return path_stats(self, path)

    kind.path_stats = of_installed


def _folder(path: str) -> str:
    return absolute(path).rstrip("/") + "/"


def _has_packages(path: str) -> bool:
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(path))
    except OSError:
        return False
