"""Which object of a module is the model: by name, or the one that nothing else in the file builds."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import ModuleType
from typing import Any

from convinspect.errors import UndecidedError, UsageError
from convinspect.load.candidates import Candidates, is_model
from convinspect.spec import Target
from convinspect.users_code import running_users_code

_WIDEST = 76
_MOST_NEEDED = 4
_MOST_LISTED = 40
# What a piece of a model is called, in files that do not show what it is built into.
_PIECE = re.compile(
    r"(Block|Layer|Embed(ding)?s?|Encoding|Attention|Head|Neck|Norm|Act(ivation)?|Stem|Stage|MLP|Mlp|FFN|FeedForward"
    r"|(Up|Down)(sample)?)\w{0,3}$"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """An instance, or a class or factory to call; ``reason`` says why it was taken where that is not plain.

    ``others`` are further ways to a model of the file, by name. ``unless_empty`` is raised where it was taken for how
    easily it is built, and turns out to have no weights.
    """

    name: str
    value: Any
    reason: str | None = None
    others: tuple[str, ...] = ()
    unless_empty: UsageError | None = None


def choose(module: ModuleType, target: Target, arguments: Sequence[tuple[str, Any]]) -> Choice:
    """Return what ``target`` names in ``module``, or the one model that the module itself defines.

    Raises `UsageError` that lists the candidates where the choice is not plain.
    """
    if target.attribute is not None:
        return Choice(target.attribute, _named(module, target))
    found = Candidates.of(module)
    if len(found.instances) == 1 and not arguments:
        (name, value), *_ = found.instances.items()
        return Choice(name, value, f"took {name}, the model instance of the file" if found.classes else None)
    given = list(dict.fromkeys(name.partition(".")[0] for name, _ in arguments if name))
    positional = sum(not name for name, _ in arguments)
    ready = [name for name, value in found.callables.items() if _can_be_built(value, positional, given)]
    # A factory that fetches weights is not the plainest way to the model.
    ready = [name for name in ready if "pretrained" not in name] or ready
    if len(found.models) == 1:
        (name, value), *_ = found.models.items()
        if name in ready or not ready:
            return Choice(name, value, found.why(name), tuple(found.factories))
    elif not found.models and len(found.factories) == 1:
        (name, value), *_ = found.factories.items()
        return Choice(name, value)
    if len(ready) == 1 and not (len(found.models) > 1 and _PIECE.search(ready[0])):
        how = f"takes {', '.join(given)} alone" if given else "needs no arguments"
        kind = "class" if ready[0] in found.models else "factory"
        reason = f"took {ready[0]}, the only {kind} here that {how}"
        return Choice(ready[0], found.callables[ready[0]], reason, unless_empty=_undecided(target, found))
    raise _undecided(target, found, ready)


def signature_of(value: Any) -> inspect.Signature | None:
    """Return the signature of a class or factory, or ``None`` where Python does not know it."""
    try:
        return inspect.signature(value)
    except Exception:  # noqa: BLE001 - a user's class may answer for itself
        return None


def is_needed(parameter: inspect.Parameter) -> bool:
    """Tell whether a call must give ``parameter``."""
    variadic = (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in variadic


def written(signature: inspect.Signature) -> str:
    """Return ``signature`` as it stands in source, without annotations; of a long one only what must be given.

    ``(...)`` where a default cannot be written.
    """
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    try:
        whole = str(inspect.Signature(plain))
    except Exception:  # noqa: BLE001 - the user's own __repr__
        return "(...)"
    needed = [parameter.name for parameter in plain if is_needed(parameter)]
    return whole if len(whole) <= _WIDEST else f"({', '.join([*needed[:_MOST_NEEDED], '...'])})"


def _named(module: ModuleType, target: Target) -> Any:
    with running_users_code(target.text):  # a module or a class may have a __getattr__
        try:
            value = attrgetter(target.attribute or "")(module)
        except AttributeError:
            raise UsageError(f"{target.source}: no {target.attribute}", _listed(module)) from None
    if not is_model(value) and not callable(value):
        kind = type(value).__name__
        raise UsageError(f"{target.text} is a {kind}, not a model, a class or a factory", _listed(module))
    return value


def _listed(module: ModuleType) -> str | None:
    found = Candidates.of(module)
    names = [*found.models, *found.instances, *found.factories, *found.apart]
    return f"found {', '.join(names[:12])}" if names else None


def _can_be_built(value: Any, positional: int, names: Sequence[str]) -> bool:
    signature = signature_of(value)
    if signature is None:
        return False
    try:
        signature.bind(*[None] * positional, **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def _undecided(target: Target, found: Candidates, ready: Sequence[str] = ()) -> UsageError:
    buildable = sorted(found.callables, key=lambda name: (_PIECE.search(name) is not None, name not in ready))
    listed = found.instances | {name: found.callables[name] for name in buildable}
    if not listed:
        return UsageError(
            f"{target.text}: defines no torch.nn.Module",
            "a class, a module-level instance or a factory function can be inspected",
        )
    names = tuple(listed)[:_MOST_LISTED]
    more = [f"... and {len(listed) - len(names)} more"] if len(names) < len(listed) else []
    apart = [f"apart from these: {', '.join(found.apart)}"] if found.apart else []
    error = UndecidedError(
        f"{target.text}: several models",
        f"choose one, for example: {target.source}:{names[0]}",
        (*(_say(name, listed[name]) for name in names), *more, *apart),
    )
    error.source, error.names = target.source, names
    return error


def _say(name: str, value: Any) -> str:
    if is_model(value):
        return f"{name} (an instance)"
    signature = signature_of(value)
    return f"{name}{written(signature) if signature else '(...)'}"
