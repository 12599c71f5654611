"""In the process of one model: the request is answered, and what it rested on is written down."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from convinspect.errors import InspectError, UsageError, describe
from convinspect.gather.assignment import CANNOT_ANSWER, Assignment, seal
from convinspect.gather.concluding import NotRepeatable, conclude, modules_with_files
from convinspect.gather.evidence import Disk
from convinspect.gather.installed import Installed, read_own_sources
from convinspect.gather.recording import Recorder
from convinspect.gather.relocation import as_in_the_work_tree, not_in_the_revision, refuse_strays, relocate


def run(assignment: Assignment, recorder: Recorder, disk: Disk) -> NoReturn:
    """Answer ``assignment`` and end the process, whatever the model's code has started or registered in it."""
    this = os.getpid()
    recorder.forget_outside()  # the fork that made this process
    letter = seal(_answer(assignment, recorder, disk), assignment.secret)
    if assignment.libraries is not None:
        _leave_libraries(assignment.libraries)
    if os.getpid() != this:  # a copy of the process, which the model's own fork has let come back
        os._exit(1)
    try:
        with open(assignment.answer, "wb") as file:
            file.write(letter)
    except OSError as error:
        os.write(2, f"convinspect: the report cannot be handed over: {error.strerror}\n".encode())
        os._exit(CANNOT_ANSWER)
    os._exit(0)


def _answer(assignment: Assignment, recorder: Recorder, disk: Disk) -> dict[str, Any]:
    """Return report, error, evidence and more as plain values, with the user's paths in their texts."""
    own = (assignment.folder, os.path.dirname(os.path.join(assignment.folder, assignment.request.target.source)))
    installed = Installed(own)
    report, error, evidence = None, None, None
    try:
        report = _report(assignment, installed)
        recorder.stop()
        if assignment.moved is not None:
            refuse_strays(recorder, installed, assignment.moved)
        if assignment.libraries is None:
            scratch = os.path.dirname(assignment.answer)
            apart = (f"{scratch}/", f"{os.path.realpath(scratch)}/")
            evidence = conclude(recorder, installed, disk, apart).to_dict()
    except NotRepeatable:
        pass
    except BaseException as raised:  # noqa: BLE001 - the model's code may raise anything, and nobody else is left
        report, error = None, _complaint(assignment.request.target.text, raised)
    notes = not_in_the_revision(recorder, assignment.moved) if assignment.moved is not None else ()
    read = installed.own_among(recorder.touched) if assignment.libraries is not None else {}
    document = {"report": report, "error": error, "evidence": evidence, "notes": notes, "read": read}
    return document if assignment.moved is None else as_in_the_work_tree(document, assignment.moved)


def _report(assignment: Assignment, installed: Installed) -> dict[str, Any]:
    from convinspect.pipeline import summarise  # noqa: PLC0415 - brings torch in, where no server has

    try:
        os.chdir(assignment.folder)
    except OSError as error:
        raise UsageError(f"{assignment.folder}: {error.strerror}") from None
    sys.argv = ["convinspect"]  # a model that reads its arguments finds none
    importlib.invalidate_caches()  # a folder may have changed since the server has looked into it
    read_own_sources(installed)
    if assignment.moved is not None:
        relocate(assignment.moved, installed)
    return summarise(assignment.request).to_dict()


def _leave_libraries(path: str) -> None:
    """Write down which modules of installed packages are in use, in the order of their imports."""
    installed = Installed()
    with suppress(OSError), open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(name for name, found in modules_with_files() if found in installed))


def _complaint(text: str, raised: BaseException) -> tuple[Any, ...]:
    if isinstance(raised, InspectError):
        return raised.message, raised.hint, raised.exit_code, raised.lines
    if isinstance(raised, MemoryError):
        return f"{text}: out of memory", "--device meta takes none for the weights", 3
    if isinstance(raised, SystemExit):
        return f"{text}: the code called exit({raised.code!r})", None, 3
    if isinstance(raised, Exception):
        hint = "convinspect summary --traceback shows where it happened"
        return f"a bug in convinspect: {describe(raised)}", hint, 70
    return f"{text}: {describe(raised)}", None, 3  # KeyboardInterrupt and its like: only the model raises it here
