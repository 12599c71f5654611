"""A revision's files in the place of the work tree's, for the imports of one process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from typing import Any

from convinspect.errors import UsageError
from convinspect.gather.assignment import Moved
from convinspect.gather.evidence import ABSENT
from convinspect.gather.installed import Installed
from convinspect.gather.recording import Recorder

_POINTER = b"version https://git-lfs"
_MOST_NOTES = 5


def relocate(moved: Moved, installed: Installed) -> None:
    """Have all that is imported from now on come from the revision: also what is installed in editable mode."""
    place_of = _places(moved, installed)
    sys.path[:] = [place_of(folder) for folder in sys.path]
    sys.meta_path.insert(1, _Finder(place_of))  # after the recorder, which finds nothing itself


def refuse_strays(recorder: Recorder, installed: Installed, moved: Moved) -> None:
    """Raise `UsageError` where the run has read what is not the revision's content, and could have been."""
    place_of = _places(moved, installed)
    for path, was in recorder.touched.items():
        if was in (ABSENT, "folder"):
            continue
        if path.startswith(f"{moved.tree}/") and _is_pointer(path):
            hint = "check the revision out in a folder of its own (git worktree add), and inspect it there"
            raise UsageError(f"{path} is kept in Git LFS: its content is not part of the revision", hint)
        elsewhere = place_of(path)
        if elsewhere != path and os.path.isfile(elsewhere) and not os.path.samefile(path, elsewhere):
            hint = "the code names it by its whole path; a path relative to the code follows the revision"
            raise UsageError(f"{path} was read as it is in the work tree, not as in the revision", hint)


def not_in_the_revision(recorder: Recorder, moved: Moved) -> tuple[str, ...]:
    """Return what the run looked for in vain, and would have found in the work tree, in sentences."""
    wanted = [path for path, was in recorder.touched.items() if was == ABSENT]
    for folder, names in recorder.searched.items():
        wanted += [f"{folder}/{name}{end}" for name in names for end in (".py", "/__init__.py")]
    inside = [path.removeprefix(moved.tree) for path in wanted if path.startswith(f"{moved.tree}/")]
    missing = sorted({path for path in inside if not os.path.lexists(moved.tree + path)})
    there = [path.lstrip("/") for path in missing if os.path.isfile(moved.work + path)]
    return tuple(f"{path} is in the work tree, but not in the revision" for path in there[:_MOST_NOTES])


def as_in_the_work_tree(document: dict[str, Any], moved: Moved) -> dict[str, Any]:
    """Return ``document`` with the work tree's paths in the place of the temporary ones."""
    text = json.dumps(document)
    for path in {os.path.realpath(moved.tree), moved.tree}:
        text = text.replace(json.dumps(path)[1:-1], json.dumps(moved.work)[1:-1])
    changed: dict[str, Any] = json.loads(text)
    return changed


def _places(moved: Moved, installed: Installed) -> Callable[[str], str]:
    """Return what gives the path in the revision; what lies elsewhere, or was installed into the work tree, stays."""

    def in_the_revision(path: str) -> str:
        real = os.path.realpath(path or ".")
        if f"{real}/".startswith(f"{moved.work}/") and f"{real}/" not in installed:
            return moved.tree + real[len(moved.work) :]
        return path

    return in_the_revision


class _Finder:
    """Asks all other finders, and moves what they find."""

    def __init__(self, place_of: Callable[[str], str]) -> None:
        self._place_of = place_of

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] == "convinspect":  # the tool that runs, also where it is what is inspected
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if isinstance(finder, (_Finder, Recorder)) or find is None:
                continue
            spec = find(name, path, target)
            moved = None if spec is None else self._moved(spec)
            if moved is not None:
                return moved
        return None

    def _moved(self, spec: ModuleSpec) -> ModuleSpec | None:
        if spec.origin is None or not spec.has_location:
            if spec.submodule_search_locations is not None:
                folders = [self._place_of(folder) for folder in spec.submodule_search_locations]
                if folders != list(spec.submodule_search_locations):
                    spec.submodule_search_locations = folders
            return spec
        origin = self._place_of(spec.origin)
        if origin == spec.origin:
            return spec
        if not os.path.isfile(origin):
            return None
        package = spec.submodule_search_locations is not None
        folder = [os.path.dirname(origin)] if package else None
        return spec_from_file_location(spec.name, origin, submodule_search_locations=folder)


def _is_pointer(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
