"""A training step: what it saves, who saves it, and that the model never knows."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from convinspect import inspect
from convinspect.frontends import frontend_of
from convinspect.records import ModuleCall, OpCall, Trace
from convinspect.spec import OptimizerName
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.training.step import TrainingConfig, train_once
from sample_models.inplace import InPlace, OutOfPlace
from sample_models.resnet import resnet18
from tests.memory.nets import encoder, perceptron
from tests.memory.runs import inference_peak, traced, training_step

KIB = 1024


def saved_by_module(found: Trace) -> dict[str, int]:
    saved: dict[str, int] = {}
    for call in found.calls:
        if isinstance(call, ModuleCall):
            saved[call.path] = saved.get(call.path, 0) + (call.saved_bytes or 0)
        else:
            parent = found.calls[call.parent]
            assert isinstance(parent, ModuleCall)
            saved[parent.path] = saved.get(parent.path, 0) + (call.saved_bytes or 0)
    return saved


def test_every_layer_saves_what_its_derivative_needs() -> None:
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 32), nn.Sigmoid(), nn.Softmax(-1))
    saved = saved_by_module(traced(model, torch.rand(8, 16), training=TrainingConfig()))
    # A linear layer saves its input, a ReLU and a sigmoid their results, a softmax too; 8 rows of float32 each. A
    # saved input is put down to the layer that made it, and the result of Linear(64, 32) is needed by nobody.
    assert saved == {"": 0, "0": 0, "1": 8 * 64 * 4, "2": 0, "3": 8 * 32 * 4, "4": 8 * 32 * 4}


def test_the_rows_add_up_to_the_saved_total() -> None:
    found = traced(resnet18(), torch.rand(2, 3, 64, 64), training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.training is not None
    assert sum(saved_by_module(found).values()) == found.memory.training.saved_bytes


def test_what_training_alone_runs_is_put_down_to_its_module() -> None:
    found = traced(nn.Sequential(nn.Linear(4, 256), nn.Dropout()), torch.rand(8, 4), training=TrainingConfig())
    # The mask, divided by its probability: as large as the result.
    assert saved_by_module(found)["1"] == 8 * 256 * 4
    assert all(call.saved_bytes is not None for call in found.calls)


def test_each_optimizer_has_the_states_that_torch_allocates() -> None:
    model, x = perceptron(64, 64), torch.rand(8, 64)
    weights = (64 * 64 + 64) * 4
    states = {
        name: training_step(model, x, config=TrainingConfig(name)).optimizer_bytes
        for name in ("sgd", "momentum", "adam")
    }  # type: ignore[arg-type]
    # Adam has two averages and, for each of the two parameters, a step count of 4 bytes.
    assert states == {"sgd": 0, "momentum": weights, "adam": 2 * weights + 2 * 4}


def test_a_frozen_backbone_needs_no_gradients_no_states_and_saves_nothing() -> None:
    whole, x = perceptron(64, 256, 256, 64), torch.rand(512, 64)
    trained = training_step(whole, x)
    for parameter in whole[:3].parameters():
        parameter.requires_grad_(requires_grad=False)
    frozen = training_step(whole, x)
    backbone = (64 * 256 + 256 + 256 * 256 + 256) * 4
    assert trained.gradient_bytes - frozen.gradient_bytes == backbone
    assert trained.optimizer_bytes - frozen.optimizer_bytes == 2 * backbone + 4 * 4
    # The last layer still saves its input; the frozen ones saved one activation of 512 x 256.
    assert trained.saved_bytes - frozen.saved_bytes == 512 * 256 * 4
    assert frozen.peak.bytes < trained.peak.bytes


class Block(nn.Module):
    def __init__(self, *, recompute: bool) -> None:
        super().__init__()
        self.parts = nn.ModuleList(perceptron(64, 256, 64) for _ in range(4))
        self.recompute = recompute

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = checkpoint(part, x, use_reentrant=False) if self.recompute else part(x)
        return x


def test_checkpointing_saves_the_inner_activations() -> None:
    x = torch.rand(512, 64)
    plain, recomputed = (
        training_step(Block(recompute=again), x, config=TrainingConfig("sgd")) for again in (False, True)
    )
    # Each of the four parts has one inner activation of 512 x 256 that its ReLU and second layer need.
    assert plain.saved_bytes - recomputed.saved_bytes == 4 * 512 * 256 * 4
    assert recomputed.gradient_bytes == plain.gradient_bytes
    # Without them the peak is no longer in the part that comes last, but where most gradients are there.
    assert (plain.peak.path, recomputed.peak.path) == ("parts.3.1", "parts.0.1")
    assert recomputed.peak.bytes < plain.peak.bytes


def test_in_place_activations_are_what_training_saves_anyway() -> None:
    x = torch.rand(4, 3, 32, 32)
    saving, plain = (training_step(model, x, config=TrainingConfig("sgd")) for model in (InPlace(), OutOfPlace()))
    assert saving.peak.bytes <= plain.peak.bytes
    assert saving.saved_bytes == plain.saved_bytes  # no derivative needs what a ReLU was given


def test_autocast_saves_half_and_keeps_a_weight_that_it_cast() -> None:
    model, x = perceptron(256, 256, 256), torch.rand(4096, 256)
    full, half = (
        training_step(model, x, config=TrainingConfig("sgd")),
        training_step(model, x, config=TrainingConfig("sgd", "bfloat16")),
    )
    assert half.amp == "bfloat16"
    # The ReLU's result, halved; the input in bfloat16, which full precision need not copy; the weight of the second
    # layer, through which the gradient goes on.
    activation = 4096 * 256 * 4
    assert half.saved_bytes == activation // 2 + activation // 2 + 256 * 256 * 2
    assert full.saved_bytes == activation


def test_an_output_that_nobody_saves_is_an_output() -> None:
    step = training_step(nn.Sequential(nn.Linear(4, 256)), torch.rand(8, 4), config=TrainingConfig("sgd"))
    assert step.saved_bytes == 0
    assert step.peak.by_kind["outputs"] == 8 * 256 * 4


def test_the_backward_pass_says_whose_gradient_is_computed() -> None:
    step = training_step(resnet18(), torch.rand(8, 3, 64, 64), config=TrainingConfig("sgd"))
    assert step.peak.phase == "backward"
    assert step.peak.path in dict(resnet18().named_modules())
    assert step.peak.path


class Sees(nn.Module):
    """Decides by a value, which fake tensors do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return y * 2 if y.sum().item() > -1e9 else y


def test_a_model_that_looks_at_values_takes_its_step_on_a_copy() -> None:
    model = Sees()
    before = [parameter.clone() for parameter in model.parameters()]
    found = traced(model, torch.rand(8, 4), training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.training is not None
    assert found.notes == ()
    assert all(p.grad is None and torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


class Breaks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise ValueError("targets are missing")
        return self.layer(x)


def test_a_model_that_cannot_be_trained_like_this_says_why() -> None:
    found = traced(Breaks(), torch.rand(8, 4), training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.training is None
    assert [note.code for note in found.notes] == ["training_unknown"]
    assert "ValueError: targets are missing" in found.notes[0].message
    assert {call.saved_bytes for call in found.calls} == {None}


def test_without_trainable_parameters_there_is_nothing_to_train() -> None:
    found = traced(nn.Linear(4, 4).requires_grad_(requires_grad=False), torch.rand(8, 4), training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.training is None
    assert [note.code for note in found.notes] == ["nothing_to_train"]


class KeepsLayersInAList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(4, 4), nn.Linear(4, 4)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[1](self.layers[0](x))


def test_layers_in_a_plain_list_are_not_trained() -> None:
    model = KeepsLayersInAList()
    found = traced(model, torch.rand(8, 4), training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.training is None
    assert "nothing_to_train" in [note.code for note in found.notes]
    assert "training_unknown" not in [note.code for note in found.notes]
    assert all(parameter.grad is None for layer in model.layers for parameter in layer.parameters())


def test_an_input_keeps_its_gradient() -> None:
    x = torch.rand(8, 4, requires_grad=True)
    x.grad = torch.ones(8, 4)
    traced(Sees(), x, training=TrainingConfig())
    assert torch.equal(x.grad, torch.ones(8, 4))


class Remembers(nn.Module):
    """Counts, caches and normalises: everything that a training step would leave behind."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.runs = 0
        self.cache: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        self.cache = self.norm(self.layer(x))
        return self.cache


def test_the_model_never_knows() -> None:
    model = Remembers().eval()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    identities = [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    x, random = torch.rand(8, 4), torch.get_rng_state()
    traced(model, x, training=TrainingConfig())
    assert model.runs == 0
    assert model.cache is None
    assert not model.training
    assert identities == [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(parameter._backward_hooks for parameter in model.parameters())  # noqa: SLF001
    assert torch.is_grad_enabled()
    assert torch.equal(random, torch.get_rng_state())


def test_an_existing_gradient_stays() -> None:
    model = nn.Linear(4, 4)
    model.weight.grad = torch.ones(4, 4)
    traced(model, torch.rand(8, 4), training=TrainingConfig())
    assert torch.equal(model.weight.grad, torch.ones(4, 4))
    assert model.bias.grad is None


@pytest.mark.parametrize("train", [False, True])
def test_the_mode_of_the_report_does_not_change_the_step(*, train: bool) -> None:
    found = traced(encoder(), torch.rand(2, 5, 64), train=train, training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.training == training_step(encoder(), torch.rand(2, 5, 64))
    assert all(call.saved_bytes is not None for call in found.calls if isinstance(call, OpCall))


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.norm(self.first(x))))


def test_a_script_is_trained_like_its_source() -> None:
    model, x = Scripted(), torch.rand(2, 3, 16, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(model)
    eager, scripted = traced(model, x, training=TrainingConfig()), traced(script, x, training=TrainingConfig())
    assert scripted.memory == eager.memory
    assert saved_by_module(scripted) == saved_by_module(eager)
    assert all(parameter.grad is None for parameter in script.parameters())


class SeesAndRecurs(nn.Module):
    """Looks at values, so that it is trained as a copy; keeps weights in a list, and one under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.rows = nn.Linear(4, 4), nn.Linear(4, 4), nn.LSTM(4, 8)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        if float(y.sum()) > -1e9:
            y = torch.relu(y)
        return self.rows(y)[0]


def test_a_script_that_looks_at_values_is_trained_on_a_copy() -> None:
    model, x = SeesAndRecurs(), torch.rand(2, 3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(model)
    eager = training_step(model, x)
    for scripted in (script, nn.Sequential(script)):
        step = training_step(scripted, x)
        assert (step.gradient_bytes, step.optimizer_bytes) == (eager.gradient_bytes, eager.optimizer_bytes)
        assert step.peak is not None
        assert step.peak.by_kind["weights"] == sum(4 * p.numel() for p in model.parameters())
    assert all(parameter.grad is None for parameter in script.parameters())


def test_an_exported_program_is_a_graph_of_one_mode() -> None:
    x = torch.rand(2, 3, 16, 16)
    program = torch.export.export(Scripted().eval(), (x,))
    found = traced(program, x, training=TrainingConfig())
    assert found.memory is not None
    assert found.memory.inference_peak is not None
    assert found.memory.training is None
    assert [note.code for note in found.notes] == ["training_unknown"]
    assert found.memory.inference_peak_bytes == inference_peak(Scripted(), x)


def test_layers_that_are_alike_are_updated_once() -> None:
    def updates(depth: int) -> int:
        seen: list[str] = []
        model = perceptron(*[4] * (depth + 1))
        fakes, frontend = FakeModel(), frontend_of(model)

        class Counts(TorchDispatchMode):
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                seen.append(str(func))
                return func(*args, **(kwargs or {}))

        with faked(model, fakes), Counts():
            train_once(frontend, (fakes.replaced(torch.rand(2, 4)),), {}, TrainingConfig())
        return seen.count("aten.addcdiv_.default")

    assert updates(40) == updates(4) == 2 * 3  # two steps: a weight, a bias, and the weight that follows a bias


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_the_states_of_layers_that_are_alike_are_all_counted(name: OptimizerName) -> None:
    model = perceptron(*[8] * 20)
    weight_bytes, tensors = sum(p.numel() * 4 for p in model.parameters()), len([*model.parameters()])
    each, steps = {"sgd": (0, 0), "momentum": (1, 0)}.get(name, (2, 4 * tensors))
    step = training_step(model, torch.rand(2, 8), config=TrainingConfig(name))
    assert step.optimizer_bytes == each * weight_bytes + steps
    assert step.peak.by_kind.get("optimizer", 0) == step.optimizer_bytes


class Pyramid(nn.Module):
    """Layers of many sizes in no order, one without axes, one whose weight has gaps."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = perceptron(*widths)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.gaps = nn.Parameter(torch.rand(widths[-1], 6)[:, ::2])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = (self.layers(x) * self.scale) @ self.gaps
        return out


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("widths", [(4, 8, 16, 32, 64), (64, 32, 16, 8, 4), (8, 64, 4, 32, 32, 32, 16), (50, 50)])
def test_an_optimizer_that_walks_through_less_shows_the_same_peak(name: OptimizerName, widths: tuple[int, ...]) -> None:
    """With a timeline it walks through every pair of kinds, and whatever is the peak is one of these."""
    model, x = Pyramid(widths), torch.rand(2, widths[0])
    less, more = (inspect(model, x, optimizer=name, sections=sections) for sections in ((), ("timeline",)))
    assert less.totals.memory.training is not None
    assert less.totals.memory == more.totals.memory
