"""A forward that stops half-way: the rows up to there, and what the layer expected."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from convinspect.report import Report
from tests.memory.runs import traced
from tests.trace.running import modules, report_of, row


def _said(model: nn.Module, *inputs: torch.Tensor) -> str:
    return report_of(model, *inputs).stopped or ""


class Reshaped(nn.Module):
    """Fails in an operator that no layer checks beforehand."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + 1).reshape(3, 4)


@pytest.mark.parametrize(
    ("layer", "shape", "said"),
    [
        (nn.Linear(320, 50), (1, 500), "Linear expected 320 features, got 500"),
        (nn.Conv2d(3, 8, 3), (1, 1, 28, 28), "Conv2d expected 3 channels, got 1"),
        (nn.Conv2d(3, 8, 3), (1, 3, 28), "Conv2d expected 4 dimensions, got 3 (input 1x3x28): one size is missing"),
        (
            nn.Embedding(9, 2),
            (1, 3),
            "Embedding expected indices, got float32: an input of them is written ...:int64:9",
        ),
        (nn.Conv2d(3, 8, 3), (1, 28), "Conv2d expected 3 or 4 dimensions, got 2"),
        (nn.Conv1d(3, 8, 5), (1, 3, 2), "Conv1d expected at least 5 pixels with padding, got 2"),
        (nn.ConvTranspose2d(3, 8, 3), (1, 4, 9, 9), "ConvTranspose2d expected 3 channels, got 4"),
        (nn.BatchNorm2d(3), (1, 4, 9, 9), "BatchNorm2d expected 3 channels, got 4"),
        (nn.GroupNorm(2, 4), (1, 6, 9, 9), "GroupNorm expected 4 channels, got 6"),
        (nn.LayerNorm((5,)), (2, 4), "LayerNorm expected last axes 5, got 4"),
        (nn.LSTM(8, 4), (5, 1, 7), "LSTM expected 8 features, got 7"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_the_layer_says_what_it_expected_and_what_it_got(layer: nn.Module, shape: tuple[int, ...], said: str) -> None:
    message = _said(nn.Sequential(layer), torch.zeros(shape))
    assert message.startswith(f"0: {said}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("layer", "right", "wrong", "said"),
    [
        (nn.Linear(8, 4), (1, 8), (1, 9), "0: Linear expected 8 features, got 9"),
        (
            nn.Conv2d(4, 8, 3, groups=2),
            (1, 4, 9, 9),
            (1, 3, 9, 9),
            "0: Conv2d expected 4 channels, got 3 (input 1x3",
        ),
        (nn.BatchNorm2d(3), (1, 3, 9, 9), (1, 4, 9, 9), "0: BatchNorm2d expected 3 channels, got 4"),
        (nn.LayerNorm(5), (2, 5), (2, 4), "0: LayerNorm expected last axes 5, got 4"),
        (Reshaped(), (6, 2), (5, 2), "0: Reshaped raised RuntimeError: shape '[3, 4]' is invalid for input of size 10"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
@pytest.mark.parametrize("how", ["trace", "script"])
def test_a_scripted_layer_says_the_same(
    layer: nn.Module, right: tuple[int, ...], wrong: tuple[int, ...], said: str, how: str
) -> None:
    model = nn.Sequential(layer).eval()
    scripted = torch.jit.script(model) if how == "script" else torch.jit.trace(model, torch.zeros(right))
    assert _said(scripted, torch.zeros(wrong)).startswith(said)


def test_what_the_layer_expected_and_what_it_got_can_be_read_apart() -> None:
    failure = traced(nn.Sequential(nn.Conv2d(3, 8, 3)), torch.zeros(1, 1, 28, 28)).failure
    assert failure is not None
    assert (failure.path, failure.type, failure.expected, failure.got) == ("0", "Conv2d", "3 channels", "1")
    failure = traced(nn.Sequential(nn.Softmax(7)), torch.zeros(1, 4)).failure
    assert failure is not None
    assert (failure.expected, failure.got) == (None, None)


def test_rows_that_ran_are_kept_and_the_others_are_unknown() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(9, 2), nn.Linear(2, 2))
    report = report_of(model, torch.zeros(1, 4))
    assert modules(report) == [("", 1), ("0", 1), ("1", 1), ("2", 1), ("3", 0)]
    assert (row(report, "0").macs, row(report, "0").macs_status) == (32, "exact")
    assert row(report, "2").macs_status == "lower_bound"
    assert (row(report, "3", 0).macs, row(report, "3", 0).macs_status) == (None, "unknown")
    assert (report.totals.macs, report.totals.macs_status) == (32, "lower_bound")
    assert report.totals.params == sum(p.numel() for p in model.parameters())


def test_an_error_that_the_model_itself_catches_is_no_failure() -> None:
    class Careful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.big = nn.Linear(9, 9)
            self.small = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            try:
                return self.big(x)
            except RuntimeError:
                return self.small(x)

    report = report_of(Careful(), torch.zeros(1, 4))
    assert report.failure is None
    assert (report.totals.macs, report.totals.macs_status) == (16, "exact")


def test_an_error_of_plain_code_names_the_module_it_came_from() -> None:
    class Broken(nn.Module):
        def forward(self, _x: torch.Tensor) -> torch.Tensor:
            raise KeyError("stage4")

    said = _said(nn.Sequential(Broken()), torch.zeros(1))
    assert said.startswith("0: Broken raised KeyError: 'stage4' (test_failure.py:")


@pytest.mark.parametrize(
    "raising",
    [lambda _: json.loads("{"), lambda x: x.view(3, 3), lambda x: functional.pad(x, (1,))],
    ids=["Python", "an operator", "torch"],
)
def test_an_error_is_placed_in_the_users_own_file(raising: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Python's and torch's own files, wherever they are installed, are nothing that the user can mend."""

    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return raising(x)

    assert "(test_failure.py:" in _said(Broken(), torch.zeros(1, 4))


def test_a_fault_of_ours_is_no_failure_of_the_model_nor_hidden_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgiving(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            try:
                return x + 1
            except ZeroDivisionError:
                return x

    def fault(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("convinspect.fields.FieldTracker.observe", fault)
    with pytest.raises(ZeroDivisionError, match="ours"):
        report_of(Forgiving(), torch.zeros(1, 4))


def test_a_forward_that_exits_is_a_failure_of_the_model() -> None:
    class Leaving(nn.Module):
        def forward(self, _x: torch.Tensor) -> torch.Tensor:
            raise SystemExit(0)

    assert _said(nn.Sequential(Leaving()), torch.zeros(1, 4)).startswith("0: Leaving raised SystemExit")


def test_an_error_that_the_model_catches_keeps_no_activation_alive() -> None:
    class Careful(nn.Module):
        def __init__(self, *, fails: bool) -> None:
            super().__init__()
            self.fails = fails
            self.first = Hungry()
            self.second = nn.Linear(1000, 1000, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.fails:
                with contextlib.suppress(RuntimeError):
                    self.first(x)
            return self.second(self.second(x)) + 1

    class Hungry(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            large = x.repeat(1, 2)
            raise RuntimeError(large.shape)

    careful, plain = (
        report_of(nn.Sequential(Careful(fails=fails)), torch.zeros(1000, 1000), optimizer=None)
        for fails in (True, False)
    )
    peaks = [report.totals.memory.inference_peak_bytes for report in (careful, plain)]
    assert peaks[0] == peaks[1]


def _generator(model: nn.Module, x: torch.Tensor) -> object:
    yield model.layer(x)


async def _coroutine(model: nn.Module, x: torch.Tensor) -> object:
    return model.layer(x)


@pytest.mark.parametrize("forward", [_generator, _coroutine], ids=["generator", "coroutine"])
def test_work_that_has_not_been_done_is_not_reported_as_none(forward: object) -> None:
    class Later(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> object:
            return forward(self, x)  # type: ignore[operator]

    report = report_of(Later(), torch.zeros(1, 4))
    assert "its work has not been done" in (report.stopped or "")
    assert report.totals.macs_status != "exact"


def test_exceptions_of_any_kind_are_failures_of_the_model() -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise ValueError("no words")

    class Odd(nn.Module):
        def __init__(self, error: BaseException) -> None:
            super().__init__()
            self.error = error

        def forward(self, _x: torch.Tensor) -> torch.Tensor:
            raise self.error

    for error, said in ((Mute(), "Mute"), (GeneratorExit(), "GeneratorExit"), (ValueError("\ud800"), "\\ud800")):
        assert said in _said(Odd(error), torch.zeros(1))


class Calls(nn.Module):
    """A convolution, one call that fails as ``how`` says, and a layer that is not reached."""

    def __init__(self, how: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.last = nn.ReLU()
        self.how = how

    def forward(self, x: torch.Tensor) -> object:
        return self.last(self.how(self.conv(x)))


def _caught(x: torch.Tensor) -> torch.Tensor:
    with contextlib.suppress(RuntimeError):
        functional.avg_pool2d(x, 9)
    raise ValueError("something else")


def _told_otherwise(x: torch.Tensor) -> torch.Tensor:
    try:
        return functional.avg_pool2d(x, 9)
    except RuntimeError as error:
        raise ValueError("too small") from error


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("how", "named"),
    [
        (lambda x: functional.avg_pool2d(x, 9), "avg_pool2d"),
        (lambda x: functional.conv2d(x, torch.zeros(1, 3, 1, 1, device=x.device)), "conv2d"),
        (lambda x: torch.cat([x, x[:, :, 1:]], 1), "cat"),
        (lambda x: x + x[:, :, 1:], "add"),
        (lambda x: x @ x[:, :, 1:], "matmul"),
        (lambda x: x.view(3, -1), "view"),
        (lambda x: functional.interpolate(x, size=3, scale_factor=2), None),  # refused before any operator runs
        (_caught, None),
        (_told_otherwise, "avg_pool2d"),
    ],
)
def test_the_call_that_failed_has_a_row(
    how: Callable[[torch.Tensor], torch.Tensor], named: str | None, device: str
) -> None:
    report = report_of(Calls(how).to(device), torch.zeros(1, 1, 6, 6, device=device))
    assert report.failure is not None
    assert report.failure.op == named
    page = str(report.table(depth="all"))
    assert f"{named}()" in page if named else "Calls (failed)" in page
    assert page.count("(failed)") == 1
    assert "last: ReLU (not reached)" in page
    # Of what stopped nothing is known but that it was there.
    assert (report.totals.macs, report.totals.macs_status) == (4 * 4 * 4 * 9, "lower_bound")
    if named:
        assert report.stopped is not None
        assert report.stopped.startswith(f"in forward, at {named}(): Calls raised ")
        (failed,) = [layer for layer in report.layers if layer.type == named and not layer.outputs]
        assert (failed.macs, failed.macs_status, failed.memory.allocated_bytes) == (0, "lower_bound", 0)
        assert failed.inputs[0].shape[-1] == 4
        assert Report.from_dict(report.to_dict()) == report


def test_a_call_that_fails_in_a_layer_is_that_layers_row() -> None:
    report = report_of(nn.Sequential(nn.AvgPool2d(9)), torch.zeros(1, 1, 6, 6))
    assert report.failure is not None
    assert (report.failure.path, report.failure.op) == ("0", None)
    assert [layer.kind for layer in report.layers] == ["module", "module"]


def test_settings_of_a_call_that_failed_are_those_that_its_input_does_not_decide() -> None:
    report = report_of(nn.Sequential(nn.Linear(320, 50)), torch.zeros(1, 80))
    assert row(report, "0").attributes == {}
    report = report_of(nn.Sequential(nn.BatchNorm2d(3)), torch.zeros(1, 4, 9, 9))
    assert "num_features" not in row(report, "0").attributes
    report = report_of(nn.Sequential(nn.AvgPool2d(9)), torch.zeros(1, 1, 6, 6))
    assert row(report, "0").attributes["kernel_size"] == (9, 9)


def test_a_scripted_call_that_failed_has_a_row() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.avg_pool2d(torch.relu(x), 9)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(Net())
    report = report_of(scripted, torch.zeros(1, 1, 6, 6))
    assert report.failure is not None
    assert report.failure.op == "avg_pool2d"


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_lazy_layer_that_refuses_its_first_input_fails_as_a_layer(device: str) -> None:
    report = report_of(nn.Sequential(nn.LazyConv2d(5, 2)), torch.tensor(1.0, device=device))
    assert report.failure is not None
    assert (report.failure.path, report.totals.params) == ("0", 0)
