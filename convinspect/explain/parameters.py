"""How many parameters a layer has: a weight for each tap, channel and filter, and a bias for each output."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Literal

from convinspect.explain.scene import Scene, times
from convinspect.explain.steps import Step

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
        yield "weight", f"{outer} * {each} * {times(kernel)}", outer * (inner // groups) * prod(kernel)
        if found.get("bias"):
            yield "bias", f"{found['out_channels']}", found["out_channels"]
    elif "in_features" in found:
        outer, inner = found["out_features"], found["in_features"]
        yield "weight", f"{outer} * {inner}", outer * inner
        if found.get("bias"):
            yield "bias", f"{outer}", outer
    elif "affine" in found and ("num_features" in found or "normalized_shape" in found):
        sizes = found.get("normalized_shape") or (found["num_features"],)
        yield from ((name, times(sizes), prod(sizes)) for name in ("weight", "bias") if found[_OF_NORM[name]])
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
