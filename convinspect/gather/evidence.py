"""What a report rested on, and whether that still stands: files by content, folders by what was found in them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

ABSENT = "absent"
_MODULE_SUFFIXES = (".py", ".pyc", ".so", ".pyd")
_CHUNK = 1 << 20
_STAT = os.stat  # what is asked here is not what a recorder of ``os.stat`` listens for


@dataclass(frozen=True, slots=True)
class Files:
    """Some files: their ``names`` by folder, joined by slashes, and one digest of all their contents.

    ``stats`` is one of all their sizes, times and inodes: where it still holds, the contents are not read again.
    """

    names: Mapping[str, str]
    content: str
    stats: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything outside of its request that one report rested on.

    ``own`` files are read again each time, ``settled`` ones (of installed packages, and large) only where their times
    have changed. ``searched``: folders of an import, with the names that were looked for and what there was of them,
    so that a new file which would be found first is noticed. ``listed`` and ``distributions``: digests of all names in
    a folder, or of those of installed packages. ``environment``: digests of variables, `None` for what is not set.
    """

    own: Files
    settled: Files
    searched: Mapping[str, tuple[str, str | None]]
    listed: Mapping[str, str]
    distributions: Mapping[str, str]
    environment: Mapping[str, str | None]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Evidence:
        """Return what `to_dict` made ``document`` from; raises `KeyError` or `TypeError` for anything else."""
        files = {name: Files(**document[name]) for name in ("own", "settled")}
        return cls(**{**document, **files})


class Disk:
    """The files as they are now, each looked at once however many reports rest on it."""

    def __init__(self) -> None:
        self._contents: dict[str, str] = {}
        self._stats: dict[str, str] = {}

    def content(self, path: str) -> str:
        """Return the digest of the file's content, or a word for what is no file."""
        if path not in self._contents:
            self._contents[path] = _content(path)
        return self._contents[path]

    def stats(self, path: str) -> str:
        """Return what shows that a file was changed: size, times and inode; or a word for what is no file."""
        if path not in self._stats:
            self._stats[path] = signature(path)
        return self._stats[path]

    def files(self, paths: Iterable[str], *, absent: frozenset[str] = frozenset(), stats: bool = False) -> Files:
        """Return ``paths`` with the digests of what they hold now; those of ``absent`` count as not there."""
        names = _by_folder(paths)
        ordered = _paths(names)
        return Files(
            names,
            _digest_of_all(ABSENT if path in absent else self.content(path) for path in ordered),
            _digest_of_all(ABSENT if path in absent else self.stats(path) for path in ordered) if stats else None,
        )

    def holds(self, evidence: Evidence) -> bool:
        """Tell whether everything that ``evidence`` names is as it was."""
        return (
            all(digest_of_variable(name) == digest for name, digest in evidence.environment.items())
            and all(found_in(folder, names) == found for folder, (names, found) in evidence.searched.items())
            and all(listing_of(folder) == digest for folder, digest in evidence.listed.items())
            and all(distributions_in(folder) == digest for folder, digest in evidence.distributions.items())
            and self._unchanged(evidence.own)
            and self._unchanged(evidence.settled)
        )

    def _unchanged(self, files: Files) -> bool:
        if files.stats is not None and files.stats == _digest_of_all(map(self.stats, _paths(files.names))):
            return True
        return files.content == _digest_of_all(map(self.content, _paths(files.names)))


def signature(path: str) -> str:
    """Return size, times and inode of a file, or the word for what is none."""
    try:
        status = _STAT(path)
    except (OSError, ValueError):
        return ABSENT
    if not stat.S_ISREG(status.st_mode):
        return "folder" if stat.S_ISDIR(status.st_mode) else "special"
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def found_in(folder: str, names: str) -> str | None:
    """Return which modules of ``names`` an import would find in ``folder``; `None` where there is no such folder.

    A folder with an ``__init__`` wins over a file of its name, and one without does not: which it is, is said too.
    """
    try:
        entries = os.listdir(folder)
    except (OSError, ValueError):
        return None
    wanted = frozenset(names.split("/"))
    found = []
    for entry in entries:
        stem, dot, _ = entry.partition(".")
        if stem not in wanted or (dot and not entry.endswith(_MODULE_SUFFIXES)):
            continue
        package = not dot and any(os.path.lexists(f"{folder}/{entry}/__init__{suffix}") for suffix in _MODULE_SUFFIXES)
        found.append(f"{entry}/__init__" if package else entry)
    return " ".join(sorted(found))


def listing_of(folder: str) -> str:
    """Return a digest of the names in ``folder``; compiled code beside the sources is not counted."""
    return _digest_of_names(folder, lambda name: name != "__pycache__")


def distributions_in(folder: str) -> str:
    """Return a digest of which packages are installed in ``folder``, and in which versions."""
    return _digest_of_names(folder, lambda name: name.endswith((".dist-info", ".egg-info")))


def digest_of_variable(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return a digest of the variable's value, `None` where it is not set: values can be secrets."""
    value = environment.get(name)
    return None if value is None else digest(value)


def digest(text: str) -> str:
    """Return the SHA-256 of ``text`` in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _content(path: str) -> str:
    kind = signature(path)
    if ":" not in kind:
        return kind
    hashed = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                hashed.update(chunk)
    except OSError:
        return "unreadable"
    return hashed.hexdigest()


def _by_folder(paths: Iterable[str]) -> dict[str, str]:
    folders: dict[str, list[str]] = {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    return {folder: "/".join(names) for folder, names in folders.items()}


def _paths(names: Mapping[str, str]) -> list[str]:
    return [f"{folder}/{name}" for folder, joined in names.items() for name in joined.split("/")]


def _digest_of_all(parts: Iterable[str]) -> str:
    return digest("\n".join(parts))


def _digest_of_names(folder: str, counts: Callable[[str], bool]) -> str:
    try:
        return digest("\n".join(sorted(filter(counts, os.listdir(folder)))))
    except (OSError, ValueError):
        return ABSENT
