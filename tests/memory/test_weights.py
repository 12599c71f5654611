"""What weights weigh: by storage, in their own dtypes, packed, sparse or pruned."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from convinspect.records import TotalMemory, Trace
from tests.memory.runs import traced


def weight_bytes(model: nn.Module, x: Tensor) -> int:
    return memory_of(traced(model, x)).weight_bytes


def memory_of(found: Trace) -> TotalMemory:
    assert found.memory is not None, found.failure
    return found.memory


def rows(found: Trace) -> int:
    """Return the bytes of the modules' own weights, tied ones once."""
    own = (weight for module in found.modules for weight in (*module.params, *module.buffers))
    return sum(weight.bytes for weight in own if weight.tied_to is None)


@pytest.mark.parametrize(("dtype", "size"), [(torch.bfloat16, 2), (torch.float16, 2), (torch.float64, 8)])
def test_every_dtype_has_its_own_size(dtype: torch.dtype, size: int) -> None:
    found = traced(nn.Linear(64, 32).to(dtype), torch.rand(2, 64, dtype=dtype))
    assert memory_of(found).weight_bytes == rows(found) == (64 * 32 + 32) * size


class Quantised(nn.Module):
    """Keeps its weight in int8 and its scale in float32, as language models are shipped."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(32, 64, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(32, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x @ (self.weight * self.scale).t()


def test_an_int8_buffer_weighs_a_byte_an_element() -> None:
    found = traced(Quantised(), torch.rand(2, 64))
    assert memory_of(found).weight_bytes == rows(found) == 32 * 64 + 32 * 4


def test_a_tied_weight_weighs_once() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    model[1].weight = model[0].weight
    assert weight_bytes(model, torch.rand(2, 64)) == (64 * 64 + 2 * 64) * 4


def test_parameters_in_one_storage_weigh_what_the_storage_does() -> None:
    flat = torch.rand(64 * 64 + 64 + 100)
    model = nn.Linear(64, 64)
    model.weight = nn.Parameter(flat[: 64 * 64].view(64, 64))
    model.bias = nn.Parameter(flat[64 * 64 : 64 * 64 + 64])
    # 100 elements at its end belong to nobody, and are allocated all the same.
    assert weight_bytes(model, torch.rand(2, 64)) == flat.numel() * 4


def test_an_expanded_parameter_weighs_one_row() -> None:
    model = nn.Linear(64, 64, bias=False)
    model.weight = nn.Parameter(torch.rand(1, 64).expand(64, 64))
    assert weight_bytes(model, torch.rand(2, 64)) == 64 * 4


def test_a_pruned_weight_weighs_its_original_and_its_mask() -> None:
    model = nn.Linear(64, 64, bias=False)
    prune.l1_unstructured(model, "weight", amount=0.5)
    found = traced(model, torch.rand(2, 64))
    assert memory_of(found).weight_bytes == rows(found) == 2 * 64 * 64 * 4


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(64).to_sparse(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sparse.mm(self.weight, x.t())


def test_a_sparse_parameter_weighs_its_indices_and_values() -> None:
    found = traced(Sparse(), torch.rand(2, 64))
    assert memory_of(found).weight_bytes == rows(found) == 64 * 2 * 8 + 64 * 4


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_dynamically_quantised_layer_weighs_its_packed_weight() -> None:
    plain = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
    model = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear}, dtype=torch.qint8)
    found = traced(model, torch.rand(2, 64))
    assert memory_of(found).weight_bytes == rows(found) == (64 * 32 + 32 * 8) + (32 + 8) * 4
    assert memory_of(found).inference_peak is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantised_convolution_weighs_its_scales_too() -> None:
    if not {"fbgemm", "x86"} & set(torch.backends.quantized.supported_engines):
        pytest.skip("this build of torch quantises no convolutions")
    quantization = torch.ao.quantization
    model = nn.Sequential(quantization.QuantStub(), nn.Conv2d(3, 8, 3), quantization.DeQuantStub()).eval()
    model.qconfig = quantization.get_default_qconfig("fbgemm")
    x = torch.rand(1, 3, 8, 8)
    quantization.prepare(model, inplace=True)(x)
    quantization.convert(model, inplace=True)
    found = traced(model, x)
    # int8 weights; a float32 bias, a float64 scale and an int64 zero point a channel; the stub's scale and zero.
    assert memory_of(found).weight_bytes == rows(found) == 8 * 3 * 3 * 3 + 8 * (4 + 8 + 8) + 4 + 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantised_lstm_weighs_the_same_before_and_after_a_copy() -> None:
    plain = nn.Sequential(nn.LSTM(8, 16, 2))
    model = torch.ao.quantization.quantize_dynamic(plain, {nn.LSTM}, dtype=torch.qint8)
    expected = sum(4 * 16 * (inputs + 16) for inputs in (8, 16)) + 2 * 2 * 64 * 4
    x = torch.rand(3, 2, 8)
    assert weight_bytes(model, x) == weight_bytes(copy.deepcopy(model), x)
    assert weight_bytes(model, x) >= expected


def test_a_script_weighs_what_its_source_does() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(model)
    x = torch.rand(1, 3, 8, 8)
    assert weight_bytes(script, x) == weight_bytes(model, x)
