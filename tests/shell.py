"""The command line, run in this process: what it returns, prints and complains about."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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
        for name in set(sys.modules) - kept[4]:
            module = sys.modules[name]
            path = getattr(module, "__file__", None) or " ".join(getattr(module, "__path__", ()))
            if path and (str(cwd) in path or path in str(cwd)) and "convinspect" not in name.split("."):
                del sys.modules[name]
