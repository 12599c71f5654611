"""A file of weights as a trace without a run: its parameters by prefix, dtypes and bytes, tied ones once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convinspect.errors import UsageError
from convinspect.load.checkpoint import read_checkpoint
from convinspect.load.loaded import Loaded
from convinspect.load.safetensors import read_safetensors
from convinspect.load.sniff import Kind, read_json
from convinspect.load.tensors_in_pickle import TensorClaim
from convinspect.records import ModuleRecord, Note, Weight
from convinspect.spec import Request

# What a buffer of torch's own modules is called: a state dict does not say what is a parameter.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
_ASSUMED = Note(
    "assumed_trainable",
    f"a file of weights does not say which are parameters: {', '.join(_BUFFERS)} and integers are counted as buffers, "
    "all others as trainable parameters",
)


def load_weights(request: Request, kind: Kind) -> Loaded:
    """Return the weights that the request's file holds, without loading a tensor and without torch.

    Raises `UsageError` for a file that is damaged or holds anything but weights, and for inputs: nothing can run.
    """
    if request.inputs:
        raise UsageError(
            f"{request.target.text}: a file of weights has no forward to give an input to",
            "name the model instead: convinspect summary model.py:Net --input ...",
        )
    if request.arguments:
        raise UsageError(f"{request.target.text}: a file of weights has no constructor for --arg")
    path = Path(request.target.source)
    try:
        tensors, notes = _read(path, kind)
    except UsageError as error:
        raise error.within(request.target.text) from None
    dtype = _main_dtype(tensors.values())
    name = path.name.partition(".")[0]
    return Loaded(request, None, name, "cpu", dtype, modules_of(tensors), notes=(*notes, _ASSUMED))


def modules_of(tensors: Mapping[str, TensorClaim]) -> tuple[ModuleRecord, ...]:
    """Return the tree of prefixes that the dotted names of ``tensors`` make, parents first.

    A tensor that is the same piece of the same storage as an earlier one is ``tied_to`` that one's module.
    """
    own: dict[str, list[tuple[str, TensorClaim]]] = {"": []}
    parents: set[str] = set()
    for full_name, claim in tensors.items():
        path, _, name = full_name.rpartition(".")
        for cut in [i for i, letter in enumerate(path) if letter == "."] + [len(path)] * bool(path):
            own.setdefault(path[:cut], [])
            parents.add(path[:cut].rpartition(".")[0])
        own[path].append((name, claim))
    counted: dict[tuple[Any, ...], str] = {}
    facts = []
    for path in _in_order(own):
        weights = [_weight(name, claim, path, counted) for name, claim in own[path]]
        facts.append(
            ModuleRecord(
                path,
                type="",
                leaf=path not in parents,
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
    found: dict[str, TensorClaim] = {}
    for file in dict.fromkeys(places.values()):
        if not isinstance(file, str) or Path(file).name != file:
            raise UsageError(f"it names {file!r}, which is not a file beside it")
        shard = index.parent / file
        if not shard.is_file():
            raise UsageError(f"{file} is missing beside it")
        try:
            tensors = read_safetensors(shard) if file.endswith(".safetensors") else read_checkpoint(shard)[0]
        except UsageError as error:
            raise error.within(file) from None
        wanted = {name for name, place in places.items() if place == file}
        if missing := wanted - tensors.keys():
            raise UsageError(f"{file} does not hold {min(missing)}")
        found.update((name, _placed(tensors[name], file)) for name in tensors if name in wanted)
    return {name: found[name] for name in places}, ()


def _placed(claim: TensorClaim, file: str) -> TensorClaim:
    """Return ``claim`` with an identity that no tensor of another file has."""
    return TensorClaim(claim.shape, claim.dtype, (file, *claim.identity))


def _in_order(paths: Mapping[str, Any]) -> list[str]:
    """Return the paths depth first, siblings as the file has them."""
    below: dict[str, list[str]] = {}
    for path in paths:
        if path:
            below.setdefault(path.rpartition(".")[0], []).append(path)
    ordered: list[str] = []
    pending = [""]
    while pending:
        path = pending.pop()
        ordered.append(path)
        pending.extend(reversed(below.get(path, [])))
    return ordered


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
