"""The numbers of tensors that have no data, where they are known: a meta storage may have a twin on the CPU.

A run without data knows much all the same: what ``arange`` makes, which ids it was given, what a mask of them says.
Values are known by storage, so that views see what is written through one another; what an unknown value is written
into is unknown from then on. Only small tensors carry values.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch

from convinspect.tensors.identity import storage_of
from convinspect.tensors.operators import mapped, mutates, name_of, operands, results, signature_of, written
from convinspect.torch_private import schema_of, storage_address

# Elements of the largest tensor whose values are carried: token ids, masks and grids of positions are smaller.
MOST = 1 << 20
MOST_BYTES = MOST * 16
_CPU = torch.device("cpu")
_META = torch.device("meta")
# Their results have whatever the memory held: integers, which somebody fills in bit by bit, are zeros here.
_EMPTY = frozenset(
    f"aten::{name}" for name in ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided")
)
# They ask for the shape of the tensor that they are given, and not for what it holds. Whole numbers are places.
_OF_SHAPES = frozenset(
    f"aten::{name}" for name in ("full_like", "new_full", "new_ones", "new_zeros", "ones_like", "zeros_like")
)
# They leave nothing of what was there.
_OVERWRITES = frozenset(("aten::fill_", "aten::zero_", "aten::copy_"))


class _Twin:
    """The values of one storage (``None``: not known); those that are ``shared`` are copied before they change."""

    __slots__ = ("reference", "shared", "values")

    def __init__(self, values: torch.UntypedStorage | None, *, shared: bool, reference: object) -> None:
        self.values = values
        self.shared = shared
        self.reference = reference


_twins: dict[int, _Twin] = {}


def remember(storage: torch.UntypedStorage, values: torch.UntypedStorage | None, *, shared: bool = False) -> None:
    """Let ``values`` (``None``: unknown ones) be those of ``storage``; ``shared``: they are somebody else's."""
    key = storage_address(storage)
    if values is not None and values.nbytes() and not values.data_ptr():
        values = None  # torch's tensors of zeros that are nowhere written
    _twins[key] = _Twin(values, shared=shared, reference=weakref.ref(storage, partial(_forget, key)))


def forget(tensor: torch.Tensor) -> None:
    """Let the values of ``tensor``, and of all that shares its storage, be unknown."""
    storage = storage_of(tensor)
    if storage is not None and (_twin_of(tensor) is not None or not _lacks_data(tensor)):
        remember(storage, None)


def is_known(tensor: torch.Tensor) -> bool:
    """Tell whether the values of ``tensor`` are known: those of a real tensor are, until unknown ones go into it."""
    twin = _twin_of(tensor)
    return twin.values is not None if twin is not None else not _lacks_data(tensor)


def says_anything(tensor: torch.Tensor) -> bool:
    """Tell whether the values of ``tensor`` are known, or known to be unknown."""
    storage = storage_of(tensor)
    if storage is None or storage_address(storage) in _twins:
        return storage is not None
    return storage.device != _META and not _lacks_data(tensor)


@cache
def depends_on_all(func: Any) -> bool:
    """Tell an operator whose result is known only where all is that it is given."""
    signature = signature_of(func)
    return signature is not None and signature.name not in _EMPTY | _OVERWRITES | _OF_SHAPES


def values_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return the values of a small ``tensor`` where they are known; what shares its storage shares them."""
    if tensor.numel() > MOST or not is_known(tensor):
        return None
    twin = _twin_of(tensor)
    if twin is None or twin.values is None:
        return tensor
    return on_storage(twin.values, tensor)


def lent_values_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return the same for somebody who may write to them: they are the tensor's own."""
    _own(tensor)
    return values_of(tensor)


def on_storage(storage: torch.UntypedStorage, like: torch.Tensor) -> torch.Tensor:
    """Return a tensor that lies on ``storage`` as ``like`` lies on its own."""
    empty = torch.empty(0, dtype=like.dtype, device=storage.device)
    return empty.set_(storage, like.storage_offset(), like.shape, like.stride())


def with_twin(values: torch.Tensor) -> torch.Tensor:
    """Return a tensor without data whose values are ``values``."""
    storage = values.untyped_storage()
    mine = torch.UntypedStorage(storage.nbytes(), device=_META)
    remember(mine, storage)
    return on_storage(mine, values)


@contextmanager
def values_kept() -> Iterator[None]:
    """Run the block, and let every storage have the values after it that it had before."""
    before = [(twin, twin.values) for twin in _twins.values()]
    for twin, _ in before:
        twin.shared = True
    try:
        yield
    finally:
        for twin, values in before:
            twin.values, twin.shared = values, True


def with_values(
    func: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    given: Sequence[torch.Tensor],
    run: Callable[[], Any],
    without_data: Callable[[torch.Tensor], Any],
) -> Any:
    """Return what ``run`` does, ``func`` without data, with the values of its result where those are known.

    ``given`` are the tensors among its arguments.
    What cannot run without data (it asks for a number, or its shape depends on one) runs on the values, and its
    tensors become ones ``without_data``.
    """
    if given and depends_on_all(func) and not any(map(says_anything, given)):
        return run()
    signature = signature_of(func)
    is_empty = signature is not None and signature.name in _EMPTY
    values = None if signature is None or is_empty else _known(signature.name, func, args, kwargs)
    if values is None:
        out = run()
        if is_empty:
            _fill(out)
        for tensor in _changed(func, args, kwargs):
            forget(tensor)
        return out
    if _gives_numbers(func):
        return _called(func, *values)
    try:
        out = run()
    except (NotImplementedError, RuntimeError):
        found = _called(func, *values)
        changed = next(iter(_changed(func, args, kwargs)), None)
        return mapped(found, lambda value: without_data(with_twin(value))) if changed is None else changed
    is_view = not mutates(func) and all(isinstance(part, torch.Tensor) and is_known(part) for part in _parts(out))
    if is_view or sum(tensor.numel() for tensor in results(out)) > MOST:
        return out
    return _paired(out, _called(func, *values))


@cache
def _gives_numbers(func: Any) -> bool:
    """Tell an operator that gives Python a number, which only values tell."""
    schema = schema_of(func)
    return bool(schema.returns) and not any("Tensor" in str(one.type) for one in schema.returns)


def _fill(out: torch.Tensor) -> None:
    storage = storage_of(out)
    if not (out.is_floating_point() or out.is_complex()) and storage is not None and storage.nbytes() <= MOST:
        remember(storage, torch.zeros(storage.nbytes(), dtype=torch.uint8, device=_CPU).untyped_storage())


def _known(name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return the arguments with values in place of tensors; ``None`` where some are not known."""
    tensors = operands(args, kwargs)
    if name in _OVERWRITES and all(map(is_known, tensors[1:])):
        _overwritten(tensors[0])
    found = _shape_of if name in _OF_SHAPES and _is_whole(kwargs.get("dtype")) else values_of
    if not all(found(tensor) is not None for tensor in tensors):
        return None
    for tensor in _changed(func, args, kwargs):
        _own(tensor)
    return tuple(mapped(arg, found) for arg in args), {k: mapped(arg, found) for k, arg in kwargs.items()}


def _is_whole(dtype: torch.dtype | None) -> bool:
    return dtype is not None and not (dtype.is_floating_point or dtype.is_complex)


def _shape_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return a tensor that is like a small ``tensor``, and whose values nobody asks for."""
    if tensor.layout is not torch.strided or tensor.numel() > MOST:
        return None
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_CPU)


def _changed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that ``func`` writes into; norms write their statistics without saying so."""
    if mutates(func):
        yield from written(func, args, kwargs)
    elif "_norm" in name_of(func):
        yield from operands(args, kwargs)[1:]


def _called(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*args, **({**kwargs, "device": _CPU} if kwargs.get("device") is not None else kwargs))


def _overwritten(tensor: torch.Tensor) -> None:
    """Give ``tensor``, which is about to be written over from end to end, values of its own."""
    size = tensor.untyped_storage().nbytes() if storage_of(tensor) is not None else 0
    whole = 0 < size == tensor.numel() * tensor.element_size()
    if whole and tensor.numel() <= MOST and _lacks_data(tensor) and not is_known(tensor):
        remember(tensor.untyped_storage(), torch.UntypedStorage(size))


def _own(tensor: torch.Tensor) -> None:
    twin = _twin_of(tensor)
    if twin is not None and twin.shared and twin.values is not None:
        twin.values, twin.shared = twin.values.clone(), False


def _paired(out: Any, values: Any) -> Any:
    """Return ``out`` with ``values`` for its tensors, and what is no tensor as it is among ``values``."""
    if isinstance(out, torch.Tensor):
        if not is_known(out):
            _pair(out, values)
        return out
    if isinstance(out, (list, tuple)):
        return type(out)([_paired(*pair) for pair in zip(out, values, strict=True)])
    return values


def _pair(out: torch.Tensor, values: torch.Tensor) -> None:
    storage = out.untyped_storage()
    if storage.nbytes() > MOST_BYTES:
        return
    if (values.stride(), values.storage_offset()) != (out.stride(), out.storage_offset()):
        values = on_storage(torch.UntypedStorage(storage.nbytes()), out).copy_(values)
    remember(storage, values.untyped_storage())


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _parts(item)
    else:
        yield value


def _twin_of(tensor: torch.Tensor) -> _Twin | None:
    storage = storage_of(tensor)
    return None if storage is None else _twins.get(storage_address(storage))


def _lacks_data(tensor: torch.Tensor) -> bool:
    storage = storage_of(tensor)
    return tensor.layout is not torch.strided or storage is None or storage.device.type != "cpu"


def _forget(key: int, _reference: object) -> None:
    _twins.pop(key, None)
