"""Frozen dataclasses to plain JSON values and back, by their type hints alone."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class DecodeError(ValueError):
    """A JSON value does not have the form that its place asks for; the message names the place."""


def encode(value: Any) -> Any:
    """Return ``value`` with dataclasses as dicts and tuples as lists; everything else stands as it is."""
    if dataclasses.is_dataclass(value):
        return {name: encode(getattr(value, name)) for name in _names(value.__class__)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T], value: Any, place: str = "") -> T:
    """Return the instance of ``kind`` that `encode` made ``value`` from; unknown keys are ignored.

    Raises `DecodeError` where a key is missing or a value is of another type.
    """
    decoded: T = _decode(kind, value, place)
    return decoded


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: Any, place: str) -> Any:
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, place)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), value, place)
    if origin is Literal:
        if value in get_args(kind):
            return value
    elif origin is tuple:
        return _decode_tuple(get_args(kind), value, place)
    elif origin is not None and issubclass(origin, Mapping):
        if isinstance(value, dict):
            inner = get_args(kind)[1]
            return {key: _decode(inner, item, f"{place}.{key}") for key, item in value.items()}
    elif kind is float and type(value) in (int, float):
        return float(value)
    elif kind is Any or type(value) is kind:
        return value
    message = f"{place or 'the document'}: {value!r} is not {_say(kind)}"
    raise DecodeError(message)


def _decode_dataclass(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        message = f"{place or 'the document'}: expected an object, got {type(value).__name__}"
        raise DecodeError(message)
    hints = _hints(kind)
    known: dict[str, Any] = {}
    for f in dataclasses.fields(kind):
        at = f"{place}.{f.name}" if place else f.name
        if f.name in value:
            known[f.name] = _decode(hints[f.name], value[f.name], at)
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            message = f"{at}: missing"
            raise DecodeError(message)
    return kind(**known)


def _decode_union(options: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and type(None) in options:
        return None
    reasons = []
    for option in options:
        if option is type(None):
            continue
        try:
            return _decode(option, value, place)
        except DecodeError as error:
            reasons.append(str(error))
    raise DecodeError(reasons[0])


def _decode_tuple(inner: tuple[Any, ...], value: Any, place: str) -> Any:
    if not isinstance(value, list):
        message = f"{place}: expected a list, got {type(value).__name__}"
        raise DecodeError(message)
    if len(inner) == 2 and inner[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return tuple(_decode(inner[0], item, f"{place}[{i}]") for i, item in enumerate(value))
    if len(inner) != len(value):
        message = f"{place}: expected {len(inner)} items, got {len(value)}"
        raise DecodeError(message)
    return tuple(_decode(k, item, f"{place}[{i}]") for i, (k, item) in enumerate(zip(inner, value, strict=True)))


def _say(kind: Any) -> str:
    return " or ".join(map(repr, get_args(kind))) if get_origin(kind) is Literal else f"of type {kind.__name__}"
