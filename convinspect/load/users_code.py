"""The line between our code and the user's: whatever theirs raises becomes one clear error."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convinspect.errors import InspectError, ModelError

_OURS = str(Path(__file__).resolve().parents[1])


@contextmanager
def running_users_code(what: str) -> Iterator[None]:
    """Run the block, in which the user's code runs as ``what``, and raise `ModelError` for what it raises."""
    try:
        yield
    except (InspectError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise ModelError(f"{what}: the code called exit({error.code!r})") from error
    except Exception as error:
        raise ModelError(f"{what}: {describe(error)}", _hint(error)) from error


def describe(error: BaseException) -> str:
    """Return type, first line and the user's own file and line that raised."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_users(f.filename)]
    return f"{said} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else said


def _is_users(filename: str) -> bool:
    parts = filename.replace("\\", "/").split("/")
    return not filename.startswith(("<", _OURS)) and "site-packages" not in parts and "importlib" not in parts


def _hint(error: Exception) -> str | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"is {error.name.partition('.')[0]} installed in this environment?"
    return None
