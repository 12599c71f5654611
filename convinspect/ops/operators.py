"""One record an operator: what it costs, what its row shows and whether there is one, what people call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar

from convinspect.ops.arguments import NotGivenError
from convinspect.ops.names import spoken_name
from convinspect.ops.registry import Registry, checked_name
from convinspect.records import Attributes, OpCall, TensorRecord

Rule: TypeAlias = Callable[[OpCall], "int | None"]
Law: TypeAlias = Callable[[OpCall], Attributes]
RuleT = TypeVar("RuleT", bound=Rule)
AnswerT = TypeVar("AnswerT")
Kind: TypeAlias = Literal["computation", "view", "conversion", "silent"]


@dataclass(frozen=True, slots=True)
class Operator:
    """What is known of an operator, or of a family that is alike but for its names.

    ``name`` is what people call it; ``named`` says it where the arguments of a call decide, and may return ``None``.
    ``macs`` are its rule, 0 where it multiplies nothing, ``None`` where nobody knows. A ``view`` re-arranges its input
    or copies it as it is; a ``conversion`` too, but shows it in another form that is worth a row: another dtype,
    device or layout, a complex number's parts; what is ``silent`` is never worth one. ``by_products``: of its outputs
    all but the first are for its own backward. ``attributes`` reads its settings off a call, and raises `NotGivenError`
    where the call does not show them.
    """

    name: str = ""
    macs: Rule | Literal[0] | None = None
    kind: Kind = "computation"
    by_products: bool = False
    named: Callable[[OpCall], str | None] | None = None
    attributes: Law | None = None


_operators: Registry[Operator] = Registry("MAC rule", lambda name: Operator(spoken_name(name)))
_view_names: set[str] = set()
# Read off an input where that fits the weights; of a call that failed nobody knows which of the two is wrong.
_OF_BOTH_SIDES = {"in_features", "num_features", "num_heads"}


def operator(op: str) -> Operator:
    """Return what is known of ``op``, which may stand with its overload: ``aten.add.Tensor``."""
    return _operators.find(op)


def type_name(call: OpCall) -> str:
    """Return the name that people know a call by: ``conv2d`` for ``aten.convolution.default`` with a 2-D kernel."""
    known = operator(call.op)
    return (_asked(known.named, call) if known.named else None) or known.name


def display_name(op: str) -> str:
    """Return the name that people know an operator by, whatever it was called with."""
    return operator(op).name


def is_silent(op: str) -> bool:
    """Return whether an operator is never worth a row: detach, factories, questions about sizes, assertions."""
    return operator(op).kind == "silent"


def is_view_named(name: str) -> bool:
    """Return whether rows called ``name`` only rename, pick or copy elements.

    Not ``unfold``: ``F.unfold`` has that name too, and is worth a row.
    """
    return name in _view_names


def results_of(call: OpCall) -> tuple[TensorRecord, ...]:
    """Return the outputs of ``call`` that a caller sees: of max pooling the maxima, not their indices."""
    return call.outputs[:1] if operator(call.op).by_products else call.outputs


def attributes_of(call: OpCall) -> Attributes:
    """Return the settings that ``call`` ran with; none where its operator has none, or the call does not show them."""
    law = operator(call.op).attributes
    try:
        found: Attributes = (_asked(law, call) if law is not None else None) or {}
    except NotGivenError:
        return {}
    if call.failed and not _OF_BOTH_SIDES.isdisjoint(found):
        return {}
    return found


def _asked(law: Callable[[OpCall], AnswerT], call: OpCall) -> AnswerT | None:
    """Return what ``law`` says of ``call``; nothing of one that failed over arguments that no law expects."""
    try:
        return law(call)
    except (LookupError, ValueError, TypeError):
        if not call.failed:
            raise
        return None


def mac_rule(*names: str) -> Callable[[RuleT], RuleT]:
    """Register the decorated function as the rule of the operators ``names``, overloads included.

    A rule takes the `OpCall` and returns its multiply-accumulates as an ``int``, or ``None`` where it cannot
    know them. Names are written ``"mylib.myop"`` or ``"mylib::myop"``::

        from convinspect import mac_rule

        @mac_rule("mylib::myop")
        def my_macs(call):
            return math.prod(call.outputs[0].shape) * call.args["x"].shape[-1]

    Raises:
        ModelError: one of ``names`` has a rule or is free already.
    """
    return _operators.decorator(names, lambda name, rule: Operator(spoken_name(name), rule))


def no_macs(*names: str) -> None:
    """Register operators that cost no multiply-accumulates; saying it twice changes nothing.

    Raises:
        ModelError: one of ``names`` has a rule already.
    """
    new = {name: Operator(spoken_name(name), 0) for name in map(checked_name, names)}
    _operators.add({name: free for name, free in new.items() if operator(name).macs != 0})


def declare(kernels: str, family: Operator, prefix: str = "aten.") -> None:
    """Register torch's own operators that are alike: ``kernels``, after ``prefix``, are each as ``family`` is.

    What people call a kernel follows it where its name does not say so: ``bmm=matmul``.
    """
    words = (word.partition("=") for word in kernels.split())
    named = {prefix + kernel: name or spoken_name(prefix + kernel) for kernel, _, name in words}
    _operators.add({kernel: replace(family, name=name) for kernel, name in named.items()})
    if family.kind == "view":
        _view_names.update(named.values())


def priced(kernels: str, family: Operator | None = None, prefix: str = "aten.") -> Callable[[RuleT], RuleT]:
    """Return a decorator that makes a function the MAC rule of torch's own operators, as `declare` takes them."""

    def register(rule: RuleT) -> RuleT:
        declare(kernels, replace(family or Operator(), macs=rule), prefix)
        return rule

    return register
