"""An exported program (``.pt2``): its directory checked first, then loaded and moved where it will run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.frontends import frontend_of
from convinspect.load.device import resolve_device
from convinspect.load.loaded import Loaded
from convinspect.load.program_safety import check_program
from convinspect.load.zip_directory import read_directory
from convinspect.spec import Request


def load_export(request: Request) -> Loaded:
    """Return the request's program on its device, with the inputs that it was exported with.

    Raises `UsageError` for a file that is damaged, and for what a finished program cannot do.
    """
    device = resolve_device(request.device)
    path = Path(request.target.source)
    try:
        _refuse_changes(request)
        frontend = frontend_of(_load(path, allow_unsafe=request.allow_unsafe)).on(device)
    except UsageError as error:
        raise error.within(request.target.text) from None
    name, example = frontend.name or path.stem, frontend.model.example_inputs
    return Loaded(request, frontend, name, device, frontend.dtype, example=example)


def _refuse_changes(request: Request) -> None:
    asked = {"--arg": request.arguments, "--dtype": request.dtype, "--train": request.train}
    given = [option for option, value in asked.items() if value]
    if given:
        raise UsageError(f"an exported program runs as it was exported: {given[0]} cannot change it")
    if request.target.attribute is not None:
        raise UsageError(f"a program is one model: there is no {request.target.attribute} to choose")


def _load(path: Path, *, allow_unsafe: bool) -> Any:
    directory = read_directory(path)
    if not allow_unsafe:
        check_program(path, directory)
    told = _Told()
    try:
        with _quiet(told):
            return torch.export.load(str(path))
    except Exception as error:
        reason = told.error or error
        lines = [line.strip() for line in str(reason).splitlines() if line.strip()]
        raise UsageError(f"torch cannot load it: {lines[0] if lines else type(reason).__name__}") from error


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
