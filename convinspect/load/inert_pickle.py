"""A pickle read as data: what it would build is written down, and nothing of it is imported, called or allocated."""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from convinspect.errors import UsageError

# A pickle grows at most so much in memory: an opcode makes one small object.
MAX_BYTES = 64 << 20
_MAX_OPCODES = 3_000_000


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that the pickle names: ``torch._utils._rebuild_tensor_v2``."""

    dotted: str


@dataclass(slots=True)
class Call:
    """What would be called or constructed; ``state`` is what it would be given afterwards."""

    function: Any
    args: Any
    state: Any = None
    items: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reference:
    """A persistent id: of a storage, ``("storage", Name, key, location, numel, ...)``."""

    key: Any


class _Mark:
    """The opcode MARK on the stack."""


def read_pickle(stream: BytesIO) -> Any:
    """Return what the next pickle of ``stream`` describes: plain values, and `Call` for anything else.

    Raises `UsageError` for what is no pickle, is cut short, or is larger than any that torch writes.
    """
    reader = _Reader()
    try:
        for count, (opcode, arg, _) in enumerate(pickletools.genops(stream)):
            if count > _MAX_OPCODES:
                raise UsageError(f"its pickle has more than {_MAX_OPCODES:,} steps")
            if opcode.name == "STOP":
                return reader.stack.pop()
            reader.step(opcode.name, arg)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageError(f"its pickle is damaged ({_short(error)})") from None
    raise UsageError("its pickle is cut short")


def walk(value: Any) -> Iterator[Any]:
    """Yield every value below ``value`` once, however often and in whatever circles it is held."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if isinstance(item, (str, bytes, int, float, type(None))):
            yield item
            continue
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, (list, tuple)):
            pending.extend(reversed(item))
        elif isinstance(item, dict):
            pending.extend(part for pair in item.items() for part in pair)
        elif isinstance(item, Call):
            pending.extend((item.function, item.args, item.state, item.items))
        elif isinstance(item, Reference):
            pending.append(item.key)


class _Reader:
    """The stack machine of pickle, for the opcodes that torch and Python write."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, arg: Any) -> None:
        """Take one opcode with its argument."""
        if name in _PUSHES_ARGUMENT:
            self.stack.append(arg)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in ("PROTO", "FRAME"):
            return
        elif (found := _STEPS.get(name)) is not None:
            found(self, arg)
        else:
            raise UsageError(f"its pickle uses {name}, which torch does not write")

    def put(self, arg: int | None) -> None:
        self._memo[len(self._memo) if arg is None else arg] = self.stack[-1]

    def get(self, arg: int) -> None:
        self.stack.append(self._memo[arg])

    def take(self) -> list[Any]:
        """Pop down to the last mark."""
        items: list[Any] = []
        while (item := self.stack.pop()) is not _Mark:
            items.append(item)
        items.reverse()
        return items

    def drop(self, _: Any) -> None:
        self.take()

    def pack(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count or _Mark in items:
            raise ValueError("stack")
        self.stack[-count:] = [items]

    def add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        (target if isinstance(target, list) else target.items).extend(items)

    def set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        pairs = zip(items[::2], items[1::2], strict=True)
        if isinstance(target, Call):
            target.items.extend(pairs)
            return
        for key, value in pairs:
            # Other keys would be hashed, and a tuple can be made to take forever.
            target[key if isinstance(key, (str, int, float, bytes, type(None))) else id(key)] = value

    def call(self, _: Any) -> None:
        args = self.stack.pop()
        self.stack[-1] = Call(self.stack[-1], args)

    def call_with_keywords(self, _: Any) -> None:
        keywords, args = self.stack.pop(), self.stack.pop()
        self.stack[-1] = Call(self.stack[-1], args, keywords)

    def build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Call):
            self.stack[-1].state = state
        else:
            raise TypeError("BUILD")

    def name(self, arg: str | None) -> None:
        if arg is None:
            attribute, module = self.stack.pop(), self.stack.pop()
            arg = f"{module}.{attribute}"
        self.stack.append(Name(arg.replace(" ", ".", 1)))

    def refer(self, _: Any) -> None:
        self.stack.append(Reference(self.stack.pop()))


def _short(error: BaseException) -> str:
    text = re.sub(r"\s+", " ", str(error)) or type(error).__name__
    return text[:77] + "..." if len(text) > 80 else text  # noqa: PLR2004 - a line


_PUSHES_ARGUMENT = (
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _Mark,
} | {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _Reader.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Reader.get),
    "TUPLE": lambda reader, _: reader.stack.append(tuple(reader.take())),
    "TUPLE1": lambda reader, _: reader.pack(1),
    "TUPLE2": lambda reader, _: reader.pack(2),
    "TUPLE3": lambda reader, _: reader.pack(3),
    "APPEND": lambda reader, _: reader.add([reader.stack.pop()]),
    **dict.fromkeys(("APPENDS", "ADDITEMS"), lambda reader, _: reader.add(reader.take())),
    "SETITEM": lambda reader, _: reader.set([reader.stack.pop(-2), reader.stack.pop()]),
    "SETITEMS": lambda reader, _: reader.set(reader.take()),
    "POP": lambda reader, _: reader.stack.pop(),
    "POP_MARK": _Reader.drop,
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _Reader.name),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Reader.call),
    "NEWOBJ_EX": _Reader.call_with_keywords,
    "BUILD": _Reader.build,
    "BINPERSID": _Reader.refer,
}
