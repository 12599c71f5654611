"""What is known of operators, by name: who may say it, what is refused, and the look-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from convinspect.errors import ModelError

Entry = TypeVar("Entry")
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Registry(Generic[Entry]):
    """One entry an operator, found by any spelling of its name: ``mylib::myop``, ``mylib.myop.default``.

    ``what`` an entry holds (``"MAC rule"``) stands in the errors; ``unknown`` makes the entry of a name that nobody
    registered. ``entries`` are those that were, by qualified name: ``mylib.myop``.
    """

    def __init__(self, what: str, unknown: Callable[[str], Entry]) -> None:
        self._what = what
        self._unknown = unknown
        self.entries: dict[str, Entry] = {}
        self._functions: dict[str, object] = {}
        # One hit an operator that runs; emptied by every registration, for it may change any answer.
        self._found: dict[str, Entry] = {}

    def find(self, op: str) -> Entry:
        """Return the entry of ``op``; an in-place operator of torch's own library has that of its functional form."""
        try:
            return self._found[op]
        except KeyError:
            return self._found.setdefault(op, self._look_up(qualified_name(op)))

    def add(self, entries: Mapping[str, Entry], function: object = None) -> None:
        """Register ``entries`` by qualified name: all of them, or none.

        ``function`` is what the entries were made from: a file that is run again repeats it without harm.

        Raises:
            ModelError: one of the names is taken.
        """
        for name in entries:
            if name in self.entries and not _same_source(self._functions.get(name), function):
                raise self.taken(name)
        self.entries.update(entries)
        self._functions.update(dict.fromkeys(entries, function))
        self._found.clear()

    def decorator(
        self, names: tuple[str, ...], entry: Callable[[str, FunctionT], Entry]
    ) -> Callable[[FunctionT], FunctionT]:
        """Return a decorator that registers ``entry(name, function)`` for each of the user's ``names``.

        Raises:
            ModelError: one of ``names`` names no operator; later, where it is taken.
        """
        qualified = tuple(map(checked_name, names))

        def register(function: FunctionT) -> FunctionT:
            self.add({name: entry(name, function) for name in qualified}, function)
            return function

        return register

    def taken(self, name: str) -> ModelError:
        """Return the error of a second entry for ``name``."""
        return ModelError(f"{name} has a {self._what} already", f"an operator has one {self._what}, in one place")

    def _look_up(self, name: str) -> Entry:
        if name in self.entries:
            return self.entries[name]
        # Only in torch's own library does a trailing underscore promise the same computation, in place.
        plain = name.removesuffix("_")
        if name.startswith("aten.") and plain in self.entries:
            return self.entries[plain]
        return self._unknown(name)


def qualified_name(op: str) -> str:
    """Return an operator's name without its overload: ``aten.add.Tensor`` is ``aten.add``."""
    return ".".join(op.replace("::", ".").split(".")[:2])


def checked_name(name: str) -> str:
    """Return the qualified name that a user wrote; raises `ModelError` where it names no operator."""
    namespace, _, rest = name.replace("::", ".").partition(".")
    if not namespace or not rest or "." in rest:
        raise ModelError(
            f"{name!r} does not name an operator",
            "write the library and the operator, without an overload: 'mylib::myop'",
        )
    return f"{namespace}.{rest}"


def _same_source(old: object, new: object) -> bool:
    # A model file that is imported twice (two targets in it, a notebook's cell run again) repeats its rules.
    if old is new:
        return False
    old_code, new_code = getattr(old, "__code__", None), getattr(new, "__code__", None)
    return old_code is not None and old_code == new_code and old_code.co_filename == new_code.co_filename
