"""The report as a JSON document, there and back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convinspect.errors import UsageError
from convinspect.records import GlobalOperator, LocalField, Measured, Note, ReceptiveField, TensorRecord
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

counts = st.integers(0, 2**62)
offsets = st.integers(-(2**31), 2**31)
names = st.text(max_size=6)
shapes = st.lists(st.integers(0, 4096), max_size=4).map(tuple)
statuses = st.sampled_from(["exact", "lower_bound", "unknown"])


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def maybe(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | of


sizes = maybe(tuples(maybe(offsets)))
jumps = maybe(tuples(maybe(counts | st.sampled_from(["1/2", "2/3"]))))
centers = maybe(tuples(maybe(st.tuples(offsets, offsets))))
shares = maybe(tuples(st.floats(0, 1)))
gates = st.builds(GlobalOperator, names, names)
near = st.builds(LocalField, sizes, sizes, jumps, sizes, centers)
fields = st.builds(
    ReceptiveField,
    input=names,
    axes=tuples(st.integers(0, 4)),
    size=sizes,
    size_min=sizes,
    jump=jumps,
    start=sizes,
    center=centers,
    coverage=shares,
    local=maybe(near),
    global_via=maybe(gates),
    aligned=st.booleans(),
    status=st.sampled_from(["exact", "upper_bound", "global", "data_dependent", "unknown"]),
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
)
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
)


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


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (["layers", 0, "params"], "many", r"layers\[0\]\.params: 'many'"),
        (["layers", 0, "params"], True, r"layers\[0\]\.params: True"),
        (["layers", 0, "params"], None, r"layers\[0\]\.params"),
        (["layers", 0, "params"], 1.5, r"layers\[0\]\.params"),
        (["layers", 0, "kind"], "thing", r"layers\[0\]\.kind: 'thing' is not 'module' or 'function'"),
        (["layers", 0, "outputs", 0, "shape", 2], "x", r"layers\[0\]\.outputs\[0\]\.shape\[2\]"),
        (["layers", 0, "receptive_field", "center", 0], [1], r"layers\[0\]\.receptive_field\.center\[0\]"),
        (["layers", 0, "receptive_field", "jump", 0], 0.5, r"layers\[0\]\.receptive_field\.jump\[0\]"),
        (["layers", 0, "receptive_field", "status"], "maybe", r"layers\[0\]\.receptive_field\.status"),
        (["layers", 0, "memory"], 7, r"layers\[0\]\.memory: expected an object"),
        (["layers", 0], [], r"layers\[0\]: expected an object"),
        (["layers"], {}, r"layers: expected a list"),
        (["layers", 0, "depth"], ..., r"layers\[0\]\.depth: missing"),
        (["totals"], ..., r"totals: missing"),
        (["totals", "bytes_by_dtype"], {"float32": "4"}, r"totals\.bytes_by_dtype\.float32"),
        (["totals", "bytes_by_dtype"], [], r"totals\.bytes_by_dtype"),
        (["run", "batch_size"], "1", r"run\.batch_size"),
    ],
)
def test_a_damaged_document_is_refused_with_the_place(place: list[str | int], value: Any, named: str) -> None:
    with pytest.raises(UsageError, match=f"a damaged report: {named}"):
        Report.from_dict(damaged(place, value))


@pytest.mark.parametrize("other", [None, [], "report", {}, {"schema": None}, {"schema": "convinspect.report/2"}])
def test_what_is_not_a_report_is_told_how_to_make_one(other: Any) -> None:
    with pytest.raises(UsageError, match=f"not a {SCHEMA} document") as raised:
        Report.from_dict(other)
    assert "--output report.json" in (raised.value.hint or "")


def test_keys_that_a_later_version_added_are_ignored() -> None:
    made = damaged(["layers", 0, "novelty"], 1)
    assert Report.from_dict(made) == Report.from_dict(document())
