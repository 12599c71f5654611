"""Dummy inputs: specs, or what the model itself knows, as tensors on the device of the run."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.inputs.moving import moved
from convinspect.inputs.suggesting import suggestion
from convinspect.spec import InputSpec, Request

# One seed for all dummy values, so that a model whose path depends on them takes the same path twice.
_SEED = 0


@dataclass(frozen=True, slots=True)
class Inputs:
    """What ``forward`` is called with; ``names`` are the report's names of ``args``."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: tuple[str, ...]

    @property
    def tensors(self) -> tuple[tuple[str, torch.Tensor], ...]:
        """All inputs that are tensors with their names, positional ones first."""
        named = (*zip(self.names, self.args, strict=True), *self.kwargs.items())
        return tuple((name, value) for name, value in named if isinstance(value, torch.Tensor))

    @property
    def batch_size(self) -> int | None:
        """The first size of the first tensor, which by convention counts the batch."""
        return next((int(tensor.shape[0]) for _, tensor in self.tensors if tensor.dim()), None)


def make_inputs(
    request: Request, model: Any, device: str, dtype: str, example: tuple[tuple[Any, ...], dict[str, Any]] | None = None
) -> Inputs:
    """Return the tensors that the request asks for, checked against the signature of ``forward``.

    Floating inputs are uniform in [0, 1) and of ``dtype`` unless the spec names one; integers are below its bound.

    Without specs the model's ``example_input_array`` is used, or ``example`` (positional and keyword inputs
    that its file holds). Raises `UsageError` where neither is there or the inputs do not fit.
    """
    if not request.inputs:
        return _known_inputs(request, model, device, example)
    generator = torch.Generator().manual_seed(_SEED)
    batch = () if request.batch_size is None else (request.batch_size,)
    made = [(spec, _tensor(spec, batch, dtype, device, generator)) for spec in request.inputs]
    args = tuple(tensor for spec, tensor in made if spec.name is None)
    kwargs = {spec.name: tensor for spec, tensor in made if spec.name is not None}
    if len(args) + len(kwargs) < len(made):
        raise UsageError("two inputs have the same name")
    return _fitted(args, kwargs, model)


def given_inputs(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], device: str) -> Inputs:
    """Return inputs that the caller made, on ``device`` and named after the arguments of ``forward``."""
    args, kwargs = moved((args, kwargs), device)
    return _fitted(args, kwargs, model)


def _tensor(
    spec: InputSpec, batch: tuple[int, ...], floating: str, device: str, generator: torch.Generator
) -> torch.Tensor:
    shape = (*batch, *spec.shape)
    dtype: torch.dtype = getattr(torch, spec.dtype or floating)
    try:
        if device == "meta":
            return torch.empty(shape, dtype=dtype, device="meta")
        if dtype.is_floating_point or dtype.is_complex:
            real = torch.float32 if dtype.is_floating_point else dtype
            return torch.rand(shape, dtype=real, generator=generator).to(device, dtype)
        high = spec.high if spec.high is not None else 2
        # Bounded by the dtype as well: 30522 token ids do not fit in int8.
        high = min(high, 2 if dtype is torch.bool else torch.iinfo(dtype).max + 1, 2**63 - 1)
        return torch.randint(high, shape, generator=generator).to(device, dtype)
    except (RuntimeError, OverflowError, TypeError) as error:  # torch says TypeError of sizes beyond 64 bits
        size = "x".join(map(str, shape))
        reason = str(error).splitlines()[0]
        hint = None if device == "meta" else "try --device meta"
        raise UsageError(f"cannot make an input of {size} {dtype}: {reason}", hint) from error


def _known_inputs(
    request: Request, model: Any, device: str, example: tuple[tuple[Any, ...], dict[str, Any]] | None
) -> Inputs:
    if example is not None:
        args, kwargs = example
        return _fitted(moved(args, device), moved(kwargs, device), model)
    known = _example_of(model)
    if known is None:
        raise UsageError(f"{request.target.text}: --input is missing", suggestion(model))
    if isinstance(known, dict):
        return _fitted((), moved(known, device), model)
    return _fitted(moved(tuple(known) if isinstance(known, (tuple, list)) else (known,), device), {}, model)


def _example_of(model: Any) -> Any:
    """Return the model's own example, Lightning's convention; nothing where the attribute is something else."""
    try:
        known = model.example_input_array
    except Exception:  # noqa: BLE001 - a property of the user's own
        return None
    return known if isinstance(known, (torch.Tensor, tuple, list, dict)) else None


def _fitted(args: tuple[Any, ...], kwargs: dict[str, Any], model: Any) -> Inputs:
    """Name positional inputs after the arguments of ``forward``, and refuse what ``forward`` cannot take."""
    signature = _forward_signature(model)
    if signature is None:
        names = tuple(f"input.{i}" for i in range(len(args))) if len(args) > 1 else ("input",) * len(args)
        return Inputs(args, kwargs, names)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        takes = str(signature.replace(return_annotation=inspect.Signature.empty))
        unnamed = {0: [], 1: ["an unnamed input"]}.get(len(args), [f"{len(args)} unnamed inputs"])
        given = ", ".join([*unnamed, *kwargs])
        raise UsageError(f"forward{takes} cannot take {given}", "an input is named as --input NAME=SHAPE") from None
    bound_names: list[str] = []
    for name, value in bound.arguments.items():
        variadic = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        bound_names.extend((f"{name}.{i}" for i in range(len(value))) if variadic else (name,))
    return Inputs(args, kwargs, tuple(bound_names[: len(args)]))


def _forward_signature(model: Any) -> inspect.Signature | None:
    if isinstance(model, torch.jit.ScriptModule):
        return _scripted_signature(model)
    if hasattr(model, "module_call_graph"):
        return _exported_signature(model)
    try:
        return inspect.signature(model.forward)
    except (AttributeError, TypeError, ValueError):
        return None


def _scripted_signature(model: Any) -> inspect.Signature | None:
    """Return what the schema of ``forward`` takes; a recurrent layer scripted by itself has overloads instead."""
    name = next((name for name in ("forward", "forward__0") if model._c._has_method(name)), None)  # noqa: SLF001
    if name is None:
        return None
    arguments = model._c._get_method(name).schema.arguments[1:]  # noqa: SLF001 - there is no public name
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(
                a.name, kind, default=a.default_value if a.has_default_value() else inspect.Parameter.empty
            )
            for a in arguments
        ]
    )


def _exported_signature(program: Any) -> inspect.Signature | None:
    """Return what an exported program was exported with: all of it is needed, by the same names."""
    names = program.module_call_graph[0].signature.forward_arg_names
    if not names:
        return None
    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names])
