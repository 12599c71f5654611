"""What the shell completes: targets, with the classes in a file, read without running it; files, columns, devices."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.shell_completion import CompletionItem

from convinspect.spec import DEVICES

# A file that is larger is no model that anybody wrote.
_LARGEST = 2**22
_FILES = (".py", ".pt", ".pth", ".ts", ".pt2", ".safetensors", ".json", ".bin", ".ckpt")


def complete_target(_: Any, __: Any, incomplete: str) -> list[CompletionItem]:
    """Return files that may be targets, and behind ``model.py:`` the classes, functions and values of that file."""
    file, colon, name = incomplete.partition(":")
    if colon:
        return [CompletionItem(f"{file}:{found}") for found in _defined_in(Path(file)) if found.startswith(name)]
    return [CompletionItem(found) for found in _files(incomplete)]


def complete_file(_: Any, __: Any, incomplete: str) -> list[CompletionItem]:
    """Return what has the shell complete any file's name."""
    return [CompletionItem(incomplete, type="file")]


def complete_columns(_: Any, __: Any, incomplete: str) -> list[CompletionItem]:
    """Return names of columns for the last of the list that is being typed."""
    from convinspect.render.columns import COLUMNS  # noqa: PLC0415 - only a shell that asks waits for it

    before, comma, name = incomplete.rpartition(",")
    taken = before.split(",")
    return [
        CompletionItem(f"{before}{comma}{column}", help=COLUMNS[column].means if column in COLUMNS else None)
        for column in ("default", "all", *COLUMNS)
        if column.startswith(name) and column not in taken
    ]


def complete_devices(_: Any, __: Any, incomplete: str) -> list[CompletionItem]:
    """Return the devices that can be named; whether this machine has them is asked when they are needed."""
    return [CompletionItem(name) for name in (*DEVICES, "cuda:0") if name.startswith(incomplete)]


def _files(incomplete: str) -> Iterator[str]:
    """Yield folders and files that begin with ``incomplete``, written as it is."""
    folder, slash, name = incomplete.rpartition("/")
    try:
        found = sorted(Path(f"{folder}{slash}" or ".").iterdir())
    except OSError:
        return
    for path in found:
        if not path.name.startswith(name) or (path.name.startswith(".") and not name):
            continue
        if path.is_dir():
            yield f"{folder}{slash}{path.name}/"
        elif path.suffix in _FILES:
            yield f"{folder}{slash}{path.name}"


def _defined_in(file: Path) -> Iterator[str]:
    """Yield the classes, functions and values at the top of ``file`` by name, in order; private ones are left out."""
    try:
        if file.stat().st_size > _LARGEST:
            return
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        names = [node.name] if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))
