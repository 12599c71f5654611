"""Operators of one's own: named where there is no rule, followed where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect import inspect
from convinspect.errors import ModelError
from convinspect.fields import Call, Field, FieldTracker, rf_rule
from convinspect.fields.aten import pooling
from convinspect.fields.rules import RULES

from .oracle import watch

NUMBERS = count()


@pytest.fixture
def blur() -> Iterator[str]:
    """Define an operator that blurs an image, without a rule; its name is new every time."""
    namespace = f"fieldtest{next(NUMBERS)}"
    library = torch.library.Library(namespace, "DEF")
    library.define("blur(Tensor image) -> Tensor")
    library.impl("blur", lambda image: F.avg_pool2d(image, 3, 1, 1), "CompositeExplicitAutograd")
    yield f"{namespace}::blur"
    library._destroy()  # noqa: SLF001 - torch has no public way to take a library back


def watch_blurred(blur: str) -> tuple[Tensor, FieldTracker]:
    namespace, name = blur.split("::")
    operator = getattr(getattr(torch.ops, namespace), name)
    return watch(lambda x: torch.relu(operator(torch.max_pool2d(x, 2)) + 1), torch.rand(1, 1, 8, 8))


def test_an_operator_without_a_rule_is_named_and_never_passed_through(blur: str) -> None:
    out, tracker = watch_blurred(blur)
    field = tracker.describe(out)
    assert field is not None
    assert field.status == "unknown"
    assert field.center == ((0, 7), (0, 7))
    assert (field.size, field.local) == (None, None)
    assert field.global_via is not None
    name = blur.replace("::", ".") + ".default"
    assert field.global_via.op == name
    assert tracker.unknown_ops == ((name, "", 1),)


@pytest.mark.parametrize("separator", ["::", "."])
def test_a_rule_of_ones_own_is_followed(blur: str, separator: str) -> None:
    @rf_rule(blur.replace("::", separator))
    def follow(call: Call) -> Field:
        assert call.args["image"].shape == call.outputs[0].shape
        down = call.window(call["image"], 2, kernel=3, padding=1)
        return call.window(down, 3, kernel=3, padding=1)

    out, tracker = watch_blurred(blur)
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.size, field.jump, field.start) == ("exact", (6, 6), (2, 2), (-2, -2))
    assert not tracker.unknown_ops


def test_a_rule_counts_from_the_run_after_it_was_registered(blur: str) -> None:
    out, tracker = watch_blurred(blur)
    assert tracker.describe(out).status == "unknown"
    rf_rule(blur)(lambda call: call.merge(call.fields()))
    out, tracker = watch_blurred(blur)
    assert tracker.describe(out).status == "exact"


def test_a_rule_whose_result_does_not_fit_counts_as_none(blur: str) -> None:
    rf_rule(blur)(lambda call: call.window(call["image"], 2, kernel=3))
    out, tracker = watch_blurred(blur)
    assert tracker.unknown_ops
    assert tracker.describe(out).status == "unknown"


def test_a_rule_that_fails_is_told_as_the_users_code(blur: str) -> None:
    rf_rule(blur)(lambda call: call["picture"])
    with pytest.raises(ModelError, match=f"{blur}: its receptive-field rule failed: KeyError: 'picture'"):
        watch_blurred(blur)


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
    known = [name for name in RULES.entries if name.startswith("aten.")]
    assert len(known) > 300
    assert [name for name in known if name not in names and f"{name}_" not in names] == []


def test_a_rule_that_fails_costs_its_operators_field_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_args: object, **_kwargs: object) -> None:
        raise IndexError("unforeseen")

    monkeypatch.setattr(pooling, "slide_last", fault)
    report = inspect(nn.Sequential(nn.Conv2d(1, 1, 3), nn.AvgPool2d(2)), (torch.zeros(1, 1, 8, 8),), optimizer=None)
    fields = [layer.receptive_field for layer in report.layers]
    assert [field and field.status for field in fields] == ["unknown", "exact", "unknown"]
    (note,) = report.warnings
    assert "the receptive-field rule of aten.avg_pool2d.default failed (IndexError: unforeseen)" in note.message
