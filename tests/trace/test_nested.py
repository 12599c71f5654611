"""Nested tensors are their values, packed: they cost what each tensor inside costs, or it is said what is unknown."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
LENGTHS = (3, 5, 1)


def _jagged(width: int) -> Tensor:
    made: Tensor = torch.nested.nested_tensor([torch.rand(n, width) for n in LENGTHS], layout=torch.jagged)
    return made


class Packs(nn.Module):
    """Cuts sequences of several lengths out of a batch, and gives them back padded."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.LayerNorm(16), nn.Linear(16, 4))

    def forward(self, x: Tensor) -> Tensor:
        rows = [x[i, :length] for i, length in enumerate(LENGTHS)]
        out: Tensor = self.layers(torch.nested.nested_tensor(rows, layout=torch.jagged)).to_padded_tensor(0.0)
        return out


@pytest.mark.parametrize("device", [None, "meta"])
def test_what_a_model_packs_costs_its_elements_alone(device: str | None) -> None:
    report = inspect(Packs(), torch.rand(3, 6, 8), device=device)
    first = next(layer for layer in report.layers if layer.path == "layers.0")
    assert first.outputs[0].shape == (sum(LENGTHS), 16)
    assert first.macs == sum(LENGTHS) * 8 * 16
    assert (report.totals.macs, report.totals.macs_status) == (sum(LENGTHS) * (8 * 16 + 16 * 4), "exact")
    assert report.outputs[0].shape == (3, max(LENGTHS), 4)
    assert report.failure is None


@pytest.mark.parametrize("device", [None, "meta"])
def test_a_jagged_input_is_its_values(device: str | None) -> None:
    report = inspect(nn.Sequential(nn.Linear(8, 4), nn.ReLU()), _jagged(8), device=device)
    assert [tensor.shape for tensor in (*report.inputs, *report.outputs)] == [(9, 8), (9, 4)]
    assert report.totals.macs == 9 * 8 * 4
    assert report.totals.memory.inference_peak_bytes == 4 * (36 + 9 * 8 + 9 * 4 + 9 * 4)
    training = report.totals.memory.training
    assert training is not None
    assert training.gradient_bytes == 36 * 4


def _strided(x: Tensor) -> Tensor:
    made: Tensor = torch.nested.nested_tensor([x[i, :length] for i, length in enumerate(LENGTHS)])
    return made


class Strided(nn.Module):
    """A layer on sequences of several lengths, and the scores of each with itself."""

    def __init__(self, *, scores: bool) -> None:
        super().__init__()
        self.layer, self.scores = nn.Linear(8, 4), scores

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x if x.is_nested else _strided(x))
        out = torch.bmm(out, out.transpose(1, 2)) if self.scores else out
        padded: Tensor = out.to_padded_tensor(0.0)
        return padded


@pytest.mark.parametrize("device", [None, "meta"])
@pytest.mark.parametrize("given_nested", [True, False])
@pytest.mark.parametrize("scores", [True, False])
def test_the_strided_layout_costs_what_each_sequence_costs(
    *, scores: bool, given_nested: bool, device: str | None
) -> None:
    model, x = Strided(scores=scores), torch.rand(3, 6, 8)
    given = _strided(x) if given_nested else x
    report = inspect(model, given, device=device)
    assert report.failure is None
    alone = [model.layer.out_features * n * (8 + (n if scores else 0)) for n in LENGTHS]
    assert (report.totals.macs, report.totals.macs_status) == (sum(alone), "exact")
    assert report.inputs[0].shape == ((sum(LENGTHS), 8) if given_nested else (3, 6, 8))
    assert [output.shape for output in report.outputs] == [tuple(model(given).shape)]
    assert report.totals.params == 36
    assert report.totals.memory.training is not None
    unknown = [note.message for note in report.warnings if note.code == "field_unknown"]
    assert ["_nested_tensor_from_tensor_list" in message for message in unknown] == ([] if given_nested else [True])


def test_what_a_nested_tensor_and_a_plain_one_cost_together_is_not_known() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            packed = _strided(x)  # torch takes one by its fast path alone
            out: Tensor = self.attention(packed, packed, packed, need_weights=False)[0].to_padded_tensor(0.0)
            return out

    model, x = Attends(), torch.rand(3, 6, 8)
    report = inspect(model, x)
    assert report.failure is None
    assert [output.shape for output in report.outputs] == [(3, max(LENGTHS), 8)]
    assert report.totals.macs_status != "exact"
    assert [row.op for row in report.uncounted] == ["aten._native_multi_head_attention.default"]


@pytest.mark.parametrize("device", [None, "meta"])
def test_an_encoder_with_a_padding_mask_packs_nothing(device: str | None) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)

        def forward(self, x: Tensor) -> Tensor:
            mask = torch.zeros(x.shape[:2], dtype=torch.bool)
            mask[0, 3:] = True
            out: Tensor = self.encoder(x, src_key_padding_mask=mask)
            return out

    report = inspect(Encoder().eval(), torch.rand(3, 6, 8), device=device)
    products = 3 * 6 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 3 * 6 * 6 * 8
    assert (report.totals.macs, report.totals.macs_status) == (2 * products, "exact")
    assert report.failure is None
