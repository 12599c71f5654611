"""Every operator that multiplies and adds has a receptive field, and it is that of plain code which does the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, ao, nn

from convinspect import inspect
from convinspect.fields.rules import RULES
from convinspect.ops.operators import _operators

from .multiplying import attention, convolutions, products, recurrent
from .multiplying.calls import Case, assert_truth, operator

CASES = [*convolutions.CASES, *attention.CASES, *products.CASES, *recurrent.CASES]


def multiplying() -> set[str]:
    """Name the operators that have a MAC rule."""
    return {name for name, one in _operators.entries.items() if callable(one.macs)}


def test_every_operator_with_a_mac_rule_has_a_field_and_a_truth() -> None:
    rules = multiplying()
    assert len(rules) > 100
    assert [name for name in sorted(rules) if RULES.find(name) is None] == []
    assert rules - {name for case in CASES for name in case.names} == set()


def identified() -> list[Any]:
    calls = [(case, name) for case in CASES for name in case.names]
    return [pytest.param(case, name, id=f"{number}-{name}") for number, (case, name) in enumerate(calls)]


@pytest.mark.parametrize(("case", "name"), identified())
def test_the_field_is_that_of_plain_code(case: Case, name: str) -> None:
    if operator(name, {}) is None:
        pytest.skip(f"no {name} here")
    assert_truth(case, name)


class Quantised(nn.Module):
    """Two convolutions of quantised numbers, a pool, and a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.quantise, self.dequantise = ao.quantization.QuantStub(), ao.quantization.DeQuantStub()
        self.first, self.pool, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3)
        self.sum = ao.nn.quantized.FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.pool(self.first(self.quantise(x))))
        return self.dequantise(torch.cat([self.sum.add(y, y), y], 1))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # torch means to take this away
def test_a_quantised_network_has_the_fields_of_the_plain_one() -> None:
    x = torch.rand(1, 3, 16, 16)
    model = Quantised().eval()
    plain = inspect(model, (x,), optimizer=None).layers[0].receptive_field
    model.qconfig = ao.quantization.get_default_qconfig("fbgemm")
    ao.quantization.prepare(model, inplace=True)(x)
    ao.quantization.convert(model, inplace=True)
    report = inspect(model, (x,), optimizer=None)
    assert plain is not None
    assert plain.size == (8, 8)
    assert report.layers[0].receptive_field == plain
    assert report.totals.macs == 8 * 3 * 9 * 16 * 16 + 4 * 8 * 9 * 6 * 6
