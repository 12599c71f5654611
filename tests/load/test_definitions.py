"""``--definitions``: a script that trains as it is imported is inspected without that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shell import convinspect

SCRIPT = """
import argparse
import sys
sys.path.append("parts")
import torch
from torch import nn
try:
    import no_such_package
except ImportError:
    no_such_package = None
else:
    raise SystemExit("not reached")

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, required=True)
options = parser.parse_args()
width = int(options.width)
classes: int = 3
rate = 0.1
if torch.cuda.is_available():
    print("prints this on a GPU alone")
    kind = nn.GELU
else:
    kind = nn.ReLU
loader = open("no/such/data.bin")
batch = next(loader)

class Net(nn.Module):
    def __init__(self, classes, outputs=classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), kind(), nn.Linear(width, outputs))
    def forward(self, x: torch.Tensor):
        assert Net.forward.__annotations__["x"] is torch.Tensor
        return helped(self.body(x))

def helped(x):
    return x * SCALE

def trained(model):
    return open("no/such/checkpoint.bin")

SCALE = 2
model = Net(classes).train()
for batch in loader:
    model(batch)
print("trained")
"""
WORDS = ("--input", "4", "--json", "--optimizer", "none", "--device", "cpu")


@pytest.mark.parametrize("folder", ["", "package"])
def test_a_script_is_inspected_without_what_it_does(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    if folder:
        (tmp_path / folder / "__init__.py").touch()
    name = str(Path(folder, "main.py"))
    (tmp_path / name).write_text(SCRIPT)
    words = ("summary", name, *WORDS, "--argv", "--width 5")
    failed = convinspect(*words, cwd=tmp_path)
    assert (failed.code, failed.out) == (3, "")
    assert failed.err.splitlines()[-1] == (
        "hint: to leave out what the file does beside defining its classes: --definitions"
    )
    needed = convinspect(*words, "--definitions", cwd=tmp_path)
    assert (needed.code, needed.err.splitlines()[-1]) == (2, "hint: give them with --arg classes=@classes")
    result = convinspect(*words, "--definitions", "--arg", "classes=@classes", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["totals"]["params"] == (4 + 1) * 5 + (5 + 1) * 3


def test_what_a_class_needs_is_run_and_may_fail(tmp_path: Path) -> None:
    text = "from torch import nn\nsize = len(open('no/such/words.txt').read())\n"
    text += "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(4, size)\n"
    (tmp_path / "main.py").write_text(text)
    for more in ((), ("--definitions",)):
        result = convinspect("summary", "main.py", *WORDS, *more, cwd=tmp_path)
        assert (result.code, result.err) == (
            3,
            "error: main.py: FileNotFoundError: [Errno 2] No such file or directory: 'no/such/words.txt' (main.py:2)\n",
        )


def test_a_factory_that_is_named_has_what_it_uses(tmp_path: Path) -> None:
    text = "from torch import nn\nwidths = list(range(4, 6))\nother = open('no/such/file')\n"
    text += "def make():\n    return nn.Linear(*widths)\n"
    (tmp_path / "main.py").write_text(text)
    result = convinspect("summary", "main.py:make", *WORDS, "--definitions", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["totals"]["params"] == 4 * 5 + 5


def test_an_installed_module_is_imported_whole(tmp_path: Path) -> None:
    result = convinspect("summary", "torch.nn:Identity", *WORDS, "--definitions", cwd=tmp_path)
    assert (result.code, result.err) == (2, "error: --definitions is of a file, and torch.nn is the name of a module\n")
