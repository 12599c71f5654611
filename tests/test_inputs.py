"""Dummy inputs: shapes, dtypes and bounds as asked, and refusals in the user's words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convinspect import inspect
from convinspect.errors import UsageError
from convinspect.frontends import frontend_of
from convinspect.inputs import Prepared, make_inputs
from convinspect.inputs.suggesting import has_batch
from convinspect.load import Loaded
from convinspect.parsing import parse_input
from convinspect.spec import Request, Target


class Takes(nn.Module):
    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None, *rest: torch.Tensor) -> None:
        """Take what it is given."""


def _make(*specs: str, model: Any = None, device: str = "cpu", dtype: str = "float32", **request: Any) -> Prepared:
    asked = Request(Target("net.py", "net.py", None), tuple(map(parse_input, specs)), **request)
    return make_inputs(Loaded(asked, frontend_of(model or Takes()), "Takes", device, dtype))


def test_the_batch_dimension_is_put_in_front() -> None:
    assert _make("3,8", batch_size=5).args[0].shape == (5, 3, 8)
    assert _make("3,8", batch_size=None).args[0].shape == (3, 8)
    assert _make("ids=:int64", batch_size=5).kwargs["ids"].shape == (5,)


def test_floating_inputs_follow_the_model_and_named_dtypes_stay() -> None:
    made = _make("4", "mask=4:bool", dtype="bfloat16")
    assert made.args[0].dtype is torch.bfloat16
    assert made.kwargs["mask"].dtype is torch.bool


def test_integers_stay_below_their_bound_and_reach_it() -> None:
    ids = _make("10000:int64:7").args[0]
    assert (int(ids.min()), int(ids.max())) == (0, 6)
    assert int(_make("10000:int8:30522").args[0].max()) == 127


def test_the_same_request_gives_the_same_values_and_leaves_the_random_state() -> None:
    state = torch.get_rng_state()
    first, second = _make("100").args[0], _make("100").args[0]
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())


def test_inputs_are_named_after_the_arguments_of_forward() -> None:
    made = _make("4", "5", "6", "7")
    assert made.names == ("ids", "mask", "rest.0", "rest.1")
    assert [name for name, _ in _make("4", "mask=5").tensors] == ["ids", "mask"]


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (("mask=4",), "forward(ids"),
        (("4", "width=4"), "cannot take an unnamed input, width"),
        (("4", "5", "mask=4"), "cannot take 2 unnamed inputs, mask"),
        (("ids=4", "ids=5"), "two inputs have the same name"),
        (("4", "ids=5"), "cannot take"),
    ],
)
def test_inputs_that_forward_cannot_take_are_refused_before_it_runs(specs: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _make(*specs)
    assert said in caught.value.message


def test_the_models_own_example_is_used() -> None:
    model = Takes()
    model.example_input_array = torch.ones(2, 3)
    assert torch.equal(_make(model=model).args[0], torch.ones(2, 3))
    model.example_input_array = {"ids": torch.ones(2), "mask": torch.ones(1)}
    assert list(_make(model=model).kwargs) == ["ids", "mask"]
    model.example_input_array = (torch.ones(2), torch.ones(1))
    assert len(_make(model=model).args) == 2


@pytest.mark.parametrize(
    ("layer", "spec"),
    [
        (nn.Conv2d(1, 4, 3), "1,28,28"),
        (nn.Conv2d(3, 4, 3), "3,224,224"),
        (nn.Linear(20, 2), "20"),
        (nn.Embedding(100, 4), "128:int64:100"),
        (nn.LSTM(7, 4), "100,7"),
        (nn.Conv1d(2, 4, 3), "2,16000"),
    ],
)
def test_without_inputs_a_spec_is_suggested_from_the_first_layer(layer: nn.Module, spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        _make(model=nn.Sequential(layer))
    assert caught.value.hint == f"for example: --input {spec}"


def test_an_input_larger_than_memory_is_refused_with_a_way_out() -> None:
    with pytest.raises(UsageError) as caught:
        _make("1000000,1000000,1000")
    assert "--device meta" in (caught.value.hint or "")
    assert _make("1000000,1000000,1000", device="meta").args[0].is_meta


def test_a_batch_stands_in_front_unless_the_first_convolution_says_otherwise() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    assert has_batch(model, torch.zeros(1, 3, 8, 8))
    assert not has_batch(model, torch.zeros(3, 8, 8))
    assert has_batch(nn.Linear(4, 4), torch.zeros(2, 5, 4))
    for shape in ("1,3,8,8", "3,8,8"):
        made = _make(shape, model=model, batch_size=None)
        field = inspect(model, made.args, optimizer=None).layers[0].receptive_field
        assert field is not None
        assert field.size == (3, 3)


def test_an_axis_too_long_to_follow_is_said_and_the_rest_is_reported() -> None:
    image = torch.empty(1, 1, 4, (1 << 24) + 1, device="meta")
    report = inspect(nn.Conv2d(1, 1, 3, device="meta"), (image,), optimizer=None)
    assert report.layers[0].receptive_field is None
    assert [note.code for note in report.warnings] == ["field_unknown"]
    assert report.totals.macs == 2 * ((1 << 24) - 1) * 9
