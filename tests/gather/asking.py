"""What the tests of this room have in common: a model of a given width, the job that asks for it, and its answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from convinspect.gather import Job, Outcome
from convinspect.parsing import parse_input, parse_target
from convinspect.spec import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

LINEAR = """
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        {init}
        self.layer = nn.Linear(4, width, bias=False)

    def forward(self, x):
        {forward}
        return self.layer(x)
"""


def model(*, top: str = "", init: str = "pass", forward: str = "pass") -> str:
    """Return the source of a net of ``4 * width`` parameters that runs these lines of code on its way."""
    return LINEAR.format(top=top, init=init.replace("\n", "\n        "), forward=forward.replace("\n", "\n        "))


def job(target: str | Path, folder: Path, *, device: str = "cpu", **more: Any) -> Job:
    """Return the job of inspecting ``target`` from ``folder`` with an input of four features."""
    arguments: Mapping[str, Any] = more.pop("arguments", {})
    function = more.pop("input_from", None)
    request = Request(
        parse_target(str(target)),
        () if function else (parse_input("4"),),
        tuple(arguments.items()),
        input_from=parse_target(function) if function else None,
        device=device,
    )
    return Job(request, folder, **more)


def params(outcome: Outcome) -> int:
    """Return the parameters in the report of ``outcome``, which must have one, whole."""
    assert outcome.error is None, outcome.error
    assert outcome.report is not None
    return outcome.report.totals.params
