"""The numbers that can be limited: what each is called, what it counts in, and what moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["count", "bytes", "positions"]
# What of a run a number depends on, beside the model itself.
Condition: TypeAlias = Literal["inputs", "dtype", "mode", "device", "optimizer"]

_FORWARD: tuple[Condition, ...] = ("inputs", "dtype", "mode", "device")
_FIELD: tuple[Condition, ...] = ("inputs", "mode")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a model, or of a part of it unless it is ``whole_only``.

    ``in_full``: people check it digit by digit.
    """

    name: str
    unit: Unit
    help: str
    depends_on: tuple[Condition, ...] = ()
    whole_only: bool = False
    in_full: bool = False


_ALL = (
    Metric("params", "count", "Parameters.", in_full=True),
    Metric("trainable-params", "count", "Parameters that are trained.", in_full=True),
    Metric("buffers", "count", "Elements of buffers.", in_full=True),
    Metric("macs", "count", "Multiply-accumulates.", ("inputs",)),
    Metric("flops", "count", "Twice the MACs; eight times the complex ones.", ("inputs",)),
    Metric("weights", "bytes", "Bytes of parameters and buffers.", ("dtype",)),
    Metric("inference-peak", "bytes", "Bytes alive at the peak of a forward.", _FORWARD, whole_only=True),
    Metric(
        "training-peak",
        "bytes",
        "Bytes alive at the peak of a training step.",
        (*_FORWARD, "optimizer"),
        whole_only=True,
    ),
    Metric("receptive-field", "positions", "Input positions along an axis that the output sees.", _FIELD),
    Metric("local-receptive-field", "positions", "The largest of any row, global operators set aside.", _FIELD),
)
METRICS = {metric.name: metric for metric in _ALL}


def limit_options() -> tuple[tuple[str, str, bool], ...]:
    """Return the options that say a limit: name, help, and whether it is common enough to be shown."""
    options: list[tuple[str, str, bool]] = []
    for metric in METRICS.values():
        is_field = metric.unit == "positions"
        options.append((f"max-{metric.name}", metric.help, not is_field))
        options.append((f"min-{metric.name}", metric.help, is_field))
    return tuple(options)
