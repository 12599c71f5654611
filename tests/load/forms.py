"""One model in every form that a file can have, and reports of it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convinspect.load import load
from convinspect.pipeline import inspect
from convinspect.report import Layer, Report
from convinspect.spec import Request, Target

WAYS = ("scripted", "traced", "exported")


@contextmanager
def quiet() -> Iterator[None]:
    """Making these forms is what torch calls deprecated; reading them must not show it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def scripted(model: nn.Module, path: Path) -> Path:
    with quiet():
        torch.jit.save(torch.jit.script(model), str(path))
    return path


def traced(model: nn.Module, inputs: tuple[Any, ...], path: Path) -> Path:
    with quiet():
        torch.jit.save(torch.jit.trace(model, inputs, strict=False, check_trace=False), str(path))
    return path


def exported(model: nn.Module, inputs: tuple[Any, ...], path: Path, **options: Any) -> Path:
    with quiet():
        torch.export.save(torch.export.export(model, inputs, **options), str(path))
    return path


def written(way: str, model: nn.Module, inputs: tuple[Any, ...], folder: Path) -> Path:
    """Write ``model`` in one of `WAYS`."""
    if way == "scripted":
        return scripted(model, folder / "model.pt")
    if way == "traced":
        return traced(model, inputs, folder / "traced.pt")
    return exported(model, inputs, folder / "model.pt2")


def report_of(path: Path, inputs: tuple[Any, ...], device: str = "cpu", **options: Any) -> Report:
    """Return the report of the file at ``path`` for these very inputs."""
    loaded = load(Request(Target(str(path), str(path), None), device=device, **options))
    return inspect(loaded.runnable.model, inputs)


def rows(report: Report, *, inputs: bool = True, saved: bool = True) -> list[Layer]:
    """Return the rows, without what each layer was given or without what it saves for a backward pass."""
    layers = [layer if inputs else replace(layer, inputs=()) for layer in report.layers]
    return [layer if saved else replace(layer, memory=replace(layer.memory, saved_bytes=None)) for layer in layers]


def first_difference(wanted: list[Layer], got: list[Layer]) -> str:
    """Return a short account of the first row that differs, or nothing."""
    for a, b in zip(wanted, got, strict=False):
        if a != b:
            fields = [name for name in Layer.__slots__ if getattr(a, name) != getattr(b, name)]
            told = "; ".join(f"{name}: {getattr(a, name)!r:.150} != {getattr(b, name)!r:.150}" for name in fields)
            return f"{a.path or '(model)'} {a.type} vs {b.path or '(model)'} {b.type}: {told}"
    if len(wanted) != len(got):
        longer = wanted if len(wanted) > len(got) else got
        extra = longer[min(len(wanted), len(got))]
        return f"{len(wanted)} rows, got {len(got)}: {extra.path} {extra.type} {[o.shape for o in extra.outputs]}"
    return ""


def bytes_of(model: Any) -> bytes:
    buffer = io.BytesIO()
    with quiet():
        torch.jit.save(model, buffer)
    return buffer.getvalue()
