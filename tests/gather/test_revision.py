"""A model as of a git revision: all that it imports and reads is of that revision, and the work tree is not touched."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from convinspect.gather import Job, gather
from convinspect.parsing import parse_target
from convinspect.spec import Request
from tests.gather.asking import job, model, params

if TYPE_CHECKING:
    from pathlib import Path

    from convinspect.gather import Outcome
    from convinspect.report import Report

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
EDITABLE = """
import sys
from importlib.util import spec_from_file_location
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "editable":
            return spec_from_file_location(name, {path!r} + "/editable.py")
sys.meta_path.append(Finder)
"""
# As committed first; by then each net is 3 wide, and 5 wide in the work tree.
FILES = {
    "net.py": model(init="width = 3"),
    "sub/deep.py": model(init="width = 3"),
    "sub/width.txt": "3",
    "sub/reads.py": model(init="width = int(open('width.txt').read())"),
    "sub/reads_beside_itself.py": model(
        top="from pathlib import Path", init="width = int(Path(__file__).with_name('width.txt').read_text())"
    ),
    "imports.py": model(top="import blocks", init="width = blocks.WIDTH"),
    "late.py": model(forward="import blocks\nself.layer = nn.Linear(4, blocks.WIDTH)"),
    "blocks.py": "WIDTH = 3",
    "nets/__init__.py": "from .one import Net",
    "nets/one.py": model(top="from . import two", init="width = two.WIDTH"),
    "nets/two.py": "WIDTH = 3",
    "uses_path.py": model(top="import on_path", init="width = on_path.WIDTH"),
    "src/on_path.py": "WIDTH = 3",
    "uses_editable.py": model(top="import editable", init="width = editable.WIDTH"),
    "src/editable.py": "WIDTH = 3",
    "ignored.py": model(init="width = 3"),
    ".gitattributes": "ignored.py export-ignore\nsubst.py export-subst",
    "subst.py": model(init="width = len('$Format:%H$') // 3"),
    "fails.py": model(top="import blocks\nraise ValueError(__file__)"),
    "fails_in_forward.py": model(forward="raise ValueError(__file__)"),
    "pointer.bin": POINTER,
    "reads_pointer.py": model(init="width = len(open('pointer.bin').readlines())"),
    "reads_stranger.py": model(init="width = int(open({work!r} + '/sub/width.txt').read())"),
    "reads_untracked.py": model(init="width = int(open('untracked.txt').read())"),
    "may_read_untracked.py": model(init="try: width = int(open('untracked.txt').read())\nexcept OSError: width = 3"),
    "imports_untracked.py": model(top="import untracked"),
    "uses_package.py": model(top="import a_package", init="width = a_package.WIDTH"),
    "gone.py": model(init="width = 3"),
    "link.py": "net.py",
}


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "-c", "protocol.file.allow=always", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Repository:
    path: Path
    untracked: Path
    status: str
    index: bytes


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository of two commits, with changes in the index and in the work tree, and a submodule."""
    root = tmp_path_factory.mktemp("git").resolve()
    part, work = root / "part", root / "a work tree"
    part.mkdir()
    git(part, "init", "-q")
    (part / "inner.py").write_text(model())
    git(part, "add", ".")
    git(part, "commit", "-qm", "part")
    work.mkdir()
    git(work, "init", "-q", "-b", "main")
    for name, text in FILES.items():
        (work / name).parent.mkdir(exist_ok=True)
        if name == "link.py":
            (work / name).symlink_to(text)
        else:
            (work / name).write_text(text.replace("{work!r}", repr(str(work))))
    git(work, "submodule", "add", "-q", str(part), "part")
    git(work, "add", ".")
    git(work, "commit", "-qm", "three")
    git(work, "tag", "-a", "-m", "three", "three")
    for name in (
        "net.py",
        "sub/deep.py",
        "blocks.py",
        "nets/two.py",
        "src/on_path.py",
        "src/editable.py",
        "ignored.py",
    ):
        (work / name).write_text((work / name).read_text().replace("= 3", "= 5"))
    (work / "sub" / "width.txt").write_text("5")
    git(work, "rm", "-q", "gone.py")
    git(work, "commit", "-qam", "five")
    (work / "net.py").write_text("a syntax error")
    (work / "staged.py").write_text(model())
    git(work, "add", "staged.py")
    (work / "untracked.txt").write_text("5")
    (work / "untracked.py").write_text(model())
    packages = work / "venv" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "a_package.py").write_text("WIDTH = 3")
    return Repository(work, packages, git(work, "status", "--porcelain"), (work / ".git" / "index").read_bytes())


JOBS: dict[str, dict[str, Any]] = {
    **{name: {"target": name} for name in FILES if name.endswith(".py") and "/" not in name},
    "deep": {"target": "deep.py", "folder": "sub"},
    "reads": {"target": "reads.py", "folder": "sub"},
    "reads_beside_itself": {"target": "sub/reads_beside_itself.py"},
    "from_elsewhere": {"target": "../net.py", "folder": "sub"},
    "whole_path": {"target": "{work}/net.py", "folder": "sub"},
    "package": {"target": "nets/one.py"},
    "module": {"target": "nets.one:Net"},
    "none": {"target": "none.py"},
    "staged": {"target": "staged.py"},
    "submodule": {"target": "part/inner.py"},
    "outside": {"target": "../outside.py"},
    "folder_of_later": {"target": "a_package.py", "folder": "venv/site-packages"},
    "no_class": {"target": "blocks.py"},
    "five": {"target": "blocks.py", "revision": "no-such"},
    "option": {"target": "net.py", "revision": "--help"},
    "blob": {"target": "net.py", "revision": "HEAD:net.py"},
}


def ask(repository: Repository, spec: dict[str, Any], **more: Any) -> Job:
    target = spec["target"].format(work=repository.path)
    revision = spec.get("revision", "HEAD~1")
    return job(target, repository.path / spec.get("folder", "."), revision=revision, **more)


@pytest.fixture(scope="module")
def outcomes(repository: Repository) -> dict[str, Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(repository.path / "src"), str(repository.untracked)])
        # As in a hook that git runs: its variables are of the commit in the making.
        patch.setenv("GIT_DIR", ".git")
        patch.setenv("GIT_INDEX_FILE", ".git/index")
        path = repository.untracked / "sitecustomize.py"
        path.write_text(EDITABLE.format(path=str(repository.path / "src")))
        patch.setenv("PYTHONPATH", str(repository.untracked), prepend=os.pathsep)
        jobs = [ask(repository, spec) for spec in JOBS.values()]
        gathered = gather(jobs, workers=2, cache=False)
        path.unlink()
        return dict(zip(JOBS, gathered, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        *("net.py", "deep", "imports.py", "package", "module", "ignored.py", "gone.py", "link.py", "subst.py"),
        *("reads", "reads_beside_itself", "from_elsewhere", "whole_path"),
        *("uses_path.py", "uses_editable.py", "uses_package.py", "may_read_untracked.py"),
    ],
)
def test_what_is_imported_and_read_is_of_the_revision(
    name: str, outcomes: dict[str, Outcome], repository: Repository
) -> None:
    outcome = outcomes[name]
    assert params(outcome) == 12
    assert outcome.report is not None
    assert outcome.report.model.target == f"{JOBS[name]['target'].format(work=repository.path)} at HEAD~1"


def test_what_forward_imports_is_of_the_revision(outcomes: dict[str, Outcome]) -> None:
    report = outcomes["late.py"].report
    assert report is not None
    assert report.outputs[0].shape == (1, 3)


def test_work_tree_and_index_are_not_touched(outcomes: dict[str, Outcome], repository: Repository) -> None:
    assert outcomes
    assert git(repository.path, "status", "--porcelain") == repository.status
    assert (repository.path / ".git" / "index").read_bytes() == repository.index
    assert git(repository.path, "worktree", "list").count("\n") == 1
    assert list(repository.path.rglob("__pycache__")) == []


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("none", 2, "none.py is not in HEAD~1"),
        ("staged", 2, "staged.py is not in HEAD~1"),
        ("submodule", 2, "part/inner.py lies in the submodule part: its files are not part of HEAD~1"),
        ("outside", 2, "../outside.py is outside of the repository {work}: no revision has it"),
        ("folder_of_later", 2, "the folder venv/site-packages is not in HEAD~1"),
        ("no_class", 2, "HEAD~1: blocks.py: defines no torch.nn.Module"),
        ("five", 2, "no-such: no such revision in {work}"),
        ("option", 2, "--help: no such revision in {work}"),
        ("blob", 2, "HEAD:net.py: no such revision in {work}"),
        ("fails.py", 3, "HEAD~1: fails.py: ValueError: {work}/fails.py (fails.py:4)"),
        ("fails_in_forward.py", 3, "{work}/fails_in_forward.py"),
        ("reads_pointer.py", 2, "HEAD~1: {work}/pointer.bin is kept in Git LFS: its content is not part of"),
        ("reads_stranger.py", 2, "HEAD~1: {work}/sub/width.txt was read as it is in the work tree, not as in"),
        ("reads_untracked.py", 3, "No such file or directory: 'untracked.txt'"),
        ("imports_untracked.py", 3, "No module named 'untracked'"),
    ],
)
def test_what_cannot_be_used_is_said_in_the_users_words(
    name: str, code: int, words: str, outcomes: dict[str, Outcome], repository: Repository
) -> None:
    error = outcomes[name].error
    assert error is not None
    assert (words.format(work=repository.path) in error.message, error.exit_code) == (True, code), error.message
    assert "/convinspect-" not in error.message


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("reads_untracked.py", "untracked.txt is in the work tree, but not in the revision"),
        ("may_read_untracked.py", "untracked.txt is in the work tree, but not in the revision"),
        ("imports_untracked.py", "untracked.py is in the work tree, but not in the revision"),
        ("net.py", "part is a submodule: its files are not part of the revision"),
    ],
)
def test_what_is_not_there_is_said(name: str, note: str, outcomes: dict[str, Outcome]) -> None:
    assert note in outcomes[name].notes


def test_a_report_is_kept_for_the_tree_whatever_names_it(repository: Repository, tmp_path: Path) -> None:
    (first,) = gather([ask(repository, JOBS["net.py"])])
    again, tagged, other = gather(
        [
            ask(repository, JOBS["net.py"]),
            ask(repository, {"target": "net.py", "revision": "three"}),
            ask(repository, {"target": "no.py", "revision": "HEAD"}),
        ]
    )
    assert (params(first), first.cached) == (12, False)
    assert (params(again), again.cached, again.notes) == (12, True, first.notes)
    assert (params(tagged), tagged.cached) == (12, True)
    assert tagged.report is not None
    assert tagged.report.model.target == "net.py at three"
    assert other.error is not None
    saved_report_of_a_revision(tmp_path, tagged.report)


def saved_report_of_a_revision(folder: Path, report: Report) -> None:
    git(folder, "init", "-q")
    (folder / "report.json").write_text(report.to_json())
    git(folder, "add", "report.json")
    git(folder, "commit", "-qm", "report")
    (folder / "report.json").unlink()
    plain = Job(Request(parse_target("report.json")), folder, "HEAD")
    asked = replace(plain, request=replace(plain.request, given=("--input",)))
    refused, saved = gather([asked, plain])
    assert refused.error is not None
    assert "a saved report is not run again" in refused.error.message
    assert saved.report is not None
    assert saved.report.totals == report.totals
    assert saved.report.model.target == "report.json at HEAD"


def test_no_repository_and_a_shallow_one_are_said(repository: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository.path}", "clone")
    (tmp_path / "net.py").write_text(model())
    none, shallow, gone = gather(
        [
            job("net.py", tmp_path, revision="HEAD"),
            job("net.py", clone, revision="HEAD~1"),
            job("net.py", tmp_path / "no", revision="HEAD"),
        ]
    )
    assert none.error is not None
    assert none.error.message == f"{tmp_path} is in no git repository"
    assert shallow.error is not None
    assert shallow.error.message == f"HEAD~1: no such revision in {clone}"
    assert shallow.error.hint is not None
    assert "git fetch --unshallow" in shallow.error.hint
    assert gone.error is not None
    assert gone.error.message == f"{tmp_path / 'no'}: no such folder"
    assert {one.error.exit_code for one in (none, shallow, gone) if one.error} == {2}


def test_a_sparse_work_tree_has_whole_revisions(repository: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository.path), "clone")
    git(clone, "sparse-checkout", "set", "--cone", "nets")
    assert not (clone / "sub").exists()
    outcomes = gather([job(name, clone, revision="HEAD~1") for name in ("nets/one.py", "sub/deep.py")], cache=False)
    assert [params(outcome) for outcome in outcomes] == [12, 12]
