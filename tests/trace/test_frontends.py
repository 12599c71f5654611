"""One front end for each way in which a model can be there; a model's own questions have one answer each."""

from __future__ import annotations

import inspect as signatures
import threading
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convinspect import inspect
from convinspect.errors import UsageError
from convinspect.frontends import Frontend, frontend_of
from convinspect.frontends.torchscript.loading import quiet
from convinspect.inputs import given_inputs
from convinspect.load.python import adopt
from convinspect.spec import Request, Target
from convinspect.torch_private import aten


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.conv(image)))


def _made(way: str, model: nn.Module, x: torch.Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "torchscript":
            return torch.jit.script(model)
        return torch.export.export(model, (x,)) if way == "export" else model


WAYS = ("python", "torchscript", "export")


@pytest.fixture(params=WAYS)
def frontend(request: pytest.FixtureRequest) -> Frontend:
    return frontend_of(_made(request.param, Net().eval().bfloat16(), torch.zeros(1, 3, 8, 8, dtype=torch.bfloat16)))


def test_every_front_end_answers_as_the_model_in_python_does(frontend: Frontend) -> None:
    assert (frontend.name, frontend.dtype, frontend.device) == ("Net", "bfloat16", "cpu")
    assert [path for path, _ in frontend.registered()] == ["", "conv", "norm"]
    assert {tuple(tensor.shape) for tensor in frontend.weights} == {tuple(t.shape) for t in Net().state_dict().values()}
    signature = frontend.signature()
    assert signature is not None
    assert [name for name in signature.parameters if name != "self"] == ["image"]


def test_what_runs_on_meta_is_a_copy_without_values_or_the_model_itself_on_stand_ins(frontend: Frontend) -> None:
    there = frontend.on("meta")
    assert (there.device, frontend.device) == ("meta", "cpu") or there is frontend
    assert (there.format, there.name, there.dtype) == (frontend.format, frontend.name, frontend.dtype)
    assert str(there.signature()) == str(frontend.signature())


class Locked(nn.Module):
    """Cannot be copied: it holds a lock, and a tensor that is still on the autograd graph."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))
        self.kept = {"twice": [self.weight * 2]}
        self.lock = threading.Lock()

    def forward(self, image: Tensor) -> Tensor:
        with self.lock:
            return functional.conv2d(image, self.kept["twice"][0]) + functional.conv2d(image, self.weight)


def test_a_model_that_cannot_be_copied_runs_on_meta() -> None:
    model = Locked()
    twice = model.kept["twice"][0]
    real, report = (inspect(model, (torch.zeros(1, 3, 8, 8),), device=device) for device in (None, "meta"))
    assert (report.failure, report.totals.macs) == (None, 2 * 36 * 4 * 3 * 9)
    assert report.totals == real.totals
    assert model.kept["twice"][0] is twice


def test_only_an_exported_program_is_a_graph_of_one_mode() -> None:
    found = [frontend_of(_made(way, Net().eval(), torch.zeros(1, 3, 8, 8))).no_training for way in WAYS]
    assert [note and note.code for note in found] == [None, None, "training_unknown"]


def test_what_is_no_model_is_refused_by_its_type() -> None:
    with pytest.raises(UsageError, match=r"a dict is not a torch\.nn\.Module"):
        inspect({"weight": torch.zeros(1)})


@pytest.mark.parametrize("way", WAYS)
def test_an_image_without_a_batch_is_told_in_every_form(way: str) -> None:
    image = torch.zeros(3, 8, 8)
    loaded = adopt(_made(way, nn.Conv2d(3, 4, 3), image), None, Request(Target("", "", None)))
    assert not given_inputs(loaded, (image,), {}).is_batched
    field = inspect(loaded.runnable.model, (image,), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert field.axes == (1, 2)


def test_a_function_whose_arguments_nobody_knows_names_its_inputs_by_place() -> None:
    class Opaque(nn.Module):
        forward: Any = torch.add

    loaded = adopt(Opaque(), None, Request(Target("", "", None)))
    with pytest.raises(ValueError, match="no signature"):
        signatures.signature(torch.add)
    assert given_inputs(loaded, (torch.zeros(1), torch.zeros(1)), {}).names == ("input.0", "input.1")


def test_an_operator_that_this_torch_does_not_have_is_none() -> None:
    assert aten("convolution") is torch.ops.aten.convolution.default
    assert aten("no_such_operator") is None


class LooksAtValues(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.wide = nn.Linear(4, 1), nn.Linear(4, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.wide(x) if self.gate(x).sum() < 1e9 else x


def test_what_needs_values_on_meta_runs_where_they_are_and_says_so() -> None:
    report = inspect(LooksAtValues(), (torch.rand(2, 4),), device="meta")
    assert (report.failure, report.run.device, report.totals.macs) == (None, "cpu", 2 * 4 + 2 * 4 * 64)
    assert [note.code for note in report.warnings] == ["ran_on_cpu"]
    assert report.totals.memory.training is not None


class ReadsMemory(nn.Module):
    """A kernel of torch's own reads, without another operator, what a tensor made in the forward holds."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.tensor_split(x, x.new_zeros(2).to(torch.int64), 1)


def test_a_kernel_that_looks_into_memory_runs_where_there_is_some() -> None:
    report = inspect(ReadsMemory(), (torch.rand(2, 4),), device="meta")
    assert (report.failure, report.run.device) == (None, "cpu")
    assert [output.shape for output in report.outputs] == [(2, 0), (2, 0), (2, 4)]
    assert inspect(ReadsMemory(), (torch.rand(2, 4),), device="meta", fallback=False).failure is not None


def test_who_insists_on_meta_is_told_what_it_lacks() -> None:
    report = inspect(LooksAtValues(), (torch.rand(2, 4),), device="meta", fallback=False)
    assert report.failure is not None
    assert (report.run.device, report.totals.macs_status) == ("meta", "lower_bound")


def test_inputs_without_values_have_nowhere_else_to_run() -> None:
    x = torch.empty(2, 4, device="meta")
    report = inspect(LooksAtValues(), (x,))
    assert report.failure is not None
    assert report.run.device == "meta"
    packed = nn.utils.rnn.pack_sequence([torch.rand(3, 4), torch.rand(2, 4)])
    for model, given in ((LooksAtValues(), x), (nn.LSTM(4, 5), packed._replace(data=packed.data.to("meta")))):
        with pytest.raises(UsageError, match="has no values for cpu"):
            inspect(model, (given,), device="cpu")


def test_a_model_without_values_has_nowhere_else_to_run() -> None:
    report = inspect(LooksAtValues().to("meta"), (torch.rand(2, 4),))
    assert report.failure is not None
    assert report.run.device == "meta"


class Graph(nn.Module):
    """The neighbours of seven nodes, as a sparse buffer and as a sparse input."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 16)
        self.register_buffer("near", torch.eye(7).to_sparse())

    def forward(self, x: Tensor, far: Tensor) -> Tensor:
        return torch.sparse.mm(far, torch.sparse.mm(self.near, self.linear(x)))


@pytest.mark.parametrize("device", [None, "meta"])
def test_sparse_buffers_and_inputs_run_everywhere(device: str | None) -> None:
    report = inspect(Graph(), (torch.rand(7, 6), torch.eye(7).to_sparse()), device=device)
    assert report.failure is None
    assert next(layer.macs for layer in report.layers if layer.path == "linear") == 7 * 6 * 16
    assert report.outputs[0].shape == (7, 16)


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning])
def test_what_torchscript_says_of_its_own_end_is_kept_back(category: type[Warning]) -> None:
    with quiet():
        warnings.warn("`torch.jit.load` is deprecated. Please switch to `torch.export`.", category, stacklevel=1)
    with quiet(), pytest.warns(UserWarning, match="of the model's own"):
        warnings.warn("a word of the model's own", UserWarning, stacklevel=1)
