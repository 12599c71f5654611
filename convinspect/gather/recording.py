"""What Python code reads of the world while it runs: files, folders, names of modules, variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import source_from_cache
from typing import Any

from convinspect.gather import evidence

# What comes from outside of this machine's files, or runs where nothing is recorded.
_OUTSIDE = {
    "socket.connect": "the network was asked",
    "socket.getaddrinfo": "the network was asked",
    "subprocess.Popen": "another program was run",
    "os.posix_spawn": "another program was run",
    "os.system": "another program was run",
    "os.exec": "another program was run",
    "os.fork": "the process was forked",
    "os.forkpty": "the process was forked",
}
_MACHINE = ("/dev/", "/proc/", "/sys/")  # what the kernel says differs from one moment to the next


class Recorder:
    """Records from `start` on; what a path held is kept as it was when it was first looked at.

    ``touched`` maps paths to their `signature` then. A file that the code wrote before it read it is its own work, and
    is not among them. ``outside`` says why a second run may see another world, whatever the files hold.
    """

    def __init__(self) -> None:
        self.touched: dict[str, str] = {}
        self.searched: dict[str, set[str]] = {}
        self.listed: dict[str, str] = {}
        self.distributions: dict[str, str] = {}
        self.variables: set[str] = set()
        self.outside: str | None = None
        self.environment = dict(os.environ)
        self._written: set[str] = set()
        self._active = False

    def start(self) -> None:
        """Watch this process, and what is forked from it, until `stop`."""
        self._active = True
        sys.addaudithook(self._hear)
        sys.meta_path.insert(0, self)
        _listen_to_environ(self.variables)
        for name in ("stat", "lstat", "access"):
            _listen_to(name, self._look)

    def stop(self) -> None:
        """Record nothing from now on."""
        self._active = False

    def forget_outside(self) -> None:
        """Forget that the process asked the world outside: what follows is what counts."""
        self.outside = None

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Find nothing, as the first of Python's finders: it hears each name that is looked for, and where."""
        del target
        if self._active:
            for folder in sys.path if path is None else path:
                if isinstance(folder, str):
                    self.searched.setdefault(absolute(folder or "."), set()).add(name.rpartition(".")[2])

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._active:
            return
        if event == "open":
            self._open(args[0], args[2])
        elif event in ("os.listdir", "os.scandir"):
            self._list(args[0])
        elif event in ("ctypes.dlopen", "sqlite3.connect"):
            self._look(args[0])
        elif event in _OUTSIDE:
            self.outside = self.outside or _OUTSIDE[event]

    def _open(self, path: Any, flags: int) -> None:
        # What is truncated, or open for writing alone, is not read.
        if flags & os.O_TRUNC or flags & (os.O_WRONLY | os.O_RDWR) == os.O_WRONLY:
            name = _name(path)
            if name is not None and name not in self.touched:
                self._written.add(name)
        else:
            self._look(path)

    def _look(self, path: Any) -> None:
        name = _name(path)
        if name is None or name.startswith(_MACHINE) or not self._active:
            return
        if name.endswith(".pyc") and "/__pycache__/" in name:
            name = source_from_cache(name)  # Python compares the two before it takes the compiled one
        if name not in self.touched and name not in self._written:
            self.touched[name] = evidence.signature(name)

    def _list(self, folder: Any) -> None:
        caller = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001 - the audit hook is told no more
        name = _name("." if folder is None else folder)
        if name is None or name.startswith(_MACHINE) or caller.startswith("convinspect.gather."):
            return
        if caller.startswith("importlib._bootstrap"):  # `find_spec` has heard what that is for
            return
        if caller.startswith("importlib"):
            if name not in self.distributions:
                self.distributions[name] = evidence.distributions_in(name)
        elif name not in self.listed:
            self.listed[name] = evidence.listing_of(name)


def _name(path: Any) -> str | None:
    """Return the absolute path that was asked for; `None` for an open file's number, or what is no path at all."""
    if isinstance(path, int):
        return None
    try:
        return absolute(os.fsdecode(path))
    except (TypeError, ValueError, OSError):
        return None


def absolute(path: str) -> str:
    """Return the absolute path with slashes, as all that is recorded has it."""
    return os.path.abspath(path).replace(os.sep, "/")


def _listen_to(name: str, hear: Callable[[Any], None]) -> None:
    """Have ``os.stat`` and its like, of which Python tells no audit hook, say which path they are asked for."""
    original = getattr(os, name)

    @wraps(original)
    def heard(path: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("dir_fd") is None:
            hear(path)
        return original(path, *args, **kwargs)

    for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
        if original in able:
            able.add(heard)
    setattr(os, name, heard)


def _listen_to_environ(names: set[str]) -> None:
    kind: Any = type(os.environ)
    original = kind.__getitem__

    def getitem(self: Any, name: Any) -> Any:
        if isinstance(name, str):
            names.add(name)
        return original(self, name)

    kind.__getitem__ = getitem
    # A whole copy (for a child process, most often) depends on no variable in particular.
    kind.copy = lambda self: {self.decodekey(name): self.decodevalue(value) for name, value in self._data.items()}
