"""Parts of a model: the rows that a pattern of module paths picks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from convinspect.errors import UsageError
from convinspect.report import Layer, Report
from convinspect.tree import layer_name

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Part:
    """Some outermost modules of a report, and ``rows``: theirs and those of everything in them."""

    report: Report
    paths: tuple[str, ...]
    rows: tuple[Layer, ...]

    @property
    def why_no_forward(self) -> str:
        """Why nothing is known of its forward, where that is so."""
        return "a file of weights has no forward" if self.report.model.format == "weights" else "it never ran"

    def holds(self, path: str) -> bool:
        """Return whether the module ``path`` is one of these or inside one."""
        return self.paths == ("",) or path in self.paths or not set(self.paths).isdisjoint(_above(path))


def whole(report: Report) -> Part:
    """Return the model itself."""
    return Part(report, ("",), report.layers)


def part_of(report: Report, pattern: str) -> Part:
    """Return the outermost modules whose paths match ``pattern``; what matches inside another match is in it.

    ``*`` stands for any text, dots too. Raises `UsageError` where nothing matches.
    """
    paths = dict.fromkeys(row.path for row in report.layers if row.kind == "module" and row.path)
    matches = {path for path in paths if fnmatchcase(path, pattern)}
    outermost = tuple(path for path in paths if path in matches and matches.isdisjoint(_above(path)))
    if not outermost:
        known = ", ".join(list(paths)[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
        raise UsageError(
            f"no module matches {pattern!r}", f"modules: {known}" if paths else "the report has no modules"
        )
    part = Part(report, outermost, ())
    return Part(report, outermost, tuple(row for row in report.layers if part.holds(row.path)))


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition(".")[0]:
        yield path


def row_name(row: Layer) -> str:
    """Return what a verdict calls ``row``."""
    return layer_name(row, "the model itself")
