"""Real inputs: from a file of arrays, tensors or an image, or from a function of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.load.checkpoint import read_safetensors
from convinspect.load.importing import import_source
from convinspect.spec import Target
from convinspect.users_code import running_users_code

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm")
_KNOWN = "known: .npy, .npz, .pt or .pth of tensors, .safetensors, and images"
_PAIR = 2


def read_inputs(path: str, name: str | None, where: str, floating: str) -> list[tuple[str | None, Any]]:
    """Return the tensors in a file with the names of ``forward`` that they go to (``None``: by position), whole.

    A mapping gives its own names, a tuple or list none. An image is a batch of one, channels first, in [0, 1] and of
    the dtype ``floating``. Nothing in the file is run. Raises `UsageError` for a file that is not there, of another
    kind, or of other values.
    """
    try:
        value = _read(Path(path), getattr(torch, floating))
    except UsageError as error:
        raise error.within(f"--data {path}") from error.__cause__
    except OSError as error:
        raise UsageError(f"--data {path}: {error.strerror or 'cannot be read'}") from error
    except Exception as error:
        raise UsageError(f"--data {path}: holds more than plain tensors, or is damaged", _KNOWN) from error
    if isinstance(value, dict) and name is None:
        return [(str(key), _placed(item, where)) for key, item in value.items()]
    if isinstance(value, (list, tuple)) and name is None:
        return [(None, _placed(item, where)) for item in value]
    return [(name, _placed(value, where))]


def called_inputs(function: Target) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword inputs that the user's ``function`` returns: ``(args, kwargs)``.

    A mapping alone is keywords, a tuple or list alone is positions, and anything else is one input. Raises
    `UsageError` where there is no such function, and `ModelError` where it fails.
    """
    called: Callable[[], Any] | None = getattr(import_source(function), function.attribute or "", None)
    if not callable(called):
        raise UsageError(f"--input-from {function.text}: no function {function.attribute} in {function.source}")
    with running_users_code(f"--input-from {function.text}"):
        given = called()
    if isinstance(given, dict):
        return (), given
    if not isinstance(given, (tuple, list)):
        return (given,), {}
    if len(given) == _PAIR and isinstance(given[0], (tuple, list)) and isinstance(given[1], dict):
        return tuple(given[0]), given[1]
    return tuple(given), {}


def _read(path: Path, floating: torch.dtype) -> Any:
    kind = path.suffix.lower()
    if kind in (".npy", ".npz"):
        import numpy as np  # noqa: PLC0415 - most inputs are made

        found = np.load(path, allow_pickle=False)
        return torch.from_numpy(found) if kind == ".npy" else {key: torch.from_numpy(found[key]) for key in found}
    if kind in (".pt", ".pth"):
        return torch.load(path, map_location="cpu", weights_only=True)
    if kind == ".safetensors":
        return _tensors(path)
    if kind in _IMAGES:
        return _image(path).to(floating)
    raise UsageError("not a file of tensors or an image", _KNOWN)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file, in its order."""
    claims = read_safetensors(path)
    content = path.read_bytes()
    data = bytearray(content[8 + int.from_bytes(content[:8], "little") :])
    found = {}
    for name, claim in claims.items():
        dtype = getattr(torch, claim.dtype)
        start = claim.identity[0] if claim.numel else 0
        flat = torch.frombuffer(data, dtype=dtype, count=claim.numel, offset=start) if claim.numel else torch.empty(0)
        found[name] = flat.to(dtype).reshape(claim.shape)
    return found


def _image(path: Path) -> torch.Tensor:
    """Return an image as 1 x channels x height x width in [0, 1]; one of grey levels has one channel, others three."""
    try:
        from PIL import Image  # noqa: PLC0415 - few inputs are images
    except ModuleNotFoundError:
        raise UsageError("reading an image needs Pillow", "python -m pip install pillow") from None
    import numpy as np  # noqa: PLC0415 - most inputs are made

    with Image.open(path) as image:
        pixels = np.array(image if image.mode == "L" else image.convert("RGB"))
    channels_last = torch.from_numpy(pixels).float().div(255)
    return channels_last.reshape(*channels_last.shape[:2], -1).permute(2, 0, 1).unsqueeze(0).contiguous()


def _placed(value: Any, where: str) -> Any:
    return value.to(where) if isinstance(value, torch.Tensor) else value
