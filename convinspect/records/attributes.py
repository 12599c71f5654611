"""What a layer is, beside its shapes: the geometry and the sizes that its operator ran with."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from convinspect.records.numbers import Count

PoolKind: TypeAlias = Literal["max", "avg", "lp", "fractional"]
# A crop is a negative amount.
Padding: TypeAlias = int | tuple[int, int]


def sides(padding: Padding) -> tuple[int, int]:
    """Return how much stands before and after an axis."""
    return padding if isinstance(padding, tuple) else (padding, padding)


class Attributes(TypedDict, total=False):
    """The settings of one layer by torch's own names; a key that does not apply to its operator is left out.

    Lists have one entry for each axis of the window, first axis first. ``padding`` is how much stands before *and*
    after each axis, a pair ``(before, after)`` where the two differ. ``output_size`` is what an adaptive or fractional
    pool gives, and an interpolation that was not asked for a ``scale_factor``.
    """

    kernel_size: tuple[Count, ...]
    stride: tuple[Count, ...]
    padding: tuple[Padding, ...]
    dilation: tuple[Count, ...]
    output_padding: tuple[Count, ...]
    groups: Count
    in_channels: Count
    out_channels: Count
    transposed: bool
    padding_mode: str
    value: float
    pool: PoolKind
    norm_type: float
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int
    output_size: tuple[Count, ...]
    mode: str
    scale_factor: tuple[float, ...]
    align_corners: bool
    antialias: bool
    in_features: Count
    out_features: Count
    bias: bool
    num_features: Count
    num_groups: Count
    normalized_shape: tuple[Count, ...]
    affine: bool
    num_embeddings: Count
    embedding_dim: Count
    num_heads: Count
    head_dim: Count
    embed_dim: Count
    input_size: Count
    hidden_size: Count
    proj_size: Count
    num_layers: Count
    bidirectional: bool
    inplace: bool


PER_AXIS = ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "scale_factor")
