"""What a model returns is found wherever it holds it, and who stopped a training step is told as it was."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convinspect import Report, inspect
from convinspect.render import Options, render
from convinspect.spec import OptimizerName


class Box:
    """Like a cache of keys and values: neither a mapping nor a dataclass."""

    def __init__(self, held: Any) -> None:
        self.held = held
        self.again = {"the same": held}
        self.me = self


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held


class Returns(nn.Module):
    """Two layers, of which the second stands between the first and what is returned, in ``form``."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)
        self.form = form

    def forward(self, x: Tensor) -> Any:
        return self.form(self.b(torch.tanh(self.a(x))))


def normal(y: Tensor) -> Any:
    return torch.distributions.Normal(y, y.exp(), validate_args=False)


FORMS = {
    "normal": normal,
    "deque": lambda y: deque([y]),
    "independent": lambda y: torch.distributions.Independent(normal(y), 1, validate_args=False),
    "categorical": lambda y: torch.distributions.Categorical(logits=y, validate_args=False),
    "object": Box,
    "slots": Slotted,
    "objects": lambda y: [{"box": Box((1, Slotted(y)))}],
    "packed": lambda y: nn.utils.rnn.pack_sequence([y]),
    "complex": lambda y: torch.fft.fft(y).conj(),
}
GRADIENTS = (4 * 8 + 8 + 8 * 2 + 2) * 4


@pytest.mark.parametrize("form", FORMS)
def test_whatever_holds_what_a_model_returns_it_is_trained(form: str) -> None:
    report = inspect(Returns(FORMS[form]), (torch.rand(3, 4),), optimizer="sgd")
    training = report.totals.memory.training
    assert training is not None, report.warnings
    assert training.gradient_bytes == GRADIENTS
    assert report.outputs


def test_an_object_hides_no_output_from_the_memory_of_a_step() -> None:
    class Caches(Returns):
        def forward(self, x: Tensor) -> Any:
            h = self.a(x)
            kept = h.detach() * 2  # that only the caller holds
            return h.exp().exp(), self.form(kept)

    bare, boxed = (inspect(Caches(form), (torch.rand(256, 4),)).totals.memory for form in (lambda y: y, Slotted))
    assert boxed == bare


def test_the_attributes_of_an_object_are_the_names_of_its_tensors_each_once() -> None:
    report = inspect(Returns(lambda y: (y, Box(y * 2))), (torch.rand(3, 4),), optimizer=None)
    assert [output.name for output in report.outputs] == ["out.0", "out.1.held"]
    assert report.layers[0].outputs[1].shape == (3, 2)


def why(report: Report) -> str:
    assert report.totals.memory.training is None
    return next(note.message for note in report.warnings if note.code == "training_unknown")


def test_what_holds_no_tensor_is_said_and_not_called_untrainable() -> None:
    report = inspect(Returns(lambda y: y.detach().numpy()), (torch.rand(3, 4),))
    assert "no tensor was found in what the model returns (type ndarray)" in why(report)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_an_optimizer_that_refuses_is_named(optimizer: OptimizerName) -> None:
    model = nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Linear(4, 2))
    message = why(inspect(model, (torch.randint(9, (5,)),), optimizer=optimizer))
    assert f"the optimizer ({optimizer}) raised RuntimeError: " in message


def test_a_batch_norm_of_one_sample_is_told_what_it_wants() -> None:
    model = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    assert "a batch of 2 is enough (--batch-size 2)" in why(inspect(model, (torch.rand(1, 4),)))
    assert inspect(model, (torch.rand(2, 4),)).totals.memory.training is not None


def test_a_backward_pass_that_fails_is_named() -> None:
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(_ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(_ctx: Any, *_: Any) -> Any:
            raise ValueError("no derivative yet")

    message = why(inspect(Returns(Fails.apply), (torch.rand(3, 4),)))
    assert "the backward pass raised ValueError: no derivative yet" in message


class MakesItsOwn(nn.Module):
    """A layer and a bare parameter that the first forward makes."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.c(x).flatten(1)
        if not hasattr(self, "fc"):
            self.fc = nn.Linear(y.shape[1], 10)
            self.scale = nn.Parameter(torch.ones(10))
        return self.fc(y) * self.scale


@pytest.mark.parametrize("device", [None, "meta"])
def test_what_the_first_forward_makes_is_counted_as_what_it_is(device: str | None) -> None:
    model = MakesItsOwn()
    report = inspect(model, (torch.rand(1, 3, 8, 8),), device=device, optimizer="sgd")
    params = (4 * 27 + 4) + (144 * 10 + 10) + 10
    memory = report.totals.memory
    assert report.totals.params == params
    assert memory.weight_bytes == report.totals.weight_bytes == 4 * params
    assert memory.training is not None
    assert memory.training.gradient_bytes == 4 * params
    assert [layer.path for layer in report.layers if layer.kind == "module"] == ["", "c", "fc"]
    assert not report.warnings
    assert not hasattr(model, "fc")


class NoKernel(nn.Module):
    """In training mode it asks for what the CPU does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return torch.ops.aten.mkldnn_max_pool2d(y[None, None], [2]) if self.training else y


def test_an_operator_without_a_kernel_is_told_in_one_sentence() -> None:
    (note,) = inspect(NoKernel(), (torch.rand(2, 4),)).warnings
    assert note.code == "training_unknown"
    assert note.message.endswith("Could not run 'aten::mkldnn_max_pool2d' with arguments from the 'CPU' backend")


class Lists(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.named = nn.ParameterDict({"a": nn.Parameter(torch.rand(3))})
        self.listed = nn.ParameterList([nn.Parameter(torch.rand(3))])
        self.spare = nn.ParameterList([nn.Parameter(torch.rand(3))])

    def forward(self, x: Tensor) -> Tensor:
        return x * self.named["a"] + self.listed[0]


def test_lists_of_parameters_are_read_and_not_called() -> None:
    report = inspect(Lists(), (torch.rand(2, 3),))
    assert [(note.code, note.message) for note in report.warnings] == [
        ("never_ran", "spare (ParameterList) was never read")
    ]
    shown = render(report, "table", Options(width=80))
    assert "spare: ParameterList (never read)" in shown
    assert "not called" not in shown
