"""The ways in which a model can be there: Python code, TorchScript, an exported program. One function chooses, once."""

from __future__ import annotations

from typing import Any

from torch import nn

from convinspect.errors import UsageError
from convinspect.frontends.eager import Eager
from convinspect.frontends.export.program import Program, is_exported_program
from convinspect.frontends.frontend import Frontend
from convinspect.frontends.torchscript.script import Script
from convinspect.tensors.registered import is_scripted

__all__ = ["Frontend", "frontend_of"]


def frontend_of(model: Any, *, disposable: bool = False) -> Frontend:
    """Return the front end that runs ``model``; nobody minds when a ``disposable`` one is changed.

    Raises `UsageError` for what is not a module or an exported program.
    """
    if is_exported_program(model):
        return Program.of(model)
    if is_scripted(model):
        return Script(model, disposable)
    if isinstance(model, nn.Module):
        return Eager(model)
    raise UsageError(f"a {type(model).__name__} is not a torch.nn.Module")
