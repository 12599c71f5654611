"""Reports with the edges between their rows, for what explains them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convinspect.analyse import analyse
from convinspect.explain import Explanation, Step, explain, explain_rows
from convinspect.inputs import given_inputs
from convinspect.load.python import adopt
from convinspect.report import Report
from convinspect.spec import OptimizerName, Request, Target, UnitSpec
from convinspect.trace import trace


def report_of(model: Any, *inputs: Any, unit: UnitSpec | None = None, optimizer: OptimizerName | None = None) -> Report:
    """Return the report of one forward on the meta device."""
    request = Request(Target("net.py", "net.py", None), sections=("graph",), unit=unit, optimizer=optimizer)
    return analyse(trace(given_inputs(adopt(model, "meta", request), inputs, {})), ("graph",))


def explained(model: Any, *inputs: Any) -> Explanation:
    """Return the arithmetic of every row, without an estimate of training."""
    return explain(report_of(model, *inputs))


def everything(report: Report) -> Iterator[tuple[str, Step]]:
    """Yield each step of each row, modules that hold others among them."""
    for row in explain_rows(report, range(len(report.layers))):
        yield from ((f"{row.path} {row.type}", step) for step in row.steps)


def figure(explanation: Explanation, topic: str, what: str, row: int = -1) -> Step:
    """Return the one step of that topic and name, of the last row where no other is asked for."""
    found = [step for step in explanation.rows[row].steps if step.topic == topic and step.what == what]
    assert len(found) == 1, explanation.rows[row].steps
    return found[0]
