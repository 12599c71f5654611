"""A ``.py`` file or a dotted module name, imported as ``python model.py`` would see it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
import sys
from pathlib import Path
from traceback import walk_tb
from types import ModuleType

from convinspect.errors import UsageError
from convinspect.load.definitions import definitions_of
from convinspect.paths import is_file
from convinspect.spec import Target
from convinspect.users_code import running_users_code

DEFINITIONS = "to leave out what the file does beside defining its classes: --definitions"


def import_source(target: Target, *, definitions: bool = False) -> ModuleType:
    """Return the module of the target's source, a path of a ``.py`` file or a dotted name.

    With ``definitions`` of a file no more is run than what defines its classes and functions.

    The file's folder (of a package: the folder that holds it) and the working folder are put on ``sys.path`` and stay
    there: code that imports its neighbours may do so as late as in ``forward``.
    """
    path = Path(target.source)
    check_source(target.source)
    if is_file(path):
        return _import_file(path.resolve(), target, definitions=definitions)
    if definitions:
        raise UsageError(f"--definitions is of a file, and {target.source} is the name of a module")
    return _import_name(target.source)


def check_source(source: str) -> None:
    """Raise `UsageError` where ``source`` is no file of Python, and cannot be the name of a module; nothing is run."""
    path = Path(source)
    if is_file(path):
        _check_text(path)
        return
    if path.is_dir() and (path.suffix == ".py" or not (path / "__init__.py").is_file()):
        raise UsageError(f"{path} is a folder", _neighbour(path))
    if path.suffix == ".py":
        raise UsageError(f"{path}: no such file", _neighbour(path))
    if not all(part.isidentifier() for part in source.split(".")):
        raise UsageError(f"{source}: no such file, and not the name of a module", _with_a_colon(source))
    _make_importable(Path.cwd())
    _check_module(source, [], source.split("."))


def _check_text(path: Path) -> None:
    try:
        if "\0" not in importlib.util.decode_source(path.read_bytes()):
            return
    except (SyntaxError, UnicodeError):
        pass
    raise UsageError(f"{path}: not Python source: its bytes are no text", "source is saved as UTF-8, or says how")


def _import_file(path: Path, target: Target, *, definitions: bool) -> ModuleType:
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    level = _level(path)
    if level >= len(names):  # a package without __init__, from the working folder on where that is above it
        root = path.parents[min(level, len(path.parents) - 1)]
        root = Path.cwd() if Path.cwd() in root.parents else root
        dotted = list(path.relative_to(root).with_suffix("").parts)
        if all(name.isidentifier() for name in dotted):
            names, folder = dotted, root
    _make_importable(Path.cwd())
    _make_importable(folder)
    if path.parent != folder:
        _make_importable(path.parent, last=True)  # its files may be called as Python's own modules are
    with running_users_code(path.name, lambda error: _hint(error, path, target)):
        if len(names) > 1 and not definitions:
            return importlib.import_module(".".join(names))
        return _execute(path, names, target.attribute, definitions=definitions)


def _level(path: Path) -> int:
    """Return the most folders that a relative import of the file at ``path`` starts from: one dot is its own."""
    return max((node.level for node in ast.walk(_parsed(path)) if isinstance(node, ast.ImportFrom)), default=0)


def _parsed(path: Path) -> ast.Module:
    """Return the statements of the file at ``path``: none where it cannot be read as Python, which its import says."""
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _hint(error: BaseException, path: Path, target: Target) -> str | None:
    """Return what to try after an import that failed with ``error``: where it looks, or without what the file does."""
    if not isinstance(error, ImportError):
        return DEFINITIONS if _only_does(error, path) else None
    name = (error.name or "").partition(".")[0]
    if "relative import" in error.msg:
        root = next((one for one in path.parents[_level(path) + 1 :] if one == Path.cwd()), None)
        root = root or path.parents[min(_level(path) + 1, len(path.parents) - 1)]
        names = path.relative_to(root).with_suffix("").parts
        if not all(part.isidentifier() for part in names):
            return None
        attribute = f":{target.attribute}" if target.attribute else ""
        return f"try: {_with_path(root)}convinspect summary {'.'.join(names)}{attribute}"
    if not isinstance(error, ModuleNotFoundError) or not name.isidentifier():
        return None
    places = (place for folder in path.parents for place in (folder, folder / "src", folder / "lib"))
    found = (place for place in places if (place / name).is_dir() or (place / f"{name}.py").is_file())
    new = next((place for place in found if str(place) not in sys.path), None)
    return f"try: {_with_path(new)}convinspect summary {shlex.quote(target.text)}" if new is not None else None


def _only_does(error: BaseException, path: Path) -> bool:
    """Tell whether ``error`` was raised by a statement of the file that defines nothing."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)]
    tree = _parsed(path)
    statements = tree.body
    kept = definitions_of(tree).body
    ran = [node for node in statements if lines and node.lineno <= lines[0] <= (node.end_lineno or 0)]
    return bool(ran) and ran[0] not in kept and any(isinstance(node, ast.ClassDef) for node in kept)


def _with_path(folder: Path) -> str:
    return f"PYTHONPATH={shlex.quote(str(folder))} " if folder != Path.cwd() else ""


def _execute(path: Path, names: list[str], wanted: str | None, *, definitions: bool) -> ModuleType:
    """Run the file as the module called ``names``; with ``definitions`` only what defines something."""
    package, name = ".".join(names[:-1]), ".".join(names)
    if package:
        importlib.import_module(package)
    elif name in sys.modules or not name.isidentifier():
        # A file that is called like a module in use (random.py, resnet.py) must not take that module's place.
        name = f"convinspect_target_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name}: not a Python source file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        if definitions:
            tree = definitions_of(ast.parse(path.read_bytes(), str(path)), wanted and wanted.partition(".")[0])
            exec(compile(tree, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102 - the user's own file, as an import does
        else:
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_name(name: str) -> ModuleType:
    parts = name.split(".")
    with running_users_code(name):
        for count in range(len(parts)):
            _check_module(name, parts[:count], parts[count:])
            importlib.import_module(".".join(parts[: count + 1]))
        return importlib.import_module(name)


def _check_module(name: str, package: list[str], rest: list[str]) -> None:
    """Raise `UsageError` where the imported ``package`` (none: the top) holds no module that ``rest`` begins with."""
    parent = sys.modules.get(".".join(package))
    found = ".".join([*package, rest[0]])
    if found in sys.modules or ((not package or hasattr(parent, "__path__")) and importlib.util.find_spec(found)):
        return
    if not package:
        near = next((place for place in ("src", "lib") if Path(place, found).is_dir()), None)
        hint = near and f"it is in {near}: put PYTHONPATH={near} in front of the command"
        raise UsageError(f"{name}: no such file, and no module {found} is installed", hint)
    held = ".".join(package)
    attribute = ".".join(rest[1:] if rest[0] == "py" and len(rest) > 1 else rest)
    if not hasattr(parent, attribute.partition(".")[0]):
        raise UsageError(f"{name}: no module {found}, and no {attribute} in {held}")
    also = f" or {'/'.join(package)}.py:{attribute}" if Path(*package).with_suffix(".py").is_file() else ""
    raise UsageError(f"{name} is not a module", f"did you mean {held}:{attribute}{also}?")


def _with_a_colon(text: str) -> str | None:
    """Suggest ``nets/model.py:Net`` for ``nets/model.Net``."""
    found = re.fullmatch(r"(.+?)(?:\.py)?\.([^\W\d]\w*)", text)
    return f"did you mean {found[1]}.py:{found[2]}?" if found and Path(f"{found[1]}.py").is_file() else None


def _make_importable(folder: Path, *, last: bool = False) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(len(sys.path) if last else 0, str(folder))


def _neighbour(path: Path) -> str | None:
    """Suggest the config in a folder, or the Python file beside ``path`` whose name is nearest."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        return None
    if (path / "config.json").is_file():
        return f"did you mean {path / 'config.json'}?"
    found = sorted(file.name for file in folder.glob("*.py") if file.name != path.name)
    near = difflib.get_close_matches(path.name, found, n=1)
    return f"did you mean {folder / near[0]}?" if near else None
