"""The revisions of one gathering as folders, and the places that its jobs have in them."""

from __future__ import annotations

import os
from dataclasses import replace

from convinspect.errors import UsageError
from convinspect.gather.assignment import Moved
from convinspect.gather.job import Prepared
from convinspect.gather.revision import Tree, submodules, write
from convinspect.spec import Request


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
