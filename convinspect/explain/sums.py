"""What a module adds up to: its own, and all that is in it."""

from __future__ import annotations

from collections.abc import Iterator

from convinspect.explain.scene import Scene
from convinspect.explain.steps import Step

# More terms than a line has room for are told by their number.
_TERMS = 12


def sum_steps(scene: Scene) -> Iterator[Step]:
    """Yield parameters and multiply-accumulates of a module that holds other rows, as the sum of theirs."""
    layer = scene.layer
    if not scene.children:
        return
    counts = [layer.params, *(child.params_total for child in scene.children)]
    yield Step("parameters", "total", _terms(counts), sum(counts), layer.params_total)
    macs = [layer.macs, *(child.macs_total for child in scene.children)]
    known = [count for count in macs if count is not None]
    if layer.macs_total is not None:
        bound = "a lower bound: an operator without a rule ran" if layer.macs_status == "lower_bound" else ""
        yield Step("MACs", "total", _terms(known), sum(known), layer.macs_total, bound)


def _terms(counts: list[int]) -> str:
    some = [count for count in counts if count]
    if len(some) > _TERMS:
        return f"the sum of {len(some)} rows"
    return " + ".join(f"{count:,}" for count in some) or "0"
