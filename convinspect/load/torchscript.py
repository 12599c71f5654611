"""A TorchScript archive: judged by its text first, then loaded where it will run."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.frontends import frontend_of
from convinspect.frontends.torchscript.loading import load_script
from convinspect.load.archive_safety import check_archive, check_operator
from convinspect.load.device import resolve_device
from convinspect.load.inert_pickle import MAX_BYTES, Call, read_pickle
from convinspect.load.kinds import Kind
from convinspect.load.loaded import Loaded
from convinspect.load.tensors_in_pickle import TensorClaim, tensor_in
from convinspect.load.zip_directory import Directory, read_directory, read_record
from convinspect.spec import Request
from convinspect.torch_private import PyTorchFileReader, method_graphs, method_of

_TRACED_INPUTS = "traced_inputs.pkl"
_MAX_INPUT_BYTES = 1 << 30
_SEED = 0


def load(request: Request, _kind: Kind) -> Loaded:
    """Return the request's archive on its device, with the inputs that it knows.

    Raises `UsageError` for an archive that is damaged, or whose code reaches outside the interpreter.
    """
    device = resolve_device(request.device)
    path = Path(request.target.source)
    model = _load(path, device, allow_unsafe=request.allow_unsafe)
    if request.dtype is not None:
        model = model.to(getattr(torch, request.dtype))
    frontend = frontend_of(model, disposable=True)
    return Loaded(request, frontend, frontend.name, device, frontend.dtype, example=_traced_example(path))


def not_loaded(error: BaseException) -> UsageError:
    """Return what torch said of a file that it could not load, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return UsageError(f"torch cannot load it: {lines[0] if lines else type(error).__name__}")


def _load(path: Path, device: str, *, allow_unsafe: bool) -> Any:
    directory = read_directory(path)
    # On meta there is no data for an operator that writes files to write: it would read foreign memory.
    check_archive(path, directory, allow_unsafe=allow_unsafe and device != "meta")
    try:
        _check_same(path, directory)
        model = load_script(str(path), device)
    except UsageError:
        raise
    # torch raises what its parser, its reader and its kernels raise.
    except Exception as error:
        raise not_loaded(error) from error
    if not allow_unsafe:
        _check_graphs(model)
    if method_of(model, "forward", "forward__0") is None:
        raise UsageError(
            "the archive has no forward to run", "give its methods one, or inspect the model.py that made it"
        )
    return model


def _check_same(path: Path, directory: Directory) -> None:
    """Raise where torch's reader sees another archive than the one that was judged."""
    reader = PyTorchFileReader(str(path))
    judged = [name for name in directory.sizes if not name.startswith(("data/", "constants/"))]
    same = set(reader.get_all_records()) == set(directory.sizes) and all(
        reader.get_record(name) == read_record(path, directory, name, directory.sizes[name]) for name in judged
    )
    if not same:
        raise UsageError("a damaged archive (it can be read in two ways)")


def _check_graphs(model: Any) -> None:
    for module in model.modules():
        for name, graph in method_graphs(module):
            for kind in _kinds(graph):
                namespace, _, operator = kind.partition("::")
                check_operator(namespace, operator, f"{module.original_name}.{name}")


def _kinds(block: Any) -> Iterator[str]:
    for node in block.nodes():
        yield node.kind()
        for inner in node.blocks():
            yield from _kinds(inner)


def _traced_example(path: Path) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Return inputs of the shapes that the archive was traced with: random floats, integers of zero.

    ``None`` where the archive keeps none, or something else than tensors.
    """
    directory = read_directory(path)
    if _TRACED_INPUTS not in directory:
        return None
    try:
        content = read_pickle(io.BytesIO(read_record(path, directory, _TRACED_INPUTS, MAX_BYTES)))
        inputs = _untyped(_untyped(content).get("forward"))
        claims = [tensor_in(item) for item in inputs]
    except (UsageError, AttributeError, TypeError):
        return None
    generator = torch.Generator().manual_seed(_SEED)
    tensors = [_tensor(claim, generator) for claim in claims if claim is not None and claim.bytes <= _MAX_INPUT_BYTES]
    return (tuple(tensors), {}) if tensors and len(tensors) == len(claims) else None


def _untyped(value: Any) -> Any:
    """Return what ``restore_type_tag(value, type)`` would."""
    return value.args[0] if isinstance(value, Call) and isinstance(value.args, tuple) and value.args else value


def _tensor(claim: TensorClaim, generator: torch.Generator) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, claim.dtype)
    if not dtype.is_floating_point:
        return torch.zeros(claim.shape, dtype=dtype)
    return torch.rand(claim.shape, generator=generator).to(dtype)
