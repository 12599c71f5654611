"""One operator that ran, as its rule sees it, and what rules are mostly made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.windows import places, sliding
from convinspect.fields.operations import contracting, merging, reading
from convinspect.fields.operations.field import Cause, Field, collapse, nothing
from convinspect.fields.operations.moves import widen
from convinspect.tensors.operands import results


@dataclass(frozen=True, slots=True)
class Call:
    """One operator that ran: arguments by their schema's names, the tensors that came out, and fields of tensors.

    A rule must not read the values of tensors, only their shapes: on the meta device there are none.
    """

    op: str
    args: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    cause: Cause
    count: int
    find: Callable[[Tensor], Field | None]

    def __getitem__(self, name: str) -> Field:
        """Field of the tensor argument ``name``; a constant's depends on nothing."""
        return self.field(self.args[name])

    @property
    def input(self) -> Field:
        """Field of the argument that torch calls ``self`` or ``input``."""
        return self["self" if "self" in self.args else "input"]

    @property
    def shape(self) -> Shape:
        """Shape of the first output."""
        return tuple(self.outputs[0].shape)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shapes of all outputs."""
        return tuple(tuple(output.shape) for output in self.outputs)

    def field(self, tensor: Tensor) -> Field:
        """Field of any tensor among the arguments; a constant's depends on nothing."""
        return self.find(tensor) or nothing(tuple(tensor.shape), self.count)

    def fields(self, *names: str) -> list[Field]:
        """Fields of all followed tensors among the arguments, or among those of ``names``."""
        given = [self.args.get(name) for name in names] if names else list(self.args.values())
        found = (self.find(tensor) for tensor in results(given))
        return [field for field in found if field is not None]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the argument ``name``, or ``default`` where the schema has none of that name or it is ``None``."""
        value = self.args.get(name)
        return default if value is None else value

    def merge(self, fields: Sequence[Field], shape: Shape | None = None) -> Field:
        """Hull of tensors broadcast against each other, as a pointwise operator depends on them."""
        return merging.merge(fields, self.shape if shape is None else shape, self.cause)

    def contract(self, field: Field, dims: Sequence[int], *, keeps_own: bool = False) -> Field:
        """Hull over ``dims``, which keep size 1 (or their size, with ``keeps_own``, as in a softmax)."""
        return contracting.contract(field, [dim % field.rank for dim in dims], self.cause, keeps_own=keeps_own)

    def mix(self, field: Field, dims: Sequence[int]) -> Field:
        """Let every position of the output along ``dims`` depend on everything along them."""
        mixed = self.contract(field, dims)
        for dim in dims:
            mixed = widen(mixed, dim % field.rank, self.shape[dim % field.rank])
        return mixed

    def whole(self, field: Field) -> Field:
        """Let every element of the output depend on all that ``field`` depends on."""
        return collapse(field, (1,) * len(self.shape))

    def all_of(self, fields: Sequence[Field]) -> list[Field]:
        """Let every element of every output depend on all that any of ``fields`` depends on."""
        everything = self.merge([collapse(field, ()) for field in fields], ())
        return [collapse(everything, shape) for shape in self.shapes]

    def window(
        self, field: Field, dim: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> Field:
        """Read windows along ``dim``; output ``o`` reads ``o*stride - padding + dilation*t`` for ``t < kernel``."""
        outputs = places(field.shape[dim], kernel, stride, padding, dilation)
        return reading.slide(field, {dim: sliding(field.shape[dim], outputs, kernel, stride, padding, dilation)})
