"""The process that imports torch once, and from which each model's process is forked."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress

from convinspect.gather.concluding import module_files
from convinspect.gather.evidence import Disk
from convinspect.gather.recording import Recorder
from convinspect.gather.supervisor import supervise

START = "import sys; _, config, *sys.path = sys.argv; from convinspect.gather import server; server.serve(config)"


def serve(written: str) -> None:
    """Fork a supervisor for each socket that comes over a control socket, until that is closed.

    ``written`` is JSON: ``control`` is the number of that socket; with ``threads`` torch is brought in first, for so
    many threads a model; ``scratch`` is removed in the end: also when the process that asked for all this was killed.
    """
    config = json.loads(written)
    control = socket.socket(fileno=config["control"])
    recorder, disk = Recorder(), Disk()
    recorder.start()
    if config["threads"]:
        _bring_torch_in(config["threads"], recorder.environment)
        for path in module_files():  # once, for all
            disk.content(path)
    while (connection := _next(control)) is not None:
        if _fork() == 0:
            control.close()
            supervise(connection, recorder, disk)
        connection.close()
        _reap(wait=False)
    _reap(wait=True)
    shutil.rmtree(config["scratch"], ignore_errors=True)


def _bring_torch_in(threads: int, environment: Mapping[str, str]) -> None:
    """Import what the first report imports, by making one: of one layer, on meta, where no thread is started."""
    # Seen by the C libraries that read it when they are loaded, and by no Python code.
    for name, value in (("OMP_NUM_THREADS", threads), ("OPENBLAS_NUM_THREADS", 1)):
        if name not in environment:
            os.putenv(name, str(value))
    path = list(sys.path)
    with suppress(Exception):  # what does not work is told by the first model that needs it
        from convinspect.pipeline import summarise  # noqa: PLC0415
        from convinspect.spec import InputSpec, Request, Target  # noqa: PLC0415

        layer = Target("torch.nn:Linear", "torch.nn", "Linear")
        summarise(Request(layer, (InputSpec((1,)),), (("in_features", 1), ("out_features", 1)), device="meta"))
    sys.path[:] = path
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        if name not in environment:
            os.unsetenv(name)
    gc.collect()
    gc.freeze()  # the garbage collector of a fork would copy every page that it marks


def _next(control: socket.socket) -> socket.socket | None:
    try:
        data, numbers, _, _ = socket.recv_fds(control, 1, 1)
    except OSError:
        return None
    return socket.socket(fileno=numbers[0]) if data else None


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: none of them holds a lock here
        return os.fork()


def _reap(*, wait: bool) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0 if wait else os.WNOHANG)[0]:
            pass
