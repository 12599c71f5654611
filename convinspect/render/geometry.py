"""What a layer is beside its type, in the few words that people use: ``7x7 /2``, ``3x3 g32``, ``3x3 d2``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convinspect.report import Layer
from convinspect.units import setting


def geometry(layer: Layer, dtype: str) -> str:
    """Return kernel, stride, dilation and groups of ``layer``, and what else tells it from others of its type.

    ``dtype`` is that of the run: a layer that gives another says so.
    """
    words = described(layer.attributes, layer.type)
    given = layer.outputs[0].dtype if layer.outputs else dtype
    return " ".join([*words, *([given] if given != dtype and _is_computed(layer) else [])])


def described(attributes: Mapping[str, Any], kind: str = "") -> list[str]:
    """Return the words for ``attributes``; what is as usual has none."""
    said = (_window(attributes, kind), _kinds(attributes, kind), _sequence(attributes))
    return [word for words in said for word in words]


def _window(attributes: Mapping[str, Any], kind: str) -> Iterator[str]:
    kernel = attributes.get("kernel_size")
    if kernel:
        yield _sizes(kernel)
    if attributes.get("transposed") and "ranspose" not in kind:
        yield "transposed"
    for key, mark in (("stride", "/"), ("dilation", "d")):
        values = attributes.get(key)
        if values and set(values) != {1}:
            yield mark + setting(tuple(values))
    if attributes.get("groups", 1) != 1:
        yield f"g{attributes['groups']}"


def _kinds(attributes: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Yield which pool, interpolation or padding it is, where the type does not say so."""
    if attributes.get("scale_factor"):
        yield f"x{setting(tuple(attributes['scale_factor']))}"
    for key, usual in (("pool", ""), ("mode", ""), ("padding_mode", "zeros constant")):
        value = attributes.get(key, "")
        if value and value not in usual.split() and value not in kind.lower():
            yield value


def _sequence(attributes: Mapping[str, Any]) -> Iterator[str]:
    if "num_heads" in attributes:
        yield f"{attributes['num_heads']} heads"
    if attributes.get("num_layers", 1) != 1:
        yield f"{attributes['num_layers']} layers"
    if attributes.get("bidirectional"):
        yield "bidirectional"


def _is_computed(layer: Layer) -> bool:
    # A mask or an index is of another dtype by nature: that says nothing of the layer.
    return layer.outputs[0].dtype.startswith(("float", "bfloat", "complex", "q"))


def _sizes(sizes: Sequence[object]) -> str:
    return "x".join(map(str, sizes))
