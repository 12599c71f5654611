"""The inputs that an archive was traced with: torch keeps their shapes and dtypes, and not their values."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.load.inert_pickle import MAX_BYTES, Call, read_pickle
from convinspect.load.tensors_in_pickle import TensorClaim, tensor_in
from convinspect.load.zip_directory import read_directory, read_record

_RECORD = "traced_inputs.pkl"
_MAX_BYTES = 1 << 30
_SEED = 0


def traced_example(path: Path) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Return inputs of the shapes that the archive was traced with: random floats, integers of zero.

    ``None`` where the archive keeps none, or something else than tensors.
    """
    directory = read_directory(path)
    if _RECORD not in directory:
        return None
    try:
        content = read_pickle(io.BytesIO(read_record(path, directory, _RECORD, MAX_BYTES)))
        inputs = _untyped(_untyped(content).get("forward"))
        claims = [tensor_in(item) for item in inputs]
    except (UsageError, AttributeError, TypeError):
        return None
    generator = torch.Generator().manual_seed(_SEED)
    tensors = [_tensor(claim, generator) for claim in claims if claim is not None and claim.bytes <= _MAX_BYTES]
    return (tuple(tensors), {}) if tensors and len(tensors) == len(claims) else None


def _untyped(value: Any) -> Any:
    """Return what ``restore_type_tag(value, type)`` would."""
    return value.args[0] if isinstance(value, Call) and isinstance(value.args, tuple) and value.args else value


def _tensor(claim: TensorClaim, generator: torch.Generator) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, claim.dtype)
    if not dtype.is_floating_point:
        return torch.zeros(claim.shape, dtype=dtype)
    return torch.rand(claim.shape, generator=generator).to(dtype)
