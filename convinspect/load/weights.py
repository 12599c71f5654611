"""A file of weights as a trace without a run: its parameters by prefix, dtypes and bytes, tied ones once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from convinspect.errors import UsageError
from convinspect.load.checkpoint import read_checkpoint, read_safetensors
from convinspect.load.kinds import Kind, read_json
from convinspect.load.loaded import Loaded
from convinspect.load.tensors_in_pickle import TensorClaim
from convinspect.paths import is_file
from convinspect.records import ModuleRecord, Note, Weight
from convinspect.spec import Request

# What a buffer of torch's own modules is called: a state dict does not say what is a parameter.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
# What a network names is a few MiB; every prefix of one name takes as much as the square of its length.
_MAX_PATHS = 128 << 20
_ASSUMED = Note(
    "assumed_trainable",
    f"a file of weights does not say which are parameters: {', '.join(_BUFFERS)} and integers are counted as buffers, "
    "all others as trainable parameters",
)


def load(request: Request, kind: Kind) -> Loaded:
    """Return the weights that the request's file holds, without loading a tensor and without torch.

    Raises `UsageError` for a file that is damaged or holds anything but weights.
    """
    path = Path(request.target.source)
    tensors, notes = _read(path, kind)
    if no_text := [name for name in tensors if not name.isascii() and name != name.encode("utf-8", "ignore").decode()]:
        raise UsageError(f"a tensor has a name that is no text: {no_text[0]!r}")
    dtype = _main_dtype(tensors.values())
    name = path.name.partition(".")[0]
    return Loaded(request, None, name, "cpu", dtype, modules_of(tensors), notes=(*notes, _ASSUMED))


def modules_of(tensors: Mapping[str, TensorClaim]) -> tuple[ModuleRecord, ...]:
    """Return the tree of prefixes that the dotted names of ``tensors`` make, parents first.

    A tensor that is the same piece of the same storage as an earlier one is ``tied_to`` that one's module.
    """
    own: dict[str, list[tuple[str, TensorClaim]]] = {"": []}
    below: dict[str, list[str]] = {"": []}
    room = _MAX_PATHS
    for full_name, claim in tensors.items():
        path, _, name = full_name.rpartition(".")
        room = _grow(below, path, room)
        own.setdefault(path, []).append((name, claim))
    counted: dict[tuple[Any, ...], str] = {}
    facts = []
    for path in _in_order(below):
        weights = [_weight(name, claim, path, counted) for name, claim in own.get(path, ())]
        facts.append(
            ModuleRecord(
                path,
                type="",
                leaf=not below[path],
                container=False,
                builtin=False,
                params=tuple(weight for weight in weights if weight.trainable),
                buffers=tuple(weight for weight in weights if not weight.trainable),
            )
        )
    return tuple(facts)


def _read(path: Path, kind: Kind) -> tuple[dict[str, TensorClaim], tuple[Note, ...]]:
    if kind == "safetensors":
        return read_safetensors(path), ()
    if kind == "shards":
        return _read_shards(path)
    return read_checkpoint(path)


def _read_shards(index: Path) -> tuple[dict[str, TensorClaim], tuple[Note, ...]]:
    """Read ``{"weight_map": {name: file}}`` and the files beside it that it names."""
    document = read_json(index)
    places = document["weight_map"] if isinstance(document, dict) else {}
    if strange := [file for file in places.values() if not isinstance(file, str) or Path(file).name != file]:
        raise UsageError(f"it names {strange[0]!r}, which is not a file beside it")
    found: dict[str, TensorClaim] = {}
    for file in dict.fromkeys(places.values()):
        shard = index.parent / file
        if not is_file(shard):
            raise UsageError(f"{file} is missing beside it")
        try:
            tensors = read_safetensors(shard) if file.endswith(".safetensors") else read_checkpoint(shard)[0]
        except UsageError as error:
            raise error.within(file) from None
        wanted = {name for name, place in places.items() if place == file}
        if missing := wanted - tensors.keys():
            raise UsageError(f"{file} does not hold {min(missing)}")
        for name in wanted:  # with an identity that no tensor of another file has
            found[name] = replace(tensors[name], identity=(file, *tensors[name].identity))
    return {name: found[name] for name in places}, ()


def _grow(below: dict[str, list[str]], path: str, room: int) -> int:
    """Add ``path`` and those of its prefixes that are new to the tree, and return what is left of ``room`` letters."""
    new = []
    while path not in below:
        room -= len(path)
        if room < 0:
            raise UsageError(f"its names nest so deeply that their prefixes take more than {_MAX_PATHS >> 20} MiB")
        new.append(path)
        below[path] = []
        path = path.rpartition(".")[0]
    for parent, child in zip([path, *reversed(new)], reversed(new), strict=False):
        below[parent].append(child)
    return room


def _in_order(below: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield the paths depth first, siblings as the file has them."""
    pending = [""]
    while pending:
        path = pending.pop()
        yield path
        pending.extend(reversed(below[path]))


def _weight(name: str, claim: TensorClaim, path: str, counted: dict[tuple[Any, ...], str]) -> Weight:
    owner = counted.get(claim.identity) if claim.numel else None
    counted.setdefault(claim.identity, path)
    trainable = name not in _BUFFERS and ("float" in claim.dtype or "complex" in claim.dtype)
    return Weight(name, claim.numel, claim.dtype, claim.bytes, trainable=trainable, tied_to=owner)


def _main_dtype(claims: Any) -> str:
    sizes: Counter[str] = Counter()
    for claim in claims:
        sizes[claim.dtype] += claim.bytes
    floating = [(size, dtype) for dtype, size in sizes.items() if "float" in dtype]
    return max(floating)[1] if floating else "float32"
