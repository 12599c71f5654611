"""How many parameters a layer has, and how many multiply-accumulates it runs; what modules add up."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Literal

from convinspect.explain.steps import Scene, Step
from convinspect.units import shape

_OF_NORM: dict[str, Literal["affine", "bias"]] = {"weight": "affine", "bias": "bias"}
_RECURRENT = {"LSTM": 4, "GRU": 3, "RNN": 1, "LSTMCell": 4, "GRUCell": 3, "RNNCell": 1}


def parameter_steps(scene: Scene) -> Iterator[Step]:
    """Yield the weights and biases that a layer's settings ask for, and what the row owns."""
    layer = scene.layer
    own = _first_call(scene)
    if layer.kind == "function":
        if "in_channels" in layer.attributes or "in_features" in layer.attributes:
            why = "the weights are given to the call; their module counts them"
            yield Step("parameters", "own", traced=layer.params, why=why)
        return
    if layer.shared_with is not None:
        why = f"shared with {layer.shared_with or 'the model'} and counted there"
        yield Step("parameters", "own", traced=layer.params, why=why)
        return
    parts = list(_parts(scene))
    if not parts:
        if own or not scene.children:
            yield Step("parameters", "own", traced=own)
        return
    value = sum(count for _, _, count in parts)
    for what, working, count in parts if len(parts) > 1 or own != value else ():
        yield Step("parameters", what, working, count)
    if own == value:
        working = " + ".join(f"{count:,}" for _, _, count in parts) if len(parts) > 1 else parts[0][1]
        again = "counted once, at its first run" if layer.call > 1 else ""
        yield Step("parameters", "own" if len(parts) > 1 else parts[0][0], working, value, own, again)
    else:
        yield Step("parameters", "own", traced=own, why="with what the module registers besides")


def _first_call(scene: Scene) -> int:
    """Return what the module owns: it stands at its first run."""
    layer = scene.layer
    same = (row.params for row in scene.report.layers if row.path == layer.path and row.kind == "module")
    return layer.params if layer.call <= 1 else next(same, 0)


def _parts(scene: Scene) -> Iterator[tuple[str, str, int]]:
    """Yield name, working and number of each weight that the settings tell of."""
    found = scene.attributes
    if "kernel_size" in found and "in_channels" in found:
        outer, inner = found["out_channels"], found["in_channels"]
        if found["transposed"]:
            outer, inner = inner, outer
        groups, kernel = found["groups"], found["kernel_size"]
        each = f"{inner}" if groups == 1 else f"{inner}/{groups}"
        yield "weight", f"{outer} * {each} * {shape(kernel)}", outer * (inner // groups) * prod(kernel)
        if found.get("bias"):
            yield "bias", f"{found['out_channels']}", found["out_channels"]
    elif "in_features" in found:
        outer, inner = found["out_features"], found["in_features"]
        yield "weight", f"{outer} * {inner}", outer * inner
        if found.get("bias"):
            yield "bias", f"{outer}", outer
    elif "affine" in found and ("num_features" in found or "normalized_shape" in found):
        sizes = found.get("normalized_shape") or (found["num_features"],)
        yield from ((name, shape(sizes), prod(sizes)) for name in ("weight", "bias") if found[_OF_NORM[name]])
    elif "num_embeddings" in found:
        rows, features = found["num_embeddings"], found["embedding_dim"]
        yield "table", f"{rows} * {features}", rows * features
    elif scene.layer.type in _RECURRENT and "hidden_size" in found:
        yield from _recurrent(scene)


def recurrent_matrices(scene: Scene) -> int | None:
    """Return how many numbers the matrices of a recurrent layer have: each is used once a step. Biases are none."""
    if scene.layer.type not in _RECURRENT:
        return None
    return sum(count for what, _, count in _recurrent(scene) if what.startswith("weights"))


def _recurrent(scene: Scene) -> Iterator[tuple[str, str, int]]:
    """Yield what each layer has, for each direction: its gates read the input and the state, each with a bias."""
    found = scene.attributes
    gates, hidden = _RECURRENT[scene.layer.type], found["hidden_size"]
    state = found.get("proj_size", hidden)
    directions = 1 + found.get("bidirectional", False)
    both = f"{directions} directions * " if directions > 1 else ""
    for number in range(found.get("num_layers", 1)):
        inputs = state * directions if number else found["input_size"]
        projection = f" + {state} * {hidden}" if "proj_size" in found else ""
        matrices = gates * hidden * (inputs + state) + (state * hidden if projection else 0)
        inside = f"{gates} * {hidden} * ({inputs} + {state})"
        inside = f"({inside}{projection})" if projection and both else f"{inside}{projection}"
        which = f" {number}" if found.get("num_layers", 1) > 1 else ""
        yield f"weights{which}", f"{both}{inside}", directions * matrices
        if found.get("bias"):
            yield f"biases{which}", f"{both}2 * {gates} * {hidden}", directions * 2 * gates * hidden


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
        return f"{shape(made)} outputs * {found['in_features']} features", prod(made) * found["in_features"]
    if "hidden_size" in found and "input_size" in found:
        return _recurrent_work(scene)
    if scene.layer.type == _ATTENTION:
        query, key, value = (tensor.shape for tensor in scene.layer.inputs[-3:])
        rows, keys = prod(made[:-1]), key[-2]
        return f"{shape(made[:-1])} queries * {keys} keys * ({query[-1]} + {value[-1]} features)", rows * keys * (
            query[-1] + value[-1]
        )
    if scene.layer.type == "matmul" and scene.layer.kind == "function" and len(scene.layer.inputs) > 1:
        inner = scene.layer.inputs[-2].shape[-1:]
        if inner and scene.layer.inputs[-2].shape and scene.layer.inputs[-1].shape:
            return f"{shape(made)} outputs * {inner[0]} summed", prod(made) * inner[0]
    return None


def _convolution(scene: Scene) -> tuple[str, int] | None:
    found, given, made = scene.attributes, scene.given, scene.made
    if given is None or made is None:
        return None
    kernel, groups = found["kernel_size"], found["groups"]
    grid, channels = (given, found["out_channels"]) if found["transposed"] else (made, found["in_channels"])
    what = "inputs" if found["transposed"] else "outputs"
    each = f"{channels}" if groups == 1 else f"{channels}/{groups}"
    return f"{shape(grid)} {what} * {each} * {shape(kernel)}", prod(grid) * (channels // groups) * prod(kernel)


def _recurrent_work(scene: Scene) -> tuple[str, int] | None:
    matrices = recurrent_matrices(scene)
    if matrices is None or scene.given is None:
        return None
    steps = prod(scene.given[:-1])
    return f"{shape(scene.given[:-1])} steps * {matrices:,} weights of the matrices", steps * matrices


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
