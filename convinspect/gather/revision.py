"""A git revision: which tree it names, that tree as files in a folder, and the places that jobs have in it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from convinspect.errors import UsageError
from convinspect.gather.assignment import Moved
from convinspect.gather.job import Prepared, Tree
from convinspect.git import git
from convinspect.spec import Request

if TYPE_CHECKING:
    from subprocess import CompletedProcess


_SUBMODULE = "160000"


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


class Checkouts:
    """The trees that were written below ``folder``, each once however many jobs read it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._written: dict[Tree, tuple[str, tuple[str, ...]]] = {}

    def place(self, one: Prepared, tree: Tree) -> tuple[Request, str, Moved]:
        """Return the request, the folder it is asked from, and the move, for ``one`` as of its ``tree``.

        Raises `UsageError` where the tree does not have them.
        """
        root, parts = self._of(tree)
        inside = os.path.relpath(os.path.realpath(one.folder), tree.work)
        folder = os.path.normpath(f"{root}/{inside}")
        if not os.path.isdir(folder):
            raise UsageError(f"the folder {inside} is not in {tree.revision}")
        request = one.job.request
        path = _path_of(request.target.source, one.folder)
        if path is not None:
            _refuse_what_is_elsewhere(request.target.text, path, tree, parts, root)
            if os.path.isabs(request.target.source):
                source = f"{root}/{os.path.relpath(path, tree.work)}"
                request = replace(request, target=replace(request.target, source=source))
        return request, folder, Moved(tree.work, root)

    def left_out(self, tree: Tree) -> tuple[str, ...]:
        """Return what git keeps elsewhere than in the tree, in sentences."""
        return tuple(f"{part} is a submodule: its files are not part of the revision" for part in self._of(tree)[1])

    def _of(self, tree: Tree) -> tuple[str, tuple[str, ...]]:
        if tree not in self._written:
            root = f"{self._folder}/tree-{len(self._written)}"
            write(tree, root)
            self._written[tree] = root, submodules(tree)
        return self._written[tree]


def _path_of(source: str, folder: str) -> str | None:
    """Return the target's path without links in its folders; `None` for the name of a module."""
    path = os.path.join(folder, source)
    if not (os.path.lexists(path) or source.endswith(".py") or os.path.basename(source) != source):
        return None
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _refuse_what_is_elsewhere(text: str, path: str, tree: Tree, parts: tuple[str, ...], root: str) -> None:
    if not path.startswith(f"{tree.work}/"):
        raise UsageError(f"{text} is outside of the repository {tree.work}: no revision has it")
    inside = os.path.relpath(path, tree.work)
    for part in parts:
        if inside.startswith(f"{part}/"):
            raise UsageError(
                f"{text} lies in the submodule {part}: its files are not part of {tree.revision}",
                f"run it in {part}, with a revision of that repository",
            )
    if not os.path.lexists(f"{root}/{inside}"):
        raise UsageError(f"{text} is not in {tree.revision}")
