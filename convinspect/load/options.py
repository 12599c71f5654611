"""Which options apply to which kind of target: one that would change nothing is refused, and not ignored."""

from __future__ import annotations

from convinspect.errors import UsageError
from convinspect.load.sniff import Kind
from convinspect.spec import Request

_BUILD = frozenset(("--arg", "--argv", "--no-weights", "--second-opinion"))
_RUN = frozenset(
    (
        *("--input", "--call", "--data", "--input-from", "--past", "--batch-size", "--no-batch", "--device"),
        *("--no-fallback", "--dtype", "--train", "--allow-unsafe", "--optimizer", "--amp", "--field-of", "--axes"),
        *("--unit", "--json-sections"),
    )
)
_NAME_THE_MODEL = "name the model to run it: convinspect summary model.py:Net --input ..."
_WEIGHTS = ("a file of weights has no forward", _BUILD | _RUN, _NAME_THE_MODEL)
# What each kind of target is, the options that change nothing about it, and what to do instead.
_IDLE: dict[Kind, tuple[str, frozenset[str], str | None]] = {
    "python": ("Python code runs as it is", frozenset(("--allow-unsafe",)), None),
    "config": ("a config says what is built", _BUILD - {"--second-opinion"} | {"--allow-unsafe"}, None),
    "torchscript": ("an archive is a finished model", _BUILD, None),
    "export": ("a program runs as it was exported", _BUILD | {"--dtype", "--train"}, None),
    "checkpoint": _WEIGHTS,
    "safetensors": _WEIGHTS,
    "shards": _WEIGHTS,
    "report": ("a saved report is not run again", _BUILD | _RUN, _NAME_THE_MODEL),
}


def idle_options(kind: Kind) -> frozenset[str]:
    """Return the options that change nothing about a target of ``kind``, by their long names."""
    return _IDLE[kind][1]


def check_options(request: Request, kind: Kind) -> None:
    """Raise `UsageError` for an option that was given, or an attribute, that a target of ``kind`` has no use for."""
    what, idle, hint = _IDLE[kind]
    if unused := [option for option in request.given if option in idle]:
        raise UsageError(f"{what}: {unused[0]} changes nothing", hint)
    if kind != "python" and request.target.attribute is not None:
        raise UsageError(f"{what}: there is no {request.target.attribute} to choose in it")
