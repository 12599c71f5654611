"""Which kind of file a target is, by its content, for names lie; what loads each kind, and what is idle for it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from convinspect.errors import UsageError
from convinspect.load.zip_directory import Directory, read_directory
from convinspect.paths import is_file
from convinspect.run_options import OPTIONS
from convinspect.spec import Request

Kind: TypeAlias = Literal["python", "torchscript", "export", "checkpoint", "safetensors", "shards", "config", "report"]

_FILE_SUFFIXES = (".pt", ".pth", ".ts", ".pt2", ".bin", ".ckpt", ".safetensors", ".json")
_ZIP = b"PK"
_HEAD = 4096
_MAX_JSON = 32 << 20  # a report of ten thousand layers; read, it takes twenty times as much
_MAX_DIGITS = 30  # no network has so many of anything, and torch counts to nineteen digits
_BOMS = b"\xef\xbb\xbf\xff\xfe\0"  # what may stand before JSON, as PowerShell redirects it
_FOREIGN = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it with: git lfs pull"),
    (b"\x89HDF\r\n", "an HDF5 file", None),
    (b"GGUF", "a GGUF file", None),
    (b"<!DOCTYPE", "a web page: the download went wrong", None),
    (b"<html", "a web page: the download went wrong", None),
)
_KNOWN = "known: model.py, TorchScript, torch.export, torch.save of a state dict, safetensors, report.json, config.json"


def kind_of(source: str) -> Kind:
    """Return what ``source`` holds; what is no file, and source code, is ``python``.

    Raises `UsageError` for a missing, empty, damaged or foreign file.
    """
    path = Path(source)
    if not is_file(path):
        if path.suffix in _FILE_SUFFIXES:
            raise UsageError(f"{source}: {'a folder' if path.is_dir() else 'no such file'}")
        return "python"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return _kind(path, head)
    except OSError as error:
        raise UsageError(f"{source}: {error.strerror}") from error
    except UsageError as error:
        raise error.within(source) from None


def _kind(path: Path, head: bytes) -> Kind:
    if head.startswith(_ZIP):
        directory = read_directory(path)
        return kind_of_archive(directory) or _refuse_archive(directory)
    # A length, then JSON.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 40:
        return "safetensors"
    if re.match(rb"\x80[\x02-\x05]", head):
        return "checkpoint"
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            raise UsageError(what, hint)
    if head[257:262] == b"ustar":
        raise UsageError("saved by a PyTorch older than 0.2", "load it there, and save it again")
    if head.lstrip(_BOMS).lstrip().startswith(b"{"):
        return _kind_of_json(path)
    if path.suffix == ".py":
        return "python"
    if not head:
        raise UsageError("an empty file")
    raise UsageError("not a file that is known here", _KNOWN)


def kind_of_archive(directory: Directory) -> Kind | None:
    """Return what torch has saved in an archive; ``None`` where it was not torch."""
    if "serialized_exported_program.json" in directory or directory.under("models/"):
        return "export"
    if "constants.pkl" in directory or directory.under("code/"):
        return "torchscript"
    return "checkpoint" if "data.pkl" in directory else None


def _refuse_archive(directory: Directory) -> NoReturn:
    if "model.json" in directory:
        raise UsageError("a TorchScript file of a PyTorch older than 1.1", "load it there, and save it again")
    raise UsageError("an archive, but none of PyTorch's", _KNOWN)


def _kind_of_json(path: Path) -> Kind:
    document = read_json(path)
    if isinstance(document, dict) and isinstance(document.get("weight_map"), dict):
        return "shards"
    if isinstance(document, dict) and "schema" in document:
        return "report"
    if isinstance(document, dict) and (document.get("architectures") or "model_type" in document):
        return "config"
    raise UsageError("JSON, but neither a saved report, nor an index of weight files, nor the config of a model")


def read_json(path: Path) -> object:
    """Return the JSON document at ``path``; raises `UsageError` for what is none, or could not be written again."""
    if path.stat().st_size > _MAX_JSON:
        raise UsageError(f"JSON of {path.stat().st_size:,} bytes")
    try:
        document = parse_json(path.read_bytes())
        json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except ValueError as error:
        raise UsageError(f"damaged JSON ({error})") from None
    return document


def parse_json(text: bytes) -> Any:
    """Return the JSON document in ``text``, in any encoding of Unicode; numbers are finite and of a countable size.

    Raises `ValueError` for what is none.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_finite, parse_constant=_finite
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!a:.80} stands twice")
    return made


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:_MAX_DIGITS]}")
    return value


_BUILD = frozenset(("--second-opinion", *(f"--{option.name}" for option in OPTIONS if option.builds)))
_RUN = frozenset(("--unit", "--json-sections", *(f"--{option.name}" for option in OPTIONS if not option.builds)))
_NAME_THE_MODEL = "name the model to run it: convinspect summary model.py:Net --input ..."


@dataclass(frozen=True, slots=True)
class About:
    """A kind of target: the file of this room whose ``load`` loads it, what it is, and what changes nothing about it.

    ``hint`` says what to do instead.
    """

    loader: str
    what: str
    idle: frozenset[str]
    hint: str | None = None


_WEIGHTS = About("weights", "a file of weights has no forward", _BUILD | _RUN, _NAME_THE_MODEL)
KINDS: dict[Kind, About] = {
    "python": About("python", "Python code runs as it is", frozenset(("--allow-unsafe",))),
    "config": About("config", "a config says what is built", _BUILD - {"--second-opinion"} | {"--allow-unsafe"}),
    "torchscript": About("torchscript", "an archive is a finished model", _BUILD),
    "export": About("export", "a program runs as it was exported", _BUILD | {"--dtype", "--train"}),
    "checkpoint": _WEIGHTS,
    "safetensors": _WEIGHTS,
    "shards": _WEIGHTS,
    "report": About("saved", "a saved report is not run again", _BUILD | _RUN, _NAME_THE_MODEL),
}


def check_options(request: Request, kind: Kind) -> None:
    """Raise `UsageError` for an option that was given, or an attribute, that a target of ``kind`` has no use for."""
    about = KINDS[kind]
    if unused := [option for option in request.given if option in about.idle]:
        raise UsageError(f"{about.what}: {unused[0]} changes nothing", about.hint)
    if kind != "python" and request.target.attribute is not None:
        raise UsageError(f"{about.what}: there is no {request.target.attribute} to choose in it")
