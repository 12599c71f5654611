"""The key of a job: everything of it that is known before anything runs."""

from __future__ import annotations

import ast
import json
import os
import sys

from convinspect.gather.evidence import digest_of_variable
from convinspect.gather.job import Job
from convinspect.gather.revision import Tree
from convinspect.spec import Reference

_FORMAT = 1  # of the entries, and of what is recorded in them
# Read by C libraries, or by Python before any recorder can listen.
_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8")
_ACCELERATORS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "C:\\Windows\\System32\\nvcuda.dll")


def key_of(job: Job, folder: str, tree: Tree | None) -> str | None:
    """Return the key as text, equal for jobs that only the files can tell apart; `None` for a job without one.

    No key has a run on an accelerator, whose memory is measured, a request with arguments that are no literals, and
    one whose inputs lie in files.
    """
    reads_files = any(spec.file is not None for spec in job.request.inputs)
    if needs_fresh_process(job.request.device) or reads_files or not _is_literal(job.request.arguments):
        return None
    return json.dumps(
        {
            "format": _FORMAT,
            "request": repr(job.request),
            "folder": folder if tree is None else os.path.relpath(os.path.realpath(folder), tree.work),
            "tree": None if tree is None else [tree.work, tree.id],
            "python": [sys.version, sys.platform, sys.prefix, sys.flags.optimize, list(sys.warnoptions)],
            "path": [os.path.abspath(entry) for entry in sys.path],
            "environment": {name: digest_of_variable(name) for name in sorted({*_ENVIRONMENT, *job.environment})},
        }
    )


def needs_fresh_process(device: str) -> bool:
    """Tell whether a run on ``device`` may bring an accelerator in, which no fork shares with its parent."""
    return device.partition(":")[0] not in ("cpu", "meta") and (
        device != "auto" or any(map(os.path.exists, _ACCELERATORS))
    )


def _is_literal(arguments: tuple[tuple[str, object], ...]) -> bool:
    """Tell whether the arguments' own text says all of them: two objects may print alike, but not two names of some."""
    plain = tuple((name, value.text if isinstance(value, Reference) else value) for name, value in arguments)
    try:
        return bool(ast.literal_eval(repr(plain)) == plain)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
