"""A ``.py`` file or a dotted module name, imported as ``python model.py`` would see it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from convinspect.errors import UsageError
from convinspect.load.sniff import is_file
from convinspect.load.users_code import running_users_code


def import_source(source: str) -> ModuleType:
    """Return the module of ``source``, a path of a ``.py`` file or a dotted name.

    The file's folder (of a package: the folder that holds it) is put on ``sys.path`` and stays there: code that
    imports its neighbours may do so as late as in ``forward``.
    """
    path = Path(source)
    if is_file(path):
        _check_text(path)
        return _import_file(path.resolve())
    if path.is_dir() and (path.suffix == ".py" or not (path / "__init__.py").is_file()):
        raise UsageError(f"{path} is a folder", _neighbour(path))
    if path.suffix == ".py":
        raise UsageError(f"{path}: no such file", _neighbour(path))
    return _import_name(source)


def _check_text(path: Path) -> None:
    try:
        if "\0" not in importlib.util.decode_source(path.read_bytes()):
            return
    except (SyntaxError, UnicodeError):
        pass
    raise UsageError(f"{path}: not Python source: its bytes are no text", "source is saved as UTF-8, or says how")


def _import_file(path: Path) -> ModuleType:
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    _make_importable(folder)
    with running_users_code(str(path.name)):
        if len(names) > 1:
            return importlib.import_module(".".join(names))
        return _execute(path)


def _execute(path: Path) -> ModuleType:
    # A file that is called like a module in use (random.py, resnet.py) must not take that module's place.
    name = path.stem if path.stem not in sys.modules and path.stem.isidentifier() else f"convinspect_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name}: not a Python source file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_name(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name}: no such file, and not the name of a module")
    _make_importable(Path.cwd())
    top = name.partition(".")[0]
    with running_users_code(name):
        if importlib.util.find_spec(top) is None:
            raise UsageError(f"{name}: no such file, and no module {top} is installed")
        _refuse_an_attribute(name)
        return importlib.import_module(name)


def _refuse_an_attribute(name: str) -> None:
    """Raise `UsageError` for ``torch.nn.Conv2d``: an attribute stands behind a colon."""
    parent, _, attribute = name.rpartition(".")
    if parent and hasattr(importlib.import_module(parent), attribute) and importlib.util.find_spec(name) is None:
        raise UsageError(f"{name} is not a module", f"did you mean {parent}:{attribute}?")


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _neighbour(path: Path) -> str | None:
    """Suggest the Python file of the same folder whose name is nearest."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        return None
    found = sorted(file.name for file in folder.glob("*.py") if file.name != path.name)
    near = difflib.get_close_matches(path.name, found, n=1)
    return f"did you mean {folder / near[0]}?" if near else None
