"""What the page's script and style are made of: typed and linted sources, and the same bytes for everybody."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "convinspect" / "render" / "web"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources with the libraries of the lock file."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: the page's sources are not built anew")
    folder = tmp_path_factory.mktemp("web") / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules", "built"))
    install = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        pytest.skip(f"npm cannot install: {done.stderr.strip()[-200:]}")
    return folder


def _npm(folder: Path, script: str) -> None:
    run = ["npm", "run", "--silent", script]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sources_are_typed_and_linted(checkout: Path) -> None:
    _npm(checkout, "check")


def test_what_is_committed_is_what_the_sources_give(checkout: Path) -> None:
    _npm(checkout, "build")
    for name in ("page.js", "page.css"):
        assert (checkout / "built" / name).read_bytes() == (WEB / "built" / name).read_bytes(), "run: npm run build"


def test_the_script_holds_the_licences_of_its_libraries() -> None:
    script = (WEB / "built" / "page.js").read_text("utf-8")
    for library in ("@dagrejs/dagre", "@dagrejs/graphlib", "d3-array", "d3-hierarchy", "d3-shape"):
        assert library in script[: script.index("*/")]
    assert script.isascii()
    assert "</script" not in script
