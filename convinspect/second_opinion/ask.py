"""One run of torchsummary, its printed table read back, and what stopped it where it stopped."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import ExitStack, redirect_stdout
from importlib.metadata import version
from typing import Any

import torch
import torchsummary
from torch import nn

from convinspect.report import Report
from convinspect.second_opinion.compare import compare, without_row
from convinspect.second_opinion.opinion import Difference, SecondOpinion
from convinspect.second_opinion.row_hook import HookedRow, RowHook, restored

_HEAD = "Layer (type)"
_ROW = re.compile(r"^ *\S+-\d+ +(\[.*\]) +([\d,]+)$", re.MULTILINE)
_TOTAL = re.compile(r"^Total params: ([\d,]+)$", re.MULTILINE)


def ask(report: Report, model: Any) -> SecondOpinion:
    """Return what torchsummary says of ``model``, which ``report`` describes; the model comes back as it was.

    torchsummary makes its own inputs: a batch of two of random float32 numbers in the sizes of the report's inputs
    without their first axis, passed by position.
    """
    reason = _cannot_be_asked(report, model)
    if reason is not None:
        return _opinion(report, crash=reason)
    table, seen, crash = _run(report, model)
    rows = [(_shapes(row[1]), _number(row[2])) for row in _ROW.finditer(table)]
    layers = {(layer.path, layer.call): layer for layer in report.layers if layer.kind == "module"}
    modules = dict(model.named_modules())
    agreed = 0
    differences: list[Difference] = []
    # Where torchsummary stops half-way through its table, there are more sights than rows.
    for sight, (shapes, params) in zip(seen, rows, strict=False):
        layer = layers.get((sight.path, sight.call))
        found = [*compare(sight, shapes, params, layer, modules[sight.path], report.run.batch_size)]
        agreed += not found
        differences += found
    shown = {(sight.path, sight.call) for sight in seen}
    missing = [layer for layer in report.layers if layer.kind == "function" or (layer.path, layer.call) not in shown]
    if rows:
        differences += [without_row(layer, modules) for layer in missing if layer.params]
    total = _TOTAL.search(table)
    return _opinion(
        report, len(rows), agreed, len(missing), tuple(differences), _number(total[1]) if total else None, crash
    )


def _opinion(
    report: Report,
    rows: int = 0,
    agreed: int = 0,
    only_here: int = 0,
    differences: tuple[Difference, ...] = (),
    params: int | None = None,
    crash: str | None = None,
) -> SecondOpinion:
    here = report.totals.params
    return SecondOpinion(version("torchsummary"), rows, agreed, only_here, differences, here, params, crash)


def _cannot_be_asked(report: Report, model: Any) -> str | None:
    if report.run.device == "meta":
        return "was not asked: it needs values, and the meta device has none; try --device cpu"
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        return "was not asked: it hooks the modules of an eager model, and here are none"
    return None


def _run(report: Report, model: nn.Module) -> tuple[str, list[HookedRow], str | None]:
    """Return what torchsummary printed, which module each of its rows is about, and what stopped it."""
    sizes = [tensor.shape[1:] for tensor in report.inputs]
    kind, _, index = report.run.device.partition(":")
    printed = io.StringIO()
    crash = None
    with ExitStack() as stack:
        stack.enter_context(restored(model))
        stack.enter_context(torch.no_grad())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.random.fork_rng())
        if index:
            stack.enter_context(torch.cuda.device(int(index)))
        model.train(report.model.mode == "train")
        witness = RowHook(model)
        try:
            with redirect_stdout(printed):
                torchsummary.summary(model, sizes, device=kind)
        except Exception as error:  # noqa: BLE001 - its code and the user's may raise anything
            crash = f"stopped {_place(witness, printed.getvalue())} ({_said(error)}){_fed(report)}"
    # What the model itself prints stands before the table.
    return printed.getvalue().rpartition(_HEAD)[2], witness.seen, crash


def _place(witness: RowHook, printed: str) -> str:
    """Say where it stopped: in the forward, at a module that it cannot write down, or over its sums."""
    if _HEAD in printed:
        counted = any(_number(row[2]) for row in _ROW.finditer(printed))
        return "after its run, over its sums" if counted else "after its run: it found no parameters"
    return f"at {witness.seen[-1].path}: {witness.unreadable}" if witness.unreadable else "in the forward"


def _said(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _fed(report: Report) -> str:
    other = next((tensor for tensor in report.inputs if tensor.dtype != "float32"), None)
    return f"; it feeds float32 numbers, and {other.name} is {other.dtype}" if other else ""


def _shapes(text: str) -> list[list[int]]:
    """Read ``[-1, 10]``, or ``[[-1, 10], [-1, 3]]`` of several outputs."""
    return [[int(size) for size in shape.split(",")] for shape in re.findall(r"\[([-\d, ]+)\]", text)]


def _number(text: str) -> int:
    return int(text.replace(",", ""))
