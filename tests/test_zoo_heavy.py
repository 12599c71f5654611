"""Whole model zoos, where they are installed: every network runs, and other counters agree.

    pytest -m heavy tests/test_zoo_heavy.py

Everything runs on the meta device, transformers on the cpu as well. What is here takes the better part of an hour for
timm, as long for transformers and minutes for torchvision. What it showed stands in docs/zoo.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import convinspect
from tests.zoo.tiny import tiny

_ELSEWHERE = "what runs needs tensors with data: it ran on the cpu"

pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("default")]


def test_timm_models_agree_with_their_weights_and_the_flop_counter() -> None:
    timm = pytest.importorskip("timm")
    told = {name: _raised_or(disagreements, partial(timm.create_model, name)) for name in timm.list_models()}
    assert {name: said for name, said in told.items() if said} == {}


def test_torchvision_classifiers_have_their_published_numbers() -> None:
    torchvision = pytest.importorskip("torchvision")
    told = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            build = torchvision.models.get_model_builder(name)
            told[f"{name} {weights.name}"] = _raised_or(unpublished, name, build, weights)
    assert {name: said for name, said in told.items() if said} == {}


def test_transformers_types_are_on_meta_what_they_are_on_the_cpu() -> None:
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    told: dict[str, list[str]] = {}
    for name in transformers.CONFIG_MAPPING:
        found = tiny(name)
        if not isinstance(found, str):
            told[name] = _raised_or(differences, *found)
    assert {name: said for name, said in told.items() if said not in ([], [_ELSEWHERE])} == {}
    elsewhere = [name for name, said in told.items() if said == [_ELSEWHERE]]
    assert len(elsewhere) <= len(told) // 20, elsewhere


def differences(model: nn.Module, kwargs: dict[str, Any]) -> list[str]:
    """Return what a report on meta says else than one on the cpu; `_ELSEWHERE` where it needed values."""
    real, report = (convinspect.inspect(model, (), kwargs, device=where, optimizer=None) for where in (None, "meta"))
    said = [found.stopped for found in (real, report) if found.stopped]
    if real.totals.params != sum(p.numel() for p in model.parameters()):
        said.append(f"{real.totals.params} parameters")
    rows = [[(row.path, row.call, row.type, row.macs, row.outputs) for row in found.layers] for found in (real, report)]
    first = next((pair for pair in zip(*rows, strict=False) if pair[0] != pair[1]), None)
    if first is not None or len(rows[0]) != len(rows[1]):
        said.append(f"rows differ: {first}")
    return [*said, *([_ELSEWHERE] if report.run.device != "meta" else [])]


def disagreements(build: Callable[[], nn.Module]) -> list[str]:
    """Return what is wrong with the report of one of timm's models, in a few words each."""
    with torch.device("meta"):
        model = build().eval()
    x = torch.empty(2, *model.pretrained_cfg["input_size"], device="meta")
    report = convinspect.inspect(model, (x,), optimizer=None)
    said = [report.stopped] if report.stopped else []
    said += [f"uncounted: {entry.op} under {entry.path}" for entry in report.uncounted]
    params = sum(p.numel() for p in model.parameters())
    if report.totals.params != params:
        said.append(f"{report.totals.params} parameters, not {params}")
    macs = flop_counter_macs(model, x)
    if macs is not None and report.totals.macs != macs:
        said.append(f"{report.totals.macs} MACs, not {macs}")
    return said


def unpublished(name: str, build: Callable[..., nn.Module], weights: Any) -> list[str]:
    """Return where a report differs from what torchvision publishes beside ``weights``."""
    size = weights.transforms().crop_size[0]
    keywords: dict[str, Any] = {"image_size": size} if name.startswith("vit_") else {}
    if name == "googlenet":
        keywords = {"aux_logits": False, "init_weights": False}  # published without its auxiliary classifiers
    try:
        with torch.device("meta"):
            model = build(**keywords).eval()
    except NotImplementedError:  # RegNet computes its widths with tensors
        model = build(**keywords).eval()
    report = convinspect.inspect(model, (torch.empty(1, 3, size, size),), device="meta", optimizer=None)
    totals = report.totals
    said = []
    if totals.params != weights.meta["num_params"]:
        said.append(f"{totals.params} parameters, published {weights.meta['num_params']}")
    if totals.macs_status != "exact" or abs((totals.macs or 0) / 1e9 - weights.meta["_ops"]) > 0.0005:
        said.append(f"{totals.macs_status} {totals.macs} MACs, published {weights.meta['_ops']} G")
    return said


def flop_counter_macs(model: nn.Module, x: torch.Tensor) -> int | None:
    """Return what torch's own counter says, in MACs, or ``None`` where it raises."""
    with torch.no_grad(), plain_attention(), FlopCounterMode(display=False) as counter:
        try:
            model(x)
        except Exception:  # noqa: BLE001 - it cannot take parameters that a model expands, among others
            return None
    return counter.get_total_flops() // 2


def _raised_or(check: Callable[..., list[str]], *args: Any) -> list[str]:
    try:
        return check(*args)
    except Exception as error:  # noqa: BLE001 - one network must not end the sweep
        return [f"raised {error!r}"]


@contextmanager
def plain_attention() -> Iterator[None]:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
