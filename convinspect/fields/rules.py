"""The registry of rules: which input elements an operator's output depends on, keyed by the operator's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from convinspect.errors import ModelError
from convinspect.fields.call import Call
from convinspect.fields.operations.field import Field

Result: TypeAlias = "Field | Sequence[Field | None] | None"
Rule: TypeAlias = Callable[[Call], Result]
RuleT = TypeVar("RuleT", bound=Callable[..., Any])

_OURS = __name__.removesuffix("rules")


class Rules:
    """One rule for each operator, by names such as ``mylib.myop``; ``kind`` says in errors what they are of."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.by_name: dict[str, Callable[..., Any]] = {}

    def register(self, *names: str) -> Callable[[RuleT], RuleT]:
        """Return a decorator for the rule of the operators ``names``; raises `ModelError` as `rf_rule` says."""
        qualified = [_qualified(name) for name in names]

        def keep(rule: RuleT) -> RuleT:
            for name in qualified:
                if name in self.by_name and not _same_source(self.by_name[name], rule):
                    raise ModelError(f"{name} has a {self.kind} rule already", "an operator has one rule of a kind")
            self.by_name.update(dict.fromkeys(qualified, rule))
            return rule

        return keep


RULES = Rules("receptive-field")


def rf_rule(*names: str) -> Callable[[RuleT], RuleT]:
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
    return RULES.register(*names)


def aten(names: str) -> tuple[str, ...]:
    """Spell out the full names of torch's own operators."""
    return tuple(f"aten::{name}" for name in names.split())


def find_rule(names: Sequence[str]) -> Rule | None:
    """Look up the rule of an operator by the names that it may have."""
    return next((RULES.by_name[name] for name in names if name in RULES.by_name), None)


def run_rule(rule: Rule, call: Call) -> Result:
    """Ask a rule; raises `ModelError` where it is the user's own code that fails, and what it is where it is ours."""
    try:
        return rule(call)
    except Exception as error:
        if rule.__module__.startswith(_OURS):
            raise
        name = "::".join(call.op.split(".")[:2])
        raise ModelError(f"{name}: its receptive-field rule failed: {type(error).__name__}: {error}") from error


def _qualified(name: str) -> str:
    namespace, _, rest = name.replace("::", ".").partition(".")
    if not namespace or not rest or "." in rest:
        raise ModelError(
            f"{name!r} does not name an operator",
            "write the library and the operator, without an overload: 'mylib::myop'",
        )
    return f"{namespace}.{rest}"


def _same_source(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    # A model file that is imported twice (two targets in it, a notebook's cell run again) repeats its rules.
    if old is new:
        return False
    old_code, new_code = getattr(old, "__code__", None), getattr(new, "__code__", None)
    return old_code is not None and old_code == new_code and old_code.co_filename == new_code.co_filename
