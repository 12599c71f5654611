"""Results of checks written down: by name, each format in a file of its own."""

from __future__ import annotations

from importlib import import_module  # noqa: TID251 - of this room, by the name of a format
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from convinspect.check.results import Session

FORMATS = ("text", "json", "markdown", "github", "junit")


def write(session: Session, form: str) -> str:
    """Return ``session`` in the format ``form``, one of `FORMATS`, without a line break at its end."""
    module = import_module(f"convinspect.check.formats.{form}")
    return cast("Callable[[Session], str]", module.write)(session)
