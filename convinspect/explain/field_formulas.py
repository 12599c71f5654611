"""How large a field is by its formula, from the fields of the rows that are read: size, jump and start of each axis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from convinspect.explain.known import BATCH_NORMS, ELEMENTWISE, JOINING, MOVING_AXES
from convinspect.explain.steps import Scene
from convinspect.records import Jump, ReceptiveField
from convinspect.records.attributes import sides
from convinspect.report import Report

# The formula with the numbers put in, and what it gives.
Working: TypeAlias = tuple[str, Jump]
_FOLDED = ("zeros", "constant", "reflect", "replicate")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a unit sees along one axis of the input: ``size`` positions; the next one begins ``jump`` further on."""

    size: int
    jump: int
    start: int


@dataclass(frozen=True, slots=True)
class Told:
    """One axis of a row's field by its formula."""

    size: Working
    jump: Working | None = None
    start: Working | None = None
    why: str = ""


def told_of(scene: Scene) -> list[Told] | None:
    """Return each axis of the row's field as it follows from the rows that it reads; ``None`` where no formula does."""
    priors = [_prior(scene.report, scene.layer.receptive_field, source) for source in scene.sources]
    known = [prior for prior in priors if prior is not None]
    # A row that stands for several runs read itself.
    if not known or len(known) != len(priors) or scene.layer.runs > 1:
        return None
    if scene.layer.type in JOINING and scene.layer.kind == "function":
        return None if _axes_moved(scene) else _joined(known)
    first, found = known[0], scene.attributes
    if len(known) > 1:
        return None
    if scene.layer.type in ELEMENTWISE or (scene.layer.type in BATCH_NORMS and scene.report.model.mode == "eval"):
        why = "each output is made from its own place"
        return [Told(_plain(seen.size), _plain(seen.jump), _plain(seen.start), why) for seen in first]
    if _axes_moved(scene):
        return None
    if scene.is_window and found.get("padding_mode", "zeros") in _FOLDED and len(found["kernel_size"]) == len(first):
        return _windows(scene, first)
    if scene.is_transposed and len(found["kernel_size"]) == len(first):
        return _transposed(scene, first)
    if "padding" in found and "kernel_size" not in found and len(found["padding"]) <= len(first):
        return _pads(scene, first)
    return None


def _prior(report: Report, field: ReceptiveField | None, source: int) -> list[Seen] | None:
    """Return what the units of row ``source`` see, or of an input itself; ``None`` where that is no one number."""
    if field is None:
        return None
    if source < 0:
        followed = report.inputs[-source - 1].name == field.input
        return [Seen(1, 1, 0) for _ in field.axes] if followed else None
    prior = report.layers[source].receptive_field
    if prior is None or prior.input != field.input or prior.axes != field.axes:
        return None
    if prior.status not in ("exact", "global") or not prior.aligned:
        return None
    sized = prior.local if prior.status == "global" and prior.local is not None else prior
    if sized.size is None or sized.jump is None or sized.start is None or sized.size != sized.size_min:
        return None
    halos = sized.halo or (None,) * len(sized.size)
    seen = []
    for size, jump, start, halo in zip(sized.size, sized.jump, sized.start, halos, strict=True):
        if size is None or not isinstance(jump, int) or start is None:
            return None
        # Behind an upsampling, units of one size may stand at uneven steps; then a tile reads another halo.
        if halo != (max(-start, 0), max(start + size - jump, 0)):
            return None
        seen.append(Seen(size, jump, start))
    return seen


def _axes_moved(scene: Scene) -> bool:
    """Tell whether an axis of the row need not be the axis of the input in its place, evenly spaced."""
    layers, given = scene.report.layers, scene.given
    field = scene.layer.receptive_field
    followed = next((t.shape for t in scene.report.inputs if field is not None and t.name == field.input), ())
    if given is None or field is None or len(given) != len(followed):
        return True
    if field.axes != tuple(range(len(followed) - len(field.axes), len(followed))):
        return True
    # Behind an interpolation, positions may stand at uneven steps.
    return any(layer.type in MOVING_AXES or "mode" in layer.attributes for layer in layers[: scene.index])


def _plain(value: int) -> Working:
    return f"{value}", value


def _windows(scene: Scene, priors: list[Seen]) -> list[Told]:
    found = scene.attributes
    kernels = found["kernel_size"]
    zeros, ones = (0,) * len(kernels), (1,) * len(kernels)
    told = []
    for seen, k, s, p, d in zip(
        priors, kernels, found["stride"], found.get("padding", zeros), found.get("dilation", ones), strict=True
    ):
        taps = f"({k}-1)" if d == 1 else f"({k}-1)*{d}"
        size = f"{seen.size} + {taps}*{seen.jump}", seen.size + (k - 1) * d * seen.jump
        told.append(Told(size, (f"{seen.jump} * {s}", seen.jump * s), _moved_back(seen, sides(p)[0])))
    return told


def _moved_back(seen: Seen, before: int) -> Working:
    return f"{seen.start} - {before}*{seen.jump}", seen.start - before * seen.jump


def _transposed(scene: Scene, priors: list[Seen]) -> list[Told] | None:
    """Return what an output sees that ``ceil(k/s)`` taps meet at most; dilated ones have no formula."""
    found = scene.attributes
    told = []
    for seen, k, s, p, d in zip(
        priors, found["kernel_size"], found["stride"], found["padding"], found["dilation"], strict=True
    ):
        if d != 1:
            return None
        jump, step, before, most = seen.jump, Fraction(seen.jump, s), sides(p)[0], -(-k // s)
        nearest = min(((before - tap) // s for tap in range(k) if (before - tap) % s == 0), default=None)
        told.append(
            Told(
                (f"{seen.size} + (ceil({k}/{s})-1)*{jump}", seen.size + (most - 1) * jump),
                (f"{jump} / {s}", int(step) if step.denominator == 1 else str(step)),
                None if nearest is None else (f"{seen.start} + {nearest}*{jump}", seen.start + nearest * jump),
            )
        )
    return told


def _pads(scene: Scene, priors: list[Seen]) -> list[Told]:
    amounts = scene.attributes["padding"]
    padded = ((0,) * (len(priors) - len(amounts))) + tuple(sides(p)[0] for p in amounts)
    return [
        Told(_plain(seen.size), _plain(seen.jump), _moved_back(seen, before))
        for seen, before in zip(priors, padded, strict=True)
    ]


def _joined(priors: list[list[Seen]]) -> list[Told] | None:
    """Return what branches see together: from the first that begins to the last that ends."""
    told = []
    for branches in zip(*priors, strict=True):
        if len({seen.jump for seen in branches}) > 1:
            return None
        spans = [(seen.start, seen.start + seen.size) for seen in branches]
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        working = f"{end - 1} - {start} + 1".replace("- -", "+ ")
        sizes = ", ".join(f"{first} to {last - 1}" for first, last in spans)
        least = f"min of {len(branches)} branches", start
        told.append(Told((working, end - start), _plain(branches[0].jump), least, f"branches see {sizes}"))
    return told
