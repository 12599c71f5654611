"""A scripted or traced model, frozen ones included."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from convinspect.frontends.frontend import Frontend, Runner, ScopeRecorder, Told
from convinspect.frontends.modules import canonical_modules, constants_of, is_frozen
from convinspect.frontends.torchscript.markers import saved_copy, with_markers
from convinspect.frontends.torchscript.scopes import script_scopes
from convinspect.records import ModuleRecord, Note, Weight
from convinspect.tensors.describe import dtype_name
from convinspect.tensors.identity import element_bytes
from convinspect.tensors.operators import results
from convinspect.torch_private import method_of

_FROZEN = (
    "the archive is frozen: its modules are melted into one graph, so the rows are operators; its weights are "
    "constants of that graph, counted as buffers; save it before torch.jit.freeze for rows by module"
)


@dataclass(frozen=True, slots=True)
class Script(Frontend):
    """A module that TorchScript runs; the graphs of a ``disposable`` one, loaded for this run alone, may change."""

    disposable: bool = False
    format: ClassVar[Literal["torchscript"]] = "torchscript"

    def on(self, device: str) -> Script:
        """Return the model saved and loaded there."""
        return Script(saved_copy(self.module, device), disposable=True)

    def signature(self) -> inspect.Signature | None:
        """Return what the schema of ``forward`` takes; a recurrent layer scripted by itself has overloads instead."""
        method = method_of(self.module, "forward", "forward__0")
        if method is None:
            return None
        kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
        arguments = ((a.name, a.default_value if a.has_default_value() else empty) for a in method.schema.arguments[1:])
        return inspect.Signature([inspect.Parameter(name, kind, default=value) for name, value in arguments])

    @contextmanager
    def running(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Script]:
        """Give a copy with markers in its graphs."""
        del args, kwargs
        yield replace(self, module=with_markers(self.module, disposable=self.disposable))

    def scopes(self, recorder: ScopeRecorder) -> AbstractContextManager[Runner]:
        """Follow the calls that the markers tell of."""
        return script_scopes(self.module, recorder)

    def registered(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield every module once, also where a script holds one under two names as two objects."""
        return canonical_modules(self.module)

    def told(self, modules: tuple[ModuleRecord, ...], ran: set[str]) -> Told:
        """Return ``modules``, of a frozen model with its constants, and why."""
        del ran
        return with_constants(modules, {"": self.module})


def with_constants(modules: tuple[ModuleRecord, ...], scripts: Mapping[str, Any]) -> Told:
    """Return ``modules`` with the constants of those ``scripts`` that are frozen, by their paths, and why.

    Such a one is not called a leaf then: its operators are all there is to show.
    """
    frozen = {path: script for path, script in scripts.items() if is_frozen(script)}
    told = tuple(_with_constants(one, frozen[one.path]) if one.path in frozen else one for one in modules)
    return told, tuple(Note("frozen", _FROZEN, path) if path else Note("frozen", _FROZEN) for path in frozen)


def _with_constants(record: ModuleRecord, script: Any) -> ModuleRecord:
    return replace(record, leaf=False, builtin=False, buffers=(*record.buffers, *_constants(script)))


def _constants(model: nn.Module) -> Iterator[Weight]:
    """Yield the tensors in the graphs of a frozen model, those in lists as well."""
    seen: set[int] = set()
    for name, value in constants_of(model):
        listed = not isinstance(value, torch.Tensor)
        for i, tensor in enumerate(results(value)):
            if tensor.layout is torch.strided and tensor.dim() and tensor.data_ptr() not in seen:
                seen.update([tensor.data_ptr()] if tensor.data_ptr() else ())
                size, dtype = element_bytes(tensor), dtype_name(tensor.dtype)
                yield Weight(f"{name}.{i}" if listed else name, tensor.numel(), dtype, size, used=True)
