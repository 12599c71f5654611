"""An exported program (``.pt2``): its directory checked first, then loaded and moved where it will run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from convinspect.load.device import first_floating, resolve_device
from convinspect.load.loaded import Loaded
from convinspect.load.program_safety import check_program
from convinspect.load.torchscript import not_loaded
from convinspect.load.zip_directory import read_directory
from convinspect.spec import Request


def load_export(request: Request) -> Loaded:
    """Return the request's program on its device, with the inputs that it was exported with.

    Raises `UsageError` for a file that is damaged or would do more than describe a graph.
    """
    device = resolve_device(request.device)
    path = Path(request.target.source)
    program = moved(_load(path, allow_unsafe=request.allow_unsafe), device)
    dtype = floating_dtype_of(program)
    return Loaded(program, name_of(program, path.stem), "export", device, dtype, example=program.example_inputs)


def floating_dtype_of(program: Any) -> str:
    """Return the dtype of the first floating weight of ``program``; float32 where there is none."""
    return first_floating(program.state_dict.values())


def moved(program: Any, device: str) -> Any:
    """Return ``program`` on ``device``; on meta its weights are, and it runs as it would on the CPU."""
    real = "cpu" if device == "meta" else device
    if _device_of(program) != torch.device(real):
        from torch.export.passes import move_to_device_pass  # noqa: PLC0415 - only from torch 2.7 on

        program = move_to_device_pass(program, real)
    if device == "meta":
        for tensors in (program.state_dict, program.constants):
            tensors.update((n, _on_meta(t)) for n, t in tensors.items() if isinstance(t, torch.Tensor))
    return program


def name_of(program: Any, otherwise: str) -> str:
    """Return the class name of the exported model, as the program's nodes remember it."""
    for node in program.graph.nodes:
        for place, kind in (node.meta.get("nn_module_stack") or {}).values():
            if place in ("", "L['self']", "L__self__"):
                return str(kind if isinstance(kind, str) else kind.__qualname__).rpartition(".")[2]
    return otherwise


def _load(path: Path, *, allow_unsafe: bool) -> Any:
    directory = read_directory(path)
    if not allow_unsafe:
        check_program(path, directory)
    told = _Told()
    try:
        with _quiet(told):
            return torch.export.load(str(path))
    except Exception as error:
        raise not_loaded(told.error or error) from error


class _Told(logging.Handler):
    """Keeps the error that torch logs before it raises another one, which says less."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the error of ``record``."""
        if record.exc_info:
            self.error = record.exc_info[1]


def _device_of(program: Any) -> torch.device:
    nodes = (node.kwargs.get("device") for node in program.graph.nodes)
    made = (device for device in nodes if isinstance(device, torch.device))
    return next((t.device for t in program.state_dict.values()), None) or next(made, torch.device("cpu"))


def _on_meta(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    return torch.nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else empty


@contextmanager
def _quiet(told: _Told) -> Iterator[None]:
    logger = logging.getLogger("torch.export")
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [told], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whatever torch has to say about its own format
            yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
