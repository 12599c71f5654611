"""Where nodes that have forgotten their modules ran, told by the weights that they read.

What reads none stands in the innermost module that those around it are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import TypeAlias

# Key and path of every module that a node ran in, the model first; the key differs between two runs of one module.
Stack: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Owned:
    """A weight by its name, and the paths of the modules that own it."""

    name: str
    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """The module at ``path``, in its ``run`` among those that come one after the other."""

    path: str = ""
    run: int = 0


def places_of(read: list[set[Owned]]) -> Iterator[Place]:
    """Yield where each of the operators ran that ``read`` these weights one after the other."""
    known = list(_owners(read))
    before = _last(known)
    after = [*reversed(_last(reversed(known)))]
    for place, left, right in zip(known, before, after, strict=True):
        if place is not None:
            yield place
        elif left is None or right is None:
            yield Place()
        elif left == right:
            yield left
        elif left.path == right.path:  # between two runs
            yield Place(left.path.rpartition(".")[0])
        else:
            yield Place(_common((left.path, right.path)))


def below(base: Stack, place: Place) -> Stack:
    """Return the stack of a node at ``place`` that ran somewhere in ``base``."""
    way = [*accumulate(place.path.split("."), lambda above, name: f"{above}.{name}")] if place.path else []
    shared = _common((place.path, base[-1][1]))
    deeper = way[way.index(shared) + 1 if shared else 0 :]
    return (*base, *((f"{step}@{place.run}" if place.run and step == place.path else step, step) for step in deeper))


def _owners(read: Iterable[set[Owned]]) -> Iterator[Place | None]:
    where, run, seen = "", 0, set[Owned]()
    for weights in read:
        if not weights:
            yield None
            continue
        owner = _common(owner for weight in weights for owner in weight.owners)
        if owner != where:
            seen = set()
        elif weights & seen:
            # A module that reads a weight again has been called again.
            run, seen = run + 1, set()
        where = owner
        seen |= weights
        yield Place(where, run)


def _last(places: Iterable[Place | None]) -> list[Place | None]:
    last: Place | None = None
    return [last := place or last for place in places]


def _common(paths: Iterable[str]) -> str:
    steps = zip(*(path.split(".") for path in paths), strict=False)
    return ".".join(step[0] for step in takewhile(lambda step: len(set(step)) == 1, steps))
