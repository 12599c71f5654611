"""How large the receptive field is: a step from the row that is read, ``6 + (5-1)*2 = 14``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from convinspect.explain.known import BATCH_NORMS, ELEMENTWISE, JOINING, MOVING_AXES
from convinspect.explain.scene import Scene, axis_names, sides
from convinspect.explain.sizes import together
from convinspect.explain.steps import Step
from convinspect.records import Jump, LocalField, ReceptiveField
from convinspect.report import Report

_FOLDED = ("zeros", "constant", "reflect", "replicate")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a unit sees along one axis of the input: ``size`` positions; the next one begins ``jump`` further on."""

    size: int
    jump: Fraction
    start: int


@dataclass(frozen=True, slots=True)
class Told:
    """One axis of a row's field by its formula: figure and working of size, jump and start."""

    size: tuple[str, int]
    jump: tuple[str, Jump] | None = None
    start: tuple[str, int] | None = None
    why: str = ""


def field_steps(scene: Scene) -> Iterator[Step]:
    """Yield size, jump and start of the row's field along each axis, and what padding hides of it."""
    field = scene.layer.receptive_field
    if field is None or scene.children:
        return
    if field.status == "global" and field.global_via is not None:
        where = field.global_via.path or "the model itself"
        yield Step("field", "seen", traced="everything", why=f"global by {_spoken(field.global_via.op)} in {where}")
        if field.local is None or field.local.size is None:
            return
    sized = field.local if field.status == "global" and field.local is not None else field
    if sized.size is None:
        yield Step("field", "seen", traced=_share(field), why="no axis of space is left: what one unit depends on")
        return
    names = tuple(map(str, axis_names(len(field.axes))))
    told = _told(scene)
    if scene.is_window and told is not None:
        yield from _grouped(list(_spans(scene)), names)
    local = "with the global gates set aside" if sized is not field else ""
    by_axis = [_axis(sized, axis, name, told, local) for axis, name in enumerate(names)]
    for figure in ("size", "jump", "start"):
        yield from _grouped([step for steps in by_axis for step in steps if step.what.startswith(figure)], names)


def _axis(
    sized: ReceptiveField | LocalField, axis: int, name: str, told: list[Told] | None, local: str
) -> tuple[Step, ...]:
    """Return size, jump and start along one axis, as far as the run knows them."""
    if sized.size is None or (size := sized.size[axis]) is None:
        return ()
    found = told[axis] if told is not None else None
    smallest = (sized.size_min or sized.size)[axis]
    by = f", by {sized.size_by[axis]}" if sized.size_by else ""
    why = local or (found.why if found else "") or (f"{smallest} to {size}{by}" if smallest != size else "")
    steps = [_step(f"size {name}", found.size if found else None, size, why)]
    jump = sized.jump[axis] if sized.jump is not None else None
    start = sized.start[axis] if sized.start is not None else None
    if jump is not None:
        steps.append(_step(f"jump {name}", found.jump if found else None, jump, ""))
    if start is not None:
        steps.append(_step(f"start {name}", found.start if found else None, start, _hidden(start, size)))
    return tuple(steps)


def _grouped(steps: list[Step], names: Sequence[object]) -> Iterator[Step]:
    """Yield ``steps``; where all axes have one figure, without their names."""
    for step in together(steps):
        word = step.what.partition(" ")[0]
        everywhere = len(step.what.split(", ")) == len(names)
        what = word if everywhere else f"{word} {', '.join(part.partition(' ')[2] for part in step.what.split(', '))}"
        yield Step(step.topic, what, step.working, step.value, step.traced, step.why)


def _step(what: str, found: tuple[str, int] | tuple[str, Jump] | None, traced: Jump | None, why: str) -> Step:
    if found is None:
        return Step("field", what, traced=traced, why=why)
    return Step("field", what, found[0], found[1], traced, why)


def _spoken(op: str) -> str:
    return f"{op.split('.')[1] if '.' in op else op}()"


def _share(field: ReceptiveField) -> str:
    boxes = [f"{box[0]}-{box[1]}" if box is not None else "nothing" for box in field.center or ()]
    return " x ".join(boxes) if boxes else "unknown"


def _hidden(start: int, size: int) -> str:
    if start >= 0:
        return ""
    return f"output 0 begins at {start}: {min(-start, size)} of its {size} positions are padding"


def _spans(scene: Scene) -> Iterator[Step]:
    """Yield what a dilated kernel spans: ``k + (k-1)(d-1)``."""
    found = scene.attributes
    kernels = found["kernel_size"]
    for name, k, d in zip(axis_names(len(kernels)), kernels, found.get("dilation", (1,) * len(kernels)), strict=True):
        if d > 1:
            yield Step(
                "field", f"span {name}", f"{k} + ({k}-1)*({d}-1)", k + (k - 1) * (d - 1), why="of the dilated kernel"
            )


def _told(scene: Scene) -> list[Told] | None:
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
        return [_same(seen) for seen in first]
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
        return [Seen(1, Fraction(1), 0) for _ in field.axes] if followed else None
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
        seen.append(Seen(size, Fraction(jump), start))
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


def _same(seen: Seen) -> Told:
    jump = int(seen.jump)
    why = "each output is made from its own place"
    return Told((f"{seen.size}", seen.size), (f"{jump}", jump), (f"{seen.start}", seen.start), why)


def _windows(scene: Scene, priors: list[Seen]) -> list[Told]:
    found = scene.attributes
    kernels = found["kernel_size"]
    zeros, ones = (0,) * len(kernels), (1,) * len(kernels)
    told = []
    for seen, k, s, p, d in zip(
        priors, kernels, found["stride"], found.get("padding", zeros), found.get("dilation", ones), strict=True
    ):
        jump, before = int(seen.jump), sides(p)[0]
        taps = f"({k}-1)" if d == 1 else f"({k}-1)*{d}"
        told.append(
            Told(
                (f"{seen.size} + {taps}*{jump}", seen.size + (k - 1) * d * jump),
                (f"{jump} * {s}", jump * s),
                (f"{seen.start} - {before}*{jump}", seen.start - before * jump),
            )
        )
    return told


def _transposed(scene: Scene, priors: list[Seen]) -> list[Told] | None:
    """Return what an output sees that ``ceil(k/s)`` taps meet at most; dilated ones have no formula."""
    found = scene.attributes
    told = []
    for seen, k, s, p, d in zip(
        priors, found["kernel_size"], found["stride"], found["padding"], found["dilation"], strict=True
    ):
        if d != 1:
            return None
        jump, before, most = int(seen.jump), sides(p)[0], -(-k // s)
        nearest = [(before - tap) // s for tap in range(k) if (before - tap) % s == 0]
        start = seen.start + min(nearest) * jump if nearest else None
        told.append(
            Told(
                (f"{seen.size} + (ceil({k}/{s})-1)*{jump}", seen.size + (most - 1) * jump),
                (f"{jump} / {s}", _as_jump(seen.jump / s)),
                (f"{seen.start} + {min(nearest)}*{jump}", start) if start is not None else None,
            )
        )
    return told


def _as_jump(step: Fraction) -> Jump:
    return int(step) if step.denominator == 1 else str(step)


def _pads(scene: Scene, priors: list[Seen]) -> list[Told]:
    amounts = scene.attributes["padding"]
    padded = ((0,) * (len(priors) - len(amounts))) + tuple(sides(p)[0] for p in amounts)
    told = []
    for seen, before in zip(priors, padded, strict=True):
        jump = int(seen.jump)
        start = (f"{seen.start} - {before}*{jump}", seen.start - before * jump)
        told.append(Told((f"{seen.size}", seen.size), (f"{jump}", jump), start))
    return told


def _joined(priors: list[list[Seen]]) -> list[Told] | None:
    """Return what branches see together: from the first that begins to the last that ends."""
    told = []
    for branches in zip(*priors, strict=True):
        jumps = {seen.jump for seen in branches}
        if len(jumps) > 1:
            return None
        start, end = min(seen.start for seen in branches), max(seen.start + seen.size for seen in branches)
        if len({(seen.start, seen.size) for seen in branches}) > 1 and any(
            seen.size != end - start for seen in branches if (seen.start, seen.start + seen.size) == (start, end)
        ):
            return None
        jump, sizes = (
            int(branches[0].jump),
            ", ".join(f"{seen.start} to {seen.start + seen.size - 1}" for seen in branches),
        )
        working = f"{end - 1} - {start} + 1".replace("- -", "+ ")
        told.append(
            Told(
                (working, end - start),
                (f"{jump}", jump),
                (f"min of {len(branches)} branches", start),
                f"branches see {sizes}",
            )
        )
    return told
