"""Real models: what people do to a network is what the diff says they did."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import torch

from convinspect.diff.compare import compare
from convinspect.diff.costs import total
from convinspect.diff.difference import Diff
from convinspect.parsing import parse_input, parse_target
from convinspect.pipeline import summarise
from convinspect.report import Report
from convinspect.spec import Request
from tests.shell import ROOT, convinspect

SMALL = ("--input", "3,32,32", "--device", "meta")
SIBLINGS = """
from torch import nn
import blocks

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(blocks.block(), nn.Flatten(), nn.Linear(blocks.WIDTH, 2))
"""
BLOCKS = """
from torch import nn

WIDTH = {width}

def block():
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3), nn.AdaptiveAvgPool2d(1))
"""


@cache
def of(target: str, size: str = "3,64,64") -> Report:
    return summarise(Request(parse_target(target), (parse_input(size),), device="meta"))


def told(diff: Diff) -> list[tuple[str, str, str]]:
    """Return what came, went, moved, got another name or was changed itself; not what is inside of that."""
    found, inside = [], -1
    for row in diff.rows:
        if inside >= 0 and row.depth > inside:
            continue
        inside = row.depth if row.status in ("added", "removed") else -1
        if row.itself or row.status not in ("unchanged", "changed"):
            paths = [layer.path if layer is not None else "" for layer in (row.before, row.after)]
            found.append((row.status, paths[0], paths[1]))
    return found


def test_a_deeper_resnet_has_blocks_appended_to_its_stages() -> None:
    diff = compare(of("sample_models/resnet.py:resnet18"), of("sample_models/resnet.py:resnet34"))
    blocks = ["layer1.2", "layer2.2", "layer2.3", "layer3.2", "layer3.3", "layer3.4", "layer3.5", "layer4.2"]
    assert told(diff) == [("added", "", block) for block in blocks]
    assert diff.totals["params"].value == 21_797_672 - 11_689_512


NETS = [f"tests/diff/nets.py:{name}" for name in ("net", "inserted", "strided", "activated", "renamed", "wrapped")]
SAMPLES = ["sample_models/resnet.py:resnet18", "sample_models/resnet.py:resnet50", "sample_models/mobilenet.py"]


@pytest.mark.parametrize("targets", [*combinations(NETS, 2), *combinations(SAMPLES, 2)], ids=" ".join)
def test_rows_of_real_models_add_up_to_the_difference_of_the_totals(targets: tuple[str, str]) -> None:
    diff = compare(*map(of, targets))
    added_up = total(row.own for row in diff.rows)
    for name in ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes", "macs"):
        assert added_up[name] == diff.totals[name], name


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ("net", []),
        ("strided", [("changed", "features.1.conv", "features.1.conv")]),
        ("activated", [("changed", "features.1.act", "features.1.act")]),
        (
            "inserted",
            [("added", "", "features.0"), *(("renamed", f"features.{i}", f"features.{i + 1}") for i in range(4))],
        ),
        ("renamed", [("changed", "", ""), ("renamed", "features", "backbone"), ("renamed", "head", "classifier")]),
        ("frozen", [("changed",) + (f"features.{i}.{part}",) * 2 for i in range(4) for part in ("conv", "norm")]),
    ],
)
def test_what_was_done_to_a_network_is_what_is_told(after: str, said: list[tuple[str, str, str]]) -> None:
    assert told(compare(of("tests/diff/nets.py:net", "3,32,32"), of(f"tests/diff/nets.py:{after}", "3,32,32"))) == said


def test_two_files_of_one_name_with_neighbours_of_one_name_are_two_models(tmp_path: Path) -> None:
    for folder, width in (("a", 4), ("b", 9)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.py").write_text(SIBLINGS)
        (tmp_path / folder / "blocks.py").write_text(BLOCKS.format(width=width))
    done = convinspect("diff", "a/model.py:Net", "b/model.py:Net", *SMALL, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert '"before": 112,' in done.out  # 4 * 27 + 4
    assert '"after": 252,' in done.out  # 9 * 27 + 9


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository whose last commit made the network wider, with a still wider one in the work tree."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "model.py").write_text(SIBLINGS)

    def git(*words: str) -> None:
        quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        names = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True, env=quiet)

    git("init", "-q")
    for width in (4, 5):
        (folder / "blocks.py").write_text(BLOCKS.format(width=width))
        git("add", "-A")
        git("commit", "-q", "-m", f"width {width}")
    (folder / "blocks.py").write_text(BLOCKS.format(width=9))
    return folder


def widths(out: str) -> list[str]:
    """Return the parameters of both sides as the table has them."""
    return next(line for line in out.splitlines() if line.startswith("Parameters")).split()[1:3]


def parameters(width: int) -> str:
    return str(28 * width + 2 * width + 2)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("git:HEAD", "model.py", (5, 9)),
        ("git:HEAD~1", "model.py", (4, 9)),
        ("model.py", "git:HEAD", (9, 5)),
        ("model.py:Net", "git:HEAD~1", (9, 4)),
    ],
)
def test_a_revision_is_before_or_after_as_it_stands(
    repository: Path, before: str, after: str, expected: tuple[int, int]
) -> None:
    done = convinspect("diff", before, after, *SMALL, cwd=repository)
    assert done.code == 0, done.err
    assert widths(done.out) == [parameters(width) for width in expected]
    revision = before if before.startswith("git:") else after
    assert f" at {revision.removeprefix('git:')} " in done.out


def test_a_revision_that_does_not_exist_is_a_usage_error(repository: Path) -> None:
    done = convinspect("diff", "git:no-such-branch", "model.py", *SMALL, cwd=repository)
    assert done.code == 2
    assert "no-such-branch" in done.err


def test_the_side_whose_code_fails_is_named(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/diff/nets.py", tmp_path / "nets.py")
    (tmp_path / "broken.py").write_text("raise RuntimeError('boom')")
    done = convinspect("diff", "nets.py:net", "broken.py", *SMALL, cwd=tmp_path)
    assert done.code == 3
    assert "error: after: " in done.err
    assert "boom" in done.err


def test_a_saved_report_against_the_model_it_was_made_of_shows_what_changed_since(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(of("tests/diff/nets.py:net", "3,32,32").to_json())
    same = convinspect("diff", file, "tests/diff/nets.py:net", *SMALL, "--exit-code")
    assert same.code == 0, same.err
    assert convinspect("diff", file, "tests/diff/nets.py:strided", *SMALL, "--exit-code").code == 1


def test_weights_are_compared_with_a_model_by_their_weights_alone(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - the others need none here

    from tests.diff.nets import net  # noqa: PLC0415

    state = net().state_dict()
    torch.save(state, tmp_path / "same.pt")
    state["head.weight"] = torch.zeros(12, 64)
    torch.save(state, tmp_path / "other.pt")
    model = of("tests/diff/nets.py:net", "3,32,32")
    assert told(compare(summarise(Request(parse_target(str(tmp_path / "same.pt")))), model)) == []
    changed = compare(summarise(Request(parse_target(str(tmp_path / "other.pt")))), model)
    assert told(changed) == [("changed", "head", "head")]
    assert changed.totals["macs"].value is None


def test_each_side_gets_the_options_that_are_meant_for_it(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    torch.save({"layer.weight": torch.zeros(3, 4), "layer.bias": torch.zeros(3)}, weights)
    model = tmp_path / "net.py"
    model.write_text("from torch import nn\ndef net():\n    return nn.Sequential(nn.Linear(4, 3))\n")
    result = convinspect("diff", weights, f"{model}:net", "--input", "4", "--device", "meta", "--json", cwd=tmp_path)
    assert result.code == 0, result.err
    assert json.loads(result.out)["totals"]["params"]["before"] == 15
    nobody = convinspect("diff", weights, weights, "--input", "4", cwd=tmp_path)
    assert (nobody.code, "a file of weights has no forward: --input changes nothing" in nobody.err) == (2, True)
