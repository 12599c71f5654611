"""Which options apply to which kind of target: one that would change nothing is refused, and not ignored."""

from __future__ import annotations

from convinspect.errors import UsageError
from convinspect.load.sniff import Kind
from convinspect.spec import Request

_NAME_THE_MODEL = "name the model to run it: convinspect summary model.py:Net --input ..."
_RUN = frozenset(("--input", "--arg", "--dtype", "--train", "--unit", "--field-of"))
_WEIGHTS = ("a file of weights has no forward", frozenset(("--input", "--arg")), _NAME_THE_MODEL)
# What each kind of target is, the options that change nothing about it, and what to do instead.
_IDLE: dict[Kind, tuple[str, frozenset[str], str | None]] = {
    "torchscript": ("an archive is a finished model", frozenset(("--arg",)), None),
    "export": ("a program runs as it was exported", frozenset(("--arg", "--dtype", "--train")), None),
    "checkpoint": _WEIGHTS,
    "safetensors": _WEIGHTS,
    "shards": _WEIGHTS,
    "report": ("a saved report is not run again", _RUN, _NAME_THE_MODEL),
}


def check_options(request: Request, kind: Kind) -> None:
    """Raise `UsageError` for an option, or an attribute of the target, that means nothing for a target of ``kind``."""
    if kind not in _IDLE:
        return
    what, idle, hint = _IDLE[kind]
    values = {
        "--input": request.inputs,
        "--arg": request.arguments,
        "--dtype": request.dtype,
        "--train": request.train,
        "--unit": request.unit,
        "--field-of": request.field_of,
    }
    for option, value in values.items():
        if value and option in idle:
            raise UsageError(f"{what}: {option} changes nothing", hint)
    if request.target.attribute is not None:
        raise UsageError(f"{what}: there is no {request.target.attribute} to choose in it")
