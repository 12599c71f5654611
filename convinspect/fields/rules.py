"""What a rule is: what it is asked, how it is registered by its operator's name, and how it is looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any, TypeAlias

from torch import Tensor

from convinspect.errors import ModelError
from convinspect.fields.candidates import Candidates
from convinspect.fields.hulls.arrays import Array, Shape
from convinspect.fields.hulls.windows import places, sliding
from convinspect.fields.operations import contracting, merging, reading
from convinspect.fields.operations.causes import Cause
from convinspect.fields.operations.field import Field, collapse, nothing
from convinspect.fields.operations.moves import widen
from convinspect.ops.registry import Registry
from convinspect.tensors.operators import results

Result: TypeAlias = "Field | Sequence[Field | None] | None"
Rule: TypeAlias = "Callable[[Call], Result]"

_OURS = __name__.removesuffix("rules")
INPUTS = ("self", "input", "X", "qx", "qa", "inp")


@dataclass(frozen=True, slots=True)
class Call:
    """One operator that ran: arguments by their schema's names, the tensors that came out, and fields of tensors.

    ``alike``: real and imaginary parts have depended on the same in every complex tensor so far. ``constant`` gives the
    whole numbers or truth values of a tensor of the model's own, and ``None`` of any other. A rule must not read the
    values of tensors otherwise, only their shapes: on the meta device there are none.
    """

    op: str
    args: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    cause: Cause
    count: int
    find: Callable[[Tensor], Field | None]
    candidates: Candidates = default(default_factory=Candidates)
    alike: bool = False
    constant: Callable[[Tensor], Array | None] = lambda _: None

    def __getitem__(self, name: str) -> Field:
        """Field of the tensor argument ``name``; a constant's depends on nothing."""
        return self.field(self.args[name])

    @property
    def input(self) -> Field:
        """Field of the first argument, which torch calls ``self``, ``input`` or otherwise."""
        return self[next(name for name in INPUTS if name in self.args)]

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
        gone = [dim % field.rank for dim in dims]
        return contracting.contract(field, gone, self.cause, lengths=self.candidates.lengths, keeps_own=keeps_own)

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

    def with_rest(self, out: Field) -> list[Field]:
        """Answer ``out`` for the first output, and all that any of its elements depends on for each of the others."""
        return [out, *(collapse(out, shape) for shape in self.shapes[1:])]

    def window(
        self, field: Field, dim: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> Field:
        """Read windows along ``dim``; output ``o`` reads ``o*stride - padding + dilation*t`` for ``t < kernel``."""
        outputs = places(field.shape[dim], kernel, stride, padding, dilation)
        return reading.slide(field, {dim: sliding(field.shape[dim], outputs, kernel, stride, padding, dilation)})


RULES: Registry[Rule | None] = Registry("receptive-field rule", lambda _: None)


def rf_rule(*names: str) -> Callable[[Rule], Rule]:
    """Register the decorated function as the receptive-field rule of the operators ``names``, overloads included.

    A rule takes the `Call` and returns the `Field` of the output (or one per output; ``None`` for an output that does
    not depend on its inputs). Names are written ``"mylib::blur"`` or ``"mylib.blur"``. For an operator that blurs an
    image with a 5x5 kernel::

        from convinspect.fields import rf_rule

        @rf_rule("mylib::blur")
        def blur(call):
            across = call.window(call["image"], 2, kernel=5, padding=2)
            return call.window(across, 3, kernel=5, padding=2)

    ``call.merge([call["a"], call["b"]])`` is a pointwise operator, ``call.contract(call["x"], dims)`` mixes over
    dimensions. A file that is loaded again repeats its rule.

    Raises:
        ModelError: one of ``names`` has another rule already, or names no operator.
    """
    return RULES.decorator(names, _as_entry)


def _as_entry(_: str, rule: Rule) -> Rule | None:
    return rule


def aten(names: str) -> tuple[str, ...]:
    """Spell out the full names of torch's own operators."""
    return named("aten", names)


def named(library: str, names: str) -> tuple[str, ...]:
    """Spell out the full names of the operators of a library."""
    return tuple(f"{library}::{name}" for name in names.split())


def is_ours(rule: Rule | None) -> bool:
    """Tell a rule of this package from the user's own, which may see more than it is asked."""
    return rule is None or rule.__module__.startswith(_OURS)


def run_rule(rule: Rule, call: Call) -> Result:
    """Ask a rule; raises `ModelError` where it is the user's own code that fails, and what it is where it is ours."""
    try:
        return rule(call)
    except Exception as error:
        if is_ours(rule):
            raise
        name = "::".join(call.op.split(".")[:2])
        raise ModelError(f"{name}: its receptive-field rule failed: {type(error).__name__}: {error}") from error
