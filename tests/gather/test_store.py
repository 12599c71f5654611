"""The folder of kept reports: whatever is done to it costs a run at most."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from convinspect.gather import gather
from convinspect.gather import store as store_
from convinspect.gather.evidence import Evidence, Files
from convinspect.gather.store import Store, cache_folder
from tests.gather.asking import job, model

if TYPE_CHECKING:
    from collections.abc import Callable

    from convinspect.report import Report

NOTHING = Files({}, hashlib.sha256(b"").hexdigest())
EVIDENCE = Evidence(NOTHING, NOTHING, {}, {}, {}, {}).to_dict()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("model")
    (folder / "net.py").write_text(model())
    (outcome,) = gather([job("net.py", folder)], cache=False)
    assert outcome.report is not None
    return outcome.report


@pytest.fixture
def kept(cache_folder: Path, report: Report) -> Path:
    """Keep the report under the key ``key``, and return its file."""
    Store(str(cache_folder)).keep("key", EVIDENCE, report.to_dict(), ("noted",))
    (path,) = cache_folder.rglob("*.json")
    return path


def found(folder: Path, key: str = "key") -> Any:
    return Store(str(folder)).find(key)


def sealed(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def body_of(letter: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(letter.partition(b"\n")[2])
    return document


def test_what_is_kept_is_found(kept: Path, cache_folder: Path, report: Report) -> None:
    assert kept.is_file()
    assert found(cache_folder) == (report, ("noted",))
    assert found(cache_folder, "another") is None


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda whole: whole[: len(whole) // 2],
    "one byte short": lambda whole: whole[:-1],
    "another number": lambda whole: whole.replace(b'"params":12', b'"params":13').replace(
        b'"params": 12', b'"params": 13'
    ),
    "a pickle": lambda _: b"\x80\x04.",
    "too deep": lambda _: sealed(b"[" * 100_000),
    "no text": lambda _: sealed(b"\xff"),
    "a list": lambda _: sealed(b"[]"),
    "too little": lambda _: sealed(b'{"key": "key"}'),
    "another key": lambda whole: sealed(json.dumps(body_of(whole) | {"key": "another"}).encode()),
    "no report in it": lambda whole: sealed(
        json.dumps(body_of(whole) | {"report": {"schema": "convinspect.report/1"}}).encode()
    ),
    "a list for a report": lambda whole: sealed(json.dumps(body_of(whole) | {"report": []}).encode()),
    "a list for evidence": lambda whole: sealed(json.dumps(body_of(whole) | {"evidence": []}).encode()),
    "no files in it": lambda whole: sealed(
        json.dumps(body_of(whole) | {"evidence": EVIDENCE | {"own": {"names": 1}}}).encode()
    ),
    "no folder in it": lambda whole: sealed(
        json.dumps(body_of(whole) | {"evidence": EVIDENCE | {"searched": {"/": 1}}}).encode()
    ),
    "no notes": lambda whole: sealed(json.dumps(body_of(whole) | {"notes": None}).encode()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_or_foreign_is_not_found(damage: str, kept: Path, cache_folder: Path) -> None:
    kept.write_bytes(DAMAGES[damage](kept.read_bytes()))
    assert found(cache_folder) is None


def test_what_stands_in_the_way_is_no_failure(kept: Path, cache_folder: Path, report: Report) -> None:
    kept.unlink()
    kept.mkdir()
    assert found(cache_folder) is None
    Store(str(cache_folder)).keep("key", EVIDENCE, report.to_dict(), ())
    (cache_folder / "file").touch()
    for folder in (None, "/proc/nowhere", str(cache_folder / "file")):
        Store(folder).keep("key", EVIDENCE, report.to_dict(), ())
        assert Store(folder).find("key") is None


def test_a_full_disk_costs_a_run_at_most(
    kept: Path, cache_folder: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_, "open", lambda _, mode: Path("/dev/full").open(mode), raising=False)  # noqa: SIM115
    Store(str(cache_folder)).keep("other", EVIDENCE, report.to_dict(), ())
    monkeypatch.undo()
    assert [path for path in cache_folder.rglob("*") if path.is_file()] == [kept]
    assert found(cache_folder) == (report, ("noted",))
    assert found(cache_folder, "other") is None


def test_only_so_much_is_kept_and_what_is_used_stays(
    cache_folder: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(cache_folder))
    store.keep("0", EVIDENCE, report.to_dict(), ())
    (one,) = cache_folder.rglob("*.json")
    monkeypatch.setattr(store_, "_MOST_BYTES", 3 * one.stat().st_size + 10)
    foreign = cache_folder / "ab" / ("c" * 62) / "notes.json"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("x" * 100_000)
    for key in ("1", "2"):
        store.keep(key, EVIDENCE, report.to_dict(), ())
    for age, path in enumerate(sorted(cache_folder.rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (1_000_000_000 + age,) * 2)
    assert store.find("0") is not None
    store.keep("3", EVIDENCE, report.to_dict(), ())
    assert [key for key in "0123" if store.find(key)] == ["0", "2", "3"]
    assert foreign.is_file()


def test_of_one_key_the_latest_states_are_kept(cache_folder: Path, report: Report) -> None:
    store = Store(str(cache_folder))
    for number in range(12):
        store.keep("key", EVIDENCE | {"environment": {"NO_SUCH": str(number)}}, report.to_dict(), ())
    assert len(list(cache_folder.rglob("*.json"))) == 8


def test_what_a_killed_run_was_writing_is_cleared_away(kept: Path, cache_folder: Path, report: Report) -> None:
    old, new = kept.with_name(f"{kept.name}.1.making"), kept.with_name(f"{kept.name}.2.making")
    for path in (old, new):
        path.touch()
    os.utime(old, (1_000_000_000,) * 2)
    Store(str(cache_folder)).keep("other", EVIDENCE, report.to_dict(), ())
    assert not old.exists()
    assert new.exists()


def test_two_runs_at_the_same_time_share_it(cache_folder: Path, report: Report) -> None:
    def keep_and_find(number: int) -> bool:
        store = Store(str(cache_folder))
        one = replace(report, model=replace(report.model, name=str(number % 3)))
        store.keep(str(number % 3), EVIDENCE, one.to_dict(), ())
        found = store.find(str(number % 3))
        return found is not None and found[0] == one

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(keep_and_find, range(60)))


def test_the_folder_is_the_platforms_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVINSPECT_CACHE", "here")
    assert cache_folder() == str(Path.cwd() / "here")
    monkeypatch.setenv("CONVINSPECT_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("HOME", "/home/me")
    for platform, expected in (("linux", "/xdg"), ("darwin", "/home/me/Library/Caches")):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == f"{expected}/convinspect"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert cache_folder() is None


def test_a_read_only_cache_answers_and_is_not_written(
    kept: Path, cache_folder: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system's refusals are raised by hand: root, whom a test may run as, is refused nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("utime", "makedirs", "unlink", "replace"):
        monkeypatch.setattr(os, name, refuse)
    Store(str(cache_folder)).keep("other", EVIDENCE, report.to_dict(), ())
    assert found(cache_folder) == (report, ("noted",))
    assert [path for path in cache_folder.rglob("*") if path.is_file()] == [kept]


def test_no_cache_is_neither_read_nor_written(tmp_path: Path, cache_folder: Path) -> None:
    (tmp_path / "net.py").write_text(model())
    gather([job("net.py", tmp_path)])
    (kept,) = cache_folder.rglob("*.json")
    kept.rename(kept.with_suffix(".aside"))
    (without,) = gather([job("net.py", tmp_path)], cache=False)
    assert list(cache_folder.rglob("*.json")) == []
    kept.with_suffix(".aside").rename(kept)
    assert gather([job("net.py", tmp_path)]) == (replace(without, cached=True),)
