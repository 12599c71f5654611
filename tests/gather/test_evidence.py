"""What a report rests on beside the user's own files; and what no report is kept of, because nothing would show it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from convinspect.gather import Job, Outcome, gather
from convinspect.gather.job import key_of, needs_fresh_process
from convinspect.spec import Request
from tests.gather.asking import job, model, params

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKAGES = "../site-packages"  # on the path of all stories
MAKES = "import os\nif not os.path.exists('made'): open('made', 'w').write('3')\nwidth = int(open('made').read())"


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def touch(name: str) -> Callable[[Path], object]:
    return lambda folder: os.utime(folder / name, (1_000_000_000,) * 2)


def nothing(_: Path) -> None:
    pass


# What is done before each run, the width of the net that it must find, and whether it must be that of a run before.
STORIES: dict[str, list[tuple[Callable[[Path], object], int, bool]]] = {
    "installed": [
        (write(f"{PACKAGES}/wide.py", "WIDTH = 3"), 3, False),
        (touch(f"{PACKAGES}/wide.py"), 3, True),  # another installation of the same
        (write(f"{PACKAGES}/unasked.py", ""), 3, True),
        (write(f"{PACKAGES}/wide.py", "WIDTH = 5"), 5, False),
        (write(f"{PACKAGES}/wide.py", "WIDTH = 3"), 3, True),
    ],
    "made by the run itself": [
        (write("net.py", model(init=MAKES)), 3, False),
        (nothing, 3, False),  # it was not there, and now it is
        (nothing, 3, True),
        (write("made", "5"), 5, False),
        (write("made", "3"), 3, True),
    ],
    "back and forth": [
        (write("net.py", model(init="width = 3")), 3, False),
        (write("net.py", model(init="width = 5")), 5, False),
        (write("net.py", model(init="width = 3")), 3, True),
        (write("net.py", model(init="width = 5")), 5, True),
        (touch("net.py"), 5, True),
    ],
    "nobody's file": [
        (write("net.py", model()), 3, False),
        (write("report.json", "{}"), 3, True),
        (write("another.py", ""), 3, True),
        (lambda folder: (folder / "__pycache__").mkdir(), 3, True),
        (lambda folder: (folder / "another.py").unlink(), 3, True),
    ],
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, bool]]]:
    """Play all stories side by side."""
    root = tmp_path_factory.mktemp("stories")
    folders = {name: root / name.replace(" ", "_").replace("'", "") for name in STORIES}
    for folder in (*folders.values(), root / "site-packages"):
        folder.mkdir()
    write("net.py", model(top="import wide", init="width = wide.WIDTH"))(folders["installed"])
    told: dict[str, list[tuple[int, bool]]] = {name: [] for name in STORIES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVINSPECT_CACHE", str(root / "cache"))
        patch.setattr(sys, "path", [str(root / "site-packages"), *sys.path])
        for step in range(5):
            for name, folder in folders.items():
                STORIES[name][step][0](folder)
            outcomes = gather([job("net.py", folder) for folder in folders.values()])
            for name, outcome in zip(STORIES, outcomes, strict=True):
                told[name].append((params(outcome) // 4, outcome.cached))
    return told


@pytest.mark.parametrize("story", STORIES)
def test_a_report_is_kept_as_long_as_it_is_true(story: str, told: dict[str, list[tuple[int, bool]]]) -> None:
    assert told[story] == [(width, cached) for _, width, cached in STORIES[story]]


def test_another_torch_gives_another_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "site-packages"
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    (tmp_path / "net.py").write_text(model())
    versions = []
    for version in ("", "9.8", "9.8"):
        if version:
            info = packages / f"torch-{version}.dist-info"
            info.mkdir(parents=True, exist_ok=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
        (outcome,) = gather([job("net.py", tmp_path)])
        assert outcome.report is not None
        versions.append((outcome.report.tool.torch, outcome.cached))
    own = versions[0][0]
    assert own != "9.8"
    assert versions == [(own, False), ("9.8", False), ("9.8", True)]


NOT_KEPT = {
    "fails.py": model(init="raise ValueError"),
    "fails_in_forward.py": model(forward="raise ValueError('seven')"),
    "exits.py": model(init="import os; os._exit(0)"),
    "asks_a_program.py": model(init="import subprocess; subprocess.run(['true'])"),
    "asks_the_shell.py": model(init="import os; os.system('true')"),
    "asks_the_network.py": model(init="import socket; socket.socket().connect_ex(('127.0.0.1', 9))"),
    "forks.py": model(init="import os; os.fork() or os._exit(0)"),
    "changes_what_it_reads.py": model(
        init="n = int(open('count.txt').read())\nopen('count.txt', 'w').write(str(n + 1))"
    ),
    "reads_a_pipe.py": model(init="import os; os.close(os.open('pipe', os.O_RDONLY | os.O_NONBLOCK))"),
    "reads_unseen.py": model(init="import importlib.util; importlib.util.find_spec('safetensors')"),
}


SECRET = model(init="import os; os.environ['SECRET']")
STOPS = model(forward="x = self.layer(x); raise ValueError('seven')")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Outcome]]:
    """The outcomes of a run of what is not kept, and of one model that is."""
    folder = tmp_path_factory.mktemp("once")
    files = {**NOT_KEPT, "stops.py": STOPS, "secret.py": SECRET}
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "count.txt").write_text("1")
    os.mkfifo(folder / "pipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVINSPECT_CACHE", str(folder / "cache"))
        patch.setenv("SECRET", "hunter2")
        jobs = [job(name, folder, environment=("SECRET",)) for name in files]
        return folder, dict(zip(files, gather(jobs, workers=2), strict=True))


def test_what_no_file_can_vouch_for_is_not_kept(once: tuple[Path, dict[str, Outcome]]) -> None:
    folder, outcomes = once
    (kept,) = (folder / "cache").rglob("*.json")
    assert b"secret.py" in kept.read_bytes()
    failed = {name for name, outcome in outcomes.items() if outcome.error}
    assert failed == {"fails.py", "fails_in_forward.py", "exits.py", "stops.py"}


def test_what_is_kept_holds_no_value_of_a_variable(once: tuple[Path, dict[str, Outcome]]) -> None:
    (kept,) = (once[0] / "cache").rglob("*.json")
    assert b"SECRET" in kept.read_bytes()
    assert b"hunter2" not in kept.read_bytes()


def test_a_forward_that_fails_gives_the_rows_up_to_there_and_the_error(
    once: tuple[Path, dict[str, Outcome]],
) -> None:
    outcome = once[1]["stops.py"]
    assert outcome.report is not None
    assert [layer.path for layer in outcome.report.layers] == ["", "layer"]
    assert outcome.error is not None
    assert "seven" in outcome.error.message
    assert outcome.error.exit_code == 3


def test_no_key_without_literals_and_none_on_an_accelerator(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert key_of(job("net.py", tmp_path, arguments={"width": (3, {"a": b"b"})}), folder, None) is not None
    assert key_of(job("net.py", tmp_path, arguments={"width": object()}), folder, None) is None
    assert key_of(job("net.py", tmp_path, device="cuda:0"), folder, None) is None
    assert [needs_fresh_process(device) for device in ("cpu", "meta", "cuda", "mps")] == [False, False, True, True]


def test_auto_is_kept_only_where_it_cannot_mean_an_accelerator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convinspect.gather.job._ACCELERATORS", (str(tmp_path / "nvidia"),))
    assert not needs_fresh_process("auto")
    assert key_of(job("net.py", tmp_path, device="auto"), str(tmp_path), None) is not None
    (tmp_path / "nvidia").touch()
    assert needs_fresh_process("auto")
    assert key_of(job("net.py", tmp_path, device="auto"), str(tmp_path), None) is None


LIGHT = """
import sys
from pathlib import Path
from convinspect.gather import Job, gather
from convinspect.spec import Request
from convinspect.parsing import parse_input, parse_target
inputs = (parse_input("4"),) if len(sys.argv) > 2 else ()
(outcome,) = gather([Job(Request(parse_target(sys.argv[1]), inputs, device="cpu"), Path.cwd())])
heavy = {"torch", "rich", "click", "numpy", "subprocess"} & set(sys.modules)
print(outcome.cached, outcome.report.totals.params, sorted(heavy))
"""


def test_what_is_kept_or_saved_brings_in_nothing_heavy(
    once: tuple[Path, dict[str, Outcome]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(model())

    def light(*words: str) -> str:
        command = [sys.executable, "-c", LIGHT, *words]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    light("net.py", "4")
    assert light("net.py", "4") == "True 12 []\n"
    report = once[1]["secret.py"].report
    assert report is not None
    (tmp_path / "report.json").write_text(report.to_json())
    (tmp_path / "damaged.json").write_text(report.to_json().replace('"layers"', '"rows"'))
    assert light("report.json") == "False 12 []\n"

    monkeypatch.setattr(subprocess, "Popen", None)  # nothing is run
    plain = Job(Request(job("report.json", tmp_path).request.target), tmp_path)
    asked = replace(plain, request=replace(plain.request, given=("--input",)))
    saved, refused, damaged = gather([plain, asked, job("damaged.json", tmp_path)])
    assert saved == Outcome(report, None, cached=False)
    assert refused.error is not None
    assert refused.error.message == "report.json: a saved report is not run again: --input changes nothing"
    assert damaged.error is not None
    assert damaged.error.exit_code == 2
