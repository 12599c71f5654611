"""What Python objects hold, written down so that it can be put back: containers and plain objects, however nested."""

from __future__ import annotations

import operator
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

from convinspect.trace.foreign_state import is_out_of_reach, keeper

# Beyond so many objects nothing is promised: a data set that hangs on a model is not walked through.
_MOST = 200_000
# Globals can lead anywhere in the process; what a helper keeps lies near.
_MOST_AROUND = 2_000
_ATOMS = frozenset(
    (
        *(bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device, torch.Size),
        *(FunctionType, BuiltinFunctionType, MethodType, ModuleType, CodeType),
    )
)
_CONTAINERS = frozenset((dict, OrderedDict, list, deque, set, tuple, frozenset))
# Their objects are torch's own, or hold no state of a model's.
_FOREIGN = ("torch", "numpy", "builtins", "_thread", "threading", "weakref", "functools", "logging", "typing", "abc")


class Snapshot:
    """The contents of everything that can be reached from ``roots``, then ``around``; ``tensors`` are those among it.

    Containers keep their identity when they are put back, and so do the objects in them. ``out_of_reach`` are those
    whose state cannot be read and put back, ``out_of_reach_around`` those that the roots do not lead to.
    """

    def __init__(self, roots: Iterable[Any], around: Iterable[Any] = ()) -> None:
        self.tensors: list[torch.Tensor] = []
        self.out_of_reach: list[Any] = []
        self.out_of_reach_around: list[Any] = []
        self._undo: list[Callable[[], Any]] = []
        # Side by side, what holds others, what it is, and what it held: an object each would be many.
        self._containers: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        self._seen: dict[int, Any] = {}
        self._foreign: dict[type, bool] = {}
        self._walk(roots, _MOST, self.out_of_reach)
        self._walk(around, _MOST_AROUND, self.out_of_reach_around)

    def restore(self) -> None:
        """Put everything back that has changed."""
        for item, base, before in zip(*self._containers, strict=True):
            (_put_back_dict if issubclass(base, dict) else _put_back_sequence)(item, base, before)
        for put_back in self._undo:
            put_back()

    def _walk(self, roots: Iterable[Any], most: int, out_of_reach: list[Any]) -> None:
        """Write down up to ``most`` objects, the nearest first."""
        pending, seen = deque(roots), self._seen
        enough = len(seen) + most
        while pending and len(seen) < enough:
            item = pending.popleft()
            kind = type(item)
            if kind in _ATOMS or id(item) in seen:
                continue
            seen[id(item)] = item
            if kind is dict or kind is OrderedDict:
                self._keep(item, kind, dict(item))
                pending.extend(item.values())
                continue
            if kind not in _CONTAINERS and self._is_foreign_state(item):
                out_of_reach.append(item)
            pending.extend(self._open(item))

    def _is_foreign_state(self, item: Any) -> bool:
        """Tell an object whose state is out of reach; one whose state can be read is written down."""
        kind = type(item)
        if issubclass(kind, (nn.Module, torch.Tensor, type)):
            return False
        put_back = keeper(item)
        if put_back is not None:
            self._undo.append(put_back)
            return False
        if kind not in self._foreign:
            self._foreign[kind] = is_out_of_reach(kind)
        return self._foreign[kind]

    def _open(self, item: Any) -> Iterator[Any]:
        """Write down what ``item`` holds, and yield it."""
        kind = type(item)
        if issubclass(kind, (type, ModuleType)):
            return
        if issubclass(kind, torch.Tensor):
            self.tensors.append(item)
        elif issubclass(kind, dict):
            self._keep(item, OrderedDict if issubclass(kind, OrderedDict) else dict, dict(dict.items(item)))
            yield from dict.values(item)
        elif issubclass(kind, (list, deque, set)):
            base = next(base for base in (list, deque, set) if issubclass(kind, base))
            self._keep(item, base, base(item))
            yield from item
        elif issubclass(kind, (tuple, frozenset)):
            yield from item
        if kind in _CONTAINERS:
            return
        if issubclass(kind, (nn.Module, SimpleNamespace)) or not _is_foreign(kind.__module__):
            yield from self._open_object(item)

    def _keep(self, item: Any, base: type, before: Any) -> None:
        items, bases, contents = self._containers
        items.append(item)
        bases.append(base)
        contents.append(before)

    def _open_object(self, item: Any) -> Iterator[Any]:
        try:
            own = object.__getattribute__(item, "__dict__")
        except (AttributeError, TypeError):
            own = None
        if type(own) is dict:
            yield own
        slots = [name for base in type(item).__mro__ for name in _slots(base)]
        if slots:
            before = {name: object.__getattribute__(item, name) for name in slots if _has(item, name)}
            self._undo.append(_of_slots(item, slots, before))
            yield from before.values()


def state_of_code(modules: Iterable[nn.Module]) -> Iterator[dict[str, Any]]:
    """Yield the globals of the Python files that define the classes of ``modules``: helpers keep their caches there."""
    names = {base.__module__ for module in modules for base in type(module).__mro__}
    for name in sorted(names):
        if not _is_foreign(name) and name in sys.modules:
            yield vars(sys.modules[name])


def _is_foreign(module: str) -> bool:
    return module.partition(".")[0] in _FOREIGN


def _put_back_dict(item: Any, base: Any, before: dict[Any, Any]) -> None:
    if len(item) == len(before) and _same(dict.values(item), before.values()) and _same(dict.keys(item), before):
        return
    base.clear(item)
    for key, value in before.items():
        base.__setitem__(item, key, value)


def _put_back_sequence(item: Any, base: Any, before: Any) -> None:
    if len(item) == len(before) and _same(base.__iter__(item), before):
        return
    base.clear(item)
    (base.update if base is set else base.extend)(item, before)


def _same(one: Iterable[Any], other: Iterable[Any]) -> bool:
    return all(map(operator.is_, one, other))


def _of_slots(item: Any, slots: list[str], before: dict[str, Any]) -> Callable[[], None]:
    def put_back() -> None:
        for name in slots:
            if name in before:
                object.__setattr__(item, name, before[name])
            elif _has(item, name):
                object.__delattr__(item, name)

    return put_back


def _slots(kind: type) -> tuple[str, ...]:
    found = vars(kind).get("__slots__", ())
    names = (found,) if isinstance(found, str) else tuple(found)
    # A name in two underscores is kept under its class's.
    return tuple(
        f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
        for name in names
        if name not in ("__dict__", "__weakref__")
    )


def _has(item: Any, name: str) -> bool:
    try:
        object.__getattribute__(item, name)
    except AttributeError:
        return False
    return True
