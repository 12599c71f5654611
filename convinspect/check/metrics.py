"""The numbers that can be limited: what each is called, what it counts in, what moves it, and what is known of one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from convinspect.report import Layer

Unit: TypeAlias = Literal["count", "bytes", "positions"]
# What of a run a number depends on, beside the model itself.
Condition: TypeAlias = Literal["inputs", "dtype", "mode", "device", "optimizer"]

# The value of a receptive field that no input is too large for.
EVERYTHING = math.inf

_FORWARD: tuple[Condition, ...] = ("inputs", "dtype", "mode", "device")
_FIELD: tuple[Condition, ...] = ("inputs", "mode")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a model, or of a part of it unless it is ``whole_only``.

    ``in_full``: people check it digit by digit. ``of_row``: what a row has of it, where it is a sum over rows.
    """

    name: str
    unit: Unit
    help: str
    depends_on: tuple[Condition, ...] = ()
    whole_only: bool = False
    in_full: bool = False
    of_row: Callable[[Layer], int] | None = None


_ALL = (
    Metric("params", "count", "Parameters.", in_full=True, of_row=lambda row: row.params),
    Metric(
        *("trainable-params", "count", "Parameters that are trained."),
        in_full=True,
        of_row=lambda row: row.trainable_params,
    ),
    Metric("buffers", "count", "Elements of buffers.", in_full=True, of_row=lambda row: row.buffers),
    Metric("macs", "count", "Multiply-accumulates.", ("inputs",), of_row=lambda row: row.macs or 0),
    Metric(
        *("flops", "count", "Twice the MACs; eight times the complex ones."),
        ("inputs",),
        of_row=lambda row: row.flops or 0,
    ),
    Metric(
        *("weights", "bytes", "Bytes of parameters and buffers."),
        ("dtype",),
        of_row=lambda row: row.param_bytes + row.buffer_bytes,
    ),
    Metric("inference-peak", "bytes", "Bytes alive at the peak of a forward.", _FORWARD, whole_only=True),
    Metric(
        *("training-peak", "bytes", "Bytes alive at the peak of a training step."),
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


@dataclass(frozen=True, slots=True)
class Reading:
    """A value between ``low`` and ``high``: equal where it is exact, ``high`` infinite where nothing bounds it.

    ``why`` says what keeps it from being exact, or what it is where a number does not tell.
    """

    low: float
    high: float
    why: str | None = None

    @classmethod
    def exactly(cls, value: float, why: str | None = None) -> Reading:
        """Return the reading of a value that is known."""
        return cls(value, value, why)

    @classmethod
    def at_least(cls, value: float, why: str) -> Reading:
        """Return the reading of a value that may be larger; of 0 nothing is known."""
        return cls(value, math.inf, why)

    @classmethod
    def unknown(cls, why: str) -> Reading:
        """Return the reading of a value of which nothing is known."""
        return cls(0, math.inf, why)

    @property
    def is_exact(self) -> bool:
        """Whether both bounds are one."""
        return self.low == self.high

    @property
    def is_unknown(self) -> bool:
        """Whether the bounds exclude nothing."""
        return self.low == 0 and self.high == math.inf
