"""The process that imports torch once, and from which each model's process is forked."""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress

from convinspect.gather.concluding import module_files
from convinspect.gather.evidence import Disk
from convinspect.gather.recording import Recorder
from convinspect.gather.supervisor import supervise

START = "import sys; _, config, *sys.path = sys.argv; from convinspect.gather import server; server.serve(config)"


def serve(written: str) -> None:
    """Fork a supervisor for each socket that comes over a control socket, until that is closed.

    ``written`` is JSON: ``control`` is the number of that socket; with ``threads`` torch is brought in first, for so
    many threads a model; ``scratch`` is removed in the end: also when the process that asked for all this was killed.
    What the file ``libraries`` names by then is brought in before each fork.
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
        if config["libraries"] is not None:
            _bring_in(config["libraries"])
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


def _bring_in(libraries: str) -> None:
    """Import the modules that the last model had of installed packages, but for what does not work here."""
    with suppress(OSError), open(libraries, encoding="utf-8") as file:
        missing = [name for name in file.read().split() if name not in sys.modules]
        with _unheard():
            for name in missing:
                with suppress(Exception, SystemExit):
                    importlib.import_module(name)
        if missing:
            gc.freeze()


@contextmanager
def _unheard() -> Iterator[None]:
    """Run the block without a word on any stream: the model has said all that once."""
    with open(os.devnull, "w", encoding="utf-8") as null, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with redirect_stdout(null), redirect_stderr(null):
            yield


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
