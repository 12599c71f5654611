"""From what was recorded to the evidence that a report can be kept with, or to the reason why it cannot."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from convinspect.gather.evidence import ABSENT, Disk, Evidence, digest_of_variable, found_in, signature
from convinspect.gather.installed import Installed
from convinspect.gather.recording import Recorder, absolute

_LARGE = 1 << 20
_MOST_BYTES = 2 << 30
_MOST_FILES = 20_000
# Libraries that open files without Python's knowing: whoever names one may read what is not recorded.
_NATIVE_READERS = (b"safetensors", b"h5py", b"cv2", b"from_file", b"torchvision.io", b"pyarrow", b"lmdb", b"netCDF4")


class NotRepeatable(Exception):  # noqa: N818 - a reason, not an error
    """A second run may give another report, and nothing that is recorded would show it."""


def conclude(recorder: Recorder, installed: Installed, disk: Disk, apart: tuple[str, ...]) -> Evidence:
    """Return what the run that ``recorder`` watched rested on, without what lies in the folders ``apart``.

    Raises `NotRepeatable` where the world outside was asked, or a file changed while it was read.
    """
    recorder.stop()
    if recorder.outside is not None:
        raise NotRepeatable(recorder.outside)
    touched = {path: was for path, was in recorder.touched.items() if not f"{path}/".startswith(apart)}
    for path in module_files():
        if not path.startswith(apart):
            touched.setdefault(path, signature(path))
    _refuse_what_changed(touched)
    own, settled = _parted(touched, installed)
    _refuse_what_is_hidden(own)
    absent = frozenset(path for path, was in touched.items() if was == ABSENT)
    return Evidence(
        disk.files(own, absent=absent),
        disk.files(settled, absent=absent, stats=True),
        _searched(recorder, installed, apart),
        {folder: digest_ for folder, digest_ in recorder.listed.items() if not f"{folder}/".startswith(apart)},
        {folder: digest_ for folder, digest_ in recorder.distributions.items() if not f"{folder}/".startswith(apart)},
        {name: digest_of_variable(name, recorder.environment) for name in sorted(recorder.variables)},
    )


def module_files() -> list[str]:
    """Return the files of the modules that are in use: some were there before anything was recorded."""
    return [file for _, file in modules_with_files() if not file.endswith(".pyc")]


def modules_with_files() -> Iterator[tuple[str, str]]:
    """Yield each module in use that came from a file, by name and absolute path, in the order of their imports."""
    for name, module in list(sys.modules.items()):
        # A module's own `__getattr__` is the user's code: it is not asked.
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and os.path.isabs(file):
            yield name, file.replace(os.sep, "/")


def _refuse_what_changed(touched: dict[str, str]) -> None:
    for path, was in touched.items():
        # What was not there when it was asked for, and is now, the run has made.
        if was not in (ABSENT, signature(path)):
            raise NotRepeatable(f"{path} changed while it was read")
        if was == "special":
            raise NotRepeatable(f"{path} is no regular file")


def _parted(touched: dict[str, str], installed: Installed) -> tuple[list[str], list[str]]:
    own: list[str] = []
    settled: list[str] = []
    total = 0
    for path, was in touched.items():
        size = int(was.partition(":")[0]) if ":" in was else 0
        (settled if size > _LARGE or path in installed else own).append(path)
        total += size
    if total > _MOST_BYTES or len(own) > _MOST_FILES:
        raise NotRepeatable("more was read than can be read again each time")
    return own, settled


def _refuse_what_is_hidden(own: list[str]) -> None:
    for path in own:
        if path.endswith(".py") and os.path.isfile(path):
            with open(path, "rb") as file:
                source = file.read()
            for word in _NATIVE_READERS:
                if word in source:
                    raise NotRepeatable(f"{path} names {word.decode()}, whose reading is not seen")


def _searched(recorder: Recorder, installed: Installed, apart: tuple[str, ...]) -> dict[str, tuple[str, str | None]]:
    """Return the folders in which a new file could be found first: not those inside of an installed package."""
    folders = {}
    for folder, names in recorder.searched.items():
        inside = f"{folder}/" in installed and folder not in map(absolute, sys.path)
        if not inside and not f"{folder}/".startswith(apart):
            joined = "/".join(sorted(names))
            folders[folder] = (joined, found_in(folder, joined))
    return folders
