"""How many multiply-accumulates a layer runs: one for each output and number that makes it; and what modules sum up."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from convinspect.explain.parameters import recurrent_matrices
from convinspect.explain.scene import Scene, times
from convinspect.explain.steps import Step

_ATTENTION = "scaled_dot_product_attention"


def mac_steps(scene: Scene) -> Iterator[Step]:
    """Yield the row's own multiply-accumulates by its operator's formula, where it has one."""
    layer = scene.layer
    if scene.children:
        return
    found = _formula(scene) if layer.macs_status == "exact" else None
    if found is not None:
        working, value = found
        each = f"{layer.runs} runs * " if layer.runs > 1 else ""
        yield Step("MACs", "own", each + working, value * layer.runs, layer.macs)
    elif layer.macs == 0 and layer.macs_status == "exact":
        yield Step("MACs", "own", traced=0, why="nothing is multiplied and added up")
    else:
        bound = "a lower bound: an operator without a rule ran" if layer.macs_status != "exact" else ""
        yield Step("MACs", "own", traced=layer.macs, why=bound)


def _formula(scene: Scene) -> tuple[str, int] | None:
    found, given, made = scene.attributes, scene.given, scene.made
    if given is None or made is None:
        return None
    if "in_channels" in found:
        return _convolution(scene)
    if "in_features" in found:
        return f"{times(made)} outputs * {found['in_features']} features", prod(made) * found["in_features"]
    if "hidden_size" in found and "input_size" in found:
        return _recurrent(scene)
    if scene.layer.type == _ATTENTION:
        query, key, value = (tensor.shape for tensor in scene.layer.inputs[-3:])
        rows, keys = prod(made[:-1]), key[-2]
        return f"{times(made[:-1])} queries * {keys} keys * ({query[-1]} + {value[-1]} features)", rows * keys * (
            query[-1] + value[-1]
        )
    if scene.layer.type == "matmul" and scene.layer.kind == "function" and len(scene.layer.inputs) > 1:
        inner = scene.layer.inputs[-2].shape[-1:]
        if inner and scene.layer.inputs[-2].shape and scene.layer.inputs[-1].shape:
            return f"{times(made)} outputs * {inner[0]} summed", prod(made) * inner[0]
    return None


def _convolution(scene: Scene) -> tuple[str, int] | None:
    found, given, made = scene.attributes, scene.given, scene.made
    if given is None or made is None:
        return None
    kernel, groups = found["kernel_size"], found["groups"]
    grid, channels = (given, found["out_channels"]) if found["transposed"] else (made, found["in_channels"])
    what = "inputs" if found["transposed"] else "outputs"
    each = f"{channels}" if groups == 1 else f"{channels}/{groups}"
    return f"{times(grid)} {what} * {each} * {times(kernel)}", prod(grid) * (channels // groups) * prod(kernel)


def _recurrent(scene: Scene) -> tuple[str, int] | None:
    matrices = recurrent_matrices(scene)
    if matrices is None or scene.given is None:
        return None
    steps = prod(scene.given[:-1])
    return f"{times(scene.given[:-1])} steps * {matrices:,} weights of the matrices", steps * matrices


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
