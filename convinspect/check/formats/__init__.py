"""Results of checks written down: by name, each format in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convinspect.render.options import written

if TYPE_CHECKING:
    from convinspect.check.results import Session

FORMATS = ("text", "json", "markdown", "github", "junit")


def write(session: Session, form: str) -> str:
    """Return ``session`` in the format ``form``, one of `FORMATS`, without a line break at its end."""
    return written("convinspect.check.formats", FORMATS, form, session)
