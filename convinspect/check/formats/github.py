"""For GitHub Actions: an annotation for everything that is not fine, at the line of the model's class.

The commands and their escapes: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
"""

from __future__ import annotations

from collections.abc import Iterator

from convinspect.check.results import Result, Session
from convinspect.check.source_line import Place, place_of
from convinspect.check.wording import sentences
from convinspect.units import printable


def write(session: Session) -> str:
    """Return the annotations and how many limits passed; what others wrote cannot become a command."""
    lines = [line for result in session.results for line in _annotations(result, session)]
    if session.problem is not None:
        problem = session.problem
        where = Place(session.config) if session.config is not None else None
        lines.append(_command("error", where, session, "convinspect check", problem.sentences))
    return "\n".join([*lines, f"convinspect check: {session.tally()}"])


def _annotations(result: Result, session: Session) -> Iterator[str]:
    check = result.check
    place = place_of(check, result.report.model.name if result.report else None)
    if result.problem is not None:
        told = (*result.problem.sentences, check.message or "")
        yield _command("error", place, session, check.name, told)
    for one in result.verdicts:
        if one.status != "PASS":
            level = "error" if one.exit_code else "notice"
            yield _command(level, place, session, f"{check.name}: {one.name}", sentences(one, check))


def _command(level: str, place: Place | None, session: Session, title: str, lines: tuple[str, ...]) -> str:
    properties = {**_file(place, session), "title": title}
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    told = [printable(part) for line in lines for part in line.splitlines()]
    return f"::{level} {named}::{'%0A'.join(map(_data, told))}"


def _file(place: Place | None, session: Session) -> dict[str, str]:
    """Return file and line as the repository knows them; nothing for a file outside of it."""
    if place is None:
        return {}
    file, root = place.file.resolve(), session.root.resolve()
    if not file.is_relative_to(root):
        return {}
    return {"file": file.relative_to(root).as_posix(), "line": str(place.line)}


def _data(text: str) -> str:
    return text.replace("%", "%25")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
