"""Where a model is written, found without importing it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convinspect.check.source_line import Place, place_of
from convinspect.parsing import parse_target
from tests.check.saved import check_of

SOURCE = '''"""A model."""
raise SystemExit("imported")

from blocks import Imported
import torch.nn as nn

class Helper: pass


@decorated
class Net(nn.Module):
    class Inner(nn.Module):
        pass

def factory(): ...

if True:
    model: nn.Module = Net()
else:
    first, second = Net(), Net()
'''


def place(folder: Path, target: str, model: str | None = None, text: str = SOURCE) -> Place | None:
    (folder / "pkg").mkdir(exist_ok=True)
    (folder / "net.py").write_text(text, encoding="utf-8")
    (folder / "pkg" / "__init__.py").write_text("\nmodel = 1\n", encoding="utf-8")
    check = replace(check_of(), request=replace(check_of().request, target=parse_target(target)), folder=folder)
    return place_of(check, model)


@pytest.mark.parametrize(
    ("target", "model", "line"),
    [
        ("net.py:Net", None, 11),
        ("net.py:Net.Inner", None, 12),
        ("net.py:factory", "Net", 15),
        ("net.py:model", "Net", 18),
        ("net.py:second", "Net", 20),
        ("net.py:Imported", None, 4),
        ("net.py", "Net", 11),
        ("net.py", "Elsewhere", 1),
        ("net.py", None, 11),
        ("net.py:Missing", None, 1),
        ("net:Net", None, 11),
    ],
)
def test_a_target_points_at_the_line_that_binds_it(target: str, model: str | None, line: int, tmp_path: Path) -> None:
    assert place(tmp_path, target, model) == Place(tmp_path / "net.py", line)


def test_a_package_is_its_init(tmp_path: Path) -> None:
    assert place(tmp_path, "pkg:model") == Place(tmp_path / "pkg" / "__init__.py", 2)


@pytest.mark.parametrize(
    ("text", "line"), [("x = 1\ndef (:\n", 2), ("\0", 1), ("\n" + "(" * 5000, None)], ids=["syntax", "null", "deep"]
)
def test_a_file_that_is_no_python_has_a_line_all_the_same(text: str, line: int | None, tmp_path: Path) -> None:
    found = place(tmp_path, "net.py:Net", None, text)
    assert found is not None
    assert line is None or found.line == line


def test_a_target_that_is_no_source_points_at_its_check(tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text('[tool.x]\n\n[ tool.convinspect.checks."a b" ]\n[tool.convinspect.checks.net]\n')
    check = replace(check_of(), request=replace(check_of().request, target=parse_target("torchvision.models:resnet18")))
    assert place_of(check, None) is None
    named = replace(check, config=config, table="tool.convinspect.checks.net")
    assert place_of(named, None) == Place(config, 4)
    assert place_of(replace(named, table="tool.convinspect.checks.other"), None) == Place(config, 1)
