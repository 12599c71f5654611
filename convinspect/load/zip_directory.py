"""What a zip file holds, by its directory alone, refused where reading it could cost more than the file is large."""

from __future__ import annotations

import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from convinspect.errors import UsageError

# torch stores tensors as they are and deflates only code and its line numbers: a few MiB at most.
_MAX_DEFLATED = 256 << 20
_MAX_DIRECTORY = 64 << 20
_MAX_ENTRIES = 300_000
_END, _END_SIZE, _MAX_COMMENT = b"PK\x05\x06", 22, 0xFFFF
_LOCATOR, _LOCATOR_SIZE, _END64, _END64_SIZE = b"PK\x06\x07", 20, b"PK\x06\x06", 56
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Directory:
    """Names without the archive's top folder and sizes in bytes; ``top`` is that folder with its slash."""

    top: str
    sizes: dict[str, int]

    def __contains__(self, name: str) -> bool:
        return name in self.sizes

    def under(self, folder: str) -> dict[str, int]:
        """Return the sizes of the files in ``folder``, by their names in it."""
        return {n.removeprefix(folder): size for n, size in self.sizes.items() if n.startswith(folder)}


def read_directory(path: Path) -> Directory:
    """Return the directory of the zip file at ``path``.

    Raises `UsageError` for one that is damaged or could grow beyond its own size when read.
    """
    with path.open("rb") as file:
        _check_end(file)
        try:
            entries = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error, EOFError) as error:
            raise UsageError(f"a damaged archive ({error})") from None
    _check_entries(entries, path.stat().st_size)
    top = entries[0].filename.partition("/")[0] + "/" if entries else ""
    if not all(entry.filename.startswith(top) for entry in entries):
        top = ""
    return Directory(top, {entry.filename.removeprefix(top): entry.file_size for entry in entries})


def read_record(path: Path, directory: Directory, name: str, limit: int) -> bytes:
    """Return one file of the archive, of ``limit`` bytes at most."""
    if directory.sizes[name] > limit:
        raise UsageError(f"its {name} has {directory.sizes[name]:,} bytes; torch writes {limit:,} at most")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(directory.top + name) as record:
            # One byte more than the directory says would be a lie of the directory.
            content = record.read(directory.sizes[name] + 1)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise UsageError(f"a damaged archive ({error})") from None
    if len(content) != directory.sizes[name]:
        raise UsageError(f"a damaged archive ({name} is cut short)")
    return content


def _check_end(file: BinaryIO) -> None:
    """Find the end record, as `zipfile` will, and refuse a directory that it would read at great cost."""
    size = file.seek(0, os.SEEK_END)
    tail_size = min(size, _END_SIZE + _MAX_COMMENT + _LOCATOR_SIZE)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise UsageError("a damaged archive (cut short: its directory at the end is missing)")
    directory_size = struct.unpack_from("<I", tail, at + 12)[0]
    locator = tail[at - _LOCATOR_SIZE : at] if at >= _LOCATOR_SIZE else b""
    if locator.startswith(_LOCATOR):
        file.seek(max(size - tail_size + at - _LOCATOR_SIZE - _END64_SIZE, 0))
        record = file.read(_END64_SIZE)
        if record.startswith(_END64):
            directory_size = struct.unpack_from("<Q", record, 40)[0]
    if directory_size > min(_MAX_DIRECTORY, size):
        raise UsageError(f"a damaged archive (a directory of {directory_size:,} bytes)")
    file.seek(0)


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = {entry.filename for entry in entries}
    if len(entries) > _MAX_ENTRIES:
        raise UsageError(f"an archive of {len(entries):,} files; torch writes one for each tensor")
    if len(names) < len(entries):
        raise UsageError("an archive that holds two files of one name")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise UsageError("an encrypted archive")
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise UsageError("an archive compressed in a way that torch does not use")
    stored = [entry for entry in entries if entry.compress_type == zipfile.ZIP_STORED]
    if any(e.file_size != e.compress_size for e in stored) or sum(e.compress_size for e in entries) > size:
        raise UsageError("a damaged archive (its files are larger than itself)")
    deflated = sum(entry.file_size for entry in entries if entry.compress_type == zipfile.ZIP_DEFLATED)
    if deflated > _MAX_DEFLATED:
        raise UsageError(f"an archive that unpacks to {deflated:,} bytes; torch stores tensors without packing them")
