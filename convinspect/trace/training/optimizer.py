"""The optimizer's step: over which parameters it must go to show its peak, and what it keeps of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn

from convinspect.spec import OptimizerName
from convinspect.tensors.describe import tensors_in


class Kind(NamedTuple):
    """What two parameters share whose updates allocate the same, and whose states weigh the same.

    Those that share ``family`` differ by their ``elements`` alone: what an update allocates grows with them. Parameters
    or gradients with gaps are of none.
    """

    exact: tuple[Any, ...]
    family: tuple[Any, ...] | None
    elements: int


def kind_of(parameter: nn.Parameter) -> Kind:
    """Return the kind of ``parameter``, by itself and its gradient."""
    gradient = parameter.grad
    if gradient is None or gradient.layout is not torch.strided:
        return Kind((id(parameter),), None, 0)
    dtypes = (parameter.dtype, gradient.dtype, parameter.device)
    exact = (*dtypes, parameter.shape, parameter.stride(), gradient.stride())
    plain = parameter.dim() > 0 and parameter.is_contiguous() and gradient.is_contiguous()
    return Kind(exact, dtypes if plain else None, parameter.numel())


def optimizer_runs(
    parameters: Sequence[nn.Parameter], kinds: Sequence[Kind], *, for_peak: bool = False
) -> list[list[nn.Parameter]]:
    """Return those runs of ``parameters`` that an optimizer must walk through to show all that it allocates.

    An update's last temporary lives until the next update replaces it, so what is alive in one is told by a parameter
    and the one before it: a pair of kinds that has been there shows nothing new. The first update of a run is the
    second of a pair that has been there, and finds nothing left over: it needs less. ``for_peak``: only the peak is
    asked for, to which a pair with fewer elements on either side, and no more on the other, adds nothing.
    """
    runs: list[list[nn.Parameter]] = []
    seen: set[Any] = set()
    last = -1
    pairs = list(zip((None, *kinds), kinds, strict=False))
    most = _most_elements(pairs) if for_peak else set()
    for index, (before, kind) in enumerate(pairs):
        sizes = _sizes(before, kind)
        pair = (before and before.exact, kind.exact) if sizes is None or not for_peak else sizes
        if pair in seen or (for_peak and sizes is not None and sizes not in most):
            continue
        seen.add(pair)
        if last != index - 1 or not runs:
            runs.append([parameters[index - 1]] if index else [])
        runs[-1].append(parameters[index])
        last = index
    return runs


_Sizes: TypeAlias = tuple[Any, int, int]


def _sizes(before: Kind | None, kind: Kind) -> _Sizes | None:
    """Return the family of a pair and the elements of both, 0 of none; ``None`` of a pair of more families."""
    if kind.family is None or (before is not None and before.family != kind.family):
        return None
    return kind.family, before.elements if before is not None else 0, kind.elements


def _most_elements(pairs: Iterable[tuple[Kind | None, Kind]]) -> set[_Sizes]:
    """Return of each family the pairs of sizes that no other outdoes."""
    found: set[_Sizes] = set()
    largest: dict[Any, int] = {}
    sizes = {told for pair in pairs if (told := _sizes(*pair)) is not None}
    for family, first, second in sorted(sizes, key=lambda told: told[1:], reverse=True):
        if second > largest.get(family, -1):
            largest[family] = second
            found.add((family, first, second))
    return found


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
