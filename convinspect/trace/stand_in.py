"""Meta tensors that say they are on the CPU, so that a run without data takes the same path as a real one.

Torch chooses operators by device: on the meta device attention falls apart into products and a softmax, an LSTM
into its steps, autocast does nothing, and a tensor that the model makes with ``torch.zeros(n)`` is on another
device than its input. A `StandIn` has the storage of a meta tensor, sizes and bytes without memory, and the
dispatch keys and the ``device`` of a CPU tensor: every choice that torch makes, in eager, TorchScript and exported
models, with and without autograd, is the one that it makes on the CPU. It is the idea of torch's ``FakeTensor`` for
one device, without its import of dynamo and sympy (one second) and its guesses for operators without a meta kernel.

Tensors made of Python numbers stay real until they meet a stand-in, so that ``torch.tensor(3).item()`` still works.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_map_only

from convinspect.trace.cpu_results import as_the_cpu_returns

_CPU = torch.device("cpu")
_META = torch.device("meta")
_ASKS_DEVICE = torch.ops.prim.device.default


class _Kernel:
    """How many kernels are running: inside one, a stand-in is the meta tensor that it is."""

    running = 0


class StandIn(torch.Tensor):
    """A tensor without data that torch takes for one on the CPU; it shares the storage of ``meta``."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # noqa: SLF001 - as FakeTensor

    @staticmethod
    def __new__(cls: type[StandIn], meta: torch.Tensor) -> StandIn:  # noqa: PYI034 - Self came with Python 3.11
        """Return a stand-in for ``meta``."""
        made: StandIn = torch.Tensor._make_subclass(  # noqa: SLF001 - the only way to give a tensor another device
            cls, meta, meta.requires_grad, dispatch_device=True, device_for_backend_keys=_CPU
        )
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device that this tensor pretends to be on."""
        return _META if _Kernel.running else _CPU

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override] # torch's own is not annotated
        """Return shape and dtype: there are no values to show."""
        return f"StandIn(shape={tuple(self.shape)}, dtype={self.dtype})"

    def __deepcopy__(self, memo: dict[int, Any]) -> StandIn:
        """Return a stand-in with a storage of its own."""
        copy = StandIn(torch.empty_strided(self.shape, self.stride(), dtype=self.dtype, device=_META))
        memo[id(self)] = copy.requires_grad_(self.requires_grad)
        return copy

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # torch's own annotation leaves out func
        cls, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` on the meta tensors that the stand-ins are."""
        return args[0].device if func is _ASKS_DEVICE else _run(func, args, kwargs or {})


class StandInMode(TorchDispatchMode):
    """While it is on, operators that make tensors out of nothing make stand-ins."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports dynamo: a second

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # Storages of real tensors that a stand-in was written into: their values no longer mean anything.
        self._void: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` for real where all its tensors are, else on meta."""
        kwargs = kwargs or {}
        if func is _ASKS_DEVICE:
            return args[0].device
        tensors: list[torch.Tensor] = []
        tree_map_only(torch.Tensor, tensors.append, (args, kwargs))
        stands = any(isinstance(t, StandIn) or t.is_meta for t in tensors)
        if not stands and tensors and not any(_storage(t) in self._void for t in tensors):
            return func(*args, **kwargs)
        if stands and func._schema.is_mutable:  # noqa: SLF001 - there is no public name
            self._void.update(_storage(t) for t in tensors if not isinstance(t, StandIn) and not t.is_meta)
        return _run(func, args, kwargs)


def stand_in(value: Any) -> Any:
    """Return ``value`` with every meta tensor in its tuples, lists and mappings replaced by a stand-in."""
    return tree_map_only(torch.Tensor, lambda t: _wrap(t) if t.is_meta else t, value)


def is_on_meta(model: nn.Module, value: Any) -> bool:
    """Tell whether the model's weights (or, where it has none, the tensors of ``value``) are on the meta device."""
    weights = [*model.parameters(), *model.buffers()]
    return any(t.is_meta for t in weights) or (not weights and tree_any(_is_meta, value))


@contextmanager
def standing_in(model: nn.Module) -> Iterator[None]:
    """Run the block with stand-ins for the meta tensors of ``model``, and put the tensors back after it."""
    made: dict[int, torch.Tensor] = {}
    undo: list[tuple[Any, Any, Any]] = []
    try:
        for module in model.modules():
            scripted = isinstance(module, torch.jit.ScriptModule)
            for owner, name, tensor in _scripted_tensors(module) if scripted else _tensors(module):
                undo.append((owner, name, tensor))
                _put(owner, name, _replaced(tensor, made))
        with StandInMode():
            yield
    finally:
        for owner, name, tensor in reversed(undo):
            _put(owner, name, tensor)


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    args, kwargs = tree_map_only(torch.Tensor, _as_meta, (args, kwargs))
    if _takes_device(func) and (kwargs.get("device") is not None or not _takes_tensors(func)):
        kwargs = {**kwargs, "device": _META}
    inside = torch._C._meta_in_tls_dispatch_include()  # noqa: SLF001 - as FakeTensor's in_kernel_invocation_manager
    with torch._C._DisableTorchDispatch(), torch._C._PreserveDispatchKeyGuard():  # noqa: SLF001
        torch._C._set_meta_in_tls_dispatch_include(True)  # noqa: FBT003, SLF001
        _Kernel.running += 1
        try:
            out = as_the_cpu_returns(func, args, func(*args, **kwargs))
        finally:
            _Kernel.running -= 1
            torch._C._set_meta_in_tls_dispatch_include(inside)  # noqa: SLF001
    return out if _Kernel.running else tree_map_only(torch.Tensor, _wrap, out)


def _as_meta(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if isinstance(tensor, StandIn) or tensor.is_meta else tensor.to(_META)


def _wrap(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if isinstance(tensor, StandIn) else StandIn(tensor)


def _is_meta(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_meta


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)  # noqa: SLF001


@cache
def _takes_device(func: Any) -> bool:
    return any(argument.name == "device" for argument in func._schema.arguments)  # noqa: SLF001


@cache
def _takes_tensors(func: Any) -> bool:
    return any("Tensor" in str(argument.type) for argument in func._schema.arguments)  # noqa: SLF001


def _tensors(module: nn.Module) -> Iterator[tuple[Any, Any, Any]]:
    """Yield where the module keeps tensors: its registries, and attributes that are tensors or lists of them."""
    for registry in (module._parameters, module._buffers, module.__dict__):  # noqa: SLF001 - no hooks of setattr
        for name, value in list(registry.items()):
            if registry is module.__dict__ and name in ("_parameters", "_buffers", "_modules"):
                continue
            if tree_any(_is_meta, value):
                yield registry, name, value


def _scripted_tensors(module: Any) -> Iterator[tuple[Any, Any, Any]]:
    names = [name for name, _ in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))]
    # Recurrent layers keep their parameters a second time, in a list.
    for name in (*names, "_flat_weights"):
        if module._c.hasattr(name):  # noqa: SLF001 - as torch.jit's own wrappers
            yield module._c, name, module._c.getattr(name)  # noqa: SLF001


def _put(owner: Any, name: Any, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        owner.setattr(name, value)


def _replaced(value: Any, made: dict[int, torch.Tensor]) -> Any:
    """Return ``value`` with stand-ins; a tensor that occurs twice gets one, views of a storage share it."""

    def replace(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_meta or isinstance(tensor, StandIn) or is_lazy(tensor):
            return tensor
        if id(tensor) not in made:
            stand = StandIn(tensor.detach())
            made[id(tensor)] = (
                nn.Parameter(stand, tensor.requires_grad)
                if isinstance(tensor, nn.Parameter)
                else stand.requires_grad_(tensor.requires_grad)
            )
        return made[id(tensor)]

    return tree_map_only(torch.Tensor, replace, value)
