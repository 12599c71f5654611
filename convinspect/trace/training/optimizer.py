"""The optimizer's step: over which parameters it must go to show its peak, and what it keeps of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from convinspect.spec import OptimizerName
from convinspect.tensors.describe import tensors_in


def kind_of(parameter: nn.Parameter) -> tuple[Any, ...]:
    """Return what two parameters share whose updates allocate the same, and whose states weigh the same."""
    gradient = parameter.grad
    if gradient is None or gradient.layout is not torch.strided:
        return (id(parameter),)
    return tuple((t.shape, t.stride(), t.dtype, t.device) for t in (parameter, gradient))


def optimizer_runs(parameters: Sequence[nn.Parameter], kinds: Sequence[Any]) -> list[list[nn.Parameter]]:
    """Return those runs of ``parameters`` that an optimizer must walk through to show its peak.

    An update's last temporary lives until the next update replaces it, so what is alive in one is told by a parameter
    and the one before it: a pair of kinds that has been there shows nothing new. The first update of a run is the
    second of a pair that has been there, and finds nothing left over: it needs less.
    """
    runs: list[list[nn.Parameter]] = []
    seen: set[tuple[Any, Any]] = set()
    last = -1
    for index, pair in enumerate(pairwise((None, *kinds))):
        if pair in seen:
            continue
        seen.add(pair)
        if last != index - 1 or not runs:
            runs.append([parameters[index - 1]] if index else [])
        runs[-1].append(parameters[index])
        last = index
    return runs


def make_optimizer(name: OptimizerName, runs: Iterable[list[nn.Parameter]], *, foreach: bool) -> torch.optim.Optimizer:
    """Return the optimizer; between two ``runs`` of parameters it drops its temporaries."""
    groups: list[dict[str, Any]] = [{"params": run} for run in runs]
    if name in ("sgd", "momentum"):
        return torch.optim.SGD(groups, lr=1e-3, momentum=0.9 if name == "momentum" else 0.0, foreach=foreach)
    adam = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return adam(groups, lr=1e-3, foreach=foreach)


def states_of(
    optimizer: torch.optim.Optimizer, parameter: torch.Tensor, device: torch.device
) -> Iterator[torch.Tensor]:
    """Return the tensors that the optimizer keeps for ``parameter`` on ``device``."""
    return (tensor for tensor in tensors_in(optimizer.state[parameter]) if tensor.device.type == device.type)
