"""Tensors that are made of others (sparse, quantised): their bytes everywhere, also on meta, and no rows of theirs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import return_and_correct_aliasing

from convinspect import Report, inspect
from convinspect.trace.training.step import TrainingConfig
from tests.load.forms import quiet
from tests.memory.runs import counted_step, training_step

pytestmark = pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")


class Graph(nn.Module):
    """Two graph convolutions; the adjacency is an input, or a buffer."""

    def __init__(self, adjacency: Tensor | None = None) -> None:
        super().__init__()
        self.l1, self.l2 = nn.Linear(6, 16), nn.Linear(16, 3)
        self.register_buffer("adjacency", adjacency)

    def forward(self, x: Tensor, adjacency: Tensor | None = None) -> Tensor:
        a = self.adjacency if adjacency is None else adjacency
        return torch.sparse.mm(a, self.l2(torch.relu(torch.sparse.mm(a, self.l1(x)))))


LAYOUTS = {"coo": 7 * (2 * 8 + 4), "csr": 8 * 8 + 7 * (8 + 4), "csc": 8 * 8 + 7 * (8 + 4)}


def adjacency(layout: str) -> Tensor:
    dense = torch.eye(7)
    return {"coo": dense.to_sparse, "csr": dense.to_sparse_csr, "csc": dense.to_sparse_csc}[layout]()


def rows(report: Report) -> list[tuple[str, int | None]]:
    assert report.failure is None
    return [(layer.type, layer.macs) for layer in report.layers]


@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_a_sparse_input_weighs_the_same_on_meta_and_has_no_rows(layout: str) -> None:
    given = (torch.rand(7, 6), adjacency(layout))
    real, meta = inspect(Graph(), given), inspect(Graph(), given, device="meta")
    for report in (real, meta):
        assert [(one.name, one.bytes) for one in report.inputs] == [("x", 7 * 6 * 4), ("adjacency", LAYOUTS[layout])]
        assert report.layers[0].type == "Graph"
        # The dense part, and two products with a matrix that stores seven values.
        assert (report.totals.macs, report.totals.macs_status) == (7 * 6 * 16 + 7 * 16 * 3 + 7 * (16 + 3), "exact")
        assert report.totals.memory.training is not None
    assert rows(meta) == rows(real)
    assert meta.totals.memory == real.totals.memory


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_buffer_weighs_its_indices_and_values_on_meta_too(layout: str) -> None:
    model, x = Graph(adjacency(layout)), torch.rand(7, 6)
    real, meta = inspect(model, (x,), optimizer=None), inspect(model, (x,), device="meta", optimizer=None)
    dense = sum(p.numel() * 4 for p in model.parameters())
    for report in (real, meta):
        assert report.totals.weight_bytes == dense + LAYOUTS[layout]
        indices = LAYOUTS[layout] - 7 * 4
        assert report.totals.bytes_by_dtype == {"float32": dense + 7 * 4, "int64": indices}
    assert rows(meta) == rows(real)
    assert meta.totals.memory.weight_bytes == real.totals.memory.weight_bytes


class Halves(torch.Tensor):
    """A weight of float32 that is kept as int8 and a scale, as libraries of quantisation have it."""

    @staticmethod
    def __new__(cls: type[Halves], data: Tensor, scale: Tensor) -> Halves:  # noqa: PYI034 - Self came with Python 3.11
        return torch.Tensor._make_wrapper_subclass(cls, data.shape, dtype=scale.dtype)  # type: ignore[attr-defined]  # noqa: SLF001

    def __init__(self, data: Tensor, scale: Tensor) -> None:
        self.data_, self.scale = data, scale

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["data_", "scale"], None

    @staticmethod
    def __tensor_unflatten__(parts: dict[str, Tensor], _meta: Any, _size: Any, _stride: Any) -> Halves:
        return Halves(parts["data_"], parts["scale"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.ops.aten.detach.default, torch.ops.aten._to_copy.default):  # noqa: SLF001
            plain = {name: value for name, value in kwargs.items() if name != "dtype"}
            made = Halves(func(args[0].data_, **plain), func(args[0].scale, **plain))
            return return_and_correct_aliasing(func, args, kwargs, made)

        def dense(value: Any) -> Any:
            return value.data_ * value.scale if isinstance(value, Halves) else value

        return func(*map(dense, args), **kwargs)


def test_a_wrapped_weight_weighs_what_it_wraps_in_every_line_on_meta_too() -> None:
    model = nn.Sequential(nn.Linear(64, 32, bias=False), nn.ReLU())
    whole = Halves(torch.zeros(32, 64, dtype=torch.int8), torch.ones(32, 1))
    model[0].weight = nn.Parameter(whole, requires_grad=False)
    for device in (None, "meta"):
        report = inspect(model, (torch.rand(3, 64),), device=device, optimizer=None)
        assert report.failure is None
        assert report.totals.bytes_by_dtype == {"int8": 32 * 64, "float32": 32 * 4}
        assert report.totals.weight_bytes == report.totals.memory.weight_bytes == 32 * 64 + 32 * 4
        assert (report.totals.params, report.totals.macs) == (32 * 64, 3 * 32 * 64)


class Recommender(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(1000, 16, sparse=True), nn.Linear(16, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.table(ids))


def test_a_sparse_gradient_weighs_what_the_rows_do_that_were_looked_up() -> None:
    ids, sgd = torch.randint(1000, (50,)), TrainingConfig("sgd")
    step = training_step(Recommender(), ids, config=sgd)
    assert step.gradient_bytes == 50 * (8 + 16 * 4) + (16 * 2 + 2) * 4
    assert step.peak.bytes == counted_step(Recommender(), ids, config=sgd).peak
    # With momentum the optimizer keeps a sparse tensor of its own, which grows by 50 entries a step.
    assert training_step(Recommender(), ids, config=TrainingConfig("momentum")).optimizer_bytes >= step.gradient_bytes


def test_weights_that_are_other_storages_are_said_to_be() -> None:
    table = torch.arange(1000.0)
    pieces = {
        "dense": (table[:2], 2 * 4, 1000 * 4),
        # Two values of the table, three and two indices beside them.
        "csr": (
            torch.sparse_csr_tensor([0, 1, 2], torch.tensor([0, 1]), table[:2], (2, 2), check_invariants=True),
            2 * 4 + 5 * 8,
            4000 + 40,
        ),
        "expanded": (table[:2].clone().expand(600, 2), 600 * 2 * 4, 2 * 4),
    }
    for piece, own, whole in pieces.values():
        model = nn.Module()
        model.register_buffer("piece", piece)
        model.forward = lambda x, held=piece: x + held.to_dense()  # type: ignore[method-assign]
        report = inspect(model, (torch.rand(2),), optimizer=None)
        assert (report.layers[0].buffer_bytes, report.totals.memory.weight_bytes) == (own, whole)
        (note,) = (note for note in report.warnings if note.code == "other_storages")
        small, large = sorted((own, whole))
        assert f"of {small} B" in note.message
        assert f"of {large / 1024:.3f} KiB" in note.message
    assert not [n for n in inspect(nn.Linear(2, 2), (torch.rand(2),)).warnings if n.code == "other_storages"]


def test_a_script_of_a_sparse_matrix_multiplies_what_the_model_does() -> None:
    model, x = Graph(adjacency("coo").coalesce()), torch.rand(7, 6)
    with quiet():
        script = torch.jit.trace(model, (x,))
    for one in (model, script):
        report = inspect(one, (x,), optimizer=None)
        assert (report.totals.macs, report.totals.macs_status) == (7 * 6 * 16 + 7 * 16 * 3 + 7 * (16 + 3), "exact")


class Picking(nn.Module):
    """Some rows of a sparse matrix, in another order: how many elements they store depends on which they are."""

    def __init__(self, rows: list[int]) -> None:
        super().__init__()
        self.register_buffer("matrix", (torch.arange(36.0).reshape(6, 6) % 7 > 3).float().to_sparse())
        self.rows, self.layer = rows, nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sparse.mm(self.matrix.index_select(0, torch.tensor(self.rows)), self.layer(x))


@pytest.mark.parametrize("rows", [[0, 1], [4, 2, 3]])
def test_which_rows_of_a_sparse_matrix_are_taken_counts_on_meta_too(rows: list[int]) -> None:
    model, x = Picking(rows), torch.rand(6, 4)
    stored = int(model.matrix.to_dense()[rows].count_nonzero())
    real, meta = (inspect(model, (x,), device=device) for device in ("cpu", "meta"))
    for report in (real, meta):
        assert (report.totals.macs, report.totals.macs_status) == (6 * 4 * 3 + stored * 3, "exact")
    assert meta.totals.memory == real.totals.memory
    assert meta.run.device == "meta"


@pytest.mark.filterwarnings("ignore:torch")
def test_packed_weights_are_in_memory_on_meta_too() -> None:
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(16, 32)).eval(), {nn.Linear}, torch.qint8)
    real, meta = (inspect(model, (torch.rand(3, 16),), device=device, optimizer=None) for device in (None, "meta"))
    assert real.totals.memory.weight_bytes == meta.totals.memory.weight_bytes == real.totals.weight_bytes
    assert real.totals.memory.inference_peak_bytes == meta.totals.memory.inference_peak_bytes
