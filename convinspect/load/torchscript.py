"""A TorchScript archive: judged by its text first, then loaded where it will run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.frontends import frontend_of
from convinspect.frontends.torchscript.markers import quiet
from convinspect.load.archive_safety import check_archive, check_operator
from convinspect.load.device import resolve_device
from convinspect.load.loaded import Loaded
from convinspect.load.traced_example import traced_example
from convinspect.load.zip_directory import Directory, read_directory, read_record
from convinspect.records import Note
from convinspect.spec import Request


def load_torchscript(request: Request) -> Loaded:
    """Return the request's archive on its device, with the inputs that it knows.

    Raises `UsageError` for an archive that is damaged, or whose code reaches outside the interpreter.
    """
    device = resolve_device(request.device)
    path = Path(request.target.source)
    try:
        _check_arguments(request)
        model = _load(path, device, allow_unsafe=request.allow_unsafe)
    except UsageError as error:
        raise error.within(request.target.text) from None
    if request.dtype is not None:
        model = model.to(getattr(torch, request.dtype))
    frontend = frontend_of(model, disposable=True)
    example, notes = traced_example(path), tuple(_packed(model))
    return Loaded(request, frontend, frontend.name, device, frontend.dtype, example=example, notes=notes)


def _check_arguments(request: Request) -> None:
    if request.arguments:
        raise UsageError("an archive is a finished model: --arg has nothing to build")
    if request.target.attribute is not None:
        raise UsageError(f"an archive holds one model: there is no {request.target.attribute} to choose")


def _load(path: Path, device: str, *, allow_unsafe: bool) -> Any:
    directory = read_directory(path)
    # On meta there is no data for an operator that writes files to write: it would read foreign memory.
    check_archive(path, directory, allow_unsafe=allow_unsafe and device != "meta")
    try:
        _check_same(path, directory)
        with quiet():
            model = torch.jit.load(str(path), map_location=device)
    except UsageError:
        raise
    # torch raises what its parser, its reader and its kernels raise.
    except Exception as error:
        raise UsageError(f"torch cannot load it: {_reason(error)}") from error
    if not allow_unsafe:
        _check_graphs(model)
    if not any(model._c._has_method(name) for name in ("forward", "forward__0")):  # noqa: SLF001
        raise UsageError(
            "the archive has no forward to run", "give its methods one, or inspect the model.py that made it"
        )
    return model


def _check_same(path: Path, directory: Directory) -> None:
    """Raise where torch's reader sees another archive than the one that was judged."""
    reader = torch._C.PyTorchFileReader(str(path))  # noqa: SLF001 - the reader of torch.jit.load
    judged = [name for name in directory.sizes if not name.startswith(("data/", "constants/"))]
    same = set(reader.get_all_records()) == set(directory.sizes) and all(
        reader.get_record(name) == read_record(path, directory, name, directory.sizes[name]) for name in judged
    )
    if not same:
        raise UsageError("a damaged archive (it can be read in two ways)")


def _check_graphs(model: Any) -> None:
    for module in model.modules():
        for name in module._c._method_names():  # noqa: SLF001 - as torch.jit's own wrappers
            for kind in _kinds(module._c._get_method(name).graph):  # noqa: SLF001
                namespace, _, operator = kind.partition("::")
                check_operator(namespace, operator, f"{module.original_name}.{name}")


def _kinds(block: Any) -> Iterator[str]:
    for node in block.nodes():
        yield node.kind()
        for inner in node.blocks():
            yield from _kinds(inner)


def _packed(model: Any) -> Iterator[Note]:
    paths = [path for path, module in model.named_modules() if module._c.hasattr("_packed_params")]  # noqa: SLF001
    if paths:
        yield Note(
            "packed_weights",
            f"quantised weights are packed and in no parameter or buffer, so they are not counted ({paths[0]}, ...)",
            paths[0],
        )


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
