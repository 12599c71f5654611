"""Files of weights, recognised by what is in them and never loaded: an archive, a header, a Git LFS pointer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convinspect import units
from convinspect.errors import UsageError
from convinspect.git import ask
from convinspect.load.checkpoint import read_checkpoint, read_safetensors
from convinspect.load.kinds import kind_of_archive
from convinspect.load.tensors_in_pickle import TensorClaim
from convinspect.load.zip_directory import read_directory

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?size ([0-9]{1,18})\n?")
_MAX_POINTER = 1024  # as the specification of Git LFS has it
_HEAD = 4096
# The number that opens what torch.save wrote before 1.6, as a pickle has it.
_OLD_TORCH = re.compile(rb"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\.")
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_BY_KIND = {"export": "exported program", "torchscript": "TorchScript", "checkpoint": "PyTorch checkpoint"}
_BY_SUFFIX = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), "PyTorch checkpoint"),
    ".pt2": "exported program",
    ".ts": "TorchScript",
    ".safetensors": "safetensors",
    ".onnx": "ONNX model",
    **dict.fromkeys((".h5", ".hdf5", ".keras"), "HDF5 file"),
    ".npz": "NumPy archive",
    ".gguf": "GGUF model",
    ".tflite": "TensorFlow Lite model",
}


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of weights: ``size`` in bytes, of the weights themselves where ``in_lfs`` git has a pointer alone."""

    path: Path
    format: str
    size: int
    in_lfs: bool = False


def recognise(path: Path) -> WeightFile | None:
    """Return what ``path`` is, ``None`` where it holds no weights; raises `UsageError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    suffix = path.suffix.lower()
    pointer = _POINTER.match(head) if size <= _MAX_POINTER else None
    if pointer is not None:
        return WeightFile(path, _BY_SUFFIX[suffix], int(pointer[1]), in_lfs=True) if suffix in _BY_SUFFIX else None
    found = _format(path, head, suffix)
    return WeightFile(path, found, size) if found is not None else None


def _format(path: Path, head: bytes, suffix: str) -> str | None:
    if head.startswith(b"PK\x03\x04"):
        return _format_of_archive(path)
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:  # noqa: PLR2004 - a length, then JSON
        return "safetensors"
    if _OLD_TORCH.match(head):
        return "PyTorch checkpoint"
    if _PICKLE.match(head):
        return "pickle" if suffix in _BY_SUFFIX else None
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "HDF5 file"
    if head.startswith(b"GGUF"):
        return "GGUF model"
    if head[4:8] == b"TFL3":
        return "TensorFlow Lite model"
    # Protocol buffers have no mark of their own: an ONNX model opens with its version, a field of number 1.
    return "ONNX model" if suffix == ".onnx" and head.startswith(b"\x08") else None


def _format_of_archive(path: Path) -> str | None:
    try:
        directory = read_directory(path)
    except UsageError:
        return _BY_SUFFIX.get(path.suffix.lower())
    names, kind = directory.sizes, kind_of_archive(directory)
    if kind is not None:
        return _BY_KIND[kind]
    if names and all(name.endswith(".npy") for name in names):
        return "NumPy archive"
    return "Keras model" if "model.weights.h5" in names else None


_READERS: dict[str, Callable[[Path], Iterable[TensorClaim]]] = {
    "safetensors": lambda path: read_safetensors(path).values(),
    "PyTorch checkpoint": lambda path: read_checkpoint(path)[0].values(),
}


def contents(file: WeightFile) -> str:
    """Return how many tensors and values it holds, as far as its header tells; empty where it does not."""
    if file.in_lfs or file.format not in _READERS:
        return ""
    try:
        claims = list(_READERS[file.format](file.path))
    except UsageError as error:
        return error.message
    values = sum(claim.numel for claim in claims)
    return f"{units.counted(len(claims), 'tensor')}, {units.exact(values)} values"


def marked_for_lfs(files: Sequence[WeightFile]) -> list[WeightFile]:
    """Return ``files``, those that git would store as a pointer marked as such: in the work tree they are whole."""
    names = "".join(f"{file.path}\0" for file in files)
    said = ask(Path.cwd(), "check-attr", "-z", "--stdin", "filter", given=names) if files else None
    answers = (said or "").split("\0")
    lfs = {name for name, value in zip(answers[0::3], answers[2::3], strict=False) if value == "lfs"}
    return [replace(file, in_lfs=file.in_lfs or str(file.path) in lfs) for file in files]
