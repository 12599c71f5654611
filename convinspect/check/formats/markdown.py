"""For a pull request: a table a check, and what is behind each breach below it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from convinspect.check.results import Result, Session
from convinspect.check.wording import about_baseline, about_run, sentences
from convinspect.units import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def write(session: Session) -> str:
    """Return GitHub-flavoured Markdown; what others wrote stays text."""
    parts = [f"## convinspect check: {session.tally()}"]
    if session.problem is not None:
        parts.append(f"**ERROR** {_text(session.problem.message)}")
    parts += ["\n".join(_section(result)) for result in session.results]
    return "\n\n".join(parts)


def _section(result: Result) -> Iterator[str]:
    check = result.check
    yield f"### {result.status} {_text(check.name)}"
    yield ""
    about = [about_run(result.report)] if result.report else [check.request.target.text]
    yield from (f"{_text(line)}  " for line in (*about, *map(about_baseline, result.baselines), *result.notes))
    yield ""
    if result.problem is not None:
        yield f"**ERROR** {_text(result.problem.message)}"
        yield from ["", *(f"- {_text(line)}" for line in result.problem.lines)] if result.problem.lines else []
        yield from (["", _text(result.problem.hint)] if result.problem.hint else [])
        yield ""
    if result.verdicts:
        yield "| | limit | value | allowed | margin |"
        yield "|---|---|---:|---:|---:|"
    for one in result.verdicts:
        cells = (one.name, one.value, one.limit, one.margin)
        yield f"| **{one.status}** | {' | '.join(map(_text, cells))} |"
    for one in result.verdicts:
        if one.status != "PASS":
            yield ""
            yield f"**{_text(one.name)}**  "
            yield from (f"{_text(line)}  " for line in sentences(one, check)[bool(one.value) :])


def _text(text: str) -> str:
    """Return ``text`` with what Markdown would read as a mark escaped, in one line."""
    return _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))
