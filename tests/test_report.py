"""The report as a JSON document, there and back."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convinspect.errors import UsageError
from convinspect.load import kind_of, load_report
from convinspect.parsing import parse_target
from convinspect.records import (
    Failure,
    GlobalOperator,
    LocalField,
    Measured,
    Note,
    ReceptiveField,
    TensorRecord,
    Unit,
)
from convinspect.report import (
    SCHEMA,
    Layer,
    LayerMemory,
    Model,
    Report,
    Run,
    Shape,
    Tensor,
    Tool,
    TotalMemory,
    Totals,
    TrainingMemory,
    Uncounted,
)
from convinspect.spec import Request

OWN = ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes")
counts = st.integers(0, 2**62)
offsets = st.integers(-(2**31), 2**31)
names = st.text(max_size=6)
shapes = st.lists(st.integers(0, 4096), max_size=4).map(tuple)
statuses = st.sampled_from(["exact", "lower_bound", "unknown"])


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def maybe(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | of


def per_axis(axes: int, of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """``None``, or one entry an axis."""
    return maybe(st.lists(of, min_size=axes, max_size=axes).map(tuple))


def local_fields(axes: int) -> st.SearchStrategy[LocalField]:
    return st.builds(LocalField, **_numbers(axes))


def receptive_fields(axes: int) -> st.SearchStrategy[ReceptiveField]:
    return st.builds(
        ReceptiveField,
        **_numbers(axes),
        input=names,
        axes=st.just(tuple(range(axes))),
        coverage=per_axis(axes, st.floats(0, 1)),
        local=maybe(local_fields(axes)),
        global_via=maybe(st.builds(GlobalOperator, names, names)),
        aligned=st.booleans(),
        status=st.sampled_from(["exact", "upper_bound", "global", "data_dependent", "unknown"]),
    )


def _numbers(axes: int) -> dict[str, st.SearchStrategy[Any]]:
    intervals = per_axis(axes, maybe(st.tuples(offsets, offsets)))
    sizes = per_axis(axes, maybe(counts))
    jumps = per_axis(axes, maybe(offsets | st.sampled_from(["1/2", "-2/3"])))
    starts = per_axis(axes, maybe(offsets))
    return {"size": sizes, "size_min": sizes, "jump": jumps, "start": starts, "center": intervals, "halo": intervals}


def units(axes: int) -> st.SearchStrategy[Unit]:
    box = st.lists(maybe(st.tuples(offsets, offsets)), min_size=axes, max_size=axes).map(tuple)
    followed = st.just(tuple(range(axes)))
    return st.builds(Unit, names, followed, shapes, box, box, maybe(counts), maybe(counts), names)


fields = st.integers(1, 3).flatmap(receptive_fields)
attributes = st.sampled_from(
    [
        {},
        {"kernel_size": (3, 3), "padding": (1, (0, 1)), "groups": 2, "transposed": False, "padding_mode": "zeros"},
        {"pool": "lp", "norm_type": 1.5, "output_size": (5,)},
        {"mode": "nearest", "scale_factor": (2.0, 0.5)},
    ]
)
facts = st.builds(TensorRecord, shapes, names, counts)
layers = st.builds(
    Layer,
    path=names,
    call=counts,
    kind=st.sampled_from(["module", "function"]),
    type=names,
    depth=counts,
    leaf=st.booleans(),
    inputs=tuples(st.builds(Shape, shapes, names)),
    outputs=tuples(facts),
    params=counts,
    trainable_params=counts,
    buffers=counts,
    param_bytes=counts,
    buffer_bytes=counts,
    params_total=counts,
    shared_with=maybe(names),
    macs=maybe(counts),
    macs_total=maybe(counts),
    macs_status=statuses,
    memory=st.builds(LayerMemory, maybe(counts), maybe(counts)),
    receptive_field=maybe(fields),
    attributes=attributes,
).map(lambda layer: replace(layer, trainable_params=min(layer.trainable_params, layer.params)))
training = st.builds(TrainingMemory, names, counts, counts, counts, counts)
measured = st.builds(Measured, counts, counts, counts, counts, counts, st.floats(-100, 100))
memory = st.builds(TotalMemory, counts, counts, maybe(counts), maybe(training), maybe(measured))
totals = st.builds(
    Totals,
    params=counts,
    trainable_params=counts,
    non_trainable_params=counts,
    buffers=counts,
    param_bytes=counts,
    buffer_bytes=counts,
    weight_bytes=counts,
    macs=maybe(counts),
    flops=maybe(counts),
    macs_status=statuses,
    memory=memory,
    bytes_by_dtype=st.dictionaries(names, counts, max_size=3),
)


def added_up(report: Report) -> Report:
    """Return ``report`` with the totals that its rows have."""
    own = {name: sum(getattr(layer, name) for layer in report.layers) for name in OWN}
    known = [layer.macs for layer in report.layers if layer.macs is not None]
    macs = sum(known) if known else None
    return replace(
        report,
        totals=replace(
            report.totals,
            **own,
            non_trainable_params=own["params"] - own["trainable_params"],
            weight_bytes=own["param_bytes"] + own["buffer_bytes"],
            macs=macs,
            flops=None if macs is None else 2 * macs,
        ),
    )


tensors = st.builds(Tensor, names, shapes, names, counts)
reports = st.builds(
    Report,
    tool=st.builds(Tool, names, names, names),
    model=st.builds(
        Model,
        names,
        names,
        st.sampled_from(["python", "torchscript", "export", "weights"]),
        st.sampled_from(["eval", "train"]),
    ),
    run=st.builds(Run, names, names, maybe(counts)),
    inputs=tuples(tensors),
    outputs=tuples(tensors),
    layers=tuples(layers),
    totals=totals,
    warnings=tuples(st.builds(Note, names, names, maybe(names))),
    uncounted=tuples(st.builds(Uncounted, names, names, counts)),
    unit=maybe(st.integers(1, 3).flatmap(units)),
    failure=maybe(st.builds(Failure, names, names, names, maybe(names), maybe(names))),
    graph=st.none() | st.just(()),
    timeline=st.none(),
    units=st.none(),
).map(added_up)


@given(reports)
def test_a_report_comes_back_from_its_document_as_it_was(report: Report) -> None:
    assert Report.from_dict(report.to_dict()) == report
    assert Report.from_dict(json.loads(report.to_json())) == report


@given(reports)
def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    assert report.to_json() == copy.deepcopy(report).to_json()


def document() -> dict[str, Any]:
    layer = Layer(
        path="conv1",
        call=1,
        kind="module",
        type="Conv2d",
        depth=0,
        leaf=True,
        inputs=(Shape((1, 1, 28, 28), "float32"),),
        outputs=(TensorRecord((1, 10, 24, 24), "float32", 23_040),),
        params=260,
        trainable_params=260,
        buffers=0,
        param_bytes=1_040,
        buffer_bytes=0,
        params_total=260,
        shared_with=None,
        macs=144_000,
        macs_total=144_000,
        macs_status="exact",
        memory=LayerMemory(23_040, None),
        receptive_field=ReceptiveField(
            input="x",
            axes=(2, 3),
            size=(5, 5),
            size_min=(5, 5),
            jump=(1, "1/2"),
            start=(0, 0),
            center=((12, 16), (12, 16)),
            coverage=(0.5, 0.5),
            local=None,
            global_via=None,
            aligned=True,
            status="exact",
        ),
    )
    total = Totals(260, 260, 0, 0, 1_040, 0, 1_040, 144_000, 288_000, "exact", TotalMemory(1, 1, None, None, None))
    model = Model("net.py", "Net", "python", "eval")
    report = Report(Tool("0.1.0", "2.13.0", "3.12"), model, Run("cpu", "float32", 1), (), (), (layer,), total, (), ())
    made: dict[str, Any] = json.loads(report.to_json())
    return made


def damaged(place: list[str | int], value: Any) -> dict[str, Any]:
    made = document()
    inner: Any = made
    for step in place[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return made


FIELD = ["layers", 0, "receptive_field"]
UNIT = {"input": "x", "axes": [2], "index": [1], "box": [[1, 2]], "nominal": [None], "cells": None, "padding_cells": 0}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        # Another type than the place asks for; true and false are no numbers.
        (["layers", 0, "params"], "many", "layers[0].params: expected a whole number, got text"),
        (["layers", 0, "params"], True, "layers[0].params: expected a whole number, got true or false"),
        (["layers", 0, "params"], None, "layers[0].params: expected a whole number, got null"),
        (["layers", 0, "params"], 1.5, "layers[0].params: expected a whole number, got a decimal number"),
        (["layers", 0, "kind"], "thing", "layers[0].kind: 'thing' is not known"),
        (["layers", 0, "outputs", 0, "shape", 2], "x", "layers[0].outputs[0].shape[2]: expected a whole number, got"),
        (["layers", 0, "memory"], 7, "layers[0].memory: expected an object, got a whole number"),
        (["layers", 0], [], "layers[0]: expected an object, got a list"),
        (["layers"], {}, "layers: expected a list, got an object"),
        (
            ["totals", "bytes_by_dtype"],
            {"float32": "4"},
            "totals.bytes_by_dtype[...]: expected a whole number, got text",
        ),
        (["totals", "bytes_by_dtype"], [], "totals.bytes_by_dtype: expected an object, got a list"),
        (["run", "batch_size"], "1", "run.batch_size: expected a whole number or null, got text"),
        ([*FIELD, "jump", 0], 0.5, "layers[0].receptive_field.jump[0]: expected a whole number or text or null, got"),
        ([*FIELD, "status"], "maybe", "layers[0].receptive_field.status: 'maybe' is not known"),
        (["failure"], "broken", "failure: expected an object or null, got text"),
        (
            ["layers", 0, "attributes"],
            {"stride": 2},
            "layers[0].attributes.stride: expected a list, got a whole number",
        ),
        (["layers", 0, "attributes"], {"pool": "min"}, "layers[0].attributes.pool: 'min' is not known"),
        (
            ["layers", 0, "attributes"],
            {"padding": [[0]]},
            "layers[0].attributes.padding[0]: expected a list of length 2, got 1",
        ),
        (
            ["layers", 0, "attributes"],
            {"kernel_size": [3, 3], "stride": [1]},
            "layers[0].attributes: expected lists of one length, one entry an axis, got kernel_size 2, stride 1",
        ),
        # Missing.
        (["layers", 0, "depth"], ..., "layers[0].depth: missing"),
        (["totals"], ..., "totals: missing"),
        (["failure"], {"path": "fc", "message": "no"}, "failure.type: missing"),
        # Of the right type, and nothing that can be counted.
        (["layers", 0, "macs"], -1, "layers[0].macs: expected a count >= 0"),
        (["layers", 0, "outputs", 0, "shape", 1], -10, "layers[0].outputs[0].shape[1]: expected a count >= 0"),
        (["totals", "bytes_by_dtype"], {"float32": -4}, "totals.bytes_by_dtype[...]: expected a count >= 0"),
        (["layers", 0, "macs"], 10**4000, "layers[0].macs: a number larger than any that is counted here"),
        ([*FIELD, "start", 0], -(10**4000), "layers[0].receptive_field.start[0]: a number larger than any"),
        ([*FIELD, "coverage", 0], 1.5, "layers[0].receptive_field.coverage[0]: expected a decimal number <= 1.0"),
        ([*FIELD, "coverage", 1], float("nan"), "layers[0].receptive_field.coverage[1]: nan is not a number"),
        ([*FIELD, "coverage", 1], float("inf"), "layers[0].receptive_field.coverage[1]: inf is not a number"),
        ([*FIELD, "jump", 1], "half", "layers[0].receptive_field.jump[1]: expected a fraction such as 1/2"),
        ([*FIELD, "jump", 1], "1/0", "layers[0].receptive_field.jump[1]: expected a fraction such as 1/2"),
        # Half a character is no text.
        (["model", "name"], "Net\ud800", "model.name: 'Net\\ud800' is not text"),
        (["layers", 0, "kind"], "\udfff", "layers[0].kind: '\\udfff' is not text"),
        (["totals", "bytes_by_dtype"], {"\ud800": 1}, "totals.bytes_by_dtype: the key '\\ud800' is not text"),
        # One entry an axis.
        ([*FIELD, "center", 0], [1], "layers[0].receptive_field.center[0]: expected a list of length 2, got 1"),
        (
            [*FIELD, "size"],
            [5],
            "layers[0].receptive_field.size: expected a list of length 2, one entry an axis, got 1",
        ),
        ([*FIELD, "axes"], [1, 2, 3], "layers[0].receptive_field.size: expected a list of length 3, one entry an axis"),
        (["unit"], UNIT | {"box": []}, "unit.box: expected a list of length 1, one entry an axis, got 0"),
        (["graph"], [[0, 0]], "graph[0]: expected two rows, the earlier one first, got 0 and 0"),
        (["graph"], [[-2, 0]], "graph[0]: expected two rows, the earlier one first, got -2 and 0"),
        (["graph"], [[0]], "graph[0]: expected a list of length 2, got 1"),
        # Rows that do not add up.
        (["totals", "params"], 261, "totals.params: expected 260, as the rows add up, got 261"),
        (["layers", 0, "buffer_bytes"], 4, "totals.buffer_bytes: expected 4, as the rows add up, got 0"),
        (["totals", "non_trainable_params"], 1, "totals.non_trainable_params: expected 0, as the rows add up, got 1"),
        (["totals", "weight_bytes"], 0, "totals.weight_bytes: expected 1040, as the rows add up, got 0"),
        (["totals", "macs"], None, "totals.macs: expected 144000, as the rows add up, got null"),
        (["layers", 0, "macs"], None, "totals.macs: expected 0, as the rows add up, got 144000"),
        (["totals", "flops"], 144_000, "totals.flops: expected 288000, as the rows add up, got 144000"),
        (["layers"], 2 * document()["layers"], "totals.params: expected 520, as the rows add up, got 260"),
    ],
)
def test_a_damaged_document_is_refused_with_the_place(place: list[str | int], value: Any, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        Report.from_dict(damaged(place, value))
    assert raised.value.message.startswith(f"a damaged report: {said}")


@pytest.mark.parametrize(
    "other", [None, [], "report", {}, {"schema": None}, {"schema": "convinspect.report/2"}, {"schema": 10**5000}]
)
def test_what_is_not_a_report_is_told_how_to_make_one(other: Any) -> None:
    with pytest.raises(UsageError, match=f"not a {SCHEMA} document") as raised:
        Report.from_dict(other)
    assert "--output report.json" in (raised.value.hint or "")


def test_keys_that_a_later_version_added_are_ignored() -> None:
    made = damaged(["layers", 0, "novelty"], {"any": ["thing", 1, 0.5, None]})
    assert Report.from_dict(made) == Report.from_dict(document())


def test_a_report_that_an_earlier_version_wrote_is_read() -> None:
    made = document()
    del made["layers"][0]["attributes"]
    del (
        made["unit"],
        made["failure"],
        made["graph"],
        made["totals"]["bytes_by_dtype"],
        made["totals"]["memory"]["inference_peak"],
    )
    assert Report.from_dict(made) == Report.from_dict(document())


def saved(path: Path, data: bytes) -> Report:
    path.write_bytes(data)
    assert kind_of(str(path)) == "report"
    return load_report(Request(parse_target(str(path))))


def test_a_byte_order_mark_before_a_saved_report_says_nothing(tmp_path: Path) -> None:
    text = json.dumps(document()).encode()
    assert saved(tmp_path / "report.json", b"\xef\xbb\xbf" + text) == saved(tmp_path / "plain.json", text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b'"params": 260', b'"params": 260, "params": 260'),
        (b'"coverage": [', b'"coverage": [NaN, '),
        (b'"macs": 144000', b'"macs": 144' + b"0" * 4400),
        (b'"type": "Conv2d"', b'"type": "\\ud800"'),
    ],
)
def test_a_file_that_no_reader_of_json_agrees_on_is_refused_by_its_name(
    tmp_path: Path, written: bytes, said: bytes
) -> None:
    text = json.dumps(document()).encode()
    assert written in text
    with pytest.raises(UsageError, match=r"report\.json: (damaged JSON|a damaged report)"):
        saved(tmp_path / "report.json", text.replace(written, said, 1))


def test_a_failure_stands_in_the_document_and_is_told_in_one_line() -> None:
    failure = {"path": "fc", "type": "Linear", "message": "Linear expected 3", "expected": "3", "got": None}
    report = Report.from_dict(damaged(["failure"], failure))
    # What an earlier version did not write is not known.
    assert report.to_dict()["failure"] == {**failure, "op": None}
    assert list(report.to_dict())[-5:] == ["unit", "failure", "graph", "timeline", "units"]
    assert report.stopped == "fc: Linear expected 3"
    assert replace(report, failure=Failure("", "Net", "Net raised")).stopped == "in forward: Net raised"
    assert Report.from_dict(document()).stopped is None


def test_the_document_is_what_its_text_reads_as() -> None:
    report = Report.from_dict(document())
    assert report.to_dict() == json.loads(report.to_json()) == document()


def test_reading_a_report_needs_neither_torch_nor_rich() -> None:
    program = "import sys, convinspect.report; print({'torch', 'numpy', 'rich', 'click'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
