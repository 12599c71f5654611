"""How the results of operators lie, found out once a run: arguments that lie like others' need no kernel again.

Torch's meta kernels are mostly Python, and a network is mostly blocks that are alike. What a kernel of torch's own
answers to tensors without data depends on how these lie, on its other arguments and on the switches of the process.
What is told by more than that is not kept: user's operators, numbers, tensors of a layout of their own. Of what is
computed element by element the sizes do not matter, where all that is given lies in one way without gaps. A view is
quickly made and needs to be found out of none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from convinspect.tensors.identity import storage_id, untyped_storage
from convinspect.tensors.likeness import NotTold, tell
from convinspect.tensors.operators import is_view, mutates
from convinspect.torch_private import kernel_switches, undispatched
from convinspect.trace.fake.pointwise_layout import Way, one_way

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


@dataclass(frozen=True, slots=True)
class _Like:
    """A result on a storage of its own that lies as the tensors do that were given."""

    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class _Nothing:
    """What is no layout."""


# Of results that nobody has found out, and of those that do not lie as what was given, though that lies in one way.
_UNKNOWN, _BY_SIZES = _Nothing(), _Nothing()
_Layout: TypeAlias = "_Given | _View | _New | _Like | _Nothing | tuple[_Layout, ...] | list[_Layout] | None"


class Layouts:
    """The layouts of one run, whose tensors without data are of class ``kind``.

    ``plain`` returns the meta tensor behind one of them, or raises `NotTold`.
    """

    def __init__(self, kind: Callable[[torch.Tensor], torch.Tensor], plain: Callable[[Any], torch.Tensor]) -> None:
        self._kind = kind
        self._plain = plain
        self._known: dict[Hashable, _Layout] = {}

    def answer(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: Sequence[torch.Tensor],
        run: Callable[[], Any],
    ) -> Any:
        """Return the result of ``func``, which ``run`` has to find out where no call like it was before.

        ``given`` are the tensors among its arguments.
        """
        try:
            if is_view(func):
                return self._viewed(func, *args, **kwargs)
            key = self._key(func, args, kwargs, given, None)
            known = self._known.get(key, _UNKNOWN)
            if known is not _UNKNOWN:
                return self._made(known, given)
            way = one_way(func, kwargs, given)
            if way is not None:
                of_any_size = self._key(func, args, kwargs, given, way)
                known = _of_size(self._known.get(of_any_size, _UNKNOWN), way)
            if known is not _UNKNOWN:
                self._known[key] = known
                return self._made(known, given)
        except NotTold:
            return run()
        out = run()
        with suppress(NotTold):
            self._known[key] = layout = self._layout(out, given)
            if way is not None:
                self._known.setdefault(of_any_size, _without_sizes(layout, way))
        return out

    def _viewed(self, func: Any, given: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Return the views that ``func`` makes of the tensor ``given``."""
        if type(given) is not self._kind:
            raise NotTold
        plain = self._plain(given)
        with undispatched():
            views = func(plain, *args, **kwargs)
        if views is plain:
            return given
        return list(map(self._kind, views)) if isinstance(views, (list, tuple)) else self._kind(views)

    def _key(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: Sequence[torch.Tensor],
        way: Way | None,
    ) -> Hashable:
        key: list[Any] = [func, *kernel_switches(), way and way.order]
        tell_tensor = self._tell if way is None else self._tell_of_any_size
        for value in args:
            tell(value, key, tell_tensor)
        for name, value in kwargs.items():
            key.append(name)
            tell(value, key, tell_tensor)
        if len(given) > 1 and mutates(func):
            # What a kernel does that writes depends on whether its arguments share memory, too.
            ids = list(map(id, given))
            if len(set(map(storage_id, given))) < len(set(ids)):
                raise NotTold
            key += map(ids.index, ids)
        return tuple(key)

    def _tell(self, tensor: torch.Tensor, key: list[Any]) -> None:
        dtype = tensor.dtype
        if type(tensor) is not self._kind or tensor.is_neg() or (dtype.is_complex and tensor.is_conj()):
            raise NotTold
        key += (tensor.shape, tensor.stride(), dtype)

    def _tell_of_any_size(self, tensor: torch.Tensor, key: list[Any]) -> None:
        shaped: list[Any] = []
        self._tell(tensor, shaped)
        key += shaped[2:] if tensor.dim() else shaped  # a number beside tensors is of one size

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
            size = untyped_storage(torch.empty_strided(shape, stride, dtype=out.dtype, device=_META)).nbytes()
            if sharing or size != untyped_storage(out).nbytes():
                raise NotTold
        if out.is_neg() or out.is_conj():
            raise NotTold
        return layout

    def _made(self, layout: _Layout, given: Sequence[torch.Tensor]) -> Any:
        if isinstance(layout, _New):
            return self._kind(torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=_META))
        if isinstance(layout, _Given):
            return given[layout.place]
        if isinstance(layout, _View):
            base = given[layout.place]
            offset = base.storage_offset() + layout.offset
            return self._kind(torch.as_strided(self._plain(base), layout.shape, layout.stride, offset))
        if isinstance(layout, (list, tuple)):
            return type(layout)([self._made(part, given) for part in layout])
        return None


def _without_sizes(layout: _Layout, way: Way) -> _Layout:
    """Return what ``layout`` is of tensors of any size that lie in this ``way``."""
    if isinstance(layout, (list, tuple)):
        parts = [_without_sizes(part, way) for part in layout]
        return _BY_SIZES if _BY_SIZES in parts else type(layout)(parts)
    if isinstance(layout, _New):
        return _Like(layout.dtype) if (layout.shape, layout.stride) == (way.shape, way.stride) else _BY_SIZES
    return layout if layout is None or isinstance(layout, _Given) else _BY_SIZES


def _of_size(layout: _Layout, way: Way) -> _Layout:
    """Return what ``layout``, which is one of tensors of any size, is of those that lie in this ``way``."""
    if isinstance(layout, (list, tuple)):
        return type(layout)([_of_size(part, way) for part in layout])
    if isinstance(layout, _Like):
        return _New(way.shape, way.stride, layout.dtype)
    return _UNKNOWN if layout is _BY_SIZES else layout
