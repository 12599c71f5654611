"""What stands behind the name of a row: a later call, that it failed or never ran, whose weights it shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convinspect.report import Layer, Report


def remarks(report: Report) -> Iterator[str]:
    """Yield a remark for each layer of ``report``: ``" (call 2) (failed)"``, or nothing."""
    failed = _failed_call(report)
    never_ran = {note.path for note in report.warnings if note.code == "never_ran" and note.path}
    reached = True
    for layer in report.layers:
        said = ""
        if layer.kind == "function":
            pass
        elif (layer.path, layer.call) == failed:
            reached = False
            said = f"{_call(layer)} (failed)"
        elif layer.call or report.model.format == "weights":
            said = _call(layer)
        elif failed is not None:
            # Whether a module that stands before the failure would have run later is not known.
            said = "" if reached else " (not reached)"
        elif layer.path in never_ran or layer.path.rpartition(".")[0] in never_ran:
            never_ran.add(layer.path)
            said = " (never ran)"
        else:
            # Attention reads the weights of its projection without calling it: that is not the same as never running.
            said = " (not called)"
        yield said if layer.shared_with is None else f"{said} (shares {layer.shared_with or 'the model'})"


def _call(layer: Layer) -> str:
    return f" (call {layer.call})" if layer.call > 1 else ""


def _failed_call(report: Report) -> tuple[str, int] | None:
    """Return where the forward stopped: the last call of that module, or of the one that it is folded into."""
    path = _failed_path(report)
    if path is None:
        return None
    calls = {layer.path: layer.call for layer in report.layers if layer.kind == "module"}
    while path and path not in calls:
        path = path.rpartition(".")[0]
    return path, calls.get(path, 0)


def _failed_path(report: Report) -> str | None:
    return report.failure.path if report.failure else None
