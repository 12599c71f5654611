"""How large the output is, axis by axis: ``floor((i + 2p - d(k-1) - 1)/s) + 1`` and its relatives."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from convinspect.explain.known import BATCH_NORMS, ELEMENTWISE, REARRANGING, SAME_SHAPE
from convinspect.explain.steps import Scene, Sizes, Step, axis_names
from convinspect.records import Padding
from convinspect.records.attributes import sides
from convinspect.units import shape

_CAT = "cat"


def output_steps(scene: Scene) -> Iterator[Step]:
    """Yield how each axis of the row's output follows from its input and its settings."""
    found = list(_steps(scene)) if scene.given is not None and scene.made is not None else []
    if found:
        yield from together(found)
    elif scene.made is not None:
        yield Step("output", "shape", traced=shape(scene.made))


def together(steps: list[Step]) -> Iterator[Step]:
    """Yield ``steps`` with those that are alike but for the axis as one: ``height, width``."""
    alike: dict[tuple[object, ...], list[Step]] = {}
    for step in steps:
        alike.setdefault((step.topic, step.working, step.value, step.traced, step.why), []).append(step)
    for same in alike.values():
        first = same[0]
        names = ", ".join(step.what for step in same)
        yield Step(first.topic, names, first.working, first.value, first.traced, first.why)


def _steps(scene: Scene) -> Iterator[Step]:
    found = scene.attributes
    if scene.is_window or scene.is_transposed:
        if "out_channels" in found and scene.made is not None:
            axis = -len(found["kernel_size"]) - 1
            yield _one(scene, axis, "channels", f"{found['out_channels']}", found["out_channels"])
        yield from _windows(scene)
    elif "padding" in found and "kernel_size" not in found:
        given = _last(scene.given, len(found["padding"]))
        yield from _per_axis(
            scene,
            [(f"{a} + {i} + {b}", a + i + b) for i, (a, b) in zip(given, map(sides, found["padding"]), strict=True)],
        )
    elif "pool" in found and "output_size" in found:
        yield from _asked(scene)
    elif "mode" in found:
        yield from _stretched(scene)
    else:
        features = _features(scene)
        yield from (features,) if features is not None else _other(scene)


def _features(scene: Scene) -> Step | None:
    """Return how wide the last axis is that a layer makes of features."""
    found = scene.attributes
    if "out_features" in found:
        return _one(scene, -1, "features", f"{found['out_features']}", found["out_features"])
    if "embed_dim" in found and scene.layer.kind == "module":
        heads, features = found["num_heads"], found["head_dim"]
        return _one(scene, -1, "features", f"{heads} heads * {features}", heads * features)
    if "hidden_size" not in found:
        return None
    width = found.get("proj_size", found["hidden_size"])
    if found.get("bidirectional"):
        return _one(scene, -1, "features", f"2 directions * {width}", 2 * width)
    return _one(scene, -1, "features", f"{width}", width)


def _other(scene: Scene) -> Iterator[Step]:
    type_, given, made = scene.layer.type, scene.given, scene.made
    if given is None or made is None:
        return
    if type_ == _CAT:
        yield from _joined(scene)
    elif type_ in REARRANGING:
        yield Step("output", "elements", shape(given), prod(given), prod(made), "the same ones, in another shape")
    elif type_ in ELEMENTWISE | BATCH_NORMS | SAME_SHAPE:
        yield Step("output", "shape", "as its input", shape(given), shape(made))


def _last(shape: Sizes | None, axes: int) -> Sizes:
    return shape[len(shape) - axes :] if shape is not None else ()


def _per_axis(scene: Scene, workings: list[tuple[str, int]]) -> Iterator[Step]:
    axes = len(workings)
    for name, (working, value), traced in zip(axis_names(axes), workings, _last(scene.made, axes), strict=True):
        yield Step("output", str(name), working, value, traced)


def _one(scene: Scene, axis: int, what: str, working: str, value: int) -> Step:
    return Step("output", what, working, value, scene.made[axis] if scene.made else None)


def _windows(scene: Scene) -> Iterator[Step]:
    found = scene.attributes
    axes = len(found["kernel_size"])
    ones, zeros = (1,) * axes, (0,) * axes
    workings = []
    for i, k, s, p, d, extra in zip(
        _last(scene.given, axes),
        found["kernel_size"],
        found["stride"],
        found.get("padding", zeros),
        found.get("dilation", ones),
        found.get("output_padding", zeros),
        strict=True,
    ):
        if scene.is_transposed:
            workings.append(_transposed(i, k, s, p, d, extra))
        else:
            workings.append(window(i, k, s, p, d, ceil=found.get("ceil_mode", False)))
    yield from _per_axis(scene, workings)


def window(i: int, k: int, s: int, p: Padding, d: int, *, ceil: bool = False) -> tuple[str, int]:
    """Return the working and the number of places of a window of ``k`` taps ``d`` apart, at every ``s``-th position."""
    left, right = sides(p)
    padding = f"2*{left}" if left == right else f"{left} + {right}"
    free = i + left + right - d * (k - 1) - 1
    inner = f"({i} + {padding} - {d}*({k}-1) - 1)/{s}"
    if not ceil:
        return f"floor({inner}) + 1", free // s + 1
    places = -(-free // s) + 1
    # The last window must begin inside the input or the padding before it.
    if (places - 1) * s >= i + left:
        return f"ceil({inner}) + 1 - 1", places - 1
    return f"ceil({inner}) + 1", places


def _transposed(i: int, k: int, s: int, p: Padding, d: int, extra: int) -> tuple[str, int]:
    left, right = sides(p)
    padding = f"2*{left}" if left == right else f"{left} - {right}"
    return f"({i}-1)*{s} - {padding} + {d}*({k}-1) + {extra} + 1", (i - 1) * s - left - right + d * (k - 1) + extra + 1


def _asked(scene: Scene) -> Iterator[Step]:
    """Adaptive and fractional pools have the size that was asked for; where they read follows from it."""
    sizes = scene.attributes["output_size"]
    given, made = (_last(shape, len(sizes)) for shape in (scene.given, scene.made))
    for name, m, n, traced in zip(axis_names(len(sizes)), sizes, given, made, strict=True):
        reads = f"output o reads floor(o*{n}/{m}) to ceil((o+1)*{n}/{m}) - 1"
        yield Step("output", str(name), f"{m}", m, traced, reads if scene.attributes["pool"] != "fractional" else "")


def _stretched(scene: Scene) -> Iterator[Step]:
    found = scene.attributes
    if "scale_factor" in found:
        scales = found["scale_factor"]
        given = _last(scene.given, len(scales))
        yield from _per_axis(scene, [(f"floor({n} * {s:g})", int(n * s)) for n, s in zip(given, scales, strict=True)])
    else:
        yield from _per_axis(scene, [(f"{m}", m) for m in found["output_size"]])


def _joined(scene: Scene) -> Iterator[Step]:
    shapes = [tensor.shape for tensor in scene.layer.inputs if tensor.shape != (0,)]
    if not shapes or scene.made is None or any(len(shape) != len(scene.made) for shape in shapes):
        return
    differing = [axis for axis, size in enumerate(scene.made) if any(shape[axis] != size for shape in shapes)]
    if len(differing) == 1:
        sizes = [shape[differing[0]] for shape in shapes]
        yield _one(scene, differing[0], f"axis {differing[0]}", " + ".join(map(str, sizes)), sum(sizes))
