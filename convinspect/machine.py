"""The memory of this machine: how much there is to take, and a run that is refused more rather than killed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convinspect.errors import UsageError
from convinspect.units import size

# What to try where data do not fit.
WITHOUT_DATA = "--device meta needs no data"
_KIB = 1024
# What a run asked for, in the words of torch's allocator.
_REFUSED = re.compile(r"tried to allocate (\d+) bytes")
# A container's limit and what of it is taken, in both layouts of control groups.
_CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_bytes() -> int | None:
    """Return the bytes that can still be taken without swapping, in a container by its limit; ``None``: not known."""
    free = _in_kib("/proc/meminfo", "MemAvailable")
    if free is None:
        return None
    for limit, taken in _CONTAINERS:
        with suppress(OSError, ValueError):  # no such group, or no limit: "max"
            free = min(free, max(int(Path(limit).read_text()) - int(Path(taken).read_text()), 0))
    return free


def require(needed: int, free: int | None, what: str) -> None:
    """Raise `UsageError` where ``what`` needs more bytes than the ``free`` ones, as far as those are known."""
    if free is not None and needed > free:
        message = f"{what} needs {size(needed)}, {size(free)} of this machine's memory are available"
        raise UsageError(message, WITHOUT_DATA)


def refused_bytes(error: BaseException) -> int | None:
    """Return how many bytes the allocator refused with ``error``: 0 where it does not tell, ``None``: no such error."""
    if isinstance(error, MemoryError):
        return 0
    found = _REFUSED.search(str(error)) if isinstance(error, RuntimeError) else None
    return int(found[1]) if found else None


@contextmanager
def no_more_than_available(device: str) -> Iterator[None]:
    """Run the block so that an allocation beyond what is available is refused: else the system kills the process.

    Without effect where the system has no such limit, and for a run on cuda, whose driver maps more than it takes.
    """
    free, own = available_bytes(), _in_kib("/proc/self/status", "VmData")
    if free is None or own is None or device.startswith("cuda") or Path("/dev/nvidiactl").exists():
        yield
        return
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = min(limit for limit in (free + own, soft, hard) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _in_kib(path: str, name: str) -> int | None:
    """Return the bytes that a file of ``NAME: n kB`` has under ``name``."""
    with suppress(OSError):
        found = re.search(rf"^{name}:\s+(\d+) kB", Path(path).read_text(), re.MULTILINE)
        return int(found[1]) * _KIB if found else None
    return None
