"""What a report rests on beside the user's own files; and what no report is kept of, because nothing would show it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from convinspect.gather import Outcome, gather
from convinspect.gather.key import key_of, needs_fresh_process
from tests.gather.asking import job, model, params

if TYPE_CHECKING:
    from pathlib import Path


def answers(folder: Path, *names: str) -> list[tuple[int, bool]]:
    """Return the parameters of each file's net, and whether they are those of an earlier run."""
    return [(params(one), one.cached) for one in gather([job(name, folder) for name in names])]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, before all others."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def install(folder: Path, name: str, version: str) -> None:
    for old in folder.glob(f"{name}-*"):
        (old / "METADATA").unlink()
        old.rmdir()
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_another_torch_gives_another_report(tmp_path: Path, packages: Path) -> None:
    (tmp_path / "net.py").write_text(model())
    versions = []
    for version in (None, None, "9.8", "9.8", "9.9"):
        if version is not None and not (packages / f"torch-{version}.dist-info").exists():
            install(packages, "torch", version)
        (outcome,) = gather([job("net.py", tmp_path)])
        assert outcome.report is not None
        versions.append((outcome.report.tool.torch[:3], outcome.cached))
    own = versions[0][0]
    assert versions == [(own, False), (own, True), ("9.8", False), ("9.8", True), ("9.9", False)]


def test_an_installed_package_is_followed_by_what_is_in_it(tmp_path: Path, packages: Path) -> None:
    (tmp_path / "net.py").write_text(model(top="import wide", init="width = wide.WIDTH"))
    (packages / "wide.py").write_text("WIDTH = 3")
    assert answers(tmp_path, "net.py") == [(12, False)]
    os.utime(packages / "wide.py", (1_000_000_000,) * 2)  # another installation of the same
    assert answers(tmp_path, "net.py") == [(12, True)]
    (packages / "unasked.py").write_text("")
    assert answers(tmp_path, "net.py") == [(12, True)]
    (packages / "wide.py").write_text("WIDTH = 5")
    assert answers(tmp_path, "net.py") == [(20, False)]
    (packages / "wide.py").write_text("WIDTH = 3")  # and back
    assert answers(tmp_path, "net.py") == [(12, True)]


def test_a_file_in_the_folder_that_nobody_asked_for_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(model())
    assert answers(tmp_path, "net.py") == [(12, False)]
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "another.py").write_text("")
    (tmp_path / "__pycache__").mkdir()
    assert answers(tmp_path, "net.py") == [(12, True)]


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


def test_what_no_file_can_vouch_for_is_run_again(tmp_path: Path, cache_folder: Path) -> None:
    for name, text in NOT_KEPT.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "count.txt").write_text("1")
    os.mkfifo(tmp_path / "pipe")
    jobs = [job(name, tmp_path) for name in NOT_KEPT]
    jobs.append(job("reads_a_pipe.py", tmp_path, arguments={"width": 3}))
    outcomes = dict(zip(NOT_KEPT, gather(jobs, workers=2), strict=False))
    assert list(cache_folder.rglob("*.json")) == []
    assert {name for name, outcome in outcomes.items() if outcome.error} == {
        "fails.py",
        "fails_in_forward.py",
        "exits.py",
    }


def test_a_forward_that_fails_gives_the_rows_up_to_there_and_the_error(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(model(forward="x = self.layer(x); raise ValueError('seven')"))
    (outcome,) = gather([job("net.py", tmp_path)])
    assert outcome.report is not None
    assert [layer.path for layer in outcome.report.layers] == ["", "layer"]
    assert outcome.error is not None
    assert "seven" in outcome.error.message
    assert outcome.error.exit_code == 3


def test_a_file_that_the_run_made_for_itself_is_not_asked_for(tmp_path: Path) -> None:
    code = "import os\nif not os.path.exists('made'): open('made', 'w').write('3')\nwidth = int(open('made').read())"
    (tmp_path / "net.py").write_text(model(init=code))
    # Made in the first run, found in the second, and kept from then on.
    assert [answers(tmp_path, "net.py")[0] for _ in "abc"] == [(12, False), (12, False), (12, True)]
    (tmp_path / "made").write_text("5")
    assert answers(tmp_path, "net.py") == [(20, False)]


def test_changing_back_and_forth_runs_each_state_once(tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    seen = []
    for width in (3, 5, 3, 5):
        net.write_text(model(init=f"width = {width}"))
        seen += answers(tmp_path, "net.py")
    assert seen == [(12, False), (20, False), (12, True), (20, True)]


def test_no_key_without_literals_and_none_on_an_accelerator(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert key_of(job("net.py", tmp_path, arguments={"width": (3, {"a": b"b"})}), folder, None) is not None
    assert key_of(job("net.py", tmp_path, arguments={"width": object()}), folder, None) is None
    assert key_of(job("net.py", tmp_path, device="cuda:0"), folder, None) is None
    assert [needs_fresh_process(device) for device in ("cpu", "meta", "cuda", "mps")] == [False, False, True, True]


def test_auto_is_kept_only_where_it_cannot_mean_an_accelerator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convinspect.gather.key._ACCELERATORS", (str(tmp_path / "nvidia"),))
    assert not needs_fresh_process("auto")
    assert key_of(job("net.py", tmp_path, device="auto"), str(tmp_path), None) is not None
    (tmp_path / "nvidia").touch()
    assert needs_fresh_process("auto")
    assert key_of(job("net.py", tmp_path, device="auto"), str(tmp_path), None) is None


def test_what_is_kept_holds_no_value_of_a_variable(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    (tmp_path / "net.py").write_text(model(init="import os; os.environ['SECRET']"))
    gather([job("net.py", tmp_path, environment=("SECRET",))])
    (kept,) = cache_folder.rglob("*.json")
    assert b"SECRET" in kept.read_bytes()
    assert b"hunter2" not in kept.read_bytes()


def test_a_saved_report_is_read_here_and_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(model())
    (outcome,) = gather([job("net.py", tmp_path)])
    assert outcome.report is not None
    (tmp_path / "report.json").write_text(outcome.report.to_json())
    (tmp_path / "damaged.json").write_text(outcome.report.to_json().replace('"layers"', '"rows"'))
    monkeypatch.setattr(subprocess, "Popen", None)
    asked = job("report.json", tmp_path)
    plain = type(asked)(type(asked.request)(asked.request.target), tmp_path)
    asked = replace(asked, request=replace(asked.request, given=("--input",)))
    refused, saved = gather([asked, plain])
    assert saved == Outcome(outcome.report, None, cached=False)
    assert refused.error is not None
    assert refused.error.message == "report.json: a saved report is not run again: --input changes nothing"
    (damaged,) = gather([job("damaged.json", tmp_path)])
    assert damaged.error is not None
    assert damaged.error.exit_code == 2


LIGHT = """
import sys
from pathlib import Path
from convinspect.gather import Job, gather
from convinspect.spec import Request, parse_input, parse_target
inputs = (parse_input("4"),)[int(sys.argv[2]):]
(outcome,) = gather([Job(Request(parse_target(sys.argv[1]), inputs, device="cpu"), Path.cwd())])
heavy = sorted({"torch", "rich", "click", "numpy", "subprocess"} & set(sys.modules))
print(outcome.cached, outcome.report.totals.params, heavy)
"""


def test_what_is_kept_or_saved_brings_in_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(model())

    def light(target: str, bare: str) -> str:
        command = [sys.executable, "-c", LIGHT, target, bare]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    light("net.py", "0")
    assert light("net.py", "0") == "True 12 []\n"
    (outcome,) = gather([job("net.py", tmp_path)])
    assert outcome.report is not None
    (tmp_path / "report.json").write_text(outcome.report.to_json())
    assert light("report.json", "1") == "False 12 []\n"
