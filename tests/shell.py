"""The command line, run in this process: what it returns, prints and complains about."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from convinspect.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def convinspect(*argv: str | Path, cwd: Path = ROOT) -> Result:
    """Run ``convinspect`` with ``argv`` in ``cwd`` as the shell would, and return all that can be seen of it."""
    out, err = io.StringIO(), io.StringIO()
    with _process(out, err, cwd):
        try:
            main([str(word) for word in argv])
        except SystemExit as end:
            code = int(end.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


@contextmanager
def _process(out: io.StringIO, err: io.StringIO, cwd: Path) -> Iterator[None]:
    kept = sys.stdout, sys.stderr, Path.cwd(), list(sys.path), set(sys.modules)
    sys.stdout, sys.stderr = out, err
    os.chdir(cwd)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = kept[0], kept[1]
        os.chdir(kept[2])
        sys.path[:] = kept[3]
        # A target of the next test may have the name of a target of this one.
        new = {name: _place(sys.modules[name]) for name in set(sys.modules) - kept[4]}
        for name, path in new.items():
            if path and (str(cwd) in path or path in str(cwd)) and "convinspect" not in name.split("."):
                del sys.modules[name]


def _place(module: ModuleType) -> str:
    """Return where a module lies; of a package without a file of its own, its folder."""
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
