"""Chromium, as Debian has it, driven by playwright; both are brought along where they are not there."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Every violation of the page's policy, from its first line on.
_WATCH = (
    "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective));"
)


@dataclass
class Opened:
    """A page that is open, and what it complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def assert_quiet(self) -> None:
        assert self.complaints == []
        assert self.page.evaluate("window.violations") == []


def _chromium() -> str:
    """Return the path of a browser; install one where that is possible, else skip and say why it is not."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is not None:
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("no chromium, and none can be installed: that takes apt-get and root")
    with (Path(tempfile.gettempdir()) / "convinspect-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers come here at once
        if shutil.which("chromium") is None:
            install = "apt-get update -q && apt-get install -yq --no-install-recommends chromium"
            done = subprocess.run(["sh", "-c", install], capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                pytest.skip(f"chromium cannot be installed: {(done.stderr or done.stdout).strip()[-200:]}")
    return "/usr/bin/chromium"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it is in the extra test")
    path = _chromium()
    with sync_api.sync_playwright() as driver:
        # The sandbox needs what containers do not have; the pages are our own.
        made = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Return a function that opens a page's text from a file, the network cut, and says what it complains about."""
    contexts = []

    def open_(text: str, width: int = 1400, theme: str = "light") -> Opened:
        file = tmp_path / "report.html"
        file.write_text(text, "utf-8", errors="backslashreplace")
        context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=theme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        found = Opened(page)
        page.add_init_script(_WATCH)
        page.on("console", lambda said: found.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
        page.on("request", lambda asked: _judge(asked.url, found.complaints))
        page.goto(file.as_uri())
        return found

    yield open_
    for context in contexts:
        context.close()


def _judge(url: str, complaints: list[str]) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        complaints.append(f"asked for {url}")
