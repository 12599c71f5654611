"""Real inputs from a file of data: arrays of numpy, tensors of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError

_KNOWN = "known: .npy, .npz, and .pt or .pth of tensors"


def read_inputs(path: str, name: str | None, device: str) -> list[tuple[str | None, Any]]:
    """Return the tensors in a file with the names of ``forward`` that they go to (``None``: by position), whole.

    A mapping gives its own names, a tuple or list none. Nothing in the file is run. Raises `UsageError` for a file that
    is not there, of another kind, or of other values.
    """
    where = "cpu" if device == "meta" else device
    try:
        value = _read(path)
    except UsageError:
        raise
    except OSError as error:
        raise UsageError(f"--data {path}: {error.strerror or 'cannot be read'}") from error
    except Exception as error:
        raise UsageError(f"--data {path}: holds more than plain tensors, or is damaged", _KNOWN) from error
    if isinstance(value, dict) and name is None:
        return [(str(key), _placed(item, where)) for key, item in value.items()]
    if isinstance(value, (list, tuple)) and name is None:
        return [(None, _placed(item, where)) for item in value]
    return [(name, _placed(value, where))]


def _read(path: str) -> Any:
    kind = Path(path).suffix
    if kind in (".npy", ".npz"):
        import numpy as np  # noqa: PLC0415 - most inputs are made

        found = np.load(path, allow_pickle=False)
        return torch.from_numpy(found) if kind == ".npy" else {key: torch.from_numpy(found[key]) for key in found}
    if kind in (".pt", ".pth"):
        return torch.load(path, map_location="cpu", weights_only=True)
    raise UsageError(f"--data {path}: not a file of tensors", _KNOWN)


def _placed(value: Any, where: str) -> Any:
    return value.to(where) if isinstance(value, torch.Tensor) else value
