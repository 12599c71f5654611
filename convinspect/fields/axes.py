"""Which axes of an input are followed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

SEQUENCE_AXIS = 1
FIRST_SPATIAL_AXIS = 2


def spatial_axes(shape: Sequence[int], dtype: torch.dtype, *, batched: bool = True) -> tuple[int, ...]:
    """Choose the axes of an input whose fields are followed.

    Whole numbers ``(N, L)`` are tokens: the axis after the batch. Anything else has its axes after batch and channels:
    ``(N, C, H, W)`` gives ``(2, 3)``, ``(N, F)`` none. Unbatched inputs have one axis less in front.
    """
    front = 0 if batched else -1
    whole = not (dtype.is_floating_point or dtype.is_complex)
    if whole and len(shape) == SEQUENCE_AXIS + 1 + front:
        return (SEQUENCE_AXIS + front,)
    return tuple(range(FIRST_SPATIAL_AXIS + front, len(shape)))
