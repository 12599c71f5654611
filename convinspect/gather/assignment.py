"""What one process is told to do, and the sealed letter in which it answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from convinspect.spec import Request


@dataclass(frozen=True, slots=True)
class Moved:
    """A work tree at ``work``, of which a revision lies at ``tree``."""

    work: str
    tree: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """One request, to be answered from ``folder`` with a letter in the file ``answer``, sealed with ``secret``.

    ``moved``: the files of the work tree are taken from elsewhere. ``libraries``: the file in which to leave the names
    of the installed modules in use, so that the next run need not import them; nothing is kept of such a run.
    """

    request: Request
    folder: str
    answer: str
    secret: str
    moved: Moved | None = None
    libraries: str | None = None


def seal(document: dict[str, Any], secret: str) -> bytes:
    """Return the letter: a digest that only the holder of ``secret`` can make, and the document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return _digest(body, secret) + b"\n" + body


def unseal(letter: bytes, secret: str) -> dict[str, Any] | None:
    """Return the document; `None` for a letter that is cut short, or was written by somebody else."""
    seal_, _, body = letter.partition(b"\n")
    if seal_ != _digest(body, secret):
        return None
    document: dict[str, Any] = json.loads(body)
    return document


def _digest(body: bytes, secret: str) -> bytes:
    return hashlib.sha256(secret.encode() + body).hexdigest().encode()
