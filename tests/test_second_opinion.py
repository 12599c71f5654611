"""torchsummary as an oracle wherever it runs, and what is said where it differs or stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import convinspect
from convinspect.second_opinion import SecondOpinion, ask, in_words
from tests.shell import convinspect as shell
from tests.test_sample_models import CONVOLUTIONS, SMALL, Sample
from tests.zoo import branching, gated, patches, plain

LENET = str(Path(__file__).parent.parent / "sample_models" / "lenet.py")
CRASHES = {"recurrent.py", "shared_weights.py", "transformer.py", "vit.py"}  # tuples, words and None
MISSES = {"two_inputs.py"}  # it has no row for a branch that never runs
ALONE = [sample for sample in SMALL if sample.file not in CRASHES | MISSES]
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "squeezenet": plain.SqueezeNet,
    "googlenet": branching.GoogLeNet,
    "shufflenet": branching.ShuffleNetV2,
    "mobilenet_v3": gated.mobilenet_v3_large,
    "efficientnet": gated.efficientnet_b0,
}


@pytest.mark.parametrize("sample", ALONE, ids=str)
def test_it_agrees_on_every_row_of_the_sample_models(sample: Sample) -> None:
    opinion = _ask(sample.build(), *(torch.ones(shape) for shape in sample.inputs))
    assert opinion.crash is None
    assert opinion.agreed == opinion.rows > 0
    assert opinion.params_there == opinion.params_here == sample.params


@pytest.mark.parametrize("sample", CONVOLUTIONS, ids=str)
def test_it_agrees_on_every_convolution(sample: Sample) -> None:
    # It has no row for the model itself, so the convolution goes into something.
    opinion = _ask(nn.Sequential(sample.build()), *(torch.ones(shape) for shape in sample.inputs))
    assert (opinion.crash, opinion.rows, opinion.agreed) == (None, 1, 1)
    assert opinion.params_there == opinion.params_here == sample.params


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_it_agrees_on_every_row_of_published_networks(build: Callable[[], nn.Module]) -> None:
    opinion = _ask(build(), torch.ones(1, 3, 64, 64))
    assert opinion.crash is None
    assert opinion.agreed == opinion.rows > 50
    assert opinion.params_there == opinion.params_here


def test_in_swin_it_misses_the_tables_of_positions() -> None:
    opinion = _ask(patches.SwinT(), torch.ones(1, 3, 64, 64))
    assert {d.path.rpartition(".")[2] for d in opinion.differences} == {"attn"}
    assert {d.why for d in opinion.differences} == {"it counts weight and bias alone, not relative_position_bias_table"}
    tables = 13 * 13 * (2 * 3 + 2 * 6 + 6 * 12 + 2 * 24)
    assert opinion.params_here - (opinion.params_there or 0) == tables


class Reused(nn.Module):
    """One layer that runs twice, one that is registered twice, a table tied to a layer, and a lone parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Linear(4, 4)
        self.left = nn.Sequential(nn.Linear(4, 4, bias=False))
        self.right = nn.Sequential(self.left[0])
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.left[0].weight
        self.scale = nn.Parameter(torch.ones(4))
        self.never = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.tied(self.right(self.left(self.twice(self.twice(x))))) * self.scale


def test_what_it_counts_twice_or_not_at_all_is_told_by_path_with_the_reason() -> None:
    opinion = _ask(Reused(), torch.ones(3, 4))
    told = {(d.path, d.here, d.there): d.why for d in opinion.differences}
    assert told == {
        ("twice", "0", "20"): "counted at its first run here, at every run there",
        ("left.0", "0", "16"): "one module under two names: two rows there, counted once here",
        ("tied", "0", "16"): "shared with left.0 and counted there once",
        ("", "4", "no row"): "it leaves out the model itself",
        ("never", "10", "no row"): "never ran",
    }
    # It runs left.0 twice with two hooks: four rows, of which one counts.
    assert (opinion.rows, opinion.agreed) == (7, 2)
    assert opinion.params_here == 20 + 16 + 4 + 10
    assert opinion.params_there == 2 * 20 + 4 * 16 + 16


def test_weights_that_are_buffers_are_told_apart() -> None:
    frozen = nn.Linear(4, 3)
    for name in ("weight", "bias"):
        value = getattr(frozen, name).detach()
        delattr(frozen, name)
        frozen.register_buffer(name, value)
    (difference,) = _ask(nn.Sequential(frozen), torch.ones(1, 4)).differences
    assert (difference.here, difference.there) == ("0", "15")
    assert difference.why == "its weight or bias is no parameter of its own, but a buffer or computed"


def test_a_batch_that_is_not_in_front_is_told_apart_from_a_wrong_shape() -> None:
    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.transpose(0, 1))

    (difference,) = _ask(TimeFirst(), torch.ones(1, 5, 4)).differences
    assert (difference.path, difference.here, difference.there) == ("fc", "Nx1x3", "Nx2x3")
    assert difference.why == "its batch is 2, and the batch is not the first axis"


class Curious(nn.Module):
    """Layers of other sizes for another batch, and one for training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.relu(torch.ones(1, 3 + len(x)))
        return self.fc(x) if self.training else x


def test_another_shape_without_a_known_reason_is_told_without_one() -> None:
    difference, _ = _ask(Curious(), torch.ones(1, 4)).differences
    assert (difference.path, difference.here, difference.there, difference.why) == ("relu", "Nx4", "Nx5", None)


def test_it_is_asked_in_the_mode_of_the_report() -> None:
    model = Curious().eval()
    opinion = ask(convinspect.inspect(model, (torch.ones(2, 4),), train=True), model)
    assert (opinion.rows, opinion.agreed, opinion.params_there) == (2, 2, 20)


class Keyword(nn.Module):
    """A layer that is called by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(input=x)


@pytest.mark.parametrize(
    ("model", "x", "said"),
    [
        (nn.Sequential(nn.LSTM(4, 3)), torch.ones(2, 5, 4), "stopped at 0: its output holds a tuple (AttributeError"),
        (nn.Sequential(nn.Embedding(9, 3)), torch.ones(1, 5).long(), "stopped in the forward (RuntimeError"),
        (nn.Sequential(nn.Embedding(9, 3)), torch.ones(1, 5).long(), "it feeds float32 numbers, and input is int64"),
        (Keyword(), torch.ones(1, 4), "stopped at fc: it is called with keyword arguments alone (IndexError"),
        (branching.DenseBlock(2, 8), torch.ones(1, 8, 4, 4), "stopped at denselayer1: its first input is a list ("),
        (nn.Linear(4, 3), torch.ones(1, 4), "stopped after its run: it found no parameters (AttributeError"),
        (nn.Linear(4, 3, device="meta"), torch.ones(1, 4, device="meta"), "was not asked: it needs values"),
    ],
    ids=["tuple", "words", "words-why", "keyword", "list", "no-rows", "meta"],
)
def test_where_it_stops_the_place_and_the_reason_are_one_line(model: nn.Module, x: Tensor, said: str) -> None:
    lines = in_words(_ask(model, x))
    assert said in lines[0]
    assert len(lines) == 1


@pytest.mark.parametrize("model", [nn.Sequential(nn.BatchNorm1d(4)), nn.Sequential(nn.BatchNorm1d(4), nn.LSTM(4, 3))])
def test_the_model_and_the_process_are_left_as_they_were(model: nn.Module) -> None:
    calls: list[Any] = []
    handle = model[0].register_forward_hook(lambda *_: calls.append(1))
    report = convinspect.inspect(model, (torch.rand(6, 4),), train=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.eval()
    state = torch.get_rng_state()
    ask(report, model)
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    handle.remove()
    assert not any(module._forward_hooks for module in model.modules())  # noqa: SLF001 - what hooks leave behind


def test_many_differences_of_one_kind_are_counted() -> None:
    shared = nn.Linear(4, 4)
    lines = in_words(_ask(nn.Sequential(*[shared] * 12), torch.ones(1, 4)))
    assert len([line for line in lines if line.startswith("  0: parameters 0 here, 20 there")]) == 8
    assert lines[-2].startswith("  3 more differences in parameters (")
    assert lines[-1] == "  total parameters: 20 here, 240 there"


def test_people_ask_for_it_at_the_shell_and_the_report_stays_the_same() -> None:
    plainly = shell("summary", LENET, "--input", "1,28,28", "--json")
    asked = shell("summary", LENET, "--input", "1,28,28", "--json", "--second-opinion")
    assert (asked.code, asked.out) == (0, plainly.out)
    assert asked.err == (
        "second opinion: torchsummary 1.5.1 agrees on output shape and parameters in all its 5 rows; "
        "8 rows are only here (functions, containers, the model)\n"
        "  total parameters: 21,840 here and there\n"
    )


def test_a_saved_report_is_not_asked_about(tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    saved.write_text(shell("summary", LENET, "--input", "1,28,28", "--json").out)
    result = shell("summary", saved, "--second-opinion")
    assert (result.code, result.err.count("\n")) == (0, 1)
    assert result.err.startswith("second opinion: torchsummary was not asked: it hooks a model made by Python code")


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_scripted_model_is_not_asked_about() -> None:
    model = nn.Sequential(nn.Linear(4, 3))
    report = convinspect.inspect(model, (torch.ones(1, 4),))
    opinion = ask(report, torch.jit.trace(model, torch.ones(1, 4)))
    assert opinion.crash == "was not asked: it hooks the modules of an eager model, and here are none"


def _ask(model: nn.Module, *inputs: Tensor) -> SecondOpinion:
    return ask(convinspect.inspect(model, inputs, optimizer=None), model)
