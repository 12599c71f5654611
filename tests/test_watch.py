"""``summary --watch``: a page for every save, nothing left of a former run, the last good page beside an error."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.shell import ROOT, convinspect

pytest.importorskip("watchfiles")

NET = """
import torch
from torch import nn
from convinspect import mac_rule
from part import Head

nn.Linear.marked = {mark}
registered = torch.library.Library("watched", "DEF")
registered.define("same(Tensor x) -> Tensor")
registered.impl("same", lambda x: x.clone(), "CompositeExplicitAutograd")


@mac_rule("watched::same")
def cost(call):
    return {cost}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, {width}, bias=False)
        self.head = Head({width})
        self.register_buffer("heavy", torch.zeros(1_000_000))

    def forward(self, x):
        return self.head(self.body(torch.ops.watched.same(x)))
"""
HEAD = """
from torch import nn

class Head(nn.Linear):
    def __init__(self, width):
        super().__init__(width, {n})
"""
WAIT = 30.0


class Watcher:
    """A running ``convinspect summary net.py --watch`` in ``folder``, and all that it has said so far."""

    def __init__(self, folder: Path, *options: str, window: bool = False) -> None:
        self.folder, self.text = folder, ""
        self.write()
        self.head(2)
        ours, theirs = pty.openpty() if window else os.pipe()
        if window:
            ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._stream = ours
        self.process = subprocess.Popen(
            [sys.executable, "-m", "convinspect", "summary", "net.py", "-i", "4", "--watch", *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "100", "TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def write(self, width: int = 3, cost: int = 0, mark: str = "1", after: str = "") -> None:
        """Save the model as an editor does that writes a new file and gives it the name of the old one."""
        new = self.folder / ".net.py.swp"
        new.write_text(NET.format(width=width, cost=cost, mark=mark) + after, "utf-8")
        new.replace(self.folder / "net.py")

    def head(self, outputs: int) -> None:
        (self.folder / "part.py").write_text(HEAD.format(n=outputs), "utf-8")

    def until(self, said: str) -> str:
        """Return what is said from now on up to ``said``, which must come."""
        end = time.monotonic() + WAIT
        while said not in self.text and time.monotonic() < end:
            self.hear()
        found, there, self.text = self.text.partition(said)
        assert there, found
        return found + there

    def hear(self) -> None:
        """Take in what is said within a moment."""
        while select.select([self._stream], [], [], 0.2)[0] and (said := os.read(self._stream, 1 << 16)):
            self.text += said.decode().replace("\r\n", "\n")

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text("ascii").split()]

    def end(self) -> int:
        """Press Ctrl-C; return the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(WAIT)
        os.close(self._stream)
        return code


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """Return a watcher that has shown its first page, of 4*3 + 3*2 + 2 parameters."""
    watcher = Watcher(tmp_path_factory.mktemp("piped"), "--device", "meta", "--brief")
    assert "20 params" in watcher.until("peak")
    yield watcher
    assert watcher.end() == 0


def fresh(watcher: Watcher) -> Watcher:
    """Return the watcher with the model as it was at first."""
    watcher.hear()
    watcher.text = ""
    watcher.write()
    watcher.until("since ")
    return watcher


def test_a_save_shows_the_page_again_and_what_it_changed(piped: Watcher) -> None:
    piped.write(width=5)
    assert re.fullmatch(r"[^-]*-+ saved \d\d:\d\d:\d\d -+\nNet .*\n32 params .*since .*: params \+12 \(\+60\.0%\)",
                        piped.until("(+60.0%)").lstrip(), re.DOTALL)  # fmt: skip
    assert "2 changed" in piped.until("2 changed")


def test_a_file_that_the_model_imports_is_watched_as_well(piped: Watcher) -> None:
    fresh(piped).head(3)
    assert "24 params" in piped.until("since ")
    piped.head(2)
    assert "20 params" in piped.until("since ")


def test_an_error_is_said_and_the_next_good_page_compares_with_the_last_good_one(piped: Watcher) -> None:
    fresh(piped).write(after="class :\n")
    said = piped.until("SyntaxError")
    assert "error: net.py" in said
    assert "params" not in said
    piped.write(width=4)
    assert "params +6 (+30.0%)" in piped.until("(+30.0%)")


def test_a_file_that_is_away_for_a_moment_is_waited_for(piped: Watcher) -> None:
    text = fresh(piped).folder.joinpath("net.py").read_text("utf-8")
    (piped.folder / "net.py").unlink()
    time.sleep(0.3)
    (piped.folder / "net.py").write_text(text, "utf-8")
    assert "error" not in piped.until("since ")


def test_of_two_saves_one_right_after_the_other_the_last_one_stands(piped: Watcher) -> None:
    fresh(piped).write(width=8)
    time.sleep(0.1)
    piped.write(width=9)
    assert "error" not in piped.until("56 params")


def test_a_run_that_does_not_end_is_given_up_at_the_next_save(piped: Watcher) -> None:
    fresh(piped).write(after="while True: pass\n")
    time.sleep(0.5)
    piped.write(width=4)
    said = piped.until("26 params")
    assert "error" not in said


def test_a_model_that_takes_its_process_along_is_an_error_like_any_other(piped: Watcher) -> None:
    fresh(piped).write(after="import os; os._exit(9)\n")
    assert "exit code 9" in piped.until("before there was a report")
    piped.write(width=4)
    piped.until("26 params")


def test_rules_operators_and_patches_of_a_former_run_are_gone(piped: Watcher) -> None:
    fresh(piped).write(cost=1000)
    assert "1,018 MACs" in piped.until("since ")
    piped.write(mark="getattr(nn.Linear, 'marked', 2)", after="assert nn.Linear.marked == 2\n")
    assert "error" not in piped.until("MACs -1")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked, and told in /proc")
def test_more_runs_take_no_more_memory(piped: Watcher) -> None:
    (server,) = fresh(piped).children()

    def resident() -> int:
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server}/status").read_text("ascii"))[1])  # type: ignore[index]

    before = resident()
    for width in range(10, 16):
        piped.write(width=width)
        piped.until(f"\n{6 * width + 2} params")
    piped.until("since ")
    assert piped.children() == [server]
    assert resident() < before + 1_000  # kB


def test_in_a_window_the_last_good_page_stays_above_an_error(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, "--device", "meta", window=True)
    try:
        first = watcher.until("Ctrl-C ends")
        assert first.index("\x1b[2J") < first.index("20 params") < first.index("waiting for the next save")
        watcher.write(after="raise ValueError('why')\n")
        page = watcher.until("Ctrl-C ends").rpartition("\x1b[2J")[2]
        assert "20 params" in page
        assert "why" in page
        assert "the page is that of" in page
        assert page.count("\n") < 24
    finally:
        assert watcher.end() == 0


@pytest.mark.parametrize(
    "options", [["--json"], ["-o", "x.json"], ["--format", "csv"], ["--second-opinion"], ["--traceback"]]
)
def test_what_makes_no_page_is_not_watched(options: list[str]) -> None:
    done = convinspect("summary", "sample_models/lenet.py", "-i", "1,28,28", "--watch", *options)
    assert done.code == 2
    assert "--watch shows the page again on every save" in done.err


def test_without_the_package_that_watches_a_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    done = convinspect("summary", "sample_models/lenet.py", "-i", "1,28,28", "--watch")
    assert done.code == 2
    assert "hint: pip install 'convinspect[watch]'" in done.err
