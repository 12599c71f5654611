"""``--output`` writes the report where it was asked to, and harms nothing else."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.shell import ROOT, convinspect

LENET = ("summary", str(ROOT / "sample_models/lenet.py"), "--input", "1,28,28", "--device", "meta")
FAILS = ("summary", str(ROOT / "sample_models/lenet.py"), "--input", "1,20,20", "--device", "meta")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved report: what is shown again needs no torch, and so is quick."""
    path = tmp_path_factory.mktemp("saved") / "lenet.json"
    assert convinspect(*LENET, "--output", path).code == 0
    return path


def write(saved: Path, target: Path | str, *more: str, cwd: Path = ROOT) -> tuple[int, str]:
    result = convinspect("summary", saved, "--json", "-o", target, *more, cwd=cwd)
    assert result.out == ""
    return result.code, result.err


def is_the_report(path: Path) -> bool:
    return json.loads(path.read_text())["totals"]["params"] == 21_840


def test_a_device_node_stays_a_device_node(saved: Path, tmp_path: Path) -> None:
    node = tmp_path / "null"
    try:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        node.write_text("x")
    except OSError:
        pytest.skip("device nodes cannot be made here")
    assert write(saved, node) == (0, "")
    assert stat.S_ISCHR(node.stat().st_mode)


def test_a_fifo_gets_the_report_and_stays_a_fifo(saved: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    assert write(saved, fifo) == (0, "")
    reader.join(timeout=10)
    assert json.loads(read[0])["schema"] == "convinspect.report/1"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_link_is_followed_to_its_target(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "report.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(Path("there") / "report.json")
    assert write(saved, link) == (0, "")
    assert link.is_symlink()
    assert is_the_report(target)


def test_a_link_to_a_file_that_is_not_there_yet_makes_it(saved: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "new.json")
    assert write(saved, link) == (0, "")
    assert link.is_symlink()
    assert is_the_report(tmp_path / "new.json")


def test_a_loop_of_links_is_refused(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    code, said = write(saved, tmp_path / "a")
    assert code == 2
    assert os.strerror(errno.ELOOP) in said


def test_hard_links_stay_one_file(saved: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text("old")
    os.link(first, second)
    assert write(saved, first) == (0, "")
    assert first.samefile(second)
    assert is_the_report(second)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_keeps_its_mode(saved: Path, tmp_path: Path, mode: int) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(mode)
    assert write(saved, path) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert is_the_report(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_a_file_keeps_its_owner(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    os.chown(path, 12345, 12346)
    assert write(saved, path) == (0, "")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_a_new_file_has_the_mode_that_the_umask_leaves(saved: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert write(saved, tmp_path / "report.json") == (0, "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o640


def test_a_read_only_file_is_left_alone(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o444)
    code, said = write(saved, path)
    assert (code, path.read_text()) == (2, "old")
    assert "the file is read-only" in said


@pytest.mark.parametrize("name", ["model.py", "./model.py", "link.py", "hard.py"])
def test_the_model_that_is_read_is_never_written_over(tmp_path: Path, name: str) -> None:
    source = "import torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(4, 2)\n"
    (tmp_path / "model.py").write_text(source)
    (tmp_path / "link.py").symlink_to("model.py")
    os.link(tmp_path / "model.py", tmp_path / "hard.py")
    result = convinspect("summary", "model.py", "-i", "4", "-o", name, cwd=tmp_path)
    assert result.code == 2
    assert "the run reads this file" in result.err
    assert (tmp_path / "model.py").read_text() == source


def test_a_file_that_the_model_imports_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "parts_of_it.py").write_text("import torch\nBlock = torch.nn.Linear\n")
    (tmp_path / "whole.py").write_text(
        "from parts_of_it import Block\nclass Net(Block):\n    def __init__(self):\n        super().__init__(4, 2)\n"
    )
    before = (tmp_path / "parts_of_it.py").read_text()
    result = convinspect("summary", "whole.py", "-i", "4", "-o", "parts_of_it.py", cwd=tmp_path)
    assert result.code == 2
    assert "the model was made of this file" in result.err
    assert (tmp_path / "parts_of_it.py").read_text() == before


def test_a_saved_report_is_not_written_over_itself(saved: Path) -> None:
    before = saved.read_bytes()
    code, said = write(saved, saved)
    assert (code, saved.read_bytes()) == (2, before)
    assert "the run reads this file" in said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (".", "is a folder"),
        ("no/such/report.json", "no such folder"),
        ("file/report.json", ""),
        ("x" * 300, os.strerror(errno.ENAMETOOLONG)),
        ("", "not the name of a file"),
    ],
)
def test_what_cannot_be_written_is_said_before_torch_is_imported(
    saved: Path, tmp_path: Path, target: str, said: str
) -> None:
    del saved
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.iterdir())
    code = (
        "import sys; from convinspect.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *LENET, "-o", target],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.split() == ["2", "False"]
    assert done.stderr.startswith("error: --output")
    assert said in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_the_longest_name_that_a_file_may_have_works(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 250}.json"
    assert write(saved, path) == (0, "")
    assert is_the_report(path)


def test_a_full_disk_leaves_the_old_report_and_nothing_else(saved: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "report.json").write_text("yesterday's")
        os.link(disk / "report.json", disk / "linked.json")
        (disk / "alone.json").write_text("yesterday's")
        for name in ("report.json", "alone.json", "new.json"):
            code, said = write(saved, disk / name)
            assert code == 2
            assert os.strerror(errno.ENOSPC) in said
        assert {path.name: path.read_text() for path in disk.iterdir()} == dict.fromkeys(
            ("report.json", "linked.json", "alone.json"), "yesterday's"
        )
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_failed_forward_leaves_yesterdays_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("yesterday's")
    result = convinspect(*FAILS, "-o", path)
    assert (result.code, result.out, path.read_text()) == (3, "", "yesterday's")
    assert "is not written, for the forward failed; --partial writes the rows up to there" in result.err


def test_partial_writes_the_rows_up_to_the_failure(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert convinspect(*FAILS, "-o", path, "--partial").code == 3
    assert {row["path"]: row["call"] for row in json.loads(path.read_text())["layers"]}["fc2"] == 0


def test_a_model_that_changes_the_folder_does_not_move_the_output(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "moves.py").write_text(
        "import os, torch\nos.chdir('elsewhere')\n"
        "class Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(4, 2)\n"
    )
    assert convinspect("summary", "moves.py", "-i", "4", "-o", "report.json", cwd=tmp_path).code == 0
    assert (tmp_path / "report.json").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_dash_is_standard_output(saved: Path) -> None:
    result = convinspect("summary", saved, "--json", "-o", "-")
    assert json.loads(result.out)["totals"]["params"] == 21_840


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
@pytest.mark.parametrize("redirected", ["| cat", "> out.txt; cat out.txt"])
def test_the_name_of_standard_output_is_standard_output(saved: Path, tmp_path: Path, redirected: str) -> None:
    command = f"{sys.executable} -m convinspect summary {saved} --json -o /dev/stdout {redirected}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert json.loads(done.stdout)["totals"]["params"] == 21_840
    assert done.stderr == ""


def test_a_report_of_names_that_are_no_text_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "m\udcff.py"
    path.write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.add_module('\\udcff', nn.Linear(4, 2))\n"
    )
    saved = tmp_path / "saved.json"
    assert convinspect("summary", path.name, "-i", "4", "-o", saved, cwd=tmp_path).code == 0
    shown = convinspect("summary", saved, cwd=tmp_path)
    assert (shown.code, shown.err) == (0, "")
    assert r"m\udcff.py" in shown.out
    assert r"\udcff: Linear" in shown.out
    assert convinspect("diff", path.name, saved, "-i", "4", cwd=tmp_path).out.count("no difference") == 1
    for form in ("text", "json", "markdown", "github", "junit"):
        result = convinspect("check", path.name, "-i", "4", "--max-params", "5", "--format", form, cwd=tmp_path)
        assert (result.code, result.err) == (1, ""), form
        result.out.encode()
