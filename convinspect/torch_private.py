"""The names that torch does not promise to keep, each once: what it is for, and what to do where it is missing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import torch
import torch._compile
from torch import nn
from torch._C import PyTorchFileReader, _disabled_torch_function_impl
from torch._C._autograd import _get_sequence_nr
from torch._prims_common import suggest_memory_format
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass

__all__ = [
    "PyTorchFileReader",  # an archive as torch.jit.load reads it; missing: two readers could disagree, refuse archives
    "is_traceable_wrapper_subclass",  # a tensor made of tensors; missing: ask for its __tensor_flatten__
    "pytree",  # nested values as torch.export flattens them; missing: torch.utils.pytree
    "suggest_memory_format",  # the format that operators answer in; missing: ask is_contiguous of each
]

# The __torch_function__ of a tensor subclass that is plain to Python. Missing: one that calls what it is given.
plain_torch_function: Any = _disabled_torch_function_impl


class DispatchMode(TorchDispatchMode):
    """Sees every operator that torch dispatches. Missing: there is no trace without it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Run the block without this mode, which was entered last."""
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            self.__enter__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports dynamo: a second


def schema_of(func: Any) -> Any:
    """Return an operator's schema; higher-order ones have none. Missing: every operator may read and write all."""
    return getattr(func, "_schema", None)


def has_kernel(func: Any, key: str) -> bool:
    """Tell whether an operator has a kernel for a dispatch key. Missing: no; composite operators come whole."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key))


def run_composite(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run the operators that a composite one is made of. Missing: ``decompose``, which has other ones for some."""
    return func._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, *args, **kwargs)


def aten(name: str) -> Any:
    """Return torch's operator of this name, default overload. Missing: ``None``; what is said of it is not needed."""
    return getattr(getattr(torch.ops.aten, name, None), "default", None)


def storage_address(storage: torch.UntypedStorage) -> int:
    """Return what all views of a storage share. Missing: its ``data_ptr``, but meta storages have none."""
    return int(storage._cdata)


def coo_parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return indices and values as they are. Missing: those of ``coalesce``, which allocates."""
    return (tensor._indices(), tensor._values())


def tensor_like(cls: Any, meta: torch.Tensor, device: torch.device) -> Any:
    """Return a ``cls`` on the storage of ``meta`` that dispatches as on ``device``. Missing: torch's FakeTensor."""
    grad = meta.requires_grad
    return torch.Tensor._make_subclass(cls, meta, grad, dispatch_device=True, device_for_backend_keys=device)


def mark_as_parameter(tensor: torch.Tensor) -> None:
    """Let ``tensor`` pass for a parameter. Missing: ``nn.Parameter``, which imports distributed tensors (a second)."""
    tensor._is_param = True


def undispatched() -> AbstractContextManager[None]:
    """Run a block unseen by dispatch modes. Missing: leave each mode and enter it again."""
    guard: AbstractContextManager[None] = torch._C._DisableTorchDispatch()
    return guard


@contextmanager
def running_meta_kernels() -> Iterator[None]:
    """Send what dispatches as on a real device to the meta kernels. Missing: torch's FakeTensorMode."""
    before = torch._C._meta_in_tls_dispatch_include()
    with torch._C._DisableTorchDispatch(), torch._C._PreserveDispatchKeyGuard():
        torch._C._set_meta_in_tls_dispatch_include(True)  # noqa: FBT003 - by position only
        try:
            yield
        finally:
            torch._C._set_meta_in_tls_dispatch_include(before)


def kernel_switches() -> tuple[Any, ...]:
    """Return what kernels ask of the process. Missing: the first alone."""
    return torch.get_default_dtype(), torch._C._get_mkldnn_enabled()


def convolution_format(*args: Any, bias_sizes: Any) -> torch.memory_format:
    """Return the format that a convolution of these arguments answers in. Missing: that of its input or weight."""
    backend = torch._C._select_conv_backend(*args, bias_sizes)
    form: torch.memory_format = torch._C._conv_determine_backend_memory_format(args[0], args[1], backend)
    return form


def next_node_number() -> int:
    """Return the number of the next node in the autograd graph. Missing: the backward pass has no modules."""
    return int(_get_sequence_nr())


def running_node_number() -> int | None:
    """Return the number of the node whose derivative is computed now. Missing: as `next_node_number`."""
    node = torch._C._current_autograd_node()
    return None if node is None else int(node._sequence_nr())


@contextmanager
def replacing_inference_mode(mode: Any, is_enabled: Any) -> Iterator[None]:
    """Let ``torch.inference_mode`` enter ``mode`` while the block runs. Missing: composite operators come whole."""
    before = torch._C._InferenceMode, torch.is_inference_mode_enabled
    torch._C._InferenceMode, torch.is_inference_mode_enabled = mode, is_enabled  # type: ignore[misc]
    try:
        yield
    finally:
        torch._C._InferenceMode, torch.is_inference_mode_enabled = before  # type: ignore[misc]


@contextmanager
def kernel_on_cpu(name: str, kernel: Any) -> Iterator[None]:
    """Let torch's operator ``name`` run ``kernel`` on the CPU. Missing: it cannot be taken back, and stays for good."""
    library = torch.library.Library("aten", "IMPL")
    library.impl(name, kernel, "AutogradCPU")
    try:
        yield
    finally:
        library._destroy()


def registries(module: nn.Module) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return where a module keeps its parameters and buffers. Missing: ``setattr``, whose hooks may be the user's."""
    return module._parameters, module._buffers


def children_of(module: nn.Module) -> dict[str, Any]:
    """Return where a module keeps its modules. Missing: as `registries`."""
    return module._modules


def applying(module: nn.Module) -> Any:
    """Return the method that ``to`` changes the tensors of ``module`` with. Missing: ``nn.Module.to``."""
    return type(module)._apply


def forward_hooks(module: nn.Module) -> dict[int, Any]:
    """Return the very dict of a module's forward hooks. Missing: keep the handles of those that we set."""
    return module._forward_hooks


def give_own_weights(program: Any) -> None:
    """Let a shallow copy of an exported program have dicts of its own. Missing: a deep copy, weights and all."""
    program._state_dict, program._constants = dict(program.state_dict), dict(program.constants)


# What stands on a function that torch's compiler leaves alone. Missing: runs wait for the compiler's import.
LEFT_ALONE = "__dynamo_disable"


@cache
def compiler_questions() -> tuple[FunctionType, ...]:
    """Return the functions that torch asks its compiler to leave alone when they are called. Missing: none."""
    consts: Any = torch._compile._disable_dynamo.__code__.co_consts
    code = next(const for const in consts if isinstance(const, CodeType) and const.co_name == "inner")
    place = code.co_freevars.index("fn")
    wrappers: list[Any] = [item for item in gc.get_objects() if type(item) is FunctionType and item.__code__ is code]
    return tuple(wrapper.__closure__[place].cell_contents for wrapper in wrappers)


def is_compiler_loaded() -> bool:
    """Tell whether somebody has imported the compiler. Missing: no."""
    return "torch._dynamo" in sys.modules


@contextmanager
def higher_order_operator(name: str, function: Any) -> Iterator[None]:
    """Let ``function`` be called for an operator that takes functions. Missing: it is one without a rule."""
    # Each is the one object of its class.
    kind = type(getattr(torch.ops.higher_order, name, None))
    call = vars(kind).get("__call__")
    if call is None:
        yield
        return
    kind.__call__ = lambda _operator, *args, **kwargs: function(*args, **kwargs)  # type: ignore[method-assign]
    try:
        yield
    finally:
        kind.__call__ = call  # type: ignore[method-assign]


@cache
def jagged_dispatch(types: tuple[type, ...]) -> Any:
    """Return what runs operators on jagged tensors, where one of ``types`` is such. Missing: ``None``, as elsewhere."""
    module = sys.modules.get("torch.nested._internal.nested_tensor")
    jagged = getattr(module, "NestedTensor", None)
    return jagged.__torch_dispatch__ if jagged is not None and any(issubclass(kind, jagged) for kind in types) else None


def nested_sizes(tensor: torch.Tensor) -> tuple[tuple[int, ...], ...] | None:
    """Return the shapes in a nested tensor of the strided layout, else ``None``. Missing: ``None``."""
    if not tensor.is_nested or tensor.layout is not torch.strided:
        return None
    with undispatched(), torch._C.DisableTorchFunction():
        return tuple(map(tuple, tensor._nested_tensor_size().tolist()))


def packed_shape(sizes: tuple[tuple[int, ...], ...]) -> tuple[int, ...] | None:
    """Return the shape of tensors of these ``sizes`` one after the other, where they differ in the first axis alone."""
    rest = {size[1:] for size in sizes}
    return (sum(size[0] for size in sizes), *rest.pop()) if len(rest) == 1 and all(sizes) else None


def unwrapped(tensor: torch.Tensor) -> torch.Tensor:
    """Return what ``tensor`` stands for. Missing: the same one.

    That is the tensor that one of ``torch.func`` wraps, all of a ``vmap`` together; of a nested one its values.
    """
    functorch = torch._C._functorch
    sizes = nested_sizes(tensor)
    if sizes is not None:
        with undispatched():
            values = tensor.values()
            shape = packed_shape(sizes) if tensor.is_contiguous() else None
            return values if shape is None else values.view(shape)
    if tensor.is_nested and tensor.layout is torch.jagged:
        # The values themselves are below autograd: those that it knows are a view.
        differentiable = tensor.requires_grad and torch.is_grad_enabled()
        values_of: Any = tensor.values if differentiable else lambda: tensor._values
        return values_of()  # type: ignore[no-any-return]
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
    return tensor


def is_batched(value: Any) -> bool:
    """Tell whether ``value`` stands for one tensor of each sample of a ``vmap``. Missing: no."""
    functorch = torch._C._functorch
    while isinstance(value, torch.Tensor) and functorch.is_functorch_wrapped_tensor(value):
        if functorch.is_batchedtensor(value):
            return True
        value = functorch.get_unwrapped(value)
    return False


def unpacked(packed: Any) -> Any:
    """Return what a packed object of quantised weights holds. Missing: ``None``; their bytes are not known."""
    method = next((name for name in ("unpack", "__getstate__") if packed._has_method(name)), None)
    return getattr(packed, method)() if method else None


# TorchScript. Where one of these is missing, so is TorchScript, and its front end goes with it.


def script_object(module: Any) -> Any:
    """Return the C++ object of a scripted module: its hash is its identity, ``getattr`` reaches its attributes."""
    return module._c


def method_of(module: Any, *names: str) -> Any:
    """Return the first of these methods that a scripted module has, else ``None``."""
    found = next((name for name in names if module._c._has_method(name)), None)
    return None if found is None else module._c._get_method(found)


def nodes_in(block: Any) -> Iterator[Any]:
    """Yield the nodes of a graph or block and those of the blocks inside them. Missing: there is no script to read."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes_in(inner)


def method_graphs(module: Any) -> list[tuple[str, Any]]:
    """Return names and graphs of a scripted module's methods."""
    return [(name, module._c._get_method(name).graph) for name in module._c._method_names()]


def script_type(module: Any) -> str:
    """Return the qualified name of a scripted module's type; modules of one type share their graphs."""
    return str(module._c._type().qualified_name())


def inline(graph: Any, *, forks: bool = False) -> None:
    """Put what ``graph`` calls, or only what it forks, in its place."""
    (torch._C._jit_pass_inline_fork_wait if forks else torch._C._jit_pass_inline)(graph)


def graph_type(kind: type[int | bool]) -> Any:
    """Return TorchScript's type of an integer or a boolean."""
    return (torch._C.BoolType if kind is bool else torch._C.IntType).get()


@cache
def dtype_number(dtype: torch.dtype) -> int:
    """Return the number that a graph has for ``dtype``."""
    graph: Any = torch._C.Graph()
    return int(graph.insertConstant(dtype).toIValue())


def tuple_type(values: list[Any]) -> Any:
    """Return TorchScript's type of a tuple of these graph values."""
    return torch._C.TupleType([value.type() for value in values])
