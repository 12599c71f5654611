"""Every row and every output of finished reports against NaN propagation, whatever the layout of the input."""

from __future__ import annotations

import pytest
import torch

from .layouts import NETS, Case
from .mixed import MIXED
from .oracle import randn
from .rows import check_rows
from .units import check_units


@pytest.mark.parametrize("case", NETS, ids=lambda case: case.name)
def test_every_row_sees_what_nan_propagation_says(case: Case) -> None:
    torch.manual_seed(0)
    check_rows(case.make(), randn(*case.shape), case.axes, channels=case.channels)


@pytest.mark.parametrize("case", MIXED, ids=lambda case: case.name)
def test_every_unit_of_every_row_sees_what_nan_propagation_says(case: Case) -> None:
    torch.manual_seed(0)
    check_units(case.make(), randn(*case.shape), case.axes)
