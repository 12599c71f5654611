"""What a call costs, asked of its operator's record."""

from __future__ import annotations

from operator import index

from convinspect.errors import ModelError
from convinspect.ops.arguments import NotGivenError, is_sparse
from convinspect.ops.nested import each_of_nested, is_nested
from convinspect.ops.operators import Rule, operator
from convinspect.ops.registry import qualified_name
from convinspect.ops.sparse import sparse_product_macs
from convinspect.records import OpCall

_OURS = __name__.removesuffix(".pricing")


def price(call: OpCall) -> int | None:
    """Return the multiply-accumulates of one operator's run: exact, ``0`` where it is known to be free.

    ``None`` where they are not known: nobody says what the operator costs, or its rule needs a shape that the
    call does not show (weights packed in an object, lengths that stand in a tensor's values, two sparse tensors, nested
    ones of other numbers).

    Raises:
        ModelError: a rule that the model's own file registered failed, or returned something else than a count.
    """
    macs = operator(call.op).macs
    if not callable(macs):
        return macs
    parts = [call] if not is_nested(call) else each_of_nested(call)
    counts = [_count(macs, part) for part in parts]
    return None if None in counts or not counts else sum(count for count in counts if count is not None)


def _count(rule: Rule, call: OpCall) -> int | None:
    ours = rule.__module__.startswith(_OURS)
    law = sparse_product_macs if ours and is_sparse(call) else rule
    try:
        count = law(call)
    except NotGivenError:
        return None
    except Exception as error:  # the rule may be the user's own code
        if ours:
            raise
        raise ModelError(
            f"the MAC rule of {qualified_name(call.op)} raised {type(error).__name__}: {error}",
            "a rule takes one call and reads its shapes from call.args and call.outputs",
        ) from error
    return None if count is None else _checked_count(call.op, count)


def _checked_count(op: str, count: object) -> int:
    try:
        macs = -1 if isinstance(count, bool) else index(count)  # type: ignore[arg-type]  # whatever a rule returns is tried
    except TypeError:
        macs = -1
    if macs < 0:
        raise ModelError(
            f"the MAC rule of {qualified_name(op)} returned {count!r}",
            "return a whole number that is not negative, or None for unknown",
        )
    return macs
