"""An exported program (``.pt2``): its directory checked first, then loaded and moved where it will run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from convinspect.frontends import frontend_of
from convinspect.load.device import resolve_device
from convinspect.load.kinds import Kind
from convinspect.load.loaded import Loaded
from convinspect.load.program_safety import check_program
from convinspect.load.torchscript import not_loaded
from convinspect.load.zip_directory import read_directory
from convinspect.spec import Request


def load(request: Request, _kind: Kind) -> Loaded:
    """Return the request's program on its device, with the inputs that it was exported with.

    Raises `UsageError` for a file that is damaged or would do more than describe a graph.
    """
    device = resolve_device(request.device)
    path = Path(request.target.source)
    frontend = frontend_of(_load(path, allow_unsafe=request.allow_unsafe)).on(device)
    name, example = frontend.name or path.stem, frontend.model.example_inputs
    return Loaded(request, frontend, name, device, frontend.dtype, example=example)


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
