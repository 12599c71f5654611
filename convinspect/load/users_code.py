"""The line between our code and the user's: whatever theirs raises becomes one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from convinspect.errors import InspectError, ModelError, describe


@contextmanager
def running_users_code(what: str) -> Iterator[None]:
    """Run the block, in which the user's code runs as ``what``, and raise `ModelError` for what it raises."""
    try:
        yield
    except (InspectError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise ModelError(f"{what}: the code called exit({error.code!r})") from error
    except BaseException as error:
        raise ModelError(f"{what}: {describe(error)}", _hint(error)) from error


def _hint(error: BaseException) -> str | None:
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return f"is {missing} installed in this environment?" if missing.isidentifier() else None
