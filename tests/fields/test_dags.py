"""Random networks of many operators: every element of every result, against NaN propagation and against gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from .dags import Dag, make_dag
from .oracle import EMPTY, claimed, randn, true_hulls_of_all, watch_all

QUICK, LONG = 50, 1000


def check(dag: Dag, seed: int) -> None:
    x = randn(*dag.shape)
    axes = tuple(range(2, x.dim()))
    outs, tracker = watch_all(dag, x)
    assert not tracker.unknown_ops
    truth = true_hulls_of_all(dag, x, axes)
    for number, (out, hulls) in enumerate(zip(outs, truth, strict=True)):
        claim = claimed(tracker, out)
        if not claim:
            assert all((hull.lo == EMPTY).all() for hull in hulls)
            continue
        for axis, mine, real in zip(axes, claim, hulls, strict=True):
            where = f"seed {seed}, step {number} ({dag.steps[number][0]}), axis {axis}"
            assert (mine.lo == real.lo).all(), f"{where}\n{mine.lo}\n{real.lo}"
            assert (mine.hi == real.hi).all(), f"{where}\n{mine.hi}\n{real.hi}"


@pytest.mark.parametrize("seed", range(QUICK))
def test_a_random_network_is_followed_exactly(seed: int) -> None:
    check(make_dag(seed), seed)


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(20))
def test_a_thousand_random_networks_are_followed_exactly(block: int) -> None:
    for seed in range(QUICK + block * LONG // 20, QUICK + (block + 1) * LONG // 20):
        check(make_dag(seed), seed)


@pytest.mark.parametrize("seed", range(8))
def test_what_a_gradient_reaches_lies_inside_the_field(seed: int) -> None:
    dag = make_dag(seed)
    x = randn(*dag.shape)
    outs, tracker = watch_all(dag, x)
    claim = claimed(tracker, outs[-1])
    x.requires_grad_()
    out = dag(x)[-1]
    rng = np.random.default_rng(seed)
    for _ in range(10):
        unit = tuple(int(rng.integers(n)) for n in out.shape)
        if not out.requires_grad:
            return
        (gradient,) = torch.autograd.grad(out[unit], x, retain_graph=True)
        for axis, mine in zip(range(2, x.dim()), claim, strict=True):
            others = tuple(dim for dim in range(x.dim()) if dim != axis)
            reached = np.flatnonzero((gradient != 0).sum(others).numpy())
            if reached.size:
                assert mine.lo[unit] <= reached[0]
                assert reached[-1] <= mine.hi[unit]
