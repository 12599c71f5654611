"""Where a model is written: its file and line, found by reading the source and never by importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convinspect.check.limits import Check
from convinspect.paths import is_file


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and the line in it that an annotation points at."""

    file: Path
    line: int = 1


def place_of(check: Check, model: str | None) -> Place | None:
    """Return where the target of ``check`` is written; else where the check is; ``None`` where it is neither.

    ``model`` is the name of the class that was taken, where that is known.
    """
    source = source_file(check)
    if source is not None:
        return Place(source, _line_in(source, check.request.target.attribute, model) or 1)
    return Place(check.config, _line_of_table(check.config, check.table or "")) if check.config else None


def source_file(check: Check) -> Path | None:
    """Return the Python file of the target below the folder of ``check``; ``None`` for other targets."""
    source = check.request.target.source
    if source.endswith(".py"):
        file = check.folder / source
        return file if is_file(file) else None
    if not all(part.isidentifier() for part in source.split(".")):
        return None
    module = check.folder.joinpath(*source.split("."))
    return next((file for file in (module.with_suffix(".py"), module / "__init__.py") if file.is_file()), None)


def _line_in(file: Path, attribute: str | None, model: str | None) -> int | None:
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        return error.lineno
    except (OSError, ValueError, RecursionError, MemoryError):
        return None
    if attribute is not None:
        return _line_of(tree.body, attribute.split("."))
    return _line_of(tree.body, [model]) if model else _first_module(tree.body)


def _line_of(body: Iterable[ast.stmt], path: list[str]) -> int | None:
    """Return the line that binds the dotted ``path``: of a class in a class the inner one's."""
    name, *inner = path
    found: int | None = None
    for statement in _statements(body):
        if name not in _bound_by(statement):
            continue
        found = statement.lineno
        if inner and isinstance(statement, ast.ClassDef):
            return _line_of(statement.body, inner) or found
    return found


def _first_module(body: Iterable[ast.stmt]) -> int | None:
    for statement in _statements(body):
        if isinstance(statement, ast.ClassDef) and any("Module" in ast.unparse(base) for base in statement.bases):
            return statement.lineno
    return None


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body and of the conditions, attempts and contexts in it."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            for name in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, name, []))
            for handler in getattr(statement, "handlers", []):
                yield from _statements(handler.body)


def _bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _line_of_table(config: Path, table: str) -> int:
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return 1
    headers = (number for number, line in enumerate(lines, 1) if line.replace(" ", "").startswith(f"[{table}]"))
    return next(headers, 1)
