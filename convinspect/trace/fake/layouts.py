"""How the results of operators lie, found out once a run: arguments that lie like others' need no kernel again.

Torch's meta kernels are mostly Python, and a network is mostly blocks that are alike. What a kernel of torch's own
answers to tensors without data depends on how these lie, on its other arguments and on the switches of the process.
What is told by more than that is not kept: user's operators, numbers, tensors of a layout of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from convinspect.tensors.identity import storage_id, untyped_storage
from convinspect.tensors.likeness import NotTold, tell
from convinspect.tensors.operators import mutates, operands
from convinspect.torch_private import kernel_switches

_META = torch.device("meta")


@dataclass(frozen=True, slots=True)
class _Given:
    """A result that is the given tensor number ``place`` itself."""

    place: int


@dataclass(frozen=True, slots=True)
class _View:
    """A result on the storage of the given tensor number ``place``, ``offset`` elements behind that one's first."""

    place: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class _New:
    """A result on a storage of its own, as large as that must be."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype


_Layout: TypeAlias = "_Given | _View | _New | tuple[_Layout, ...] | list[_Layout] | None"


class Layouts:
    """The layouts of one run, whose tensors without data are of class ``kind``.

    ``plain`` returns the meta tensor behind one of them, or raises `NotTold`.
    """

    def __init__(self, kind: Callable[[torch.Tensor], torch.Tensor], plain: Callable[[Any], torch.Tensor]) -> None:
        self._kind = kind
        self._plain = plain
        self._known: dict[Hashable, _Layout] = {}

    def answer(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[], Any]) -> Any:
        """Return the result of ``func``, which ``run`` has to find out where no call like it was before."""
        given = operands(args, kwargs)
        try:
            key = self._key(func, args, kwargs, given)
            if key in self._known:
                return self._made(self._known[key], given)
        except NotTold:
            return run()
        out = run()
        with suppress(NotTold):
            self._known[key] = self._layout(out, given)
        return out

    def _key(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], given: Sequence[torch.Tensor]) -> Hashable:
        key: list[Any] = [func, *kernel_switches()]
        for value in args:
            tell(value, key, self._tell)
        for name, value in kwargs.items():
            key.append(name)
            tell(value, key, self._tell)
        if len(given) > 1 and mutates(func):
            # What a kernel does that writes depends on whether its arguments share memory, too.
            ids = list(map(id, given))
            if len(set(map(storage_id, given))) < len(set(ids)):
                raise NotTold
            key += map(ids.index, ids)
        return tuple(key)

    def _tell(self, tensor: torch.Tensor, key: list[Any]) -> None:
        if type(tensor) is not self._kind or tensor.is_neg() or tensor.is_conj():
            raise NotTold
        key += (tuple(tensor.shape), tensor.stride(), tensor.dtype)

    def _layout(self, out: Any, given: Sequence[torch.Tensor]) -> _Layout:
        if out is None:
            return None
        if isinstance(out, (list, tuple)):
            return type(out)([self._layout(part, given) for part in out])
        if type(out) is not self._kind:
            raise NotTold
        for place, tensor in enumerate(given):
            if tensor is out:
                return _Given(place)
        shape, stride, storage = tuple(out.shape), out.stride(), storage_id(out)
        sharing = [place for place, tensor in enumerate(given) if storage_id(tensor) == storage]
        if len(sharing) == 1 and given[sharing[0]].dtype is out.dtype:
            offset = out.storage_offset() - given[sharing[0]].storage_offset()
            layout: _Layout = _View(sharing[0], shape, stride, offset)
        else:
            layout = _New(shape, stride, out.dtype)
        like = self._made(layout, given)
        if sharing and isinstance(layout, _New):
            raise NotTold
        if untyped_storage(like).nbytes() != untyped_storage(out).nbytes() or out.is_neg() or out.is_conj():
            raise NotTold
        return layout

    def _made(self, layout: _Layout, given: Sequence[torch.Tensor]) -> Any:
        if isinstance(layout, _New):
            return self._kind(torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=_META))
        if isinstance(layout, _View):
            base = given[layout.place]
            offset = base.storage_offset() + layout.offset
            return self._kind(torch.as_strided(self._plain(base), layout.shape, layout.stride, offset))
        if isinstance(layout, _Given):
            return given[layout.place]
        return None if layout is None else type(layout)([self._made(part, given) for part in layout])
