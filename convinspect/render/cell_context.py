"""What cells and names are written with, beside the row itself: read once from the whole report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convinspect.render.columns import CellContext

if TYPE_CHECKING:
    from convinspect.render.glyphs import Glyphs
    from convinspect.report import Report


def cell_context(report: Report, glyphs: Glyphs) -> CellContext:
    """Return the sheet of ``report``, in full width."""
    failed = _failed(report)
    return CellContext(
        glyphs,
        first_calls={
            layer.path: layer.params_total for layer in report.layers if layer.kind == "module" and layer.call == 1
        },
        idle=_idle(report),
        ran=report.model.format != "weights",
        failed=failed,
        unreached=_unreached(report, failed),
    )


def _idle(report: Report) -> frozenset[str]:
    """Return the modules that are said to have never run, and what is in them."""
    said = {note.path for note in report.warnings if note.code == "never_ran" and note.path}
    idle: set[str] = set()
    for layer in report.layers:
        if layer.path in said or (layer.call == 0 and layer.path.rpartition(".")[0] in idle):
            idle.add(layer.path)
    return frozenset(idle)


def _failed(report: Report) -> tuple[str, int] | None:
    """Return where the forward stopped: the last call of that module, or of the one that it is folded into."""
    if report.failure is None:
        return None
    calls = {layer.path: layer.call for layer in report.layers if layer.kind == "module"}
    path = report.failure.path
    while path and path not in calls:
        path = path.rpartition(".")[0]
    return path, calls.get(path, 0)


def _unreached(report: Report, failed: tuple[str, int] | None) -> frozenset[str]:
    keys = [(layer.path, layer.call) for layer in report.layers]
    if failed not in keys:
        return frozenset()
    return frozenset(path for path, call in keys[keys.index(failed) + 1 :] if not call)
