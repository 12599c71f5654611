"""How far several models are: told where somebody waits, and nowhere else."""

from __future__ import annotations

import io
import sys
import time

import pytest

from convinspect.cli import waiting
from convinspect.cli.waiting import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal in the place of stderr; no fixture, for pytest sets its own between setup and call."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return found


def test_a_bar_is_drawn_after_a_while_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    monkeypatch.setattr(waiting, "_WORTH_A_BAR", 0.0)
    with progress(4) as told:
        assert told is not None
        told(0, None)
        end = time.monotonic() + 20
        while "25%" not in screen.getvalue() and time.monotonic() < end:
            time.sleep(0.05)
    assert "25%" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")


def test_what_is_quick_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress(2) as told:
        assert told is not None
        told(0, None)
        told(1, None)
    assert screen.getvalue() == ""


def test_one_model_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress(1) as told:
        assert told is None
    assert screen.getvalue() == ""


def test_nobody_waits_at_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress(9) as told:
        assert told is None
