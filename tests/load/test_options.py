"""Options that a kind of target has no use for are refused by name; those it has a use for are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.load.forms import exported, scripted
from tests.shell import convinspect

RUN = {
    "--input": "4",
    "--batch-size": "1",
    "--no-batch": None,
    "--device": "cpu",
    "--dtype": "float32",
    "--train": None,
    "--optimizer": "adamw",
    "--amp": "bf16",
    "--field-of": "x",
    "--axes": "x=2,3",
    "--input-from": "model:made",
    "--past": "8",
    "--unit": ":0",
    "--allow-unsafe": None,
}
BUILD = {"--arg": "width=4", "--no-weights": None, "--second-opinion": None}
IDLE = {
    "weights.pt": [*RUN, *BUILD],
    "report.json": [*RUN, *BUILD],
    "model.pt": [*BUILD],
    "model.pt2": [*BUILD, "--dtype", "--train"],
    "model.py": ["--allow-unsafe"],
}
GIVEN = ("--input", "4", "--device", "cpu")
REASONS = {
    "weights.pt": "a file of weights has no forward",
    "report.json": "a saved report is not run again",
    "model.pt": "an archive is a finished model",
    "model.pt2": "a program runs as it was exported",
    "model.py": "Python code runs as it is",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("targets")
    torch.save(nn.Linear(4, 4).state_dict(), made / "weights.pt")
    scripted(nn.Linear(4, 4), made / "model.pt")
    exported(nn.Linear(4, 4), (torch.zeros(1, 4),), made / "model.pt2")
    (made / "model.py").write_text("from torch import nn\nmodel = nn.Linear(4, 4)\n")
    saved = convinspect("summary", "model.py", "--input", "4", "--device", "cpu", "-o", "report.json", cwd=made)
    assert saved.code == 0, saved.err
    return made


@pytest.mark.parametrize(("target", "option"), [(target, option) for target, idle in IDLE.items() for option in idle])
def test_an_option_that_changes_nothing_is_refused_though_its_value_is_the_default(
    target: str, option: str, folder: Path
) -> None:
    value = (RUN | BUILD)[option]
    result = convinspect("summary", target, option, *([] if value is None else [value]), cwd=folder)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"error: {target}: {REASONS[target]}: {option} changes nothing"


@pytest.mark.parametrize("target", ["weights.pt", "report.json", "model.pt", "model.pt2"])
def test_a_file_has_no_attribute_to_choose(target: str, folder: Path) -> None:
    result = convinspect("summary", f"{target}:Net", cwd=folder)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"error: {target}:Net: {REASONS[target]}: there is no Net to choose in it"


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("weights.pt", ("--depth", "1", "--columns", "default", "--format", "table")),
        ("report.json", ("--depth", "1", "--json")),
        ("model.pt", (*GIVEN, "--dtype", "float64", "--train", "--allow-unsafe")),
        ("model.pt2", (*GIVEN, "--batch-size", "1", "--optimizer", "none", "--allow-unsafe")),
        ("model.py", (*GIVEN, "--train", "--amp", "bf16", "--second-opinion")),
    ],
)
def test_an_option_that_has_a_use_is_not_refused(target: str, options: tuple[str, ...], folder: Path) -> None:
    result = convinspect("summary", target, *options, cwd=folder)
    assert result.code == 0, result.err
