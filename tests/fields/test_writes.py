"""Writes through views, in any order: what the base and every other view then depend on."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from .oracle import assert_exact, randn

ROUNDS = 6


def random_view(rng: random.Random, base: Tensor) -> Tensor:
    """Slice, transpose, select or reshape, a few times."""
    view = base
    for _ in range(rng.randint(1, 3)):
        kind = rng.choice(["slice", "slice", "step", "transpose", "select", "view", "unsqueeze"])
        if kind == "transpose" and view.dim() > 1:
            view = view.transpose(*rng.sample(range(view.dim()), 2))
        elif kind == "select" and view.dim() > 2:
            dim = rng.randrange(view.dim())
            view = view.select(dim, rng.randrange(view.shape[dim]))
        elif kind == "view" and view.is_contiguous():
            view = view.flatten(-2) if view.dim() > 1 else view
        elif kind == "unsqueeze":
            view = view.unsqueeze(rng.randint(0, view.dim()))
        else:
            dim = rng.randrange(view.dim())
            start = rng.randrange(view.shape[dim])
            stop = rng.randint(start + 1, view.shape[dim])
            step = rng.randint(1, 2) if kind == "step" else 1
            view = view[(slice(None),) * dim + (slice(start, stop, step),)]
    return view


def scribble(seed: int, x: Tensor) -> Tensor:
    """Write parts of ``x`` into views of something, over and over."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    base = torch.zeros_like(x) if rng.random() < 0.5 else x * 1
    kept = [random_view(rng, base) for _ in range(2)]
    for _ in range(ROUNDS):
        view = random_view(rng, base)
        kind = rng.choice(["copy", "copy", "add", "zero", "scale"])
        if kind == "zero":
            view.zero_()
        elif kind == "scale":
            view.mul_(2.0)
        else:
            # A value for each of its elements, from somewhere in x.
            picked = x.flatten().roll(rng.randint(0, 7))[: view.numel()].view(view.shape)
            view.copy_(picked) if kind == "copy" else view.add_(picked)
    parts = [base, *kept, random_view(rng, base)]
    return torch.cat([part.flatten() for part in parts])


def test_an_output_argument_forgets_what_it_held() -> None:
    def function(x: Tensor) -> Tensor:
        held, constant = x * 1, torch.ones(1, 2, 4, 6, dtype=x.dtype)
        torch.add(x.flip(2), 1, out=held)
        gone = x * 1
        torch.add(constant, 1, out=gone)
        return torch.cat([held, gone], 1)

    assert_exact(function, randn(1, 2, 4, 6))


@pytest.mark.parametrize("seed", range(60))
def test_writes_through_random_views_are_followed_exactly(seed: int) -> None:
    assert_exact(lambda x: scribble(seed, x), randn(1, 2, 4, 6))
