"""Random networks, and what random edits make of them: grown from a seed, for a network takes hundreds of choices."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import strategies as st

from tests.diff.reports import Mod

_TYPES = ("Conv2d", "Linear", "ReLU", "Block", "Sequential", "Dropout")
_NAMES = ("conv", "fc", "act", "head", "0", "1", "2", "blocks.0", "blocks.1", "blocks.2")
_EDITS = ("keep", "keep", "keep", "keep", "drop", "twice", "rename", "widen", "wrap", "retype")

Mods = tuple[Mod, ...]


def grown(seed: int, size: int) -> Mods:
    """Return the children of a model of about ``size`` rows."""
    random = Random(seed)  # noqa: S311 - nothing is secret here
    return _unique(_siblings(random, size))


def pair(seed: int, size: int, *, related: bool) -> tuple[Mods, Mods]:
    """Return a network and what edits made of it, or another one."""
    before = grown(seed, size)
    random = Random(seed + 1)  # noqa: S311
    return before, (_edited(before, random) or before) if related else grown(seed + 1, size)


_SEEDS, _SIZES = st.integers(0, 2**32), st.integers(1, 40)
trees = st.builds(grown, _SEEDS, _SIZES)
pairs = st.builds(pair, _SEEDS, _SIZES, related=st.sampled_from((True, True, False)))


def _siblings(random: Random, size: int) -> list[Mod]:
    found = []
    while size > 0:
        rows = random.randint(1, size)
        found.append(_leaf(random) if rows == 1 or random.random() < 0.4 else _container(random, rows - 1))
        size -= rows
    return found


def _leaf(random: Random) -> Mod:
    count = random.choice((0, 1, random.randint(2, 40)))
    if random.random() < 0.4:
        return Mod("", random.choice(("relu", "add", "view")), op=True, allocated=count)
    return Mod(
        random.choice(_NAMES),
        random.choice(_TYPES),
        params=count,
        macs=random.choice((None, 0, random.randint(1, 9))),
        bound=random.random() < 0.3,
        out=(1, random.randint(1, 3)),
        allocated=random.choice((None, 0, 5)),
        field=random.choice((None, 1, 3, 5)),
        buffers=random.choice((0, 0, 2)),
        trainable=random.choice((None, 0)),
    )


def _container(random: Random, size: int) -> Mod:
    children = _unique(_siblings(random, size))
    return Mod(random.choice(_NAMES), random.choice(("Block", "Sequential")), children, params=random.choice((0, 0, 7)))


def _unique(children: list[Mod]) -> Mods:
    """Return the children with names that no two share, as modules have them."""
    seen: set[str] = set()
    found = []
    for child in children:
        if child.op or child.name not in seen:
            seen.add(child.name)
            found.append(child)
    return tuple(found)


def _edited(mods: Mods, random: Random) -> Mods:
    found: list[Mod] = []
    for mod in mods:
        edit = random.choice(_EDITS)
        inner = replace(mod, children=_edited(mod.children, random) or mod.children)
        if edit == "twice":
            found += [inner, replace(inner, name=f"{inner.name}x")]
        elif edit == "rename":
            found.append(replace(inner, name=f"{inner.name}y"))
        elif edit == "widen":
            found.append(replace(inner, params=inner.params + 3, out=(1, 9)))
        elif edit == "wrap":
            found.append(Mod(f"{inner.name}w", "Sequential", (replace(inner, name="0"),)))
        elif edit == "retype":
            found.append(replace(inner, type="GELU"))
        elif edit == "keep":
            found.append(inner)
    return _unique(found)
