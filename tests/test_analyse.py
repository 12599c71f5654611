"""Trace to report without torch: what is folded, what stands alone, what is a bound."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from convinspect.analyse import analyse
from convinspect.records import ModuleCall, ModuleRecord, OpCall, TensorRecord, Trace, Weight
from convinspect.report import Model, Report, Run, Tool

if TYPE_CHECKING:
    from convinspect.records import Value

SMALL = TensorRecord((1, 4), "float32", 16)
MATRIX = TensorRecord((4, 4), "float32", 64)


def _report(*calls: ModuleCall | OpCall, modules: tuple[ModuleRecord, ...], ran: bool = True) -> Report:
    model, run = Model("net.py", "Net", "python", "eval"), Run("cpu", "float32", 1)
    return analyse(Trace(Tool("0", "2", "3"), model, run, modules, calls, ran=ran))


def _module(
    path: str, *, leaf: bool = True, builtin: bool = True, container: bool = False, params: int = 0
) -> ModuleRecord:
    weights = (Weight("weight", params, "float32", 4 * params, trainable=True),) if params else ()
    return ModuleRecord(path, path.upper() or "Net", leaf, container, builtin, weights)


def _call(path: str, parent: int, number: int = 1) -> ModuleCall:
    return ModuleCall(path, path.upper() or "Net", parent, number, (SMALL,), (SMALL,), finished=True)


def _op(name: str, parent: int, **args: Value) -> OpCall:
    return OpCall(name, parent, MappingProxyType(args), (SMALL,), allocated_bytes=16)


def _mm(parent: int) -> OpCall:
    return _op("aten.mm.default", parent, self=SMALL, mat2=MATRIX)


ROOT = _module("", leaf=False, builtin=False)


def test_operators_of_a_leaf_are_folded_and_others_stand_alone() -> None:
    report = _report(
        _call("", -1),
        _call("a", 0),
        _mm(1),
        _op("aten.relu.default", 1),
        _mm(0),
        modules=(ROOT, _module("a", params=7)),
    )
    rows = [(row.kind, row.path, row.depth, row.macs, row.macs_total) for row in report.layers]
    assert rows == [("module", "", 0, 0, 32), ("module", "a", 1, 16, 16), ("function", "", 1, 16, 16)]
    assert [row.params_total for row in report.layers] == [7, 7, 0]
    assert [row.memory.allocated_bytes for row in report.layers] == [0, 32, 16]


def test_a_model_of_functions_alone_shows_them_but_a_single_torch_layer_is_one_row() -> None:
    own = _report(_call("", -1), _mm(0), modules=(_module("", builtin=False),))
    assert [row.kind for row in own.layers] == ["module", "function"]
    torchs = _report(_call("", -1), _mm(0), modules=(_module("", builtin=True),))
    assert [(row.kind, row.macs) for row in torchs.layers] == [("module", 16)]


def test_an_operator_without_a_rule_makes_all_above_it_a_bound_and_is_named() -> None:
    odd = _op("mylib.scan.default", 1)
    report = _report(_call("", -1), _call("a", 0), odd, odd, _mm(0), modules=(ROOT, _module("a")))
    assert [row.macs_status for row in report.layers] == ["lower_bound", "lower_bound", "exact"]
    assert (report.totals.macs, report.totals.macs_status) == (16, "lower_bound")
    assert [(u.op, u.path, u.count) for u in report.uncounted] == [("mylib.scan.default", "a", 2)]
    assert "mylib.scan.default (2x)" in report.warnings[0].message


def test_silent_operators_are_no_rows_but_their_memory_is_their_parents() -> None:
    report = _report(_call("", -1), _op("aten.zeros.default", 0), modules=(ROOT,))
    assert [(row.path, row.memory.allocated_bytes) for row in report.layers] == [("", 16)]


def test_what_never_ran_stands_under_the_nearest_module_that_did() -> None:
    modules = (
        ROOT,
        _module("a", leaf=False, builtin=False),
        _module("a.spare", leaf=False, container=True),
        _module("a.spare.0", params=3),
        _module("b", params=5),
    )
    report = _report(_call("", -1), _call("a", 0), _mm(1), _call("b", 0), modules=modules)
    rows = [(row.path, row.call, row.depth) for row in report.layers if row.kind == "module"]
    assert rows == [("", 1, 0), ("a", 1, 1), ("a.spare.0", 0, 2), ("b", 1, 1)]
    assert report.totals.params == 8
    assert [(note.code, note.path) for note in report.warnings] == [("never_ran", "a.spare.0")]


def test_a_file_of_weights_is_a_tree_whose_costs_are_unknown() -> None:
    modules = (_module("", leaf=False), _module("a", leaf=False, container=True), _module("a.b", params=3))
    report = _report(modules=modules, ran=False)
    assert [(row.path, row.depth, row.params_total) for row in report.layers] == [
        ("", 0, 3),
        ("a", 1, 3),
        ("a.b", 2, 3),
    ]
    assert {row.macs_status for row in report.layers} == {"unknown"}
    assert (report.totals.macs, report.totals.flops, report.totals.macs_status) == (None, None, "unknown")
    assert report.warnings == ()


def test_a_wide_and_deep_trace_needs_no_recursion() -> None:
    depth = 3_000
    calls = [_call("", -1), *(_call(f"m{i}", i - 1) for i in range(1, depth))]
    modules = (ROOT, *(_module(f"m{i}", leaf=i == depth - 1, params=1) for i in range(1, depth)))
    report = _report(*calls, _mm(depth - 1), modules=modules)
    assert report.layers[0].params_total == depth - 1
    assert report.layers[0].macs_total == 16
    assert report.layers[-1].depth == depth - 1
