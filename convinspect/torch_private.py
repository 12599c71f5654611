"""The names that torch does not promise to keep, each once: what it is for, and what to do where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import torch
import torch._compile
from torch import nn
from torch._C import PyTorchFileReader, _disabled_torch_function_impl
from torch._C._autograd import _get_sequence_nr
from torch._prims_common import suggest_memory_format
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass

__all__ = ["PyTorchFileReader", "is_traceable_wrapper_subclass", "pytree", "suggest_memory_format"]

# pytree: nested values flattened and built again, as torch.export does it. Missing: torch.utils.pytree, or optree.
# suggest_memory_format: the format that operators answer in. Missing: ask `is_contiguous` of each format.
# is_traceable_wrapper_subclass: tensors made of tensors. Missing: look for `__tensor_flatten__`.
# PyTorchFileReader: the archive as torch.jit.load reads it. Missing: refuse archives; two readers could disagree.

# A tensor subclass that acts like a plain tensor. Missing: a function that calls the original with subclasses off.
plain_torch_function: Any = _disabled_torch_function_impl


class DispatchMode(TorchDispatchMode):
    """Sees every operator that torch dispatches. Missing: there is no trace without it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports dynamo: a second


def schema_of(func: Any) -> Any:
    """Return an operator's schema, ``None`` of a higher-order one. Missing: parse ``torch._C._get_schema``'s text."""
    return getattr(func, "_schema", None)


def aten(name: str) -> Any:
    """Return the operator ``aten.name`` with its overload, ``None`` where this torch has none: drop its rule."""
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet, None), overload or "default", None)


def storage_address(storage: torch.UntypedStorage) -> int:
    """Return the identity of a storage, which all views share. Missing: ``data_ptr``, though meta storages lack it."""
    return int(storage._cdata)


def coo_parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return indices and values also where they are not coalesced. Missing: coalesce, which allocates."""
    return (tensor._indices(), tensor._values())


def tensor_like(cls: Any, tensor: torch.Tensor, device: torch.device) -> Any:
    """Return a ``cls`` on the storage of ``tensor`` that dispatches as on ``device``. Missing: no fake tensors."""
    return torch.Tensor._make_subclass(
        cls, tensor, tensor.requires_grad, dispatch_device=True, device_for_backend_keys=device
    )


def mark_as_parameter(tensor: torch.Tensor) -> None:
    """Let ``tensor`` pass for an ``nn.Parameter``, whose constructor imports distributed tensors for a second."""
    tensor._is_param = True


@contextmanager
def running_meta_kernels() -> Iterator[None]:
    """Send what dispatches as on a real device to the meta kernels. Missing: torch's own FakeTensorMode."""
    before = torch._C._meta_in_tls_dispatch_include()
    with torch._C._DisableTorchDispatch(), torch._C._PreserveDispatchKeyGuard():
        torch._C._set_meta_in_tls_dispatch_include(True)  # noqa: FBT003 - by position only
        try:
            yield
        finally:
            torch._C._set_meta_in_tls_dispatch_include(before)


def convolution_format(*args: Any, bias_sizes: Any) -> torch.memory_format:
    """Return the format that the convolution of these arguments answers in. Missing: as its input or its weight."""
    backend = torch._C._select_conv_backend(*args, bias_sizes)
    form: torch.memory_format = torch._C._conv_determine_backend_memory_format(args[0], args[1], backend)
    return form


def next_node_number() -> int:
    """Return the number of the next node in the autograd graph. Missing: count forward calls of saved tensors."""
    return int(_get_sequence_nr())


def running_node_number() -> int | None:
    """Return the number of the node whose derivative is computed now, if any. Missing: a hook on every node."""
    node = torch._C._current_autograd_node()
    return None if node is None else int(node._sequence_nr())


def registries(module: nn.Module) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return where a module keeps parameters and buffers, past every ``__setattr__``. Missing: its ``__dict__``."""
    return module._parameters, module._buffers


def children_of(module: nn.Module) -> dict[str, Any]:
    """Return where a module keeps its modules, past every ``__setattr__``. Missing: its ``__dict__``."""
    return module._modules


def forward_hooks(module: nn.Module) -> dict[int, Any]:
    """Return the very dict of a module's forward hooks. Missing: keep the handles of our own hooks."""
    return module._forward_hooks


def script_object(module: Any) -> Any:
    """Return the C++ object of a scripted module: its hash is its identity, ``hasattr``, ``getattr`` and ``setattr``
    reach its attributes. Missing: TorchScript is gone, and with it its front end.
    """  # noqa: D205 - one sentence in two lines
    return module._c


def method_of(module: Any, *names: str) -> Any:
    """Return the first of these methods that a scripted module has, else ``None``. Missing: as `script_object`."""
    found = next((name for name in names if module._c._has_method(name)), None)
    return None if found is None else module._c._get_method(found)


def method_graphs(module: Any) -> list[tuple[str, Any]]:
    """Return names and graphs of a scripted module's methods. Missing: as `script_object`."""
    return [(name, module._c._get_method(name).graph) for name in module._c._method_names()]


def script_type(module: Any) -> str:
    """Return the qualified name of a scripted module's type, which shares its graphs. Missing: as `script_object`."""
    return str(module._c._type().qualified_name())


def unpacked(packed: Any) -> Any:
    """Return what a packed object holds, ``None`` where it does not tell. Missing: ``state_dict`` of its module."""
    method = next((name for name in ("unpack", "__getstate__") if packed._has_method(name)), None)
    return getattr(packed, method)() if method else None


def inline(graph: Any, *, forks: bool = False) -> None:
    """Put what ``graph`` calls (or only what it forks) in its place. Missing: as `script_object`."""
    (torch._C._jit_pass_inline_fork_wait if forks else torch._C._jit_pass_inline)(graph)


def drop_unused_nodes(graph: Any) -> None:
    """Remove the nodes of ``graph`` whose results nobody reads. Missing: as `script_object`."""
    torch._C._jit_pass_dce(graph)


def graph_type(kind: type[int | bool]) -> Any:
    """Return TorchScript's type of an integer or a boolean. Missing: as `script_object`."""
    return (torch._C.BoolType if kind is bool else torch._C.IntType).get()


def tuple_type(values: list[Any]) -> Any:
    """Return TorchScript's type of a tuple of these graph values. Missing: as `script_object`."""
    return torch._C.TupleType([value.type() for value in values])


def give_own_weights(program: Any) -> None:
    """Let a copied exported program have dicts of its own. Missing: ``copy.deepcopy``, which copies the tensors."""
    program._state_dict, program._constants = dict(program.state_dict), dict(program.constants)


def compiler_wrappers() -> list[CodeType]:
    """Return the code of the functions that ask for the compiler. Missing: none; a run then waits for its import."""
    disable: Any = torch._compile._disable_dynamo
    constants = disable.__code__.co_consts
    return [constant for constant in constants if isinstance(constant, CodeType) and constant.co_name == "inner"]
