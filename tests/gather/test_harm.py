"""What a model's code may do to its process: it gets no wrong verdict, and harms no other model."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convinspect.gather import gather
from tests.gather.asking import job, model, params

if TYPE_CHECKING:
    from collections.abc import Callable

    from convinspect.gather import Outcome

FORGED = json.dumps({"schema": "convinspect.report/1", "report": {}, "totals": {"params": 0}})

# Each runs in a constructor that does not come back: words of the complaint that it must get.
FATAL = {
    "exit_0": ("import sys; sys.exit(0)", "exit(0)"),
    "exit_at_once": ("import os; os._exit(0)", "exit code 0, before there was a report"),
    "exit_at_once_with_1": ("import os; os._exit(1)", "exit code 1, before"),
    "exit_in_a_thread": (
        "import threading, os, time; threading.Thread(target=os._exit, args=(3,)).start(); time.sleep(1000)",
        "exit code 3, before",
    ),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed (SIGKILL)"),
    "crashed": ("import ctypes; ctypes.string_at(0)", "crashed (SIGSEGV)"),
    "killed_with_its_group": ("import os, signal; os.killpg(0, signal.SIGTERM); signal.pause()", "crashed (SIGTERM)"),
    "killed_with_its_parent": (
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL); import time; time.sleep(1000)",
        "disappeared",
    ),
    "interrupted": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "out_of_memory": ("raise MemoryError", "needs more memory"),
    "raised": ("raise ValueError('seven')", "ValueError: seven"),
    "forged": (
        f"print({FORGED!r}, flush=True); import os; os.write(1, {FORGED.encode()!r}); os._exit(0)",
        "exit code 0",
    ),
    "said_it_could_not_write": ("import os; os._exit(74)", "could not be written"),
}
# Each runs in a constructor that comes back: the report must be that of any other model.
ODD = {
    "prints": f"print('rubbish', {FORGED!r}, flush=True); import os; os.system('echo rubbish')",
    "closes_stdout": "import sys; sys.stdout.close(); sys.stderr.close()",
    "closes_all_files": "import os; os.closerange(0, 256)",
    "changes_folder": "import os; os.chdir('/')",
    "changes_environment": "import os; os.environ.clear(); os.environ['PATH'] = ''",
    "changes_path": "import sys; sys.path.insert(0, '/nowhere'); sys.meta_path[:] = sys.meta_path[-1:]",
    "hides_files": "import os; os.umask(0o777)",
    "comes_back_twice": "import os; os.fork()",
    "exits_late": "import atexit, os; atexit.register(os._exit, 5)",
    "leaves_a_thread": "import threading, time; threading.Thread(target=time.sleep, args=(1000,)).start()",
    "leaves_a_child": "import subprocess; leave(subprocess.Popen(['sleep', '1000']).pid)",
    "leaves_a_daemon": "import subprocess; leave(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)",
    "leaves_an_orphan": "import os; os.fork() or (os.fork() and os._exit(0)) or leave(os.getpid()) or time.sleep(1000)",
    "ignores_signals": "import signal; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]",
}
HANGING = {
    "hangs": "leave(os.getpid()); time.sleep(1000)",
    "hangs_and_will_not_end": "leave(os.getpid()); signal.signal(15, signal.SIG_IGN)\nwhile True: pass",
    "hangs_with_children": "leave(subprocess.Popen(['sleep', '1000']).pid); leave(os.getpid()); time.sleep(1000)",
    "hangs_with_a_daemon": (
        "leave(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid); leave(os.getpid()); time.sleep(1000)"
    ),
}
TOP = "import os, signal, subprocess, time\ndef leave(pid): print(pid, file=open({left!r}, 'a'))"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[dict[str, Outcome], list[int]]]:
    """Run the models whose constructors are given, and return their outcomes and the processes they have left."""

    def run(inits: dict[str, str], **options: float) -> tuple[dict[str, Outcome], list[int]]:
        folder = tmp_path_factory.mktemp("models")
        left = folder / "left"
        left.touch()
        for name, init in inits.items():
            (folder / f"{name}.py").write_text(model(top=TOP.format(left=str(left)), init=init))
        jobs = [job(f"{name}.py", folder) for name in inits]
        outcomes = gather(jobs, workers=4, cache=False, **options)
        return dict(zip(inits, outcomes, strict=True)), [int(line) for line in left.read_text().split()]

    return run


@pytest.fixture(scope="module")
def fatal(run: Callable[..., tuple[dict[str, Outcome], list[int]]]) -> dict[str, Outcome]:
    return run({**{name: code for name, (code, _) in FATAL.items()}, "innocent": "pass"})[0]


@pytest.fixture(scope="module")
def odd(run: Callable[..., tuple[dict[str, Outcome], list[int]]]) -> tuple[dict[str, Outcome], list[int]]:
    return run(ODD)


@pytest.mark.parametrize("name", FATAL)
def test_a_model_that_does_not_come_back_is_said_to_have_failed(name: str, fatal: dict[str, Outcome]) -> None:
    outcome = fatal[name]
    assert outcome.report is None
    assert outcome.error is not None
    assert FATAL[name][1] in outcome.error.message
    assert f"{name}.py" in outcome.error.message or outcome.error.message.startswith("Net()")
    assert outcome.error.exit_code == (2 if name in ("said_it_could_not_write", "out_of_memory") else 3)


def test_the_model_beside_them_is_not_harmed(fatal: dict[str, Outcome]) -> None:
    assert params(fatal["innocent"]) == 12


@pytest.mark.parametrize("name", ODD)
def test_a_model_that_comes_back_is_reported_whatever_it_did(
    name: str, odd: tuple[dict[str, Outcome], list[int]]
) -> None:
    assert params(odd[0][name]) == 12


def test_no_process_that_a_model_started_outlives_it(odd: tuple[dict[str, Outcome], list[int]]) -> None:
    assert len(odd[1]) == 3
    assert [pid for pid in odd[1] if runs(pid)] == []


def test_a_model_that_hangs_is_stopped_with_all_that_it_started(
    run: Callable[..., tuple[dict[str, Outcome], list[int]]],
) -> None:
    outcomes, left = run(HANGING, timeout=4)
    for outcome in outcomes.values():
        assert outcome.report is None
        assert outcome.error is not None
        assert outcome.error.exit_code == 3
        assert "no report after 4 s" in outcome.error.message
    assert len(left) == 6
    assert [pid for pid in left if runs(pid)] == []


def test_nothing_that_a_model_prints_comes_to_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.py").write_text(model(init=ODD["prints"]))
    gather([job("net.py", tmp_path)])
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("rubbish") == 2


def runs(pid: int) -> bool:
    """Tell whether the process is there, and more than a name that nobody has asked for yet."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if " Z " in Path(f"/proc/{pid}/stat").read_text():
                return False
        except OSError:
            return False
        time.sleep(0.01)
    return True
