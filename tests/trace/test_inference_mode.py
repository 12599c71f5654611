"""A function shows the same rows with gradients off, under ``torch.inference_mode``, and in TorchScript."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's custom
from torch import Tensor, nn

from convinspect import Report, inspect

FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "type_as": lambda x: x.type_as(torch.ones(1, dtype=torch.float64)),
    "logsigmoid": F.logsigmoid,
    "cosine_similarity": lambda x: F.cosine_similarity(x, x * 2, dim=1),
    "pairwise_distance": lambda x: F.pairwise_distance(x, x + 1),
    "movedim": lambda x: x.movedim(1, -1),
    "view_as": lambda x: x.view_as(torch.ones(1, 4, 64)),
    "expand_as": lambda x: x[:, :1].expand_as(x),
    "diff": lambda x: x.diff(dim=2),
    "sum_to_size": lambda x: x.sum_to_size(1, 4, 1, 8),
    "swapaxes": lambda x: x.swapaxes(2, 3),
    "swapdims": lambda x: x.swapdims(1, 2),
    "einsum": lambda x: torch.einsum("bchw,dc->bdhw", x, torch.ones(3, 4)),
    "tensordot": lambda x: torch.tensordot(x, torch.ones(8, 3), dims=1),
    "matmul": lambda x: x @ x.mT,
    "linear": lambda x: F.linear(x, torch.ones(5, 8), torch.ones(5)),
    "bilinear": lambda x: F.bilinear(x, x, torch.ones(2, 8, 8)),
    "conv2d": lambda x: F.conv2d(x, torch.ones(3, 4, 3, 3), padding="same"),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, torch.ones(4, 3, 2, 2), stride=2),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "batch_norm": lambda x: F.batch_norm(x, torch.zeros(4), torch.ones(4)),
    "instance_norm": F.instance_norm,
    "group_norm": lambda x: F.group_norm(x, 2),
    "layer_norm": lambda x: F.layer_norm(x, (8,)),
    "rms_norm": lambda x: F.rms_norm(x, (8,)),
    "normalize": F.normalize,
    "local_response_norm": lambda x: F.local_response_norm(x, 2),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 1, 1),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 3),
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2.0, 2),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear"),
    "pad": lambda x: F.pad(x, (1, 2, 1, 0), mode="reflect"),
    "unfold": lambda x: F.unfold(x, 3),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "gelu": F.gelu,
    "silu": F.silu,
    "glu": lambda x: F.glu(x, 1),
    "prelu": lambda x: F.prelu(x, torch.ones(4)),
    "selu": F.selu,
    "hardswish": F.hardswish,
    "softmin": lambda x: F.softmin(x, 1),
    "tanhshrink": F.tanhshrink,
    "dropout": lambda x: F.dropout(x, training=False),
    "flatten": lambda x: x.flatten(2).unflatten(2, (8, 8)),
    "chunk": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "stack": lambda x: torch.stack((x, x), 2).squeeze(0),
    "narrow": lambda x: x.narrow(2, 1, 4).contiguous(),
    "tile": lambda x: x.tile((1, 1, 2, 1)),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 3),
    "std": lambda x: x.std(dim=1),
    "where": lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
    "fft": lambda x: torch.fft.irfft2(torch.fft.rfft2(x)),
    "stft": lambda x: torch.fft.fftshift(torch.fft.fft(x), dim=-1).abs(),
    "addmm": lambda x: torch.addmm(torch.ones(8), x[0, 0], torch.ones(8, 8)),
    "outer": lambda x: torch.outer(x[0, 0, 0], x[0, 0, 1]),
    "kron": lambda x: torch.kron(x[0, 0], torch.ones(2, 2)),
    "cdist": lambda x: torch.cdist(x, x),
    "to": lambda x: x.to(torch.float64).to(torch.float32),
    "mse_loss": lambda x: F.mse_loss(x, x * 2),
    "multi_dot": lambda x: torch.linalg.multi_dot([x[0, 0], x[0, 1], x[0, 2]]),
}


class Plain(nn.Module):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class Inference(Plain):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Any:
        return super().forward(x)


def rows(report: Report) -> list[tuple[Any, ...]]:
    assert report.failure is None
    return [
        (layer.type, layer.macs, layer.macs_status, layer.memory, layer.outputs, layer.receptive_field)
        for layer in report.layers
        if layer.kind == "function"
    ]


def inspected(model: Any) -> Report:
    return inspect(model, (torch.ones(1, 4, 8, 8),), optimizer=None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_inference_mode_hides_no_operator(name: str) -> None:
    plain, inference = inspected(Plain(FUNCTIONS[name])), inspected(Inference(FUNCTIONS[name]))
    assert rows(inference) == rows(plain)
    assert inference.totals == plain.totals
    with torch.inference_mode():
        assert rows(inspected(Plain(FUNCTIONS[name]))) == rows(plain)


# What the tracer writes down as numbers of the run (sizes, zeros) is made anew in every run of a script.
_NOT_TRACED = {"where", "normalize"}


@pytest.mark.heavy
@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - _NOT_TRACED))
def test_a_traced_function_has_the_rows_of_python(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(Plain(FUNCTIONS[name]).eval(), torch.ones(1, 4, 8, 8))
    scripted, plain = inspected(traced), inspected(Plain(FUNCTIONS[name]))
    shown = [(row[0], row[1], row[2], row[4], row[5]) for row in rows(scripted)]
    assert shown == [(row[0], row[1], row[2], row[4], row[5]) for row in rows(plain)]


def test_what_asks_for_inference_mode_is_told_of_it_and_it_is_over_after_the_run() -> None:
    told: list[bool] = []
    inspected(Inference(lambda x: told.append(torch.is_inference_mode_enabled()) or x))
    assert told == [True]
    assert not torch.is_inference_mode_enabled()
    with torch.inference_mode():
        assert torch.ones(1).is_inference()


@pytest.mark.parametrize("device", [None, "meta"])
def test_who_asks_under_inference_mode_is_told_of_the_same_training_step(device: str | None) -> None:
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), torch.rand(2, 3, 8, 8)
    plain = inspect(model, (x,), device=device)
    with torch.inference_mode():
        asked = inspect(model, (x,), device=device), inspect(model, (torch.rand(2, 3, 8, 8),), device=device)
    assert plain.totals.memory.training is not None
    for report in asked:
        assert report.totals.memory.training == plain.totals.memory.training
        assert report.warnings == plain.warnings
