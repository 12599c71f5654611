"""Nearest interpolation by scale factors that are not the ratio of the sizes, against NaN."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import assert_exact, randn, watch

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


@pytest.mark.parametrize(("scale", "unit"), [(1.1, 4), (2.1, 4)])
def test_same_and_double_size_ignore_the_scale_of_a_small_image(scale: float, unit: int) -> None:
    out, tracker = watch(lambda x: F.interpolate(x, scale_factor=scale, mode="nearest"), randn(1, 4, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.center, field.size) == ("exact", ((unit, unit),) * 2, (1, 1))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.integers(2, 24),
    st.one_of(st.floats(0.3, 3.2), st.sampled_from([1.0, 2.0]).flatmap(lambda s: st.floats(s, s + 0.1))),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1, 4]),
    st.sampled_from(["nearest", "nearest-exact"]),
    st.booleans(),
    st.booleans(),
)
def test_any_scale_factor(length, scale, rank, channels, mode, last, large) -> None:  # noqa: ANN001
    # Beyond a sum of 128 output positions an image runs through another kernel, which does not ignore the scale.
    size = (*((120 if large and rank == 2 else 2,) * (rank - 1)), length)
    factors = (*(1.0,) * (rank - 1), max(scale, 1 / length))

    def resize(x: Tensor) -> Tensor:
        if last and rank > 1:
            x = x.contiguous(memory_format=FORMATS[x.dim()])
        return F.interpolate(x, scale_factor=factors, mode=mode)

    assert_exact(resize, randn(1, channels, *size))


def test_positions_are_rounded_in_single_precision() -> None:
    assert_exact(lambda x: F.interpolate(x, scale_factor=2.6, mode="nearest"), randn(1, 1, 27))
