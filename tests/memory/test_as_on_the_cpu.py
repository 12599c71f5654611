"""Without data a run has the rows that it has with it: classes one by one, sequences of unequal lengths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import rnn

from convinspect import Report, inspect

from .runs import counted_forward


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


CLASSES: dict[str, Callable[[Tensor], Tensor]] = {
    "so many": lambda x: functional.one_hot(x, 10).float(),
    "as many as there are": functional.one_hot,
    "of what is largest": lambda x: functional.one_hot(functional.one_hot(x, 9).argmax(-1), 9),
    "compared with a table": lambda x: (x[..., None] == torch.arange(10)).float(),
    "compared with itself": lambda x: x[..., None] == x.new_tensor([1, 2]),
}


def on_both(model: nn.Module, *inputs: object) -> tuple[Report, Report]:
    return inspect(model, inputs, device="cpu"), inspect(model, inputs, device="meta")


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("scripted", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_classes_take_the_same_rows(classes: str, *, scripted: bool) -> None:
    x = torch.randint(0, 9, (2, 5))
    plain = Function(CLASSES[classes])
    model = torch.jit.trace(plain, x, check_trace=False) if scripted else plain
    real, fake = on_both(model, x)
    assert fake.run.device == "meta"
    assert fake.layers == real.layers
    assert fake.totals == real.totals
    assert real.totals.memory.inference_peak_bytes == counted_forward(plain, x).peak


def test_a_class_sees_its_own_position() -> None:
    field = inspect(Function(CLASSES["so many"]), (torch.randint(0, 9, (2, 5)),)).layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size) == ("exact", (1,))


def test_after_a_run_torch_has_its_own_kernel_again() -> None:
    on_both(Function(CLASSES["so many"]), torch.tensor([[1]]))
    with pytest.raises(RuntimeError, match="Class values must be smaller than num_classes"):
        functional.one_hot(torch.tensor([7]), 3)


class Inside(nn.Module):
    """Packs, runs both ways and pads again; the longest sequence may not be the first."""

    def __init__(self, total: int | None = None) -> None:
        super().__init__()
        self.layer, self.last = nn.LSTM(5, 4, batch_first=True, bidirectional=True), nn.Linear(8, 2)
        self.total = total

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        padded, count = rnn.pad_packed_sequence(self.layer(packed)[0], batch_first=True, total_length=self.total)
        assert count.tolist() == lengths.tolist()
        return self.last(padded)


@pytest.mark.parametrize("total", [None, 8])
def test_sequences_of_unequal_lengths_run_without_data(total: int | None) -> None:
    real, fake = on_both(Inside(total), torch.rand(3, 6, 5), torch.tensor([3, 6, 2]))
    assert (fake.run.device, fake.failure) == ("meta", None)
    assert fake.layers == real.layers
    assert fake.totals == real.totals
    # Each of 11 steps meets both matrices of four gates, in both directions; then all padded steps a matrix of 8 x 2.
    assert real.totals.macs == 11 * 2 * 16 * (5 + 4) + 3 * (total or 6) * 8 * 2


def test_a_packed_sequence_is_given_without_data() -> None:
    sequence = rnn.pack_sequence([torch.rand(6, 5), torch.rand(3, 5)])
    real, fake = on_both(nn.GRU(5, 4), sequence)
    assert (fake.run.device, fake.failure) == ("meta", None)
    assert (fake.layers, fake.totals) == (real.layers, real.totals)
    assert real.totals.macs == 9 * 12 * (5 + 4)
