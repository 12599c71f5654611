"""One registered module, in Python or scripted: an eager model may hold scripted ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from convinspect.tensors.identity import same_piece
from convinspect.tensors.walking import results
from convinspect.torch_private import registries, script_object, script_type, unpacked

_LISTS = ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
_PER_CHANNEL = (torch.per_channel_affine, torch.per_channel_affine_float_qparams)

# Puts the value under the name where it was found.
Put = Callable[[str, Any], None]


class AnyModule(Protocol):
    """What is asked of a module whatever it is made of."""

    @property
    def is_container(self) -> bool:
        """Whether the module has no forward of its own and so can never be called."""

    @property
    def is_builtin(self) -> bool:
        """Whether the module's class is one of torch's own."""

    def places(self) -> Iterator[tuple[Put, str, Any]]:
        """Yield where the module keeps tensors, and lists of them, with what lies there."""

    def packed(self) -> Iterator[tuple[str, Any]]:
        """Yield the objects of quantised libraries that the module keeps instead of tensors."""


def asked(module: nn.Module) -> AnyModule:
    """Return ``module`` as one that can be asked."""
    return _Scripted(module) if is_scripted(module) else _Eager(module)


def is_scripted(module: Any) -> bool:
    """Tell a module that TorchScript runs."""
    return isinstance(module, torch.jit.ScriptModule)


def type_name(module: nn.Module) -> str:
    """Return the class name that the user knows; of a scripted module the original one."""
    return str(getattr(module, "original_name", None) or type(module).__name__)


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


def packed_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights, biases, scales and zero points in the packed objects of ``module`` itself, by name.

    They are unpacked copies: what the library's own layout pads them with is not in their bytes. Nothing is yielded
    for an object that does not unpack.
    """
    for name, packed in asked(module).packed():
        for i, tensor in enumerate(results(_unpacked(packed))):
            part = f"{name}.{i}"
            yield part, tensor.detach()
            if tensor.is_quantized and tensor.qscheme() in _PER_CHANNEL:
                yield f"{part}.scales", tensor.q_per_channel_scales()
                yield f"{part}.zero_points", tensor.q_per_channel_zero_points()


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


@dataclass(frozen=True, slots=True)
class _Eager:
    module: nn.Module

    @property
    def is_container(self) -> bool:
        kind = type(self.module)
        return kind.forward is nn.Module.forward or isinstance(self.module, (nn.ModuleList, nn.ModuleDict))

    @property
    def is_builtin(self) -> bool:
        return type(self.module).__module__.startswith("torch.")

    def places(self) -> Iterator[tuple[Put, str, Any]]:
        own = vars(self.module)
        for registry in (*registries(self.module), own):
            for name, value in list(registry.items()):
                if registry is not own or name not in ("_parameters", "_buffers", "_modules"):
                    yield registry.__setitem__, name, value

    def packed(self) -> Iterator[tuple[str, Any]]:
        return ((name, value) for name, value in vars(self.module).items() if isinstance(value, torch.ScriptObject))


@dataclass(frozen=True, slots=True)
class _Scripted:
    module: nn.Module

    @property
    def is_container(self) -> bool:
        return type_name(self.module) in _LISTS

    @property
    def is_builtin(self) -> bool:
        return script_type(self.module).startswith("__torch__.torch.")

    def places(self) -> Iterator[tuple[Put, str, Any]]:
        own = (*self.module.named_parameters(recurse=False), *self.module.named_buffers(recurse=False))
        # Recurrent layers keep their parameters a second time, in a list.
        for name in (*(name for name, _ in own), "_flat_weights"):
            yield from ((script_object(self.module).setattr, name, value) for value in self._attribute(name))

    def packed(self) -> Iterator[tuple[str, Any]]:
        found = self._attribute("_packed_params")
        return (("_packed_params", packed) for packed in found if isinstance(packed, torch.ScriptObject))

    def _attribute(self, name: str) -> list[Any]:
        script = script_object(self.module)
        return [script.getattr(name)] if script.hasattr(name) else []
