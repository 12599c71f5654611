"""What is explained, one row in its place, and what an explanation is made of: figures by formula, and as they ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.records import Attributes, Unit
from convinspect.report import Layer, Report

Topic: TypeAlias = Literal["output", "parameters", "MACs", "memory", "field"]
Figure: TypeAlias = int | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One figure: ``working`` is the formula with the numbers put in, ``value`` what it gives, ``traced`` what ran.

    ``value`` is ``None`` where no formula is known, ``traced`` where the run does not tell; ``why`` is for people.
    """

    topic: Topic
    what: str
    working: str = ""
    value: Figure | None = None
    traced: Figure | None = None
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Whether formula and run say the same, as far as both say anything."""
        return self.value is None or self.traced is None or self.value == self.traced


@dataclass(frozen=True, slots=True)
class RowExplanation:
    """The arithmetic of one row of a report."""

    path: str
    call: int
    type: str
    kind: Literal["module", "function"]
    settings: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The arithmetic of some rows of the report of ``target``, and of one unit where it was asked for."""

    target: str
    rows: tuple[RowExplanation, ...]
    unit: Unit | None = None
    picture: tuple[str, ...] = ()
    unit_steps: tuple[Step, ...] = ()


Sizes = tuple[int, ...]
_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, slots=True)
class Scene:
    """The row at ``index`` of ``report``; ``sources`` are the rows that it reads, inputs of the model negative."""

    report: Report
    index: int
    children: tuple[Layer, ...]
    sources: tuple[int, ...]

    @property
    def layer(self) -> Layer:
        """The row itself."""
        return self.report.layers[self.index]

    @property
    def attributes(self) -> Attributes:
        """The settings of the row's operator."""
        return self.layer.attributes

    @property
    def given(self) -> Sizes | None:
        """The shape of what the row computes on: of ``bias + x @ W`` that of ``x``."""
        inputs = self.layer.inputs
        skip = self.layer.kind == "function" and self.layer.type == "linear" and self.attributes.get("bias", False)
        return inputs[int(skip)].shape if len(inputs) > int(skip) else None

    @property
    def made(self) -> Sizes | None:
        """The shape of the row's first output."""
        return self.layer.outputs[0].shape if self.layer.outputs else None

    @property
    def is_window(self) -> bool:
        """Whether the row slides a window that is not transposed: a convolution or a pool."""
        found = self.attributes
        return "kernel_size" in found and "stride" in found and ("pool" in found or found.get("transposed") is False)

    @property
    def is_transposed(self) -> bool:
        """Whether the row is a transposed convolution."""
        return self.attributes.get("transposed", False)


def axis_names(axes: int) -> Sizes | tuple[str, ...]:
    """Return what people call the last ``axes`` axes of a tensor."""
    return _AXES.get(axes, tuple(f"axis {axis + 1}" for axis in range(axes)))
