"""What the rules of one run are asked: of each operator that has read something followed, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from convinspect.errors import InspectError
from convinspect.fields.answers import Answers
from convinspect.fields.candidates import Candidates
from convinspect.fields.complex_parts import parts_differ
from convinspect.fields.hulls.arrays import Array, Shape
from convinspect.fields.operations.causes import Cause
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.rules import RULES, Call, Result, Rule, is_ours, run_rule
from convinspect.fields.varying import Varying
from convinspect.tensors.operators import Signature, is_pointwise


class Ran(NamedTuple):
    """An operator that ran: its arguments by name, the fields ``found`` of tensors among them by their ``id``.

    ``wanted`` are the tensors whose fields are asked for; ``nested``: there were nested tensors among them all.
    """

    func: Any
    signature: Signature
    given: Mapping[str, Any]
    found: Mapping[int, Field]
    wanted: tuple[Tensor, ...]
    cause: Cause
    nested: bool


class Asking:
    """Asks the rules, and remembers what they have answered, of an input with ``count`` followed axes.

    ``varying`` tells constants from what a rule must not read; what rules raise goes into ``faults``, by operator.
    """

    def __init__(self, candidates: Candidates, count: int, faults: dict[str, str]) -> None:
        self._candidates = candidates
        self._count = count
        self._faults = faults
        self._alike = True
        self.answers = Answers()
        self.varying = Varying()

    def answer(self, ran: Ran) -> Sequence[Field | None] | None:
        """Return the field of each tensor wanted, as the same call was answered before or as its rule says.

        ``None`` where there is no rule, or none that fits, and for what is nested.
        """
        rule, state = RULES.find(ran.signature.name), (self._alike, self._candidates.state)
        if rule is None and len(ran.found) == 1 and is_pointwise(ran.func) and not ran.nested:
            (field,) = ran.found.values()
            if all(output.shape == field.shape and not output.is_complex() for output in ran.wanted):
                return [field] * len(ran.wanted)  # what merging gives, of one alone
        may_be_known = not ran.nested and is_ours(rule)
        key = self.answers.key_of((ran.func, *state), ran.given, ran.wanted, ran.found) if may_be_known else None
        known = self.answers.find(key)
        if known is not None:
            return known
        arguments = {**ran.signature.defaults, **ran.given}
        constants: list[Array | None] = []  # what their values decided is no answer to a call of others

        def constant(tensor: Tensor) -> Array | None:
            constants.append(self.varying.constant(tensor))
            return constants[-1]

        def find(tensor: Tensor) -> Field | None:
            return ran.found.get(id(tensor))

        call = Call(
            *(ran.cause.op, arguments, ran.wanted, ran.cause, self._count, find, self._candidates),
            alike=self._alike,
            constant=constant,
        )
        self._alike = self._alike and not parts_differ(call)
        fields = None if ran.nested else self._ask_rule(rule, ran.func, call)
        if fields is None:
            return None
        same = not constants and state == (self._alike, self._candidates.state)
        return self.answers.keep(key if same else None, fields, ran.cause)

    def _ask_rule(self, rule: Rule | None, func: Any, call: Call) -> Sequence[Field | None] | None:
        """Return what the operator's rule says of its outputs; ``None`` where it has none, or none that fits.

        A fault of a rule is kept for the report to tell.
        """
        if all(0 in shape for shape in call.shapes):
            return [None] * len(call.outputs)  # no elements, that could depend on anything
        if rule is None:
            return [call.merge(call.fields(), shape) for shape in call.shapes] if is_pointwise(func) else None
        try:
            return _per_output(run_rule(rule, call), call.shapes)
        except InspectError:
            raise
        except Exception as error:  # noqa: BLE001 - a geometry that a rule does not foresee must not cost the report
            self._faults[call.op] = f"{type(error).__name__}: {error}"
            return None


def _per_output(result: Result, shapes: Sequence[Shape]) -> Sequence[Field | None] | None:
    """Match a rule's result to the outputs; ``None`` where it does not fit, so that nothing false is kept."""
    if result is None:
        return [None] * len(shapes)
    if isinstance(result, Field):
        if result.shape != shapes[0]:
            return None
        if len(shapes) == 1:
            return [result]
        collapsed = {shape: None if 0 in shape else collapse(result, shape) for shape in {*shapes} - {result.shape}}
        return [result if shape == result.shape else collapsed[shape] for shape in shapes]
    fits = len(result) == len(shapes) and all(
        field is None or field.shape == shape for field, shape in zip(result, shapes, strict=True)
    )
    return list(result) if fits else None
