"""Random networks: a seed in, a function of one tensor out that returns every intermediate result."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

CHANNELS = 4
OPERATORS = 14
LONGEST = {1: 24, 2: 12, 3: 7}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}

Step = Callable[[list[Tensor]], Tensor]


@dataclass
class Dag:
    """A network: the shape of its input, and the steps, each of which reads earlier results."""

    shape: tuple[int, ...]
    steps: list[tuple[str, Step]]

    def __call__(self, x: Tensor) -> list[Tensor]:
        results = [x]
        for _, step in self.steps:
            results.append(step(results))
        return results[1:]


def make_dag(
    seed: int,
    operators: int = OPERATORS,
    names: list[str] | None = None,
    shape: tuple[int, ...] | None = None,
) -> Dag:
    """Draw a network of ``operators`` operators, in one to three dimensions; of ``names`` and on ``shape`` if given."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    rank = rng.choice([1, 1, 2, 2, 2, 3]) if shape is None else len(shape) - 2
    shape = shape or (1, CHANNELS, *(rng.randint(4, LONGEST[rank]) for _ in range(rank)))
    longest = max(LONGEST[rank], *shape[2:]) * 2
    dag = Dag(shape, [])
    results = [torch.zeros(shape, dtype=torch.float64)]
    makers = names or list(MAKERS)
    while len(dag.steps) < operators:
        name = rng.choice(makers)
        # Mostly go on from what is newest, so that the network is deep.
        source = len(results) - 1 if rng.random() < 0.6 else rng.randrange(len(results))
        step = MAKERS[name](rng, results, source, rank)
        if step is None:
            continue
        with torch.no_grad():
            try:
                out = step(results)
            except RuntimeError:
                continue  # a geometry that torch refuses
        if min(out.shape) < 1 or max(out.shape[2:]) > longest or out.shape[1] > 16:
            continue
        results.append(out)
        dag.steps.append((name, step))
    return dag


def weights(rng: random.Random, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(rng.randrange(1 << 30))
    return torch.rand(*shape, generator=generator, dtype=torch.float64) - 0.5


def conv(rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step:
    channels = results[i].shape[1]
    groups = rng.choice([g for g in (1, 1, 2, channels) if channels % g == 0])
    kernel = [rng.randint(1, 3) for _ in range(rank)]
    weight = weights(rng, groups * rng.choice([1, 2]) if groups > 1 else CHANNELS, channels // groups, *kernel)
    stride, dilation = [rng.choice([1, 1, 2]) for _ in range(rank)], [rng.randint(1, 2) for _ in range(rank)]
    padding = [rng.randint(0, 2) for _ in range(rank)]
    return lambda r: CONV[rank](r[i], weight, None, stride, padding, dilation, groups)


def transposed(rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step:
    kernel, stride = [rng.randint(1, 4) for _ in range(rank)], [rng.randint(1, 2) for _ in range(rank)]
    weight = weights(rng, results[i].shape[1], CHANNELS, *kernel)
    padding = [rng.randint(0, 1) for _ in range(rank)]
    return lambda r: TRANSPOSED[rank](r[i], weight, None, stride, padding)


def pool(rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step:
    kernel, stride = rng.randint(2, 3), rng.randint(1, 2)
    padding, ceil = rng.randint(0, 1), rng.random() < 0.5
    function = rng.choice([MAX, AVG])[rank]
    return lambda r: function(r[i], kernel, stride, padding, ceil_mode=ceil)


def resize(rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step:
    mode = rng.choice(["nearest", LINEAR[rank], "area"])
    size = [max(1, min(n * 2, n + rng.randint(-2, 4))) for n in results[i].shape[2:]]
    corners = rng.random() < 0.5 if "linear" in mode else None
    return lambda r: F.interpolate(r[i], size=size, mode=mode, align_corners=corners)


def double(_rng: random.Random, _results: list[Tensor], i: int, _rank: int) -> Step:
    return lambda r: F.interpolate(r[i], scale_factor=2, mode="nearest")


def cropped(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    for dim in range(2, a.dim()):
        size = min(a.shape[dim], b.shape[dim])
        a, b = a.narrow(dim, 0, size), b.narrow(dim, b.shape[dim] - size, size)
    return a, b


def add(rng: random.Random, results: list[Tensor], i: int, _rank: int) -> Step:
    other = rng.randrange(len(results))
    channels = min(results[i].shape[1], results[other].shape[1])

    def step(r: list[Tensor]) -> Tensor:
        a, b = cropped(r[i], r[other])
        return a[:, :channels] + b[:, -channels:]

    return step


def cat(rng: random.Random, results: list[Tensor], i: int, _rank: int) -> Step:
    other = rng.randrange(len(results))
    return lambda r: torch.cat(cropped(r[i], r[other]), 1)


def cat_positions(rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step:
    dim = rng.randint(2, rank + 1)
    other = rng.choice([0, results[i].shape[dim]])
    return lambda r: torch.cat([torch.zeros_like(r[i].narrow(dim, 0, 1)), r[i], r[i].narrow(dim, 0, other)], dim)


def cut(rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step:
    dim = rng.randint(1, rank + 1)
    start, step = rng.randint(0, min(2, results[i].shape[dim] - 1)), rng.randint(1, 2)
    index = (slice(None),) * dim + (slice(start, None, step),)
    return lambda r: r[i][index]


def pad(rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step:
    mode = rng.choice(["constant", "reflect", "replicate", "circular"])
    amounts = [rng.randint(0, 2) for _ in range(2 * rank)]
    return lambda r: F.pad(r[i], amounts, mode=mode)


def swap(rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step | None:
    if rank == 1:
        return None
    a, b = rng.sample(range(2, rank + 2), 2)
    return lambda r: r[i].transpose(a, b)


def roll(rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step:
    dim, shift = rng.randint(1, rank + 1), rng.randint(-3, 3)
    return lambda r: r[i].roll(shift, dim)


def flip(rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step:
    dim = rng.randint(1, rank + 1)
    return lambda r: r[i].flip(dim)


def chunk(rng: random.Random, results: list[Tensor], i: int, _rank: int) -> Step | None:
    if results[i].shape[1] % 2:
        return None
    part = rng.randint(0, 1)
    return lambda r: r[i].chunk(2, 1)[part]


def shuffle(_rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step | None:
    if rank != 2 or results[i].shape[1] % 4:
        return None
    return lambda r: F.pixel_shuffle(r[i], 2)


def unshuffle(_rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step | None:
    if rank != 2 or any(n % 2 for n in results[i].shape[2:]):
        return None
    return lambda r: F.pixel_unshuffle(r[i], 2)


def patches(_rng: random.Random, results: list[Tensor], i: int, _rank: int) -> Step | None:
    count, channels, *size = results[i].shape
    if size[-1] % 2:
        return None

    def step(r: list[Tensor]) -> Tensor:
        split = r[i].reshape(count, channels, *size[:-1], size[-1] // 2, 2)
        return split.movedim(-1, 2).reshape(count, channels * 2, *size[:-1], size[-1] // 2)

    return step


def relu(_rng: random.Random, _results: list[Tensor], i: int, _rank: int) -> Step:
    return lambda r: F.relu(r[i])


def written(rng: random.Random, results: list[Tensor], i: int, rank: int) -> Step:
    dim = rng.randint(1, rank + 1)
    size = max(1, results[i].shape[dim] // 2)

    def step(r: list[Tensor]) -> Tensor:
        out = torch.zeros_like(r[i])
        out.narrow(dim, 0, size).copy_(r[i].narrow(dim, r[i].shape[dim] - size, size))
        out.narrow(dim, size - 1, 1).add_(r[i].narrow(dim, 0, 1))
        return out

    return step


def gate(_rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step:
    dims = tuple(range(2, rank + 2))
    return lambda r: r[i] * r[i].mean(dims, keepdim=True).sigmoid()


def mixed(_rng: random.Random, _results: list[Tensor], i: int, _rank: int) -> Step:
    return lambda r: r[i].softmax(1)


def running(rng: random.Random, _results: list[Tensor], i: int, rank: int) -> Step:
    dim = rng.randint(2, rank + 1)
    return lambda r: r[i].cumsum(dim)


MAKERS: dict[str, Callable[[random.Random, list[Tensor], int, int], Step | None]] = {
    "conv": conv,
    "conv again": conv,
    "transposed": transposed,
    "pool": pool,
    "resize": resize,
    "double": double,
    "add": add,
    "add again": add,
    "cat": cat,
    "cat positions": cat_positions,
    "cut": cut,
    "pad": pad,
    "swap": swap,
    "roll": roll,
    "flip": flip,
    "chunk": chunk,
    "shuffle": shuffle,
    "unshuffle": unshuffle,
    "patches": patches,
    "relu": relu,
    "written": written,
    "mixed": mixed,
}
GLOBAL_MAKERS = {"gate": gate, "running": running}
MAKERS.update(GLOBAL_MAKERS)
