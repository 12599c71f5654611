"""``convinspect check`` of models that run: baselines, revisions, the cache, and models that fail."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.check.projects import (
    BROKEN,
    CONFIG,
    NET,
    PARAMS,
    Done,
    commit,
    environment,
    process,
    repository,
    without_torch,
    write,
)
from tests.shell import convinspect

WIDER = NET.replace("width=8", "width=9")
VALUES = NET.replace("return self.head(", "x.sum().item()\n        return self.head(")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def check(folder: Path, cache: Path, *argv: str) -> Done:
    return process("check", *argv, cwd=folder, CONVINSPECT_CACHE=str(cache))


def test_a_baseline_is_written_kept_and_held_against(tmp_path: Path, cache: Path) -> None:
    folder = repository(tmp_path / "project", net__py=NET, pyproject__toml=CONFIG)
    missing = check(folder, cache)
    assert (missing.code, "no such file" in missing.out) == (2, True)
    written = check(folder, cache, "--update-baseline")
    assert (written.code, written.err) == (0, "")
    saved = json.loads((folder / "budgets/net.json").read_bytes())
    assert (saved["schema"], saved["totals"]["params"]) == ("convinspect.report/1", PARAMS)
    commit(folder, "baseline")

    same = check(folder, cache)
    assert same.code == 0
    assert json.loads(check(folder, cache, "--json").out)["checks"][0]["cached"] is True
    assert "baseline budgets/net.json: committed 2026-02-03 04:05 UTC (" in same.out

    write(folder, net__py=WIDER)
    wider = check(folder, cache)  # one more channel: 3*9 + 1 + 10 parameters
    assert wider.code == 1
    assert "PASS  params         352  max 1,000      648 left (64.8%)\n" in wider.out
    assert "FAIL  params growth  352  max 329 (+5%)  23 over (+12.1%)\n" in wider.out
    assert "changed: features.0 (Conv2d) +28, head (Linear) +10\n" in wider.out
    assert "set by: tool.convinspect.checks.net.limits.growth.params in pyproject.toml\n" in wider.out

    against_head = check(folder, cache, "--baseline", "git:HEAD")
    assert against_head.code == 1
    assert "baseline git:HEAD: committed 2026-02-03 04:05 UTC (" in against_head.out
    assert "FAIL  params growth  352  max 329 (+5%)  23 over (+12.1%)\n" in against_head.out

    updated = check(folder, cache, "--update-baseline")
    assert (updated.code, "SKIP  params growth" in updated.out) == (0, True)
    assert check(folder, cache).code == 0


def test_a_check_of_what_is_cached_needs_no_torch(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path, net__py=NET)
    argv = ["check", "net.py", "--input", "3,16,16", "--max-params", "1", "--json"]
    assert check(folder, cache, *argv[1:]).code == 1
    kept = json.loads(without_torch(*argv, cwd=folder, CONVINSPECT_CACHE=str(cache)))
    assert kept["checks"][0]["cached"]


def test_a_model_that_is_new_since_the_revision_is_skipped_and_said(tmp_path: Path, cache: Path) -> None:
    folder = repository(tmp_path / "project", readme__md="")
    write(folder, net__py=NET)
    argv = ("net.py", "--input", "3,16,16", "--max-params", "1K", "--max-growth", "params=0")
    done = check(folder, cache, *argv, "--baseline", "git:HEAD")
    assert done.code == 0
    assert "SKIP  params growth\n      net.py is not in HEAD: there is nothing to grow from\n" in done.out
    gone = check(folder, cache, *argv, "--baseline", "git:no-such")
    assert (gone.code, "no such revision" in gone.out) == (2, True)


def test_models_that_fail_are_no_breaches_and_stop_no_other_check(tmp_path: Path, cache: Path) -> None:
    config = """
[checks]
over = { target = "net.py", inputs = "3,16,16", limits = { params = 1 } }
broken = { target = "broken.py", inputs = "3,16,16", limits = { params = 1 } }
values = { target = "values.py", inputs = "3,16,16", limits = { params = 1 } }
syntax = { target = "syntax.py", inputs = "3,16,16", limits = { params = 1 } }
fine = { target = "net.py", inputs = "3,16,16", limits = { params = "1K" } }
"""
    files = {"net__py": NET, "broken__py": BROKEN, "values__py": VALUES, "syntax__py": "def (:"}
    done = check(write(tmp_path, convinspect__toml=config, **files), cache, "--jobs", "2", "--json")
    assert done.code == 3
    document = json.loads(done.out)
    codes = {one["name"]: (one["status"], one["exit_code"]) for one in document["checks"]}
    assert codes == {
        "over": ("FAIL", 1),
        "broken": ("ERROR", 3),
        "values": ("FAIL", 1),
        "syntax": ("ERROR", 3),
        "fine": ("PASS", 0),
    }
    errors = {one["name"]: one["error"] for one in document["checks"]}
    assert "ValueError: seven" in errors["broken"]["message"]


def test_what_depends_on_values_is_checked_on_the_cpu(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path, values__py=VALUES)
    argv = ("values.py", "--input", "3,16,16", "--max-params", "1K")
    assert check(folder, cache, *argv, "--device", "cpu").code == 0


def test_a_model_that_takes_too_long_is_a_failed_model(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path, net__py=f"import time\ntime.sleep(600)\n{NET}")
    done = check(folder, cache, "net.py", "--input", "3,16,16", "--max-params", "1K", "--timeout", "8")
    assert done.code == 3


def test_targets_and_baselines_of_a_config_are_found_from_any_folder(tmp_path: Path, cache: Path) -> None:
    config = CONFIG.replace('"net.py"', '"models/net.py:Net"').replace("growth", "min-params = 1, growth")
    write(tmp_path, pyproject__toml=config)
    write(tmp_path / "models", net__py=NET)
    write(tmp_path / "elsewhere")
    assert check(tmp_path / "elsewhere", cache, "--update-baseline").code == 0
    assert (tmp_path / "budgets/net.json").is_file()
    assert check(tmp_path / "models", cache, "net").code == 0


def test_an_interrupt_is_no_verdict(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path, net__py=f"open('started', 'w')\nimport time\ntime.sleep(600)\n{NET}")
    command = [sys.executable, "-m", "convinspect", "check", "net.py", "--input", "3,16,16", "--max-params", "1"]
    running = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(CONVINSPECT_CACHE=str(cache)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while not (folder / "started").exists() and time.monotonic() < end:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, b"interrupted" in err) == (130, True)


def test_a_file_of_several_models_is_told_with_their_names(tmp_path: Path) -> None:
    net = (
        "class {}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer = nn.Linear(4, 2)\n    def forward(self, x):\n        return self.layer(x)\n"
    )
    text = "from torch import nn\n" + "".join(net.format(name) for name in ("Small", "Large"))
    (tmp_path / "nets.py").write_text(text)
    result = convinspect("check", "nets.py", "-i", "4", "--max-params", "1M", cwd=tmp_path)
    assert result.code == 2
    assert "ERROR nets.py: several models\n        Small()\n        Large()\n      hint:" in result.out
    assert "hint: choose one, for example: nets.py:Small" in result.out


def test_what_two_checks_ask_for_is_run_once(tmp_path: Path) -> None:
    (tmp_path / "counted_net.py").write_text(
        "from pathlib import Path\nfrom torch import nn\nwith Path('runs').open('a') as file:\n    file.write('x')\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(4, 2)\n"
    )
    check = '[checks.{}]\ntarget = "counted_net.py"\ninputs = ["4"]\nlimits = {{ params = "{}" }}\n'
    (tmp_path / "convinspect.toml").write_text(check.format("small", "1K") + check.format("smaller", "9"))
    result = convinspect("check", "--no-cache", cwd=tmp_path)
    assert (result.code, (tmp_path / "runs").read_text()) == (1, "x")
    assert "1 passed, 1 failed" in result.out
