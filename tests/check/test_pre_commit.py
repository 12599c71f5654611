"""The hooks, run by pre-commit itself in real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check.projects import BROKEN, CONFIG, NET, ROOT, Done, commit, environment, git, process, repository, write

pytest.importorskip("pre_commit")

WIDER = NET.replace("width=8", "width=9")


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that ships the hooks as this one does."""
    folder = tmp_path_factory.mktemp("hooks")
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", folder)
    return repository(folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment with the program on its path, and folders of its own for all that is kept."""
    folder = tmp_path_factory.mktemp("shared")
    program = folder / "convinspect"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m convinspect "$@"\n')
    program.chmod(0o755)
    return environment(
        PATH=f"{folder}{os.pathsep}{os.environ['PATH']}",
        PRE_COMMIT_HOME=str(folder / "pre-commit"),
        CONVINSPECT_CACHE=str(folder / "cache"),
        GIT_CONFIG_GLOBAL=os.devnull,
        PYTHONPATH=os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    )


def config(hooks: Path, *entries: str) -> str:
    revision = git(hooks, "rev-parse", "HEAD").strip()
    listed = "\n".join(f"      - {entry}" for entry in entries)
    return f"repos:\n  - repo: {hooks}\n    rev: {revision}\n    hooks:\n{listed}\n"


def run(folder: Path, shared: dict[str, str], *argv: str) -> Done:
    command = [sys.executable, "-m", "pre_commit", "run", "--color", "never", *argv]
    done = subprocess.run(
        command, cwd=folder, env=shared, capture_output=True, encoding="utf-8", check=False, timeout=600
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_budgets_hook_passes_stops_growth_and_tells_a_broken_model_apart(
    tmp_path: Path, hooks: Path, shared: dict[str, str]
) -> None:
    listed = config(hooks, "{id: convinspect-check}")
    folder = repository(
        tmp_path / "project", net__py=NET, pyproject__toml=CONFIG, **{"__pre-commit-config__yaml": listed}
    )
    assert process("check", "--update-baseline", cwd=folder, CONVINSPECT_CACHE=shared["CONVINSPECT_CACHE"]).code == 0
    commit(folder, "baseline")

    passed = run(folder, shared, "--all-files")
    assert (passed.code, "model budgets" in passed.out, "Passed" in passed.out) == (0, True, True), passed.out

    write(folder, net__py=WIDER)
    git(folder, "add", "net.py")
    over = run(folder, shared)
    assert (over.code, "- exit code: 1" in over.out) == (1, True)
    assert "FAIL  params growth  352  max 329 (+5%)  23 over (+12.1%)" in over.out

    write(folder / "src", empty__py="")
    elsewhere = run(folder / "src", shared, "--all-files")
    assert "- exit code: 1" in elsewhere.out

    write(folder, net__py=BROKEN)
    git(folder, "add", "net.py")
    broken = run(folder, shared)
    assert "- exit code: 3" in broken.out
    assert "ValueError: seven" in broken.out


def test_a_commit_is_stopped_by_the_installed_hook(tmp_path: Path, hooks: Path, shared: dict[str, str]) -> None:
    # Growth over the last commit, whose index git has set apart while the hook runs.
    text = CONFIG.replace("budgets/net.json", "git:HEAD")
    listed = config(hooks, "{id: convinspect-check}")
    folder = repository(
        tmp_path / "project", net__py=NET, pyproject__toml=text, **{"__pre-commit-config__yaml": listed}
    )
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "install"], cwd=folder, env=shared, check=True, capture_output=True
    )
    write(folder, net__py=WIDER)
    git(folder, "add", "net.py")
    identity = {f"GIT_{who}_{what}": "p@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "commit", "--quiet", "--message", "wider"]
    done = subprocess.run(
        command, cwd=folder, env={**shared, **identity}, capture_output=True, text=True, check=False, timeout=600
    )
    assert (done.returncode, "FAIL  params growth  352  max 329 (+5%)" in done.stdout + done.stderr) == (1, True)
    assert git(folder, "log", "--format=%s") == "first\n"


def test_a_repository_of_two_projects_has_a_hook_for_each(tmp_path: Path, hooks: Path, shared: dict[str, str]) -> None:
    entries = (
        "{id: convinspect-check, files: ^a/, args: [--config, a/pyproject.toml]}",
        "{id: convinspect-check, files: ^b/, args: [--config, b/convinspect.toml]}",
    )
    own = 'checks.net = {{ target = "net.py", inputs = "3,16,16", limits = {{ params = {} }} }}'
    folder = tmp_path / "project"
    write(folder / "a", net__py=NET, pyproject__toml="[tool.convinspect]\n" + own.format(1000))
    write(folder / "b", net__py=NET, convinspect__toml=own.format(100))
    repository(folder, **{"__pre-commit-config__yaml": config(hooks, *entries)})
    both = run(folder, shared, "--all-files")
    assert both.code == 1
    assert "314  max 100" in both.out
    (folder / "a" / "notes.py").write_text("")
    git(folder, "add", "--all")
    one = run(folder, shared)
    assert (one.code, "(no files to check)" in one.out) == (0, True)


def test_the_weight_files_hook_stops_weights_and_nothing_else(
    tmp_path: Path, hooks: Path, shared: dict[str, str]
) -> None:
    listed = config(hooks, "{id: convinspect-weight-files, args: [--max-size, 10kB]}")
    folder = repository(tmp_path / "project", **{"__pre-commit-config__yaml": listed})
    (folder / "large.bin").write_bytes(bytes(100_000))
    (folder / "net.gguf").write_bytes(b"GGUF" + bytes(100))
    git(folder, "add", "--all")
    assert run(folder, shared).code == 0
    (folder / "net.gguf").write_bytes(b"GGUF" + bytes(100_000))
    git(folder, "add", "--all")
    stopped = run(folder, shared)
    assert (stopped.code, "FAIL  net.gguf  97.66 KiB  max 9.766 KiB  GGUF model" in stopped.out) == (1, True)
