"""Dummy inputs: specs, or what the model itself knows, as tensors on the device of the run."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn.utils.rnn import PackedSequence

from convinspect.errors import UsageError
from convinspect.inputs.known import known_inputs
from convinspect.inputs.nesting import nested
from convinspect.inputs.reading import called_inputs, read_inputs
from convinspect.inputs.suggesting import has_batch, refusal
from convinspect.load import Loaded
from convinspect.machine import available_bytes, require
from convinspect.parsing import parse_input
from convinspect.records import Note
from convinspect.spec import InputSpec
from convinspect.tensors.describe import dtype_name, named_tensors, tensors_in
from convinspect.tensors.known import MOST

# One seed for all dummy values, so that a model whose path depends on them takes the same path twice.
_SEED = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A loaded model and what its ``forward`` is called with; ``names`` are the report's names of ``args``."""

    loaded: Loaded
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: tuple[str, ...]

    @property
    def tensors(self) -> tuple[tuple[str, torch.Tensor], ...]:
        """All tensors of the inputs with their dotted names, positional ones first."""
        named = (*zip(self.names, self.args, strict=True), *self.kwargs.items())
        return tuple(found for name, value in named for found in named_tensors(value, name))

    @property
    def is_batched(self) -> bool:
        """Whether the first axis of the first tensor counts a batch."""
        return all(has_batch(self.loaded.runnable.module, tensor) for _, tensor in self.tensors[:1])

    @property
    def batch_size(self) -> int | None:
        """The request's, which its specs go without; inputs that were whole have theirs as the first size.

        A packed sequence has as many samples as take part in its first step.
        """
        if any(spec.file is None and spec.literal is None for spec in self.loaded.request.inputs):
            return self.loaded.request.batch_size
        for value in (*self.args, *self.kwargs.values()):
            if isinstance(value, PackedSequence):
                return int(value.batch_sizes[0])
            sizes = [int(tensor.shape[0]) for tensor in tensors_in(value) if tensor.dim()]
            if sizes:
                return sizes[0]
        return None


def make_inputs(loaded: Loaded) -> Prepared:
    """Return ``loaded`` with the tensors that its request asks for, checked against what ``forward`` takes.

    Floating inputs are uniform in [0, 1) and of the model's dtype unless the spec names one; integers are below its
    bound. Without specs the inputs are what a function of the request gives, the file holds, or the model says of
    itself. Raises `UsageError` where nothing is there or the inputs do not fit.
    """
    request = loaded.request
    if request.input_from is not None:
        if request.inputs:
            raise UsageError("--input-from gives all inputs: no other one can be named")
        return given_inputs(loaded, *called_inputs(request.input_from))
    if request.inputs:
        return _made(loaded, request.inputs)
    known = known_inputs(loaded)
    if known.source is not None:
        said = " ".join(f"--input {spec}" for spec in known.specs) or "the inputs"
        note = Note("guessed", f"{said}: from the model's own {known.source}")
        loaded = replace(loaded, notes=(*loaded.notes, note))
    if known.specs:
        return _made(loaded, tuple(map(parse_input, known.specs)))
    if unused := [option for option in ("--batch-size", "--no-batch") if option in request.given]:
        raise UsageError(f"the model brings its own inputs, whole: {unused[0]} changes nothing", "give --input")
    return given_inputs(loaded, known.args, dict(known.kwargs or {}))


def _made(loaded: Loaded, specs: Sequence[InputSpec]) -> Prepared:
    request = loaded.request
    generator = torch.Generator().manual_seed(_SEED)
    batch = () if request.batch_size is None else (request.batch_size,)
    made: list[tuple[str | None, Any]] = []
    for spec in specs:
        if spec.file is not None:
            made += read_inputs(spec.file, spec.name, _where(loaded), loaded.input_dtype)
        elif spec.literal is not None:
            value = ast.literal_eval(spec.literal)
            made.append((spec.name, torch.tensor(value, device=_where(loaded)) if spec.dtype == "tensor" else value))
        else:
            made.append((spec.name, _tensor(spec, batch, loaded.input_dtype, loaded.device, generator)))
    args = tuple(tensor for name, tensor in made if name is None)
    return _fitted(loaded, args, nested((name, tensor) for name, tensor in made if name is not None))


def holds_meta(value: Any) -> bool:
    """Tell whether a tensor without values is among nested tuples, lists and mappings."""
    return any(tensor.is_meta for tensor in tensors_in(value))


def given_inputs(loaded: Loaded, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Prepared:
    """Return ``loaded`` with whole inputs, moved to its device and checked against what ``forward`` takes.

    A run on meta takes stand-ins for them: they stay where they are.
    """
    return _fitted(loaded, *_moved((args, kwargs), loaded.device))


def _where(loaded: Loaded) -> str:
    """Return where whole inputs lie: a run on meta takes stand-ins for real ones."""
    return "cpu" if loaded.device == "meta" else loaded.device


def _tensor(
    spec: InputSpec, batch: tuple[int, ...], floating: str, device: str, generator: torch.Generator
) -> torch.Tensor:
    shape = (*batch, *spec.shape)
    dtype: torch.dtype = getattr(torch, spec.dtype or floating)
    size = "x".join(map(str, shape))
    try:
        if device == "meta" and math.prod(shape) <= MOST:
            device = "cpu"  # a few values cost nothing, and may decide what runs
        if device == "meta":
            return torch.empty(shape, dtype=dtype, device="meta")
        require(math.prod(shape) * dtype.itemsize, available_bytes(), f"an input of {size} {dtype_name(dtype)}")
        if spec.fill is not None:
            return torch.full(shape, spec.fill, dtype=dtype, device=device)
        if dtype.is_floating_point or dtype.is_complex:
            real = torch.float32 if dtype.is_floating_point else dtype
            return torch.rand(shape, dtype=real, generator=generator).to(device, dtype)
        high = spec.high if spec.high is not None else 2
        # Bounded by the dtype as well: 30522 token ids do not fit in int8.
        high = min(high, 2 if dtype is torch.bool else torch.iinfo(dtype).max + 1, 2**63 - 1)
        return torch.randint(min(spec.low, high - 1), high, shape, generator=generator).to(device, dtype)
    except (RuntimeError, OverflowError, TypeError) as error:  # torch says TypeError of sizes beyond 64 bits
        reason = str(error).splitlines()[0]
        hint = None if device == "meta" else "try --device meta"
        raise UsageError(f"cannot make an input of {size} {dtype}: {reason}", hint) from error


def _fitted(loaded: Loaded, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Prepared:
    """Name positional inputs after the arguments of ``forward``, and refuse what the model cannot take."""
    names = _names(loaded, args, kwargs)
    loaded.runnable.check(args, kwargs, names)
    return Prepared(loaded, args, kwargs, names)


def _names(loaded: Loaded, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
    signature = loaded.runnable.signature()
    if signature is None:
        return tuple(f"input.{i}" for i in range(len(args))) if len(args) > 1 else ("input",) * len(args)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        raise refusal(loaded, signature, args, kwargs) from None
    names: list[str] = []
    for name, value in bound.arguments.items():
        variadic = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        names.extend((f"{name}.{i}" for i in range(len(value))) if variadic else (name,))
    return tuple(names[: len(args)])


def _moved(value: Any, device: str, known: dict[int, Any] | None = None) -> Any:
    """Return ``value`` with its tensors on ``device``; a tensor that occurs twice is one tensor there too.

    Raises `UsageError` for one without values, where values are wanted.
    """
    known = {} if known is None else known
    if isinstance(value, torch.Tensor):
        if id(value) not in known:
            _check_values(value, device)
            known[id(value)] = value.detach() if device == "meta" else value.detach().to(device)
        return known[id(value)]
    if isinstance(value, PackedSequence):
        _check_values(value.data, device)
        # The lengths of its sequences stay where they are, as torch wants them.
        return value if device == "meta" else value.to(torch.device(device))  # type: ignore[arg-type] # torch names one way
    if isinstance(value, (tuple, list)):
        items = [_moved(item, device, known) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: _moved(item, device, known) for key, item in value.items()}
    return value


def _check_values(tensor: torch.Tensor, device: str) -> None:
    if tensor.is_meta and device != "meta":
        raise UsageError(f"an input is on the meta device and has no values for {device}", "try device='meta'")
