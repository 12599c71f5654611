"""What is alive, and for how long: storages, not tensors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convinspect.records import ModuleCall, OpCall, Trace
from sample_models.inplace import InPlace, OutOfPlace
from tests.memory.allocator import count
from tests.memory.runs import counted_forward, inference_peak, traced

KIB = 1024


def allocated(found: Trace) -> dict[str, int | None]:
    return {call.op: call.allocated_bytes for call in found.calls if isinstance(call, OpCall)}


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def test_views_and_in_place_operators_allocate_nothing() -> None:
    found = traced(Function(lambda x: (x + 1).view(-1)[4:].relu_().t_().add_(1)), torch.rand(16, 16))
    new = allocated(found)
    assert new.pop("aten.add.Tensor") == KIB
    assert len(new) == 5
    assert set(new.values()) == {0}


def test_a_tensor_is_gone_when_python_drops_it() -> None:
    def two_at_a_time(x: Tensor) -> Tensor:
        for _ in range(10):
            x = x + 1
        return x

    # The input, which the caller holds, the last result and the next one.
    assert inference_peak(Function(two_at_a_time), torch.rand(256)) == 3 * KIB


def test_a_view_keeps_its_whole_storage_alive() -> None:
    def first_of_each(x: Tensor) -> list[Tensor]:
        return [(x + i)[:1] for i in range(4)]

    found = traced(Function(first_of_each), torch.rand(256))
    assert found.memory is not None
    assert found.memory.inference_peak is not None
    assert found.memory.inference_peak.bytes == 5 * KIB


def resized(x: Tensor) -> Tensor:
    y = x.exp()
    y.resize_(512)
    return y.sin()


def set_to_another(x: Tensor) -> Tensor:
    y, z = x.exp(), torch.ones(512)
    y.set_(z)
    return y.exp()


def into_lists(x: Tensor) -> Any:
    parts = list(torch.split(x.exp(), 64))
    return {"parts": parts, "stacked": (torch.stack(parts), {"last": parts[-1].exp()})}


def many_small_ones(x: Tensor) -> Tensor:
    return torch.cat([x.unbind()[i].reshape(1).exp() for i in range(8)])


def with_out_argument(x: Tensor) -> Tensor:
    y = torch.empty(0)
    return torch.exp(x, out=y)


@pytest.mark.parametrize("function", [resized, set_to_another, into_lists, many_small_ones, with_out_argument])
def test_odd_ways_with_storages_need_what_the_allocator_counts(function: Callable[[Tensor], Any]) -> None:
    model, x = Function(function), torch.rand(256)
    assert inference_peak(model, x) == counted_forward(model, x).peak


def test_scripts_free_their_tensors_in_c_plus_plus() -> None:
    class Chain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x.exp()
            z = y.cos()
            w = z.exp()
            return w.sin()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(Chain())
    x = torch.rand(256)
    with torch.jit.optimized_execution(should_optimize=False), torch.no_grad():
        script(x)
        counted = count(lambda: script(x))
    assert inference_peak(script, x) == KIB + counted.peak == 3 * KIB


def test_sparse_tensors_weigh_their_indices_and_values() -> None:
    def through_sparse(x: Tensor) -> Tensor:
        return x.to_sparse().to_dense()

    found = allocated(traced(Function(through_sparse), torch.eye(8)))
    assert found["aten._to_sparse.default"] == 8 * 2 * 8 + 8 * 4
    # Eight non-zero values with two int64 indices each; the dense copy.
    assert found["aten._to_dense.default"] == 8 * 8 * 4


def test_in_place_needs_less_and_the_report_says_where() -> None:
    x = torch.rand(1, 3, 32, 32)
    saving, plain = traced(InPlace(), x), traced(OutOfPlace(), x)
    assert saving.memory is not None
    assert plain.memory is not None
    assert saving.memory.inference_peak is not None
    assert plain.memory.inference_peak is not None
    # At relu1 the plain net has the convolution's result and the activation's, of 16 x 32 x 32 each; the saving one
    # has its peak at the pooling that follows.
    first, second = 16 * 32 * 32 * 4, 16 * 16 * 16 * 4
    assert plain.memory.inference_peak.path == "relu1"
    assert saving.memory.inference_peak.path == "pool1"
    assert saving.memory.inference_peak.bytes == plain.memory.inference_peak.bytes - first + second
    assert {row.path: row.bytes for row in plain.memory.inference_peak.alive if row.kind == "activations"} == {
        "conv1": first,
        "relu1": first,
    }


def test_the_input_stays_with_the_caller() -> None:
    found = traced(nn.Sequential(nn.Linear(256, 1), nn.Linear(1, 1)), torch.rand(1, 256))
    assert found.memory is not None
    assert found.memory.inference_peak is not None
    assert found.memory.inference_peak.by_kind["inputs"] == KIB


def test_constants_of_a_model_are_there_from_the_start() -> None:
    constant = torch.rand(1024)
    assert inference_peak(Function(lambda x: (x + 1)[:1] + constant), torch.rand(256)) == 4 * KIB + KIB + 4 * KIB + KIB


def test_a_run_that_allocates_nothing_has_its_peak_before_it() -> None:
    found = traced(Function(lambda x: x.view(-1)), torch.rand(16, 16))
    assert found.memory is not None
    assert found.memory.inference_peak is not None
    assert found.memory.inference_peak.bytes == KIB
    assert found.memory.inference_peak.op is None


def test_a_forward_that_stops_has_no_peak() -> None:
    found = traced(Function(lambda x: x @ torch.rand(3, 3)), torch.rand(16, 16))
    assert found.failure is not None
    assert found.memory is None


def test_every_operator_knows_what_it_allocated() -> None:
    found = traced(OutOfPlace(), torch.rand(1, 3, 32, 32))
    assert all(call.allocated_bytes is not None for call in found.calls if isinstance(call, OpCall))
    assert all(call.saved_bytes is None for call in found.calls if isinstance(call, ModuleCall))
