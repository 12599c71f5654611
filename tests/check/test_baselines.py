"""When a baseline was made: git's word where it has one, else the file's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convinspect.check.baselines import commit_of, is_in, made, made_at
from convinspect.git import ask
from tests.check.projects import commit, git, repository, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return repository(tmp_path / "project", base__json="{}")


def test_a_committed_file_has_the_date_and_name_of_its_last_commit(project: Path) -> None:
    short = git(project, "rev-parse", "--short", "HEAD").strip()
    assert made(project / "base.json") == f"committed 2026-02-03 04:05 UTC ({short})"


def test_later_commits_of_other_files_change_nothing(project: Path) -> None:
    before = made(project / "base.json")
    write(project, other__txt="")
    commit(project, "second")
    assert made(project / "base.json") == before


def test_a_changed_file_has_its_own_time(project: Path) -> None:
    write(project, base__json="[]")
    os.utime(project / "base.json", (0, 1_000_000_000))
    assert made(project / "base.json") == "written 2001-09-09 01:46 UTC, changed since it was committed"


def test_a_file_that_git_does_not_know_has_its_own_time(project: Path, tmp_path: Path) -> None:
    write(project, __gitignore="ignored.json")
    for file in (project / "new.json", project / "ignored.json", tmp_path / "outside.json"):
        file.write_text("{}")
        os.utime(file, (0, 1_000_000_000))
        assert made(file) == "written 2001-09-09 01:46 UTC"


def test_without_git_a_file_has_its_own_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    os.utime(project / "base.json", (0, 1_000_000_000))
    assert made(project / "base.json") == "written 2001-09-09 01:46 UTC"


def test_a_revision_has_the_date_of_its_commit(project: Path) -> None:
    short = git(project, "rev-parse", "--short", "HEAD").strip()
    assert made_at(project, "main") == f"committed 2026-02-03 04:05 UTC ({short})"
    assert made_at(project, "no-such") == "of an unknown commit"


@pytest.mark.parametrize("name", ["--output=x", "-n1", "no-such", "HEAD:base.json", ""])
def test_what_names_no_commit_is_none_and_never_an_option(name: str, project: Path) -> None:
    assert commit_of(project, name) is None
    assert sorted(file.name for file in project.iterdir()) == [".git", "base.json"]


def test_a_file_is_in_a_commit_or_not(project: Path) -> None:
    head = commit_of(project, "HEAD")
    assert head is not None
    (project / "new.json").write_text("{}")
    assert (is_in(project / "base.json", head), is_in(project / "new.json", head)) == (True, False)


def test_in_a_hook_of_another_repository_the_folder_decides(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repository(tmp_path / "other", base__json="{}", second__json="")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert ask(project, "ls-files") == "base.json\n"
