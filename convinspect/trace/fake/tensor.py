"""Meta tensors that say they are on a real device, so that a run without data takes the same path as a real one.

Torch chooses operators by device: on the meta device attention falls apart into products and a softmax, an LSTM
into its steps, autocast does nothing, and a tensor that the model makes with ``torch.zeros(n)`` is on another
device than its input. A `FakeTensor` has the storage of a meta tensor, sizes and bytes without memory, and the
dispatch keys and the ``device`` of a CPU tensor: every choice that torch makes, in eager, TorchScript and exported
models, with and without autograd, is the one that it makes on the CPU. It is the idea of torch's ``FakeTensor``
without its import of dynamo and sympy (one second) and its guesses for operators without a meta kernel.

Tensors made of Python numbers stay real until they meet a stand-in, so that ``torch.tensor(3).item()`` still works.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from convinspect.tensors.operands import mutates, operands, written
from convinspect.trace.fake.cpu_layouts import answer_of_the_cpu, as_the_cpu_returns

CPU = torch.device("cpu")
META = torch.device("meta")
_ASKS_DEVICE = torch.ops.prim.device.default


class _Kernel:
    """How many kernels are running: inside one, a stand-in is the meta tensor that it is."""

    running = 0


class FakeTensor(torch.Tensor):
    """A tensor without data that torch takes for one on ``pretended``; it shares the storage of ``meta``."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # noqa: SLF001 - as FakeTensor

    pretended: torch.device

    @staticmethod
    def __new__(cls: type[FakeTensor], meta: torch.Tensor, pretended: torch.device = CPU) -> FakeTensor:  # noqa: PYI034 - Self came with Python 3.11
        """Return a stand-in for ``meta``."""
        made: FakeTensor = torch.Tensor._make_subclass(  # noqa: SLF001 - the only way to give a tensor another device
            cls, meta, meta.requires_grad, dispatch_device=True, device_for_backend_keys=pretended
        )
        made.pretended = pretended
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device that this tensor pretends to be on."""
        return META if _Kernel.running else self.pretended

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override] # torch's own is not annotated
        """Return shape and dtype: there are no values to show."""
        return f"FakeTensor(shape={tuple(self.shape)}, dtype={self.dtype})"

    def __deepcopy__(self, memo: dict[int, Any]) -> FakeTensor:
        """Return a stand-in with a storage of its own."""
        copy = FakeTensor(torch.empty_strided(self.shape, self.stride(), dtype=self.dtype, device=META), self.pretended)
        memo[id(self)] = copy.requires_grad_(self.requires_grad)
        return copy

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # torch's own annotation leaves out func
        cls, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` on the meta tensors that the stand-ins are."""
        return args[0].device if func is _ASKS_DEVICE else _run(func, args, kwargs or {}, CPU)


class FakeMode(TorchDispatchMode):
    """While it is on, operators that make tensors out of nothing make stand-ins."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports dynamo: a second

    def __init__(self, device: torch.device = CPU) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device = device
        # Storages of real tensors that a fake tensor was written into: their values no longer mean anything.
        self._void: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` for real where all its tensors are, else on meta."""
        kwargs = kwargs or {}
        if func is _ASKS_DEVICE:
            return args[0].device
        tensors = list(operands(args, kwargs))
        stands = any(isinstance(t, FakeTensor) or t.is_meta for t in tensors)
        if not stands and tensors and not any(_storage(t) in self._void for t in tensors):
            return func(*args, **kwargs)
        if stands and mutates(func):
            self._spoil(func, args, kwargs)
        return _run(func, args, kwargs, self._device)

    def _spoil(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Forget the values of the real tensors that ``func`` writes into, for as long as their storages live."""
        for tensor in written(func, args, kwargs):
            if not isinstance(tensor, FakeTensor) and not tensor.is_meta and tensor.layout is torch.strided:
                key = _storage(tensor)
                self._void[key] = weakref.ref(tensor.untyped_storage(), partial(self._gone, key))

    def _gone(self, key: int, _reference: object) -> None:
        self._void.pop(key, None)


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], device: torch.device) -> Any:
    found: list[torch.device] = []

    def as_meta(tensor: torch.Tensor) -> torch.Tensor:
        if isinstance(tensor, FakeTensor):
            found.append(tensor.pretended)
            return tensor
        return tensor if tensor.is_meta else tensor.to(META)

    args = tuple(_mapped(arg, as_meta) for arg in args)
    kwargs = {name: _mapped(arg, as_meta) for name, arg in kwargs.items()}
    if _takes_device(func) and (kwargs.get("device") is not None or not _takes_tensors(func)):
        kwargs = {**kwargs, "device": META}
    pretended = found[0] if found else device
    if pretended.type == "cpu" and not _Kernel.running:
        known = answer_of_the_cpu(func, args)
        if known is not None:
            return _mapped(known, lambda t: FakeTensor(t, pretended))
    inside = torch._C._meta_in_tls_dispatch_include()  # noqa: SLF001 - as FakeTensor's in_kernel_invocation_manager
    with torch._C._DisableTorchDispatch(), torch._C._PreserveDispatchKeyGuard():  # noqa: SLF001
        torch._C._set_meta_in_tls_dispatch_include(True)  # noqa: FBT003, SLF001
        _Kernel.running += 1
        try:
            out = func(*args, **kwargs)
        finally:
            _Kernel.running -= 1
            torch._C._set_meta_in_tls_dispatch_include(inside)  # noqa: SLF001
    if _Kernel.running:
        return out
    if pretended.type == "cpu":
        out = as_the_cpu_returns(func, args, out)
    return _mapped(out, lambda t: t if isinstance(t, FakeTensor) else FakeTensor(t, pretended))


def _mapped(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Change the tensors of an operator's argument or result: pytrees would do it, ten times slower."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)([_mapped(item, change) for item in value])
    return value


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)  # noqa: SLF001


@cache
def _takes_device(func: Any) -> bool:
    return any(argument.name == "device" for argument in _arguments(func))


@cache
def _takes_tensors(func: Any) -> bool:
    return any("Tensor" in str(argument.type) for argument in _arguments(func))


def _arguments(func: Any) -> Any:
    schema = getattr(func, "_schema", None)
    return schema.arguments if schema is not None else ()
