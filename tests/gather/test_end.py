"""However the run ends, no process and no temporary file is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from convinspect.gather import Outcome, gather
from tests.gather.asking import job, model, params
from tests.gather.test_harm import runs

if TYPE_CHECKING:
    from pathlib import Path

HANG = """
import os, subprocess, sys, time
print(os.getpid(), file=open({left!r}, 'a'))
print(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid, file=open({left!r}, 'a'))
time.sleep(1000)
"""
ASK = """
import sys
from pathlib import Path
from convinspect.gather import gather
from tests.gather.asking import job
gather([job(name, Path(sys.argv[1])) for name in ("one.py", "two.py")], workers=2)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["ctrl_c", "terminated", "killed"],
)
def test_a_run_that_is_ended_leaves_nothing(number: int, code: int, tmp_path: Path, temporary: Path) -> None:
    left = tmp_path / "left"
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(model(top=HANG.format(left=str(left))))
    asking = subprocess.Popen([sys.executable, "-c", ASK, tmp_path], stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while not (left.exists() and left.read_text().count("\n") == 4) and time.monotonic() < until:
        time.sleep(0.05)
    # A terminal sends its signals to the whole group of processes: ours are of no group but their own.
    os.kill(asking.pid, number)
    asking.communicate(timeout=60)
    assert asking.returncode == code
    pids = [int(line) for line in left.read_text().split()]
    assert len(pids) == 4
    assert [pid for pid in pids if runs(pid)] == []
    while list(temporary.iterdir()) and time.monotonic() < until:  # whoever was killed is put away by the server
        time.sleep(0.05)
    assert list(temporary.iterdir()) == []


def test_an_exception_of_the_callers_own_ends_the_run_too(tmp_path: Path) -> None:
    left = tmp_path / "left"
    (tmp_path / "quick.py").write_text(model())
    (tmp_path / "slow.py").write_text(model(top=HANG.format(left=str(left))))

    def stop(index: int, outcome: Outcome) -> None:
        assert (index, params(outcome)) == (0, 12)
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        gather([job("quick.py", tmp_path), job("slow.py", tmp_path)], workers=2, progress=stop)
    assert [pid for pid in map(int, left.read_text().split() if left.exists() else ()) if runs(pid)] == []


def test_each_outcome_is_told_as_soon_as_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text(model())
    (tmp_path / "slow.py").write_text(model(init="import time; time.sleep(1)"))
    told: list[tuple[int, Outcome]] = []
    jobs = [job("slow.py", tmp_path), job("quick.py", tmp_path), job("gone.py", tmp_path)]
    outcomes = gather(jobs, workers=3, progress=lambda index, outcome: told.append((index, outcome)))
    assert sorted(index for index, _ in told) == [0, 1, 2]
    assert told[-1][0] == 0
    assert [outcome for _, outcome in sorted(told, key=lambda one: one[0])] == list(outcomes)
    assert outcomes[2].error is not None
    assert outcomes[2].error.exit_code == 2


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder with a model in it, and what a fork has answered of that."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "net.py").write_text(model())
    return folder, gather([job("net.py", folder)], cache=False)[0]


def test_processes_that_cannot_be_forked_answer_the_same(
    forked: tuple[Path, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, outcome = forked
    (folder / "gone.py").write_text(model(init="import os; os._exit(0)"))
    monkeypatch.delattr(os, "fork")
    plain, gone = gather([job("net.py", folder), job("gone.py", folder)], cache=False, workers=2)
    assert plain == outcome
    assert gone.error is not None
    assert "exit code 0, before" in gone.error.message
    (hung,) = gather([job("net.py", folder)], cache=False, timeout=0.1)
    assert hung.error is not None
    assert "no report after 0.1 s" in hung.error.message


def test_a_process_of_its_own_answers_the_same_as_a_fork_of_one_that_has_torch(
    forked: tuple[Path, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, outcome = forked
    monkeypatch.setattr("convinspect.gather.workshop.needs_fresh_process", lambda device: device == "cpu")
    assert gather([job("net.py", folder)], cache=False) == (outcome,)


def test_the_report_is_that_of_the_command_line(forked: tuple[Path, Outcome]) -> None:
    folder, outcome = forked
    command = [sys.executable, "-m", "convinspect", "summary", "net.py", "-i", "4", "--device", "cpu", "--json"]
    printed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert outcome.report is not None
    assert outcome.report.to_json() + "\n" == printed
