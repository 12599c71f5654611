"""Every byte of the estimates against the CPU allocator's own events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from convinspect.frontends import frontend_of
from convinspect.spec import AmpName, OptimizerName
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.training.step import TrainingConfig, train_once
from sample_models.mobilenet import MobileNetV2
from sample_models.resnet import resnet18, resnet50
from sample_models.transformer import TextClassifier
from sample_models.unet import UNet
from tests.memory.nets import densenet121, encoder, perceptron, vgg11
from tests.memory.runs import counted_forward, counted_step, inference_peak, traced, training_step

# Adam divides by a Python number, which C++ makes a tensor of 8 bytes for as long as the division lasts: nobody sees
# it as a tensor of the step.
A_NUMBER = 8

# The state of the CPU's random generator, which checkpointing puts aside behind the dispatcher's back.
A_RANDOM_STATE = 5056

Net = tuple[Callable[[], nn.Module], Callable[[int], Tensor]]


def image(side: int) -> Callable[[int], Tensor]:
    return lambda batch: torch.rand(batch, 3, side, side)


NETS: dict[str, Net] = {
    "resnet18": (resnet18, image(64)),
    "resnet50": (resnet50, image(64)),
    "vgg11": (lambda: vgg11(10), image(64)),
    "densenet121": (densenet121, image(64)),
    "mobilenet_v2": (MobileNetV2, image(64)),
    "unet": (UNet, image(32)),
    "transformer encoder": (encoder, lambda batch: torch.rand(batch, 24, 64)),
    "text classifier": (TextClassifier, lambda batch: torch.randint(100, (batch, 24))),
    "lstm": (lambda: nn.LSTM(24, 40, 2, bidirectional=True, batch_first=True), lambda batch: torch.rand(batch, 15, 24)),
    "gru": (lambda: nn.GRU(24, 40, 2, batch_first=True), lambda batch: torch.rand(batch, 15, 24)),
}


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("net", NETS)
def test_a_forward_needs_what_the_allocator_counts(net: str, batch: int) -> None:
    build, inputs = NETS[net]
    model, x = build(), inputs(batch)
    assert inference_peak(model, x) == counted_forward(model, x).peak


@pytest.mark.parametrize(
    ("net", "batch", "optimizer"),
    [
        ("resnet18", 8, "sgd"),
        ("resnet50", 1, "momentum"),
        ("vgg11", 8, "sgd"),
        ("densenet121", 8, "sgd"),
        ("mobilenet_v2", 8, "momentum"),
        ("unet", 1, "adamw"),
        ("unet", 8, "adam"),
        ("transformer encoder", 1, "adam"),
        ("transformer encoder", 8, "adamw"),
        ("text classifier", 8, "adamw"),
        ("gru", 8, "adamw"),
    ],
)
def test_a_training_step_needs_what_the_allocator_counts(net: str, batch: int, optimizer: OptimizerName) -> None:
    build, inputs = NETS[net]
    assert_equal(build(), inputs(batch), TrainingConfig(optimizer))


@pytest.mark.heavy
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("net", NETS)
def test_every_net_with_every_optimizer(net: str, batch: int, optimizer: OptimizerName) -> None:
    build, inputs = NETS[net]
    (assert_near if net == "lstm" else assert_equal)(build(), inputs(batch), TrainingConfig(optimizer))


@pytest.mark.heavy
@pytest.mark.parametrize(("build", "batch"), [(resnet18, 4), (resnet50, 4), (densenet121, 4), (MobileNetV2, 8)])
def test_images_of_224_pixels(build: Callable[[], nn.Module], batch: int) -> None:
    model, x = build(), torch.rand(batch, 3, 224, 224)
    assert inference_peak(model, x) == counted_forward(model, x).peak
    assert_equal(model, x, TrainingConfig("momentum"))


@pytest.mark.parametrize("sizes", [(24, 40, 2), (300, 256, 1)])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("amp", [None, "bfloat16"])
def test_a_recurrent_layers_step_is_near_and_said_to_be(
    sizes: tuple[int, int, int], amp: AmpName | None, *, bidirectional: bool
) -> None:
    model, x = nn.LSTM(*sizes, bidirectional=bidirectional), torch.rand(15, 8, sizes[0])
    assert_near(model, x, TrainingConfig("sgd", amp))


@pytest.mark.parametrize(
    ("build", "x", "amp"),
    [
        (encoder, torch.rand(4, 24, 64), "bfloat16"),
        (UNet, torch.rand(2, 3, 32, 32), "bfloat16"),
        (lambda: perceptron(64, 256, 64), torch.rand(8, 64), "float16"),
    ],
)
def test_autocast_casts_the_same_tensors(build: Callable[[], nn.Module], x: Tensor, amp: AmpName) -> None:
    assert_equal(build(), x, TrainingConfig("momentum", amp))


@pytest.mark.parametrize(
    ("build", "x"),
    [
        (lambda: encoder().bfloat16(), torch.rand(4, 24, 64).bfloat16()),
        (lambda: UNet().bfloat16(), torch.rand(2, 3, 32, 32).bfloat16()),
        (lambda: perceptron(64, 256, 64).half(), torch.rand(8, 64).half()),
        (lambda: perceptron(64, 256, 64).double(), torch.rand(8, 64).double()),
    ],
)
def test_other_dtypes_weigh_what_they_are(build: Callable[[], nn.Module], x: Tensor) -> None:
    model = build()
    assert inference_peak(model, x) == counted_forward(model, x).peak
    assert_equal(model, x, TrainingConfig("adam"))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.out = nn.Embedding(100, 32), nn.Linear(32, 100, bias=False)
        self.out.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.tokens(ids))


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> dict[str, Any]:
        y = self.layer(x)
        return {"plain": y, "more": [y.relu(), (y.sigmoid(),)]}


def frozen() -> nn.Module:
    model = perceptron(64, 256, 256, 64)
    model[0].requires_grad_(requires_grad=False)
    return model


@pytest.mark.parametrize(
    ("build", "x"),
    [
        (Tied, torch.randint(100, (8, 20))),
        (Nested, torch.rand(256, 16)),
        (frozen, torch.rand(256, 64)),
    ],
)
def test_tied_nested_and_frozen_parts_are_right(build: Callable[[], nn.Module], x: Tensor) -> None:
    assert_equal(build(), x, TrainingConfig("adamw"))


@pytest.mark.parametrize(
    ("first", "shape"),
    [
        (nn.BatchNorm1d(64), (256, 64)),
        (nn.BatchNorm1d(64, affine=False), (256, 64)),
        (nn.LayerNorm(64), (256, 64)),
        (nn.GroupNorm(4, 64), (256, 64)),
        (nn.InstanceNorm1d(8, affine=True), (64, 8, 64)),
        (nn.Conv1d(8, 8, 3, padding=1), (64, 8, 64)),
    ],
    ids=["batch norm", "batch norm without weights", "layer norm", "group norm", "instance norm", "convolution"],
)
@pytest.mark.parametrize("alone", [False, True])
def test_an_input_that_wants_no_gradient_gets_none(first: nn.Module, shape: tuple[int, ...], *, alone: bool) -> None:
    model = nn.Sequential(first) if alone and list(first.parameters()) else nn.Sequential(first, nn.Linear(64, 16))
    assert_equal(model, torch.rand(shape), TrainingConfig("sgd"))


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = perceptron(64, 256, 256, 64), perceptron(64, 256, 256, 64)

    def forward(self, x: Tensor) -> Tensor:
        y = checkpoint(self.first, x, use_reentrant=False)
        return checkpoint(self.second, y, use_reentrant=False)


def test_a_checkpointed_part_is_computed_again() -> None:
    model, x = Checkpointed(), torch.rand(256, 64)
    config = TrainingConfig("sgd")
    assert (
        counted_step(model, x, config=config).peak - training_step(model, x, config=config).peak.bytes == A_RANDOM_STATE
    )


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_an_optimizer_may_update_all_parameters_at_once(optimizer: OptimizerName) -> None:
    model, x, config = perceptron(64, 128, 64, 10), torch.rand(4, 64), TrainingConfig(optimizer)
    fakes = FakeModel()
    with faked(model, fakes):
        at_once = train_once(frontend_of(model), (fakes.replaced(x),), {}, config, foreach=True).record
    one_by_one = training_step(model, x, config=config)
    assert at_once.peak.bytes == counted_step(model, x, config=config, foreach=True).peak
    assert at_once.peak.bytes >= one_by_one.peak.bytes
    assert at_once.optimizer_bytes == one_by_one.optimizer_bytes


WIDTHS = [(64, 64, 64, 8, 8, 64, 64, 64), (8, 8, 512, 8, 8, 512, 8, 8), (300, 8, 300, 8, 8, 8, 300)]


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adamw"])
def test_a_step_over_layers_that_are_alike_needs_what_the_allocator_counts(
    widths: tuple[int, ...], optimizer: OptimizerName
) -> None:
    assert_equal(perceptron(*widths), torch.rand(1, widths[0]), TrainingConfig(optimizer))


def assert_near(model: nn.Module, x: Tensor, config: TrainingConfig) -> None:
    found = traced(model, x, training=config)
    # Before torch 2.13 nobody knows it in half precision, and the step runs for real.
    by_formula = config.amp is None or tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 13)
    assert [(note.code, note.path) for note in found.notes] == [("training_about", "")] * by_formula
    assert found.memory is not None
    assert found.memory.training is not None
    assert found.memory.training.gradient_bytes == sum(p.nbytes for p in model.parameters())
    try:
        counted = counted_step(model, x, config=config).peak
    except RuntimeError:
        pytest.skip(f"this processor has no LSTM under {config.amp}")
    assert found.memory.training.peak.bytes == pytest.approx(counted, rel=0.1)


def assert_equal(model: nn.Module, x: Tensor, config: TrainingConfig) -> None:
    estimate = training_step(model, x, config=config)
    counted = counted_step(model, x, config=config).peak
    in_adam = estimate.peak.phase == "step" and config.optimizer in ("adam", "adamw")
    assert estimate.peak.bytes == counted - (A_NUMBER if in_adam else 0)
    assert sum(estimate.peak.by_kind.values()) == estimate.peak.bytes
    assert sum(alive.bytes for alive in estimate.peak.alive) == estimate.peak.bytes
