"""A git revision: which tree of files it names, and that tree as files in a folder of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convinspect.errors import UsageError
from convinspect.git import git

if TYPE_CHECKING:
    from subprocess import CompletedProcess

_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of ``revision``: ``id`` is the same wherever they are the same; ``work`` is the work tree's top."""

    work: str
    id: str
    revision: str = field(compare=False)


def tree_of(folder: str, revision: str) -> Tree:
    """Return the tree that ``revision`` names in the repository of ``folder``.

    Raises `UsageError` where there is no repository, or no such revision in it.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top.returncode:
        said = _last_line(top.stderr)
        outside = "not a git repository" in said
        raise UsageError(f"{folder} is in no git repository" if outside else f"{folder}: git says: {said}")
    work = os.path.realpath(top.stdout.removesuffix("\n"))
    named = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}")
    if named.returncode:
        shallow = _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        hint = "the clone is shallow: fetch more of it (git fetch --unshallow)" if shallow else None
        raise UsageError(f"{revision}: no such revision in {work}", hint)
    return Tree(work, named.stdout.strip(), revision)


def write(tree: Tree, folder: str) -> None:
    """Write the files of ``tree`` below ``folder`` as a checkout would have them, but those in Git LFS as pointers.

    Neither the work tree nor the index of the repository is touched. Raises `UsageError` where git fails.
    """
    # Not `git archive`: it leaves out, and rewrites, what the attributes of the files say.
    index = f"{folder}.index"
    for command in (
        ("read-tree", "--no-sparse-checkout", tree.id),
        ("checkout-index", "--all", "--quiet", f"--prefix={folder}/"),
    ):
        done = _git(tree.work, *command, GIT_INDEX_FILE=index, GIT_LFS_SKIP_SMUDGE="1")
        if done.returncode:
            raise UsageError(f"{tree.revision}: git cannot write its files: {_last_line(done.stderr)}")
    os.makedirs(folder, exist_ok=True)  # a revision without files


def submodules(tree: Tree) -> tuple[str, ...]:
    """Return the folders of which the tree has only the name."""
    listed = _git(tree.work, "ls-tree", "-r", "-z", "--full-tree", tree.id).stdout.split("\0")
    return tuple(line.partition("\t")[2] for line in listed if line.startswith(_SUBMODULE))


def _git(folder: str, *arguments: str, **more: str) -> CompletedProcess[str]:
    try:
        return git(folder, *arguments, more=more)
    except FileNotFoundError:
        missing = f"{folder}: no such folder" if not os.path.isdir(folder) else "git is not installed"
        raise UsageError(missing) from None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("fatal: ").removeprefix("error: ") if lines else "nothing"
