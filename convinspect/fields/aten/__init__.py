"""Rules for torch's own operators; importing this package registers them."""

from __future__ import annotations

from convinspect.fields.aten import (
    attention,
    constants,
    convolution,
    indexing,
    joining,
    matmul,
    normalization,
    padding,
    pooling,
    recurrent,
    reductions,
    resizing,
    sampling,
    shuffles,
    views,
)

__all__ = [
    "attention",
    "constants",
    "convolution",
    "indexing",
    "joining",
    "matmul",
    "normalization",
    "padding",
    "pooling",
    "recurrent",
    "reductions",
    "resizing",
    "sampling",
    "shuffles",
    "views",
]
