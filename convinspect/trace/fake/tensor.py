"""Meta tensors that say they are on the CPU, so that a run without data takes the same path as a real one.

Torch chooses operators by device: on the meta device attention falls apart into products and a softmax, an LSTM
into its steps, autocast does nothing, and a tensor that the model makes with ``torch.zeros(n)`` is on another
device than its input. A `FakeTensor` has the storage of a meta tensor, sizes and bytes without memory, and the
dispatch keys and the ``device`` of a CPU tensor: every choice that torch makes, in eager, TorchScript and exported
models, with and without autograd, is the one that it makes on the CPU. It is the idea of torch's ``FakeTensor``
without its import of dynamo and sympy (one second) and its guesses for operators without a meta kernel.

Its values are carried where they are known and few: see `convinspect.tensors.known`. Tensors
that no run has made (a helper object keeps one) stay real until they meet a fake one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch

from convinspect.light_imports import light_symbols
from convinspect.tensors.identity import same_piece, untyped_storage
from convinspect.tensors.known import lent_values_of, with_twin, with_values
from convinspect.tensors.operators import mapped, operands
from convinspect.torch_private import (
    aten,
    plain_torch_function,
    running_meta_kernels,
    tensor_like,
    undispatched,
)
from convinspect.trace.fake.answers import answer_of_the_cpu
from convinspect.trace.fake.cpu_layouts import as_the_cpu_returns
from convinspect.trace.fake.layouts import Layouts
from convinspect.trace.fake.masked import selected, with_indices
from convinspect.trace.fake.operators import is_told_by_layouts, lays_anew, takes_device, takes_tensors
from convinspect.trace.fake.packed import with_real_sizes
from convinspect.trace.fake.pointwise_layout import laid_out

META = torch.device("meta")
CPU = torch.device("cpu")
# How torch asks a tensor subclass for its device: no operator of the model.
ASKS_DEVICE = torch.ops.prim.device.default

_PACKS = aten("_pack_padded_sequence")
_LEFT_BEHIND = "this tensor has no data: an inspection has left it behind"


# All fake tensors that have been made since somebody asked for those alive, and the ids of those that a run has left in
# somebody's hands.
_made: list[weakref.ref[FakeTensor]] = []
_left_behind: dict[int, weakref.ref[FakeTensor]] = {}


def alive() -> list[FakeTensor]:
    """Return the fake tensors that are alive."""
    _made[:] = [reference for reference in _made if reference() is not None]
    found = (reference() for reference in _made)
    return [tensor for tensor in found if tensor is not None]


def disown(tensors: Iterable[FakeTensor]) -> None:
    """Let ``tensors`` raise an error whenever they are used from now on."""
    for tensor in tensors:
        _left_behind[id(tensor)] = weakref.ref(tensor, partial(_forget, id(tensor)))


def _forget(key: int, _reference: object) -> None:
    _left_behind.pop(key, None)


# Derivatives make zeros that are nowhere written: without data there is nothing to save.
_WRITTEN_OUT = {aten("_efficientzerotensor"): torch.ops.aten.zeros.default}


class Kernel:
    """How many kernels are running: inside one, a fake tensor is the meta tensor that it is."""

    running = 0


class Missed:
    """Whether ``values`` were asked for that nobody knows, since somebody has set this to no."""

    values = False


class FakeTensor(torch.Tensor):
    """A tensor without data that torch takes for one on the CPU; it shares the storage of ``meta``."""

    __torch_function__ = plain_torch_function

    # The meta tensor on the same storage, for kernels: of a subclass torch asks whether it is distributed.
    __slots__ = ("_plain",)
    _plain: torch.Tensor

    @staticmethod
    def __new__(cls: type[FakeTensor], meta: torch.Tensor) -> FakeTensor:  # noqa: PYI034 - Self came with Python 3.11
        """Return a fake tensor on the storage of ``meta``."""
        made: FakeTensor = tensor_like(cls, meta, CPU)
        made._plain = meta
        _made.append(weakref.ref(made))
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device that this tensor pretends to be on."""
        return META if Kernel.running else CPU

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override] # torch's own is not annotated
        """Return shape and dtype: there are no values to show."""
        return f"FakeTensor(shape={tuple(self.shape)}, dtype={self.dtype})"

    def tolist(self) -> Any:
        """Return the values as Python numbers, where they are known."""
        return self._ask(torch.Tensor.tolist)

    def numpy(self, *, force: bool = False) -> Any:
        """Return the values as an array, where they are known."""
        return self._ask(partial(torch.Tensor.numpy, force=force))

    def __array__(self, dtype: Any = None) -> Any:
        """Return the values as an array, where they are known."""
        return self._ask(partial(torch.Tensor.__array__, dtype=dtype))

    def data_ptr(self) -> int:
        """Raise an error: who has asked reads or writes there."""
        Missed.values = True
        raise RuntimeError("a tensor without data (meta) was asked where in memory its values are")

    def _ask(self, question: Callable[[torch.Tensor], Any]) -> Any:
        if id(self) in _left_behind:
            raise RuntimeError(_LEFT_BEHIND)
        with undispatched():
            values = lent_values_of(self)
            if values is not None:
                return question(values)
        Missed.values = True
        raise RuntimeError("a tensor without data (meta) was asked for its values, which are not known")

    def __deepcopy__(self, memo: dict[int, Any]) -> FakeTensor:
        """Return a fake tensor with a storage of its own."""
        copy = FakeTensor(torch.empty_strided(self.shape, self.stride(), dtype=self.dtype, device=META))
        memo[id(self)] = copy.requires_grad_(self.requires_grad)
        return copy

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # torch's own annotation leaves out func
        cls, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` on the meta tensors that the fake ones are."""
        if func is ASKS_DEVICE:
            return args[0].device
        if _left_behind and any(id(tensor) in _left_behind for tensor in operands(args, kwargs or {})):
            raise RuntimeError(_LEFT_BEHIND)
        return run(func, args, kwargs or {}, operands(args, kwargs or {}))


def is_fake(tensor: torch.Tensor) -> bool:
    """Tell a tensor without data."""
    return isinstance(tensor, FakeTensor) or tensor.is_meta


def run(
    func: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    given: Sequence[torch.Tensor],
    layouts: Layouts | None = None,
) -> Any:
    """Return the result of ``func`` without data, with its values where they are known.

    ``given`` are the tensors that it is given; ``layouts`` may know already how the result lies.
    """
    if Kernel.running:
        return on_meta(func, args, kwargs)
    func = _WRITTEN_OUT.get(func, func)
    try:
        out = with_values(func, args, kwargs, given, lambda: _without_data(func, args, kwargs, layouts), FakeTensor)
        return with_real_sizes(*out) if func is _PACKS else out
    except Exception as error:
        note_what_is_missed(error, operands(args, kwargs))
        raise


def note_what_is_missed(error: Exception, given: Sequence[torch.Tensor]) -> None:
    """Take note, if ``error`` says so, that an operator wanted values of what it was ``given``."""
    plain = all(tensor.layout is torch.strided for tensor in given)
    lacking = isinstance(error, NotImplementedError) or any(word in str(error) for word in ("meta", "NestedTensor"))
    Missed.values |= lacking or not plain


def _without_data(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], layouts: Layouts | None) -> Any:
    out = selected(func, args)
    if out is not None:
        return FakeTensor(out)
    args = with_indices(func, args)
    if layouts is None or not is_told_by_layouts(func):
        return on_meta(func, args, kwargs)
    return layouts.answer(func, args, kwargs, operands(args, kwargs), lambda: on_meta(func, args, kwargs))


def on_meta(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of ``func`` without data, on meta tensors that become fake ones."""
    args = tuple(mapped(arg, _as_meta) for arg in args)
    kwargs = {name: mapped(arg, _as_meta) for name, arg in kwargs.items()}
    if takes_device(func) and (kwargs.get("device") is not None or not takes_tensors(func)):
        kwargs = {**kwargs, "device": META}
    known = None if Kernel.running else answer_of_the_cpu(func, args, kwargs)
    if known is not None:
        return mapped(known, as_fake)
    if Kernel.running:
        return func(*args, **kwargs)
    fakes: dict[int, torch.Tensor] = {}

    def plain(tensor: torch.Tensor) -> torch.Tensor:
        meta = plain_of(tensor)
        fakes[id(meta)] = tensor
        return meta

    if not lays_anew(func):
        args, kwargs = mapped(args, plain), {name: mapped(arg, plain) for name, arg in kwargs.items()}
    with light_symbols():
        with running_meta_kernels():
            Kernel.running += 1
            try:
                out = func(*args, **kwargs)
            finally:
                Kernel.running -= 1
        out = laid_out(func, args, kwargs, as_the_cpu_returns(func, args, out))
    if lays_anew(func):
        for tensor in operands(args, kwargs):
            if isinstance(tensor, FakeTensor):
                _lay_plain(tensor)
    # What a kernel has written to comes back as what was given.
    return mapped(out, lambda tensor: fakes[id(tensor)] if id(tensor) in fakes else as_fake(tensor))


def _as_meta(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if is_fake(tensor) else tensor.to(META)


def plain_of(tensor: torch.Tensor) -> torch.Tensor:
    """Return the meta tensor that ``tensor`` is, unless somebody has since laid it anew."""
    if not isinstance(tensor, FakeTensor):
        return tensor
    plain = tensor._plain  # noqa: SLF001 - its own module
    return plain if same_piece(plain) == same_piece(tensor) and plain.dtype is tensor.dtype else tensor


def _lay_plain(tensor: FakeTensor) -> None:
    """Lay the meta tensor that ``tensor`` is as that has been laid: it would keep another storage alive."""
    plain = torch.empty(0, dtype=tensor.dtype, device=META)
    with undispatched():
        plain.set_(untyped_storage(tensor), tensor.storage_offset(), tensor.shape, tensor.stride())
    tensor._plain = plain  # noqa: SLF001 - its own module


def as_fake(tensor: torch.Tensor) -> torch.Tensor:
    """Return a fake tensor in the place of a meta one, or of one with data, whose values it remembers."""
    if isinstance(tensor, FakeTensor) or tensor.layout is not torch.strided:
        return tensor
    return FakeTensor(tensor if tensor.is_meta else with_twin(tensor))
