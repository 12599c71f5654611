"""Operators of one's own: named where there is no rule, followed where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect import inspect
from convinspect.errors import ModelError
from convinspect.fields import Call, Field, rf_rule
from convinspect.fields.aten.pooling import pool
from convinspect.fields.rules import RULES

from .oracle import watch


@pytest.fixture
def blur(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Define an operator that blurs an image, without a rule."""
    monkeypatch.setattr(RULES, "by_name", dict(RULES.by_name))
    library = torch.library.Library("fieldtest", "DEF")
    library.define("blur(Tensor image) -> Tensor")
    library.impl("blur", lambda image: F.avg_pool2d(image, 3, 1, 1), "CompositeExplicitAutograd")
    yield "fieldtest::blur"
    library._destroy()  # noqa: SLF001 - torch has no public way to take a library back


def blurred(x: Tensor) -> Tensor:
    return torch.relu(torch.ops.fieldtest.blur(torch.max_pool2d(x, 2)) + 1)


@pytest.mark.usefixtures("blur")
def test_an_operator_without_a_rule_is_named_and_never_passed_through() -> None:
    out, tracker = watch(blurred, torch.rand(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert field.status == "unknown"
    assert field.center == ((0, 7), (0, 7))
    assert (field.size, field.local) == (None, None)
    assert field.global_via is not None
    assert field.global_via.op == "fieldtest.blur.default"
    assert tracker.unknown_ops == (("fieldtest.blur.default", "", 1),)


@pytest.mark.parametrize("spelling", ["fieldtest::blur", "fieldtest.blur"])
@pytest.mark.usefixtures("blur")
def test_a_rule_of_ones_own_is_followed(spelling: str) -> None:
    @rf_rule(spelling)
    def follow(call: Call) -> Field:
        assert call.args["image"].shape == call.outputs[0].shape
        down = call.window(call["image"], 2, kernel=3, padding=1)
        return call.window(down, 3, kernel=3, padding=1)

    out, tracker = watch(blurred, torch.rand(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.size, field.jump, field.start) == ("exact", (6, 6), (2, 2), (-2, -2))
    assert not tracker.unknown_ops


def test_a_rule_counts_from_the_run_after_it_was_registered(blur: str) -> None:
    out, tracker = watch(blurred, torch.rand(1, 1, 8, 8))
    assert tracker.describe(out).status == "unknown"
    rf_rule(blur)(lambda call: call.merge(call.fields()))
    out, tracker = watch(blurred, torch.rand(1, 1, 8, 8))
    assert tracker.describe(out).status == "exact"


def test_a_rule_whose_result_does_not_fit_counts_as_none(blur: str) -> None:
    rf_rule(blur)(lambda call: call.window(call["image"], 2, kernel=3))
    out, tracker = watch(blurred, torch.rand(1, 1, 8, 8))
    assert tracker.unknown_ops
    assert tracker.describe(out).status == "unknown"


def test_a_rule_that_fails_is_told_as_the_users_code(blur: str) -> None:
    rf_rule(blur)(lambda call: call["picture"])
    with pytest.raises(ModelError, match="fieldtest::blur: its receptive-field rule failed: KeyError: 'picture'"):
        watch(blurred, torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize("name", ["blur", "::blur", "mylib::blur.default"])
def test_a_rule_names_a_library_and_an_operator(name: str) -> None:
    with pytest.raises(ModelError, match="does not name an operator"):
        rf_rule(name)


def test_a_second_rule_for_an_operator_is_refused() -> None:
    with pytest.raises(ModelError, match=r"aten\.convolution has a receptive-field rule already"):
        rf_rule("aten::convolution")(lambda _: None)


def test_a_file_that_is_loaded_twice_repeats_its_rules(blur: str) -> None:
    def load() -> Callable[[Call], None]:
        return rf_rule(blur)(lambda _: None)

    assert load() is not load()


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 13), reason="older versions lack some of the operators"
)
def test_every_rule_is_of_an_operator_that_there_is() -> None:
    names = {schema.name.replace("::", ".") for schema in torch._C._jit_get_all_schemas()}  # noqa: SLF001 - the only list
    known = [name for name in RULES.by_name if name.startswith("aten.")]
    assert len(known) > 300
    assert [name for name in known if name not in names and f"{name}_" not in names] == []


def test_a_rule_that_fails_costs_its_operators_field_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(_call: object) -> None:
        raise IndexError("unforeseen")

    fault.__module__ = pool.__module__  # as one of the package's own
    monkeypatch.setitem(RULES.by_name, "aten.avg_pool2d", fault)
    report = inspect(nn.Sequential(nn.Conv2d(1, 1, 3), nn.AvgPool2d(2)), (torch.zeros(1, 1, 8, 8),), optimizer=None)
    fields = [layer.receptive_field for layer in report.layers]
    assert [field and field.status for field in fields] == ["unknown", "exact", "unknown"]
    (note,) = report.warnings
    assert "the receptive-field rule of aten.avg_pool2d.default failed (IndexError: unforeseen)" in note.message
