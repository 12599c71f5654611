"""What the README and the session files show is what the program prints; CONVINSPECT_REWRITE=1 writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.session import REWRITE, Step, replay, retold, rewritten, sessions_in, steps

HERE = Path(__file__).resolve().parent
DOCUMENTS = [HERE.parent / "README.md", *sorted((HERE.parent / "docs").glob("*.md"))]
FILES = sorted((HERE / "sessions").glob("*.txt"))

if REWRITE:
    for document in DOCUMENTS:
        document.write_text(rewritten(document.read_text("utf-8")), "utf-8")
    for file in FILES:
        file.write_text(retold(file.read_text("utf-8")), "utf-8")


def _all_steps() -> list[Step]:
    texts = [block for document in DOCUMENTS for block in sessions_in(document.read_text("utf-8"))]
    texts += [file.read_text("utf-8") for file in FILES]
    return list(dict.fromkeys(step for text in texts for step in steps(text)))


@pytest.mark.parametrize("step", _all_steps(), ids=lambda step: step.command)
def test_a_session_prints_what_it_shows(step: Step) -> None:
    assert replay(step).rstrip() == step.expected.rstrip()


def test_the_readme_has_sessions() -> None:
    assert any(step.command.startswith("convinspect summary sample_models/lenet.py") for step in _all_steps())
