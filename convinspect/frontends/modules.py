"""One registered module, in Python or scripted: an eager model may hold scripted ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from convinspect.tensors.identity import same_piece
from convinspect.tensors.operators import results
from convinspect.tensors.registered import is_scripted, registered_modules
from convinspect.torch_private import method_graphs, nodes_in, registries, script_object, script_type, unpacked

_LISTS = ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
_PER_CHANNEL = (torch.per_channel_affine, torch.per_channel_affine_float_qparams)

# Puts the value under the name where it was found.
Put = Callable[[str, Any], None]


def type_name(module: nn.Module) -> str:
    """Return the class name that the user knows; of a scripted module the original one."""
    return str(module.original_name) if is_scripted(module) else type(module).__name__


def canonical_paths(model: nn.Module) -> dict[str, str]:
    """Return for every path in a scripted or exported ``model`` the path that the eager model has for that module.

    A module that is registered under two names is two objects there; what shows that they are one is that they
    have one type and all weights in common. Without weights nothing shows it.
    """
    canonical: dict[str, str] = {}
    first: dict[tuple[Any, ...], str] = {}
    for path, module in model.named_modules():
        parent, _, name = path.rpartition(".")
        if path and canonical[parent] != parent:
            canonical[path] = f"{canonical[parent]}.{name}"
            continue
        weights = (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
        key = (type_name(module), *((key, same_piece(tensor)) for key, tensor in weights))
        canonical[path] = first.setdefault(key, path) if weights else path
    return canonical


def canonical_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of a scripted or exported ``model`` that have their canonical path."""
    canonical = canonical_paths(model)
    yield from ((path, module) for path, module in model.named_modules() if canonical[path] == path)


def is_container(module: nn.Module) -> bool:
    """Tell whether the module has no forward of its own and so can never be called."""
    if is_scripted(module):
        return type_name(module) in _LISTS
    return type(module).forward is nn.Module.forward or isinstance(module, (nn.ModuleList, nn.ModuleDict))


def is_frozen(script: Any) -> bool:
    """Tell a scripted module whose weights are constants of its graphs."""
    # ``torch.jit.freeze`` takes even the training flag away.
    return not script_object(script).hasattr("training")


def constants_of(script: Any) -> list[tuple[str, Any]]:
    """Return the constants that the graphs of a scripted module read, by name."""
    nodes = [node for _, graph in method_graphs(script) for node in nodes_in(graph) if node.kind() == "prim::Constant"]
    # What nobody reads an optimisation has replaced, and left lying there.
    return [(node.output().debugName(), node.output().toIValue()) for node in nodes if node.output().uses()]


def is_builtin(module: nn.Module) -> bool:
    """Tell whether the module's class is one of torch's own."""
    if is_scripted(module):
        return script_type(module).startswith("__torch__.torch.")
    return type(module).__module__.startswith("torch.")


def places_of(module: nn.Module) -> Iterator[tuple[Put, str, Any]]:
    """Yield where the module keeps tensors, and lists of them, with what lies there."""
    if is_scripted(module):
        own = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        # Recurrent layers keep their parameters a second time, in a list.
        for name in (*(name for name, _ in own), "_flat_weights"):
            yield from ((script_object(module).setattr, name, value) for value in _attribute(module, name))
        return
    for registry in (*registries(module), vars(module)):
        for name, value in list(registry.items()):
            if registry is not vars(module) or name not in ("_parameters", "_buffers", "_modules"):
                yield registry.__setitem__, name, value


def make_leaves(model: nn.Module) -> None:
    """Let the parameters of scripts in ``model``, a copy, have gradients: torch copies them with their history."""
    leaves: dict[Any, torch.Tensor] = {}

    def leaf(tensor: Any) -> Any:
        if not isinstance(tensor, torch.Tensor) or tensor.is_leaf:
            return tensor
        return leaves.setdefault(same_piece(tensor), tensor.detach().requires_grad_())

    for module in filter(is_scripted, registered_modules(model)):
        for put, name, value in list(places_of(module)):
            put(name, list(map(leaf, value)) if isinstance(value, list) else leaf(value))


def packed_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights, biases, scales and zero points in the packed objects of ``module`` itself, by name.

    They are unpacked copies: what the library's own layout pads them with is not in their bytes. Nothing is yielded
    for an object that does not unpack.
    """
    if is_scripted(module):
        attributes = [("_packed_params", value) for value in _attribute(module, "_packed_params")]
        attributes += constants_of(module) if is_frozen(module) else ()
    else:
        attributes = list(vars(module).items())
    for name, packed in attributes:
        if not isinstance(packed, torch.ScriptObject):
            continue
        for i, tensor in enumerate(results(_unpacked(packed))):
            part = f"{name}.{i}"
            yield part, tensor.detach()
            if tensor.is_quantized and tensor.qscheme() in _PER_CHANNEL:
                yield f"{part}.scales", tensor.q_per_channel_scales()
                yield f"{part}.zero_points", tensor.q_per_channel_zero_points()


def _attribute(module: nn.Module, name: str) -> list[Any]:
    script = script_object(module)
    return [script.getattr(name)] if script.hasattr(name) else []


def _unpacked(value: Any) -> Any:
    """Return the tensors of a packed object; that of a recurrent cell holds packed objects again."""
    if isinstance(value, (list, tuple)):
        return [_unpacked(item) for item in value]
    if not isinstance(value, torch.ScriptObject):
        return value
    try:
        return _unpacked(unpacked(value))
    except RuntimeError:  # an object of a library that this build of torch does not have
        return None
