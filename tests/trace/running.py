"""A report of a model in memory, and its rows by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convinspect import inspect

if TYPE_CHECKING:
    import torch
    from torch import nn

    from convinspect.report import Layer, Report


def report_of(model: nn.Module, *inputs: torch.Tensor, **options: Any) -> Report:
    return inspect(model, inputs, **options)


def modules(report: Report) -> list[tuple[str, int]]:
    return [(layer.path, layer.call) for layer in report.layers if layer.kind == "module"]


def functions(report: Report) -> list[str]:
    return [layer.type for layer in report.layers if layer.kind == "function"]


def row(report: Report, path: str, call: int = 1) -> Layer:
    return next(x for x in report.layers if (x.path, x.call, x.kind) == (path, call, "module"))


def codes(report: Report) -> dict[str, str | None]:
    return {note.code: note.path for note in report.warnings}
