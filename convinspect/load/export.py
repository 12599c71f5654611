"""An exported program (``.pt2``): read first, since torch would run what its JSON and its pickles ask for; then loaded.

The file is JSON with the graph, raw tensors, and pickles where a tensor is of an unusual kind. Loading evaluates the
sizes in the JSON as Python, looks operators up by dotted names, writes input names into source that it compiles,
and unpickles with everything allowed. So all four are checked here first.
"""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.frontends import frontend_of
from convinspect.load.archive_safety import HINT, check_operator
from convinspect.load.checkpoint import read_content
from convinspect.load.device import resolve_device
from convinspect.load.inert_pickle import walk
from convinspect.load.kinds import Kind, parse_json
from convinspect.load.loaded import Loaded
from convinspect.load.torchscript import not_loaded
from convinspect.load.zip_directory import Directory, read_directory, read_record
from convinspect.spec import Request


def load(request: Request, _kind: Kind) -> Loaded:
    """Return the request's program on its device, with the inputs that it was exported with.

    Raises `UsageError` for a file that is damaged or would do more than describe a graph.
    """
    device = resolve_device(request.device)
    path = Path(request.target.source)
    frontend = frontend_of(_load(path, allow_unsafe=request.allow_unsafe)).on(device)
    name, example = frontend.name or path.stem, frontend.model.example_inputs
    return Loaded(request, frontend, name, device, frontend.dtype, example=example)


def _load(path: Path, *, allow_unsafe: bool) -> Any:
    directory = read_directory(path)
    if not allow_unsafe:
        check_program(path, directory)
    told = _Told()
    try:
        with _quiet(told):
            return torch.export.load(str(path))
    except Exception as error:
        raise not_loaded(told.error or error) from error


class _Told(logging.Handler):
    """Keeps the error that torch logs before it raises another one, which says less."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the error of ``record``."""
        if record.exc_info:
            self.error = record.exc_info[1]


@contextmanager
def _quiet(told: _Told) -> Iterator[None]:
    logger = logging.getLogger("torch.export")
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [told], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whatever torch has to say about its own format
            yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate


_MAX_JSON = 64 << 20
_MAX_PICKLED = 512 << 20
_COMPILED = (".so", ".o", ".cubin", ".py", ".cpp", ".dll", ".dylib")
_OPERATOR = re.compile(r"torch\.ops\.(\w+)\.(\w+)(?:\.\w+)?")
_PLAIN_FUNCTION = re.compile(
    r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|and_|or_|xor|not_)"
    r"|torch\._functorch\.predispatch\.(lazy_load_decompositions|_vmap_(in|de)crement_nesting|_(add|remove)_batch_dim)"
    r"|math\.\w+|torch\.(_sym_\w+|sym_(int|float|max|min|not|ite|sum|fresh_size))"
)
_HIGHER_ORDER = ("higher_order", "prims")
_IDENTIFIER = re.compile(r"[\w.@]*")
# Sizes as sympy prints them: s0, FloorDiv(s0, 2), Mul(Integer(2), Symbol('s31', positive=True, integer=True)).
_SYMBOL = re.compile(r"[a-z]{1,3}\d+")
_SPELT_OUT = re.compile(r"Symbol\('([a-z]{1,3}\d+)'(?:, \w+=(?:True|False))*\)|Float\('[\d.e+-]+', precision=\d+\)")
_MAX_IN_POWER = 64
_FUNCTIONS = (
    *("FloorDiv", "ModularIndexing", "Where", "PythonMod", "Mod", "CleanDiv", "CeilDiv", "CeilToInt", "FloorToInt"),
    *("TruncToInt", "TruncToFloat", "RoundToInt", "RoundDecimal", "ToFloat", "FloatPow", "FloatTrueDiv", "IntTrueDiv"),
    *("PowByNatural", "LShift", "RShift", "Max", "Min", "Identity", "IsNonOverlappingAndDenseIndicator", "Eq", "Ne"),
    *("Integer", "Rational", "Add", "Mul", "Pow", "Piecewise", "true", "false"),
    *("Lt", "Le", "Gt", "Ge", "And", "Or", "Not", "True", "False", "floor", "ceiling", "Abs", "int_oo", "oo", "sqrt"),
    *("Equality", "Unequality", "LessThan", "StrictLessThan", "GreaterThan", "StrictGreaterThan"),
)


def check_program(path: Path, directory: Directory) -> None:
    """Raise `UsageError` for a program that would do anything but describe a graph of torch's operators."""
    for name in directory.sizes:
        if name.endswith(_COMPILED):
            raise UsageError(f"refused: it holds compiled code ({name}), which is no graph to look at", HINT)
        if name.endswith(".json"):
            _check_json(path, directory, name)
        elif name.endswith(".pt"):
            _check_pickle(path, directory, name)


def _check_json(path: Path, directory: Directory, name: str) -> None:
    text = read_record(path, directory, name, _MAX_JSON)
    try:
        document = parse_json(text)
    except ValueError as error:
        raise UsageError(f"damaged ({name}: {error})") from None
    for key, value in (pair for item in walk(document) if isinstance(item, dict) for pair in item.items()):
        check_entry(key, value)
        if key == "path_name" and str(value).startswith(("opaque_obj", "custom_obj")):
            raise UsageError(f"refused: it holds a pickled object ({value}), and loading it would run its code", HINT)
        if key == "use_pickle" and value is True:
            for folder in ("data/weights/", "data/constants/"):
                for pickled in directory.under(folder):
                    if not pickled.endswith(".json"):
                        _check_pickle(path, directory, folder + pickled, may_be_raw=True)


def check_entry(key: str, value: Any) -> None:
    """Raise `UsageError` for one entry of the JSON that torch would look up, evaluate or compile to something else."""
    if not isinstance(value, str):
        return
    if key in ("target", "as_operator"):
        _check_target(value)
    elif key == "name" and not _IDENTIFIER.fullmatch(value):
        raise UsageError(f"refused: {value[:60]!r} is no name of a value", HINT)
    elif key == "expr_str":
        _check_expression(value)


def _check_target(target: str) -> None:
    if _PLAIN_FUNCTION.fullmatch(target):
        return
    found = _OPERATOR.fullmatch(target)
    if found is None:
        raise UsageError(f"refused: it calls {target[:60]}, which is no operator", HINT)
    if found[1] not in _HIGHER_ORDER:
        check_operator(found[1], found[2], "it")


def _check_expression(text: str) -> None:
    plain = _SPELT_OUT.sub(lambda match: match[1] or "1", text).replace("torch.utils._sympy.functions.", "")
    words = re.findall(r"[A-Za-z_]\w*", plain)
    strange = [word for word in words if word not in _FUNCTIONS and not _SYMBOL.fullmatch(word)]
    if strange or re.search(r"[^\w\s+\-*/%().,<>=!&|~]|__|\.\s*[A-Za-z_]", plain):
        raise UsageError(f"refused: the size {text[:60]!r} is no arithmetic", HINT)
    # 9**9**9 is worked out while the file is loaded.
    powers = len(re.findall(r"\*\*|Pow|LShift", plain))
    if powers > 1 or (powers and any(int(number) > _MAX_IN_POWER for number in re.findall(r"(?<!\w)\d+", plain))):
        raise UsageError(f"refused: the size {text[:60]!r} is larger than any tensor", HINT)


def _check_pickle(path: Path, directory: Directory, name: str, *, may_be_raw: bool = False) -> None:
    content = read_record(path, directory, name, _MAX_PICKLED)
    if may_be_raw and not content.startswith((b"PK", b"\x80")):
        return
    if not content:
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "pickled.pt"
        copy.write_bytes(content)
        try:
            read_content(copy)
        except UsageError as error:
            raise error.within(name) from None
