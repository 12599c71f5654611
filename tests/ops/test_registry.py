"""The table of operators: what a user may add, what is refused, and the third answer, unknown."""

# ruff: noqa: SLF001 - the table is put back after each test

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import convinspect
from convinspect.errors import ModelError
from convinspect.fields import rf_rule
from convinspect.ops import is_view_named, mac_rule, no_macs, operator, operators, price, registry
from convinspect.records import OpCall

from .recording import fact, op_call


@pytest.fixture(autouse=True)
def _table_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("entries", "_functions", "_found"):
        monkeypatch.setattr(operators._operators, part, dict(getattr(operators._operators, part)))


def test_an_operator_in_neither_table_is_unknown_and_never_nothing() -> None:
    assert price(op_call("mylib.myop.default", fact(2, 3))) is None


@pytest.mark.parametrize("op", ["_fft_r2c", "linalg_inv_ex", "_linalg_svd", "linalg_qr", "cumprod", "hspmm"])
def test_what_multiplies_in_amounts_not_written_down_is_unknown(op: str) -> None:
    assert price(op_call(f"aten.{op}.default", fact(4, 4), self=fact(4, 4))) is None


@pytest.mark.parametrize("spelling", ["mylib.myop", "mylib::myop"])
def test_a_model_file_prices_its_own_operator(spelling: str) -> None:
    @mac_rule(spelling)
    def my_macs(call: OpCall) -> int:
        return math.prod(call.outputs[0].shape) * 7

    assert price(op_call("mylib.myop.default", fact(2, 3))) == 42
    assert price(op_call("mylib.myop.out", fact(2, 3))) == 42


@pytest.mark.parametrize("op", ["mylib.myop.default", "aten._fft_r2c.default"])
def test_a_rule_that_is_registered_after_a_run_counts_in_the_next(op: str) -> None:
    assert price(op_call(op)) is None
    mac_rule(registry.qualified_name(op))(lambda _: 5)
    assert price(op_call(op)) == 5
    assert operator(op).name in ("mylib.myop", "fft")


def test_an_operator_that_is_declared_free_after_a_run_is_free_in_the_next() -> None:
    assert price(op_call("mylib.rename.default")) is None
    no_macs("mylib::rename")
    assert price(op_call("mylib.rename.default")) == 0


def test_what_is_free_and_a_view_stays_a_view_when_it_is_declared_free_again() -> None:
    no_macs("aten::view")
    assert operator("aten.view.default").kind == "view"


def test_a_model_file_declares_its_own_operator_free() -> None:
    no_macs("mylib::rename")
    no_macs("mylib::rename")
    assert price(op_call("mylib.rename.default")) == 0


def test_a_rule_may_say_that_it_does_not_know() -> None:
    mac_rule("mylib.myop")(lambda _: None)
    assert price(op_call("mylib.myop.default")) is None


def test_a_second_rule_for_a_name_is_refused() -> None:
    with pytest.raises(ModelError, match=r"aten\.convolution has a MAC rule already"):
        mac_rule("aten.convolution")(lambda _: 1)


def test_a_refused_registration_changes_nothing() -> None:
    with pytest.raises(ModelError):
        mac_rule("mylib.first", "aten.mm")(lambda _: 1)
    assert price(op_call("mylib.first.default")) is None


def test_an_operator_is_never_both_priced_and_free() -> None:
    with pytest.raises(ModelError):
        no_macs("aten.mm")
    with pytest.raises(ModelError):
        mac_rule("aten.relu")(lambda _: 1)


def test_a_model_file_that_is_run_twice_repeats_its_rules_without_harm() -> None:
    source = "@mac_rule('mylib.myop')\ndef rule(call):\n    return 5\n"
    for _ in range(2):
        exec(compile(source, "model.py", "exec"), {"mac_rule": mac_rule, "__name__": "model"})  # noqa: S102
    assert price(op_call("mylib.myop.default")) == 5
    with pytest.raises(ModelError):
        exec(compile(source, "other.py", "exec"), {"mac_rule": mac_rule, "__name__": "other"})  # noqa: S102


def test_the_same_rule_registered_twice_by_mistake_is_refused() -> None:
    rule: Callable[[OpCall], int] = lambda _: 1  # noqa: E731
    mac_rule("mylib.myop")(rule)
    with pytest.raises(ModelError):
        mac_rule("mylib.myop")(rule)


@pytest.mark.parametrize("name", ["myop", "", "mylib.", ".myop", "mylib.myop.default", "mylib::myop.default"])
def test_a_name_that_names_no_operator_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="does not name an operator"):
        mac_rule(name)


@pytest.mark.parametrize("count", [-1, 2.0, "7", True, float("nan"), (1,)])
def test_a_rule_that_returns_no_count_is_refused_by_name(count: Any) -> None:
    mac_rule("mylib.myop")(lambda _: count)
    with pytest.raises(ModelError, match=r"the MAC rule of mylib\.myop returned"):
        price(op_call("mylib.myop.default"))


def test_a_rule_that_fails_is_the_models_fault_and_says_how() -> None:
    mac_rule("mylib.myop")(lambda call: call.args["weight"])  # type: ignore[arg-type, return-value]
    with pytest.raises(ModelError, match=r"the MAC rule of mylib\.myop raised KeyError: 'weight'"):
        price(op_call("mylib.myop.default"))


def test_a_rule_that_cannot_see_a_shape_that_it_needs_says_unknown() -> None:
    assert price(op_call("aten.mm.default", fact(2, 4), self="packed", mat2=fact(3, 4))) is None
    assert price(op_call("aten.conv2d.default", self=fact(2, 4), weight=fact(3, 4))) is None
    assert price(op_call("aten.lstm.input", fact(1), input=fact(5, 2, 3), params=(fact(4, 3), "packed"))) is None


def test_in_place_operators_of_torch_cost_what_the_others_do() -> None:
    shapes = {"self": fact(2, 4), "mat1": fact(2, 3), "mat2": fact(3, 4)}
    assert price(op_call("aten.addmm_.default", fact(2, 4), **shapes)) == 2 * 3 * 4
    assert price(op_call("aten.relu_.default", fact(2, 4))) == 0


def test_an_underscore_promises_nothing_in_another_library() -> None:
    no_macs("mylib.myop")
    assert price(op_call("mylib.myop_.default")) is None


def test_views_and_silent_operators_are_different_things_and_both_free() -> None:
    for op in ("aten.view.default", "aten.transpose.int", "aten.clone.default", "aten.squeeze_.dim", "aten.unbind"):
        assert (operator(op).kind, price(op_call(op))) == ("view", 0)
    for op in ("aten.detach.default", "aten.zeros.default", "aten._assert_async.msg", "aten.lift_fresh.default"):
        assert (operator(op).kind, price(op_call(op))) == ("silent", 0)
    for op in ("aten.cat.default", "aten.add.Tensor", "mylib.view.default", "aten.constant_pad_nd.default"):
        assert operator(op).kind == "computation"


def test_rows_of_views_are_known_by_what_people_call_them() -> None:
    # aten._unsafe_view goes by the first, aten._to_copy by the third.
    assert all(map(is_view_named, ("view", "permute", "to", "contiguous", "reshape")))
    # F.unfold goes by the name of a view; the others show something else than their input was.
    assert not any(map(is_view_named, ("unfold", "view_as_real", "values", "cat", "relu", "mylib.view", "")))


def test_the_package_itself_gives_what_a_model_file_needs() -> None:
    assert convinspect.mac_rule is mac_rule
    assert convinspect.no_macs is no_macs
    assert convinspect.rf_rule is rf_rule
    assert {"mac_rule", "no_macs", "rf_rule"} <= set(dir(convinspect))


@pytest.mark.parametrize("asked", ["import convinspect.ops", "from convinspect import mac_rule, no_macs"])
def test_pricing_needs_no_torch(asked: str) -> None:
    program = f"import sys; {asked}; print('torch' in sys.modules, 'numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]
