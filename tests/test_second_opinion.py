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
    _check_agreed(_ask(sample.build(), *(torch.ones(shape) for shape in sample.inputs)), sample.params)


@pytest.mark.parametrize("sample", CONVOLUTIONS, ids=str)
def test_it_agrees_on_every_convolution(sample: Sample) -> None:
    # It has no row for the model itself, so the convolution goes into something.
    model = nn.Sequential(sample.build())
    _check_agreed(_ask(model, *(torch.ones(shape) for shape in sample.inputs)), sample.params)


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_it_agrees_on_every_row_of_published_networks(build: Callable[[], nn.Module]) -> None:
    model = build()
    opinion = _ask(model, torch.ones(1, 3, 64, 64))
    _check_agreed(opinion, sum(parameter.numel() for parameter in model.parameters()))
    assert opinion.rows > 50


def test_in_swin_its_total_misses_the_tables_of_positions() -> None:
    opinion = _ask(patches.SwinT(), torch.ones(1, 3, 64, 64))
    assert opinion.differences == ()
    tables = 13 * 13 * (2 * 3 + 2 * 6 + 6 * 12 + 2 * 24)
    assert opinion.params_here - (opinion.params_there or 0) == tables


class Odd(nn.Module):
    """A layer that sees the batch behind another axis, and one that is registered, and so hooked, twice."""

    def __init__(self) -> None:
        super().__init__()
        self.turned = nn.Linear(4, 4)
        self.left = nn.Sequential(nn.ReLU())
        self.right = nn.Sequential(self.left[0])
        self.last = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.left(self.turned(x.transpose(0, 1))).transpose(0, 1))


def test_rows_that_differ_stand_side_by_side_and_the_others_are_still_matched() -> None:
    opinion = _ask(Odd(), torch.ones(1, 5, 4))
    assert (opinion.rows, opinion.differences) == (
        4,
        (("turned (Linear)", "Nx1x4", "Nx2x4"), ("left.0 (ReLU)", "Nx1x4", "Nx2x4"), ("ReLU", None, "Nx2x4")),
    )
    assert in_words(opinion) == (
        "second opinion: torchsummary 1.5.1 has 4 rows, with the same output shape but for 3",
        "  turned (Linear): Nx1x4 here, Nx2x4 there",
        "  left.0 (ReLU): Nx1x4 here, Nx2x4 there",
        "  ReLU: no row here, Nx2x4 there",
        "  total parameters: 20 here, 20 there",
    )


def test_a_layer_that_only_another_mode_runs_is_asked_about_in_the_mode_of_the_report() -> None:
    class Curious(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) if self.training else x

    model = Curious().eval()
    _check_agreed(ask(convinspect.inspect(model, (torch.ones(2, 4),), train=True), model), 20)


def test_many_differences_are_counted() -> None:
    shared = nn.Linear(4, 4)  # under four parents: four hooks, and four runs
    lines = in_words(_ask(nn.Sequential(*(nn.Sequential(shared) for _ in range(4))), torch.ones(1, 4)))
    assert len([line for line in lines if line.endswith("no row here, Nx4 there")]) == 8
    assert lines[-2:] == ("  and 4 more", "  total parameters: 20 here, 320 there")


@pytest.mark.parametrize(
    ("model", "x", "said"),
    [
        (nn.Sequential(nn.LSTM(4, 3)), torch.ones(2, 5, 4), "stopped (AttributeError: 'tuple' object"),
        (nn.Sequential(nn.Embedding(9, 3)), torch.ones(1, 5).long(), "; input is int64, not float32"),
        (nn.Linear(4, 3), torch.ones(1, 4), "stopped (AttributeError: "),  # it sums up no rows
        (nn.Linear(4, 3, device="meta"), torch.ones(1, 4, device="meta"), "was not asked: it needs values"),
    ],
    ids=["tuple", "words", "no-rows", "meta"],
)
def test_where_it_stops_one_line_says_so(model: nn.Module, x: Tensor, said: str) -> None:
    (line,) = in_words(_ask(model, x))
    assert said in line


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


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_scripted_model_is_not_asked_about() -> None:
    model = nn.Sequential(nn.Linear(4, 3))
    report = convinspect.inspect(model, (torch.ones(1, 4),))
    (line,) = in_words(ask(report, torch.jit.trace(model, torch.ones(1, 4))))
    assert line.endswith("was not asked: it hooks the modules of an eager model, and here are none")


def test_people_ask_for_it_at_the_shell_and_the_report_stays_the_same() -> None:
    plainly = shell("summary", LENET, "--input", "1,28,28", "--json")
    asked = shell("summary", LENET, "--input", "1,28,28", "--json", "--second-opinion")
    assert (asked.code, asked.out) == (0, plainly.out)
    assert asked.err == (
        "second opinion: torchsummary 1.5.1 has 5 rows, with the same output shape in every one\n"
        "  total parameters: 21,840 here, 21,840 there\n"
    )


def _ask(model: nn.Module, *inputs: Tensor) -> SecondOpinion:
    return ask(convinspect.inspect(model, inputs, optimizer=None), model)


def _check_agreed(opinion: SecondOpinion, params: int) -> None:
    assert (opinion.crash, opinion.differences) == (None, ())
    assert opinion.rows > 0
    assert opinion.params_there == opinion.params_here == params
