"""How large the receptive field is: a step from the row that is read, ``6 + (5-1)*2 = 14``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convinspect.explain.field_formulas import Told, Working, told_of
from convinspect.explain.sizes import together
from convinspect.explain.steps import Scene, Step, axis_names
from convinspect.records import Jump, LocalField, ReceptiveField


def field_steps(scene: Scene) -> Iterator[Step]:
    """Yield size, jump and start of the row's field along each axis, and what padding hides of it."""
    field = scene.layer.receptive_field
    if field is None or scene.children:
        return
    if field.status == "global" and field.global_via is not None:
        op, where = field.global_via.op.split(".")[:2][-1], field.global_via.path or "the model itself"
        yield Step("field", "seen", traced="everything", why=f"global by {op}() in {where}")
        if field.local is None or field.local.size is None:
            return
    sized = field.local if field.status == "global" and field.local is not None else field
    if sized.size is None:
        yield Step("field", "seen", traced=_share(field), why="no axis of space is left: what one unit depends on")
        return
    names = tuple(map(str, axis_names(len(field.axes))))
    told = told_of(scene)
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


def _step(what: str, found: Working | None, traced: Jump | None, why: str) -> Step:
    if found is None:
        return Step("field", what, traced=traced, why=why)
    return Step("field", what, found[0], found[1], traced, why)


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
