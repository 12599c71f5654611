"""torchsummary on the same model: its output shapes and its total beside a report's. It never feeds the report."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.metadata import version
from itertools import zip_longest
from typing import Any

import torch
import torchsummary
from torch import nn

from convinspect.report import Layer, Report
from convinspect.tensors.registered import is_scripted, registered_modules
from convinspect.torch_private import forward_hooks
from convinspect.tree import in_order_of_return

_HEAD = "Layer (type)"
_ROW = re.compile(r"^ *(\S+)-\d+ +(\[.*\]) +[\d,]+$", re.MULTILINE)
_SHAPE = re.compile(r"\[-1((?:, \d+)*)\]")
_TOTAL = re.compile(r"^Total params: ([\d,]+)$", re.MULTILINE)
_TOLD = 8
_NO_ROWS = (nn.Sequential, nn.ModuleList)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """``rows`` counts torchsummary's own; ``differences`` are a layer with its output here and there.

    An output is ``None`` where the other alone has the row, and the total where torchsummary did not come so far.
    ``crash`` says what stopped it, or why it was not asked.
    """

    rows: int
    differences: tuple[tuple[str, str | None, str | None], ...]
    params_here: int
    params_there: int | None
    crash: str | None


def ask(report: Report, model: Any) -> SecondOpinion:
    """Return what torchsummary says of ``model``, which ``report`` describes; the model comes back as it was.

    torchsummary makes its own inputs: a batch of two of random float32 numbers in the sizes of the report's inputs
    without their first axis, passed by position. First axes are not compared, and Sequentials have no rows there.
    """
    if report.run.device == "meta":
        return _unasked(report, "it needs values, and the meta device has none; try --device cpu")
    if not isinstance(model, nn.Module) or is_scripted(model):
        return _unasked(report, "it hooks the modules of an eager model, and here are none")
    table, crash = _run(report, model)
    rows = _ROW.findall(table)
    theirs = [(name, _written(shape.split(", ")[1:] for shape in _SHAPE.findall(shapes))) for name, shapes in rows]
    containers = {path for path, part in nn.Module.named_modules(model) if isinstance(part, _NO_ROWS)}
    returned = (report.layers[place] for place in in_order_of_return(report.layers))
    ours = [layer for layer in returned if layer.path and layer.path not in containers]
    total = _TOTAL.search(table)
    params = int(total[1].replace(",", "")) if total else None
    differences = tuple(_differences(ours, theirs)) if theirs else ()
    return SecondOpinion(len(theirs), differences, report.totals.params, params, crash)


def in_words(opinion: SecondOpinion) -> tuple[str, ...]:
    """Return a few lines for people."""
    name = f"second opinion: torchsummary {version('torchsummary')}"
    lines = [f"{name} {opinion.crash}"] if opinion.crash is not None else []
    if opinion.rows:
        verdict = f"but for {len(opinion.differences)}" if opinion.differences else "in every one"
        lines.append(f"{name} has {opinion.rows} rows, with the same output shape {verdict}")
    for place, here, there in opinion.differences[:_TOLD]:
        lines.append(f"  {place}: {here or 'no row'} here, {there or 'no row'} there")
    if len(opinion.differences) > _TOLD:
        lines.append(f"  and {len(opinion.differences) - _TOLD} more")
    if opinion.params_there is not None:
        lines.append(f"  total parameters: {opinion.params_here:,} here, {opinion.params_there:,} there")
    return tuple(lines)


def _unasked(report: Report, reason: str) -> SecondOpinion:
    return SecondOpinion(0, (), report.totals.params, None, f"was not asked: {reason}")


def _run(report: Report, model: nn.Module) -> tuple[str, str | None]:
    """Return the table that torchsummary printed, and what stopped it."""
    kind, _, index = report.run.device.partition(":")
    printed, crash = io.StringIO(), None
    with warnings.catch_warnings(), torch.random.fork_rng(), torch.no_grad(), _restored(model):
        warnings.simplefilter("ignore")
        model.train(report.model.mode == "train")
        try:
            with torch.cuda.device(int(index) if index else -1), redirect_stdout(printed):
                torchsummary.summary(model, [tensor.shape[1:] for tensor in report.inputs], device=kind)
        except Exception as error:  # noqa: BLE001 - its code and the user's may raise anything
            said = next(iter(str(error).strip().splitlines()), "")
            other = next((f"; {t.name} is {t.dtype}, not float32" for t in report.inputs if t.dtype != "float32"), "")
            crash = f"stopped ({type(error).__name__}: {said}){other}"
    # What the model itself prints stands before the table.
    return printed.getvalue().rpartition(_HEAD)[2], crash


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    """Put back hooks, training flags and buffers: torchsummary takes its hooks off only where nothing went wrong."""
    before = [(m, m.training, forward_hooks(m).copy()) for m in registered_modules(model)]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for module, training, hooks in before:
            module.training = training
            # In place: handles that were given out for the hooks refer to this very dict.
            forward_hooks(module).clear()
            forward_hooks(module).update(hooks)
        for buffer, value in buffers:
            buffer.detach().copy_(value)


def _differences(ours: list[Layer], theirs: list[tuple[str, str]]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the rows that differ, after types in order have shown which belong together."""
    types = [layer.type for layer in ours], [name for name, _ in theirs]
    for _, a, b, c, d in SequenceMatcher(None, *types, autojunk=False).get_opcodes():
        for layer, row in zip_longest(ours[a:b], theirs[c:d]):
            here = _written(output.shape[1:] for output in layer.outputs) if layer else None
            if here != (row and row[1]):
                yield f"{layer.path} ({layer.type})" if layer else row[0], here, row and row[1]


def _written(shapes: Iterable[Iterable[Any]]) -> str:
    return ", ".join("x".join(["N", *map(str, sizes)]) for sizes in shapes) or "nothing"
