"""Run the tests with other versions of torch, each in an environment of its own.

``python tests/versions.py 2.9.1 2.15.0`` runs all of them on two versions.
What stands after ``--`` goes to pytest: ``python tests/versions.py 2.9.1 -- tests/memory``. Environments stay in
``$TORCH_ENVIRONMENTS``, by default ``~/.cache/convinspect/torch``: several gigabytes for each version, with what the
wheels of PyPI need. A row of ``docs/versions.md`` is printed for each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
BESIDE_TORCH = (
    "numpy",
    "torchsummary",
    "click",
    "rich",
    "msgspec",
    "safetensors",
    "pytest",
    "pytest-xdist",
    "hypothesis",
)
ROOM = Path(os.environ.get("TORCH_ENVIRONMENTS") or Path.home() / ".cache" / "convinspect" / "torch")


def environment(version: str) -> Path:
    """Return the Python of an environment with torch ``version``; makes it where there is none."""
    folder = ROOM / version
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", f"torch=={version}", *BESIDE_TORCH]
        subprocess.run(install, check=True)
    return python


def row(version: str, arguments: list[str]) -> tuple[str, bool]:
    """Return the row of ``version`` in the table, and whether all tests passed."""
    python = environment(version)
    begin = time.monotonic()
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    sys.stderr.write(ran.stdout)
    counts = {word: count for count, word in re.findall(r"(\d+) (passed|failed|skipped|error)", ran.stdout)}
    told = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[-1]
    cells = (version, told, *(counts.get(word, "0") for word in ("passed", "failed", "skipped")))
    return f"| {' | '.join(cells)} | {time.monotonic() - begin:.0f} s |\n", ran.returncode == 0


def main() -> int:
    """Print a row for each version; 1 where a test failed."""
    mark = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    good = True
    for version in sys.argv[1:mark]:
        text, passed = row(version, sys.argv[mark + 1 :])
        sys.stdout.write(text)
        good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
