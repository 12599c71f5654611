"""A TorchScript archive read before it is run: what its code calls, by its text, and what its tensors claim.

Loading an archive can run code of it already (``__setstate__``), so its source is judged first. The judgement is by
names, wherever they stand after a dot: an alias (``t = torch; t.save(...)``) or a method of a tensor reaches the same
operator. What cannot be judged that way (``ops`` as a value, a computed ``getattr``) is refused as well.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from convinspect.errors import UsageError
from convinspect.load.inert_pickle import MAX_BYTES, Name, read_pickle, walk
from convinspect.load.tensors_in_pickle import check_storages, storages_in, tensor_in
from convinspect.load.zip_directory import Directory, read_record

# Operators that touch files or leave the interpreter, and what they do.
_DANGEROUS = {
    "save": "writes files",
    "from_file": "reads and writes files",
    "PythonOp": "runs Python",
    "IgnoredPythonOp": "runs Python",
    "rpc_async": "calls other machines",
    "rpc_sync": "calls other machines",
    "rpc_remote": "calls other machines",
    "_call_end_callbacks_on_jit_fut": "runs Python",
    "data_ptr": "reads memory addresses",
}
_NAMESPACES = frozenset(
    (
        *("aten", "prim", "quantized", "_quantized", "quantization", "sparse", "mkldnn", "mkldnn_prepacked", "mkl"),
        *("onednn", "prepacked", "torchvision", "profiler", "convinspect"),
    )
)
_CLASSES = frozenset(("quantized", "rnn", "sparse", "xnnpack", "mkldnn", "profiler"))
_PICKLES = {"data.pkl": "data/", "constants.pkl": "constants/"}
_MAX_CODE = 64 << 20
HINT = "--allow-unsafe runs it all the same: only for files that you trust as you trust a program"

# What the lexer of TorchScript may pass over between a name and its dot.
_GAP = r"(?:[\s\\]|\#[^\n]*\n)*"
_NAME = r"([A-Za-z_]\w*)"
_ATTRIBUTE = re.compile(rf"\.{_GAP}{_NAME}")
_OPS = re.compile(rf"(?<![\w.])ops\b(?:{_GAP}\.{_GAP}{_NAME}{_GAP}\.{_GAP}{_NAME})?")
_CLASS = re.compile(rf"torch{_GAP}\.{_GAP}classes{_GAP}\.{_GAP}{_NAME}")
_BARE = re.compile(r"(?<![\w.])(rpc_async|rpc_sync|rpc_remote)\b")
_GETATTR = re.compile(r"\bgetattr\b")
_LAST_LITERAL = re.compile(r",\s*\"([^\"\\\n]*)\"\s*\Z")


def check_archive(path: Path, directory: Directory, *, allow_unsafe: bool) -> None:
    """Raise `UsageError` for an archive that claims more than it holds, or whose code reaches outside.

    ``allow_unsafe`` accepts any code; claims are checked all the same, since they make torch read foreign memory.
    """
    names = list(_check_claims(path, directory))
    if allow_unsafe:
        return
    for name in directory.sizes:
        if name.startswith("code/") and name.endswith(".py"):
            check_code(read_record(path, directory, name, _MAX_CODE).decode("utf-8", "replace"), name)
    _check_classes((match[1] for name in names for match in _CLASS.finditer(name)), "data.pkl")


def check_code(text: str, where: str) -> None:
    """Raise `UsageError` where TorchScript source reaches outside the interpreter, naming what does."""
    for match in _OPS.finditer(text):
        if match[1] is None:
            raise UsageError(f"refused: {where} uses ops as a value, so what it calls cannot be told", HINT)
        check_operator(match[1], match[2], where)
    for match in _ATTRIBUTE.finditer(text):
        _check_name("aten", match[1], where)
    for match in _BARE.finditer(text):
        _check_name("prim", match[1], where)
    for start in _GETATTR.finditer(text):
        _check_name("aten", _selector(text, start.end(), where), where)
    _check_classes((match[1] for match in _CLASS.finditer(text)), where)


def check_operator(namespace: str, name: str, where: str) -> None:
    """Raise `UsageError` for an operator that reaches outside, or of a library that is not torch's own."""
    if namespace not in _NAMESPACES:
        raise UsageError(f"refused: {where} calls {namespace}::{name}, and what {namespace} does is not known", HINT)
    _check_name(namespace, name, where)


def _check_name(namespace: str, name: str, where: str) -> None:
    if name in _DANGEROUS:
        raise UsageError(f"refused: {where} calls {namespace}::{name}, which {_DANGEROUS[name]}", HINT)


def _check_classes(names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in _CLASSES:
            raise UsageError(f"refused: {where} uses torch.classes.{name}, and what that does is not known", HINT)


def _selector(text: str, start: int, where: str) -> str:
    """Return the literal that the ``getattr`` whose name ends at ``start`` selects."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                literal = _LAST_LITERAL.search(text, start, at)
                if literal is not None:
                    return literal[1]
                break
    raise UsageError(f"refused: {where} computes the name for a getattr, so what it calls cannot be told", HINT)


def _check_claims(path: Path, directory: Directory) -> Iterator[str]:
    """Check every pickle's tensors against the records, and yield the names that the pickles use."""
    for pickle, folder in _PICKLES.items():
        if pickle not in directory:
            continue
        content = read_pickle(io.BytesIO(read_record(path, directory, pickle, MAX_BYTES)))
        check_storages(storages_in(content), directory.under(folder))
        for item in walk(content):
            tensor_in(item)
            if isinstance(item, Name):
                yield item.dotted
