"""What stands behind the name of a row: a later call, that it failed or never ran, whose weights it shares."""

from __future__ import annotations

from collections.abc import Iterator

from convinspect.report import Layer, Report


def remarks(report: Report) -> Iterator[str]:
    """Yield a remark for each layer of ``report``: ``" (call 2) (failed)"``, or nothing."""
    failed = _failed_row(report)
    never_ran = {note.path for note in report.warnings if note.code == "never_ran" and note.path}
    reached = True
    for index, layer in enumerate(report.layers):
        said = ""
        if index == failed:
            reached = False
            said = f"{_call(layer) if layer.kind == 'module' else ''} (failed)"
        elif layer.kind == "function":
            pass
        elif layer.call or report.model.format == "weights":
            said = _call(layer)
        elif report.failure is not None:
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


def _failed_row(report: Report) -> int | None:
    """Return where the forward stopped: the last call of that function or module, or of what it is folded into."""
    failure = report.failure
    if failure is None:
        return None
    rows = {(layer.path, layer.kind == "function"): index for index, layer in enumerate(report.layers)}
    last = rows.get((failure.path, True))
    if last is not None and failure.op == report.layers[last].type and not report.layers[last].outputs:
        return last
    path = failure.path
    while path and (path, False) not in rows:
        path = path.rpartition(".")[0]
    return rows.get((path, False))
