"""Reports beside other counters, beside themselves on another device, and beside their own sums."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import convinspect
from convinspect.fold import at_depth
from tests.test_sample_models import CONVOLUTIONS, SMALL, Sample
from tests.zoo import branching, gated, language, patches, plain

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {
    "alexnet": (plain.alexnet, (2, 3, 96, 96)),
    "squeezenet": (plain.SqueezeNet, (2, 3, 64, 64)),
    "densenet": (branching.DenseNet121, (1, 3, 64, 64)),
    "googlenet": (branching.GoogLeNet, (2, 3, 75, 64)),
    "shufflenet": (branching.ShuffleNetV2, (2, 3, 64, 64)),
    "mobilenet_v3": (gated.mobilenet_v3_large, (2, 3, 64, 96)),
    "efficientnet": (gated.efficientnet_b0, (1, 3, 65, 64)),
    "swin": (patches.SwinT, (2, 3, 64, 64)),
    "convnext": (patches.ConvNextTiny, (1, 3, 64, 96)),
    "gpt2": (language.Gpt2, ("ids", 2, 64)),
    "bert": (language.BertBase, ("ids", 2, 64)),
}
ONE_A_FILE = list({sample.file: sample for sample in reversed(SMALL)}.values())

pytestmark = pytest.mark.usefixtures("plain_attention")


@pytest.mark.parametrize(("build", "shape"), NETWORKS.values(), ids=NETWORKS)
def test_whole_networks_cost_what_torchs_own_counter_says(
    build: Callable[[], nn.Module], shape: tuple[Any, ...]
) -> None:
    with torch.device("meta"):
        model, x = build().eval(), _input(shape)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    totals = convinspect.inspect(model, (x,), optimizer=None).totals
    assert totals.macs_status == "exact"
    assert totals.flops == counter.get_total_flops() > 0


@pytest.mark.parametrize(("build", "shape"), NETWORKS.values(), ids=NETWORKS)
def test_parameters_and_buffers_are_those_of_the_model(build: Callable[[], nn.Module], shape: tuple[Any, ...]) -> None:
    with torch.device("meta"):
        model, x = build(), _input(shape)
    for parameter in list(model.parameters())[::3]:
        parameter.requires_grad_(False)  # noqa: FBT003 - torch's own signature
    totals = convinspect.inspect(model, (x,), optimizer=None).totals
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert totals.params == sum(p.numel() for p in model.parameters())
    assert (totals.trainable_params, totals.non_trainable_params) == (trainable, totals.params - trainable)
    assert totals.buffers == sum(b.numel() for b in model.buffers())
    assert totals.param_bytes == 4 * totals.params
    assert totals.buffer_bytes == sum(b.numel() * b.element_size() for b in model.buffers())


@pytest.mark.parametrize("sample", [*CONVOLUTIONS, *SMALL], ids=str)
def test_sample_models_have_their_hand_derived_numbers(sample: Sample) -> None:
    report = convinspect.inspect(sample.build(), _inputs(sample), optimizer=None)
    assert report.totals.params == sample.params
    assert (report.totals.macs, report.totals.macs_status) == (sample.macs, "exact")
    assert tuple(tensor.shape for tensor in report.outputs) == sample.outputs


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("sample", [*CONVOLUTIONS[::4], *SMALL], ids=str)
def test_cpu_and_meta_give_the_same_report(sample: Sample, *, train: bool) -> None:
    model, inputs = sample.build(), _inputs(sample)
    cpu = convinspect.inspect(model, inputs, train=train).to_dict()
    meta = convinspect.inspect(model, inputs, device="meta", train=train).to_dict()
    assert (cpu["run"].pop("device"), meta["run"].pop("device")) == ("cpu", "meta")
    assert cpu == meta


@pytest.mark.parametrize("sample", ONE_A_FILE, ids=str)
def test_two_runs_give_the_same_bytes(sample: Sample) -> None:
    first = convinspect.inspect(sample.build(), _inputs(sample)).to_json()
    assert convinspect.inspect(sample.build(), _inputs(sample)).to_json() == first


@pytest.mark.parametrize("sample", ONE_A_FILE, ids=str)
def test_rows_add_up_to_the_totals_at_every_depth(sample: Sample) -> None:
    _adds_up(convinspect.inspect(sample.build(), _inputs(sample), device="meta", optimizer=None))


@pytest.mark.parametrize(("build", "shape"), NETWORKS.values(), ids=NETWORKS)
def test_rows_of_whole_networks_add_up_and_come_back_from_json(
    build: Callable[[], nn.Module], shape: tuple[Any, ...]
) -> None:
    with torch.device("meta"):
        report = convinspect.inspect(build(), (_input(shape),), optimizer=None)
    _adds_up(report)
    assert convinspect.Report.from_dict(json.loads(report.to_json())) == report


def _adds_up(report: convinspect.Report) -> None:
    totals = report.totals
    deepest = max(layer.depth for layer in report.layers)
    for depth in range(deepest + 1):
        rows = at_depth(report, depth).layers
        assert max(row.depth for row in rows) == depth
        assert sum(row.params for row in rows) == totals.params
        assert sum(row.trainable_params for row in rows) == totals.trainable_params
        assert sum(row.buffers for row in rows) == totals.buffers
        assert sum(row.param_bytes for row in rows) == totals.param_bytes
        assert sum(row.buffer_bytes for row in rows) == totals.buffer_bytes
        assert sum(row.macs or 0 for row in rows) == totals.macs
        assert (rows[0].params_total, rows[0].macs_total) == (totals.params, totals.macs)
        assert rows[0].macs_status == totals.macs_status


def _inputs(sample: Sample) -> tuple[Tensor, ...]:
    return tuple(map(_input, sample.inputs))


def _input(shape: tuple[Any, ...]) -> Tensor:
    if shape[0] in ("ids", "mask"):
        return torch.zeros(shape[1:], dtype=torch.long if shape[0] == "ids" else torch.bool)
    return torch.ones(shape)
