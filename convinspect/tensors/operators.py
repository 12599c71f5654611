"""What an operator takes, gives and changes: read off its schema once, and asked for at every call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from convinspect.torch_private import has_kernel, schema_of


@dataclass(frozen=True, slots=True)
class Signature:
    """The name (``aten::add``) and arguments of an operator; ``types`` are torch's own words for theirs.

    ``written`` are the arguments that it writes to, ``replaced`` those that are only written, never read; ``values``
    those that may be a number that it calculates with. ``is_random``: what it makes is chance; ``finds``: how much that
    is, values decide.
    """

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    defaults: Mapping[str, Any]
    written: tuple[str, ...]
    replaced: frozenset[str]
    values: tuple[str, ...] = ()
    is_random: bool = False
    finds: bool = False


_VALUES = frozenset(("number", "Tensor", "Optional[number]"))
# These choose boxes by their values; torch does not tag them.
_FINDERS = frozenset(("torchvision::nms",))


@cache
def signature_of(func: Any) -> Signature | None:
    """Read an operator's schema; ``None`` of a higher-order operator, which has none."""
    schema = schema_of(func)
    if schema is None:
        return None
    tags = getattr(func, "tags", ())
    written = [a for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return Signature(
        schema.name,
        tuple(a.name for a in schema.arguments),
        tuple(str(a.type) for a in schema.arguments),
        {a.name: a.default_value for a in schema.arguments if a.has_default_value()},
        tuple(a.name for a in written),
        frozenset(a.name for a in written if a.kwarg_only),
        tuple(a.name for a in schema.arguments if str(a.type) in _VALUES),
        torch.Tag.nondeterministic_seeded in tags,
        torch.Tag.dynamic_output_shape in tags or schema.name in _FINDERS,
    )


@cache
def is_pointwise(func: Any) -> bool:
    """Tell whether torch tags the operator as pointwise; of an in-place one, perhaps its functional form only."""
    signature = signature_of(func)
    if signature is None:
        return False
    if torch.Tag.pointwise in func.tags:
        return True
    namespace, name = signature.name.split("::")
    # What torch takes operators apart into has the names of the whole ones, and no tags.
    known = "aten" if namespace == "prims" else namespace
    plain = getattr(getattr(torch.ops, known), name.removesuffix("_"), None)
    if plain is None or plain is func.overloadpacket:
        return False
    return any(torch.Tag.pointwise in getattr(plain, overload).tags for overload in plain.overloads())


@cache
def mutates(func: Any) -> bool:
    """Tell whether the operator may change a tensor that it is given; one without a schema may."""
    schema = schema_of(func)
    return schema is None or bool(schema.is_mutable)


@cache
def is_view(func: Any) -> bool:
    """Tell an operator that gives views of what it is given, changes nothing, and is not made of other operators."""
    schema = schema_of(func)
    aliases = schema is not None and any(argument.alias_info is not None for argument in schema.arguments)
    return aliases and not mutates(func) and not _is_composite(func)


def hides_others(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether autograd would take the operator apart: one that comes whole under ``torch.inference_mode``."""
    if not _is_composite(func):
        return False
    given = tuple(operands(args, kwargs))
    device = next((tensor.device.type for tensor in given), "cpu")
    key = "Meta" if device == "meta" else device.upper()
    return not has_kernel(func, f"NestedTensor{key}" if any(tensor.is_nested for tensor in given) else key)


@cache
def _is_composite(func: Any) -> bool:
    return signature_of(func) is not None and has_kernel(func, "CompositeImplicitAutograd")


@cache
def name_of(func: Any) -> str:
    """Return the name of an operator with its namespace and overload: ``aten.add.Tensor``, ``cond``."""
    return str(func)


@cache
def full_name(func: Any) -> str:
    """Return the same, of a higher-order operator with a namespace as well: ``higher_order.cond``."""
    name = name_of(func)
    return name if "." in name else f"higher_order.{name}"


# What is no tensor and holds none, for most of what operators are given is such.
_PLAIN = frozenset((int, float, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format))


def results(value: Any) -> list[torch.Tensor]:
    """Return the tensors of an operator's result; operators return tensors and lists of them, nothing deeper."""
    if isinstance(value, torch.Tensor):
        return [value]
    found: list[torch.Tensor] = []
    if isinstance(value, (list, tuple)):
        for item in value:
            if type(item) in _PLAIN:
                continue
            if isinstance(item, torch.Tensor):
                found.append(item)
            elif isinstance(item, (list, tuple)):
                found += results(item)
    return found


def mapped(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """Change the tensors of an operator's argument or result: pytrees would do it, ten times slower."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)([mapped(item, change) for item in value])
    return value


def operands(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    """Return the tensors that an operator was given."""
    return results((*args, *kwargs.values())) if kwargs else results(args)


def written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that the operator's schema says it writes into; all of them where it has none."""
    signature = signature_of(func)
    if signature is None:
        yield from operands(args, kwargs)
        return
    given = {**dict(zip(signature.names, args, strict=False)), **kwargs}
    for name in signature.written:
        yield from results(given.get(name))
