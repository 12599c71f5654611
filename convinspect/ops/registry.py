"""Which operator costs what: one table of rules, one of operators that cost nothing, and the question to both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import TypeAlias, TypeVar

from convinspect.errors import ModelError
from convinspect.ops.arguments import NotGivenError, is_sparse
from convinspect.records import OpCall

Rule: TypeAlias = Callable[[OpCall], "int | None"]
RuleT = TypeVar("RuleT", bound=Rule)

_OURS = __name__.removesuffix(".registry")
_rules: dict[str, Rule] = {}
_free: set[str] = set()


def price(call: OpCall) -> int | None:
    """Return the multiply-accumulates of one operator's run: exact, ``0`` where it is known to be free.

    ``None`` where they are not known: the operator is in neither table, or its rule needs a shape that the
    call does not show (weights packed in an object, lengths that stand in a tensor's values, sparse tensors).

    Raises:
        ModelError: a rule that the model's own file registered failed, or returned something else than a count.
    """
    for name in _spellings(call.op):
        if name in _rules:
            return _count(name, _rules[name], call)
        if name in _free:
            return 0
    return None


def mac_rule(*names: str) -> Callable[[RuleT], RuleT]:
    """Register the decorated function as the rule of the operators ``names``, overloads included.

    A rule takes the `OpCall` and returns its multiply-accumulates as an ``int``, or ``None`` where it cannot
    know them. Names are written ``"mylib.myop"`` or ``"mylib::myop"``::

        @mac_rule("mylib::myop")
        def my_macs(call):
            return math.prod(call.outputs[0].shape) * call.args["x"].shape[-1]

    Raises:
        ModelError: one of ``names`` has a rule or is free already.
    """
    qualified = [_checked(name) for name in names]

    def register(rule: RuleT) -> RuleT:
        for name in qualified:
            if name in _free or (name in _rules and not _same_source(_rules[name], rule)):
                raise _taken(name)
        _rules.update(dict.fromkeys(qualified, rule))
        return rule

    return register


def no_macs(*names: str) -> None:
    """Register operators that cost no multiply-accumulates; saying it twice changes nothing.

    Raises:
        ModelError: one of ``names`` has a rule already.
    """
    qualified = [_checked(name) for name in names]
    for name in qualified:
        if name in _rules:
            raise _taken(name)
    _free.update(qualified)


def registered() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that have a rule, and the names that are free."""
    return frozenset(_rules), frozenset(_free)


def qualified_name(op: str) -> str:
    """Return an operator's name without its overload: ``aten.add.Tensor`` is ``aten.add``."""
    return ".".join(op.replace("::", ".").split(".")[:2])


def _spellings(op: str) -> Iterable[str]:
    name = qualified_name(op)
    yield name
    # Only in torch's own library does a trailing underscore promise the same computation, in place.
    if name.startswith("aten.") and name.endswith("_"):
        yield name.removesuffix("_")


def _count(name: str, rule: Rule, call: OpCall) -> int | None:
    ours = rule.__module__.startswith(_OURS)
    if ours and is_sparse(call):
        return None
    try:
        count = rule(call)
    except NotGivenError:
        return None
    except Exception as error:  # the rule may be the user's own code
        if ours:
            raise
        raise ModelError(
            f"the MAC rule of {name} raised {type(error).__name__}: {error}",
            "a rule takes one call and reads its shapes from call.args and call.outputs",
        ) from error
    return None if count is None else _checked_count(name, count)


def _checked_count(name: str, count: object) -> int:
    hint = "return a whole number that is not negative, or None for unknown"
    if isinstance(count, bool):
        raise ModelError(f"the MAC rule of {name} returned {count!r}", hint)
    try:
        macs = index(count)  # type: ignore[arg-type]  # whatever a user's rule returns is tried
    except TypeError:
        raise ModelError(f"the MAC rule of {name} returned {count!r}", hint) from None
    if macs < 0:
        raise ModelError(f"the MAC rule of {name} returned {count!r}", hint)
    return macs


def _checked(name: str) -> str:
    namespace, _, rest = name.replace("::", ".").partition(".")
    if not namespace or not rest or "." in rest:
        raise ModelError(
            f"{name!r} does not name an operator",
            "write the library and the operator, without an overload: 'mylib::myop'",
        )
    return f"{namespace}.{rest}"


def _same_source(old: Rule, new: Rule) -> bool:
    # A model file that is imported twice (two targets in it, a notebook's cell run again) repeats its rules.
    if old is new:
        return False
    old_code, new_code = getattr(old, "__code__", None), getattr(new, "__code__", None)
    return old_code is not None and old_code == new_code and old_code.co_filename == new_code.co_filename


def _taken(name: str) -> ModelError:
    return ModelError(f"{name} has a MAC rule already", "an operator is priced in one place")
