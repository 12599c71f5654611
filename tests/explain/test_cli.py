"""``convinspect explain`` at the shell: what it takes, what it refuses, where it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shell import convinspect

LENET = ["sample_models/lenet.py"]
META = ["-i", "1,28,28", "--device", "meta", "--optimizer", "sgd"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "lenet.json"
    assert convinspect("summary", *LENET, *META, "-o", path).code == 0
    return path


@pytest.mark.parametrize("words", [[], LENET])
def test_without_a_layer_and_an_input_the_terms_are_explained(words: list[str]) -> None:
    done = convinspect("explain", *words)
    assert (done.code, done.err) == (0, "")
    for term in ("output size", "MACs and FLOPs", "receptive field", "stride (jump)", "saved for backward", "peak"):
        assert f"\n{term}" in f"\n{done.out}"


def test_a_layer_is_explained_with_its_numbers_put_in() -> None:
    done = convinspect("explain", *LENET, "conv2", *META)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("conv2: Conv2d\n")
    for line in ("floor((12 + 2*0 - 1*(5-1) - 1)/1) + 1 = 8", "20 * 10 * 5x5 = 5,000", "6 + (5-1)*2 = 14"):
        assert line in done.out


def test_a_functions_name_stands_for_each_of_its_calls() -> None:
    done = convinspect("explain", *LENET, "max_pool2d", *META)
    assert [line for line in done.out.splitlines() if line.endswith("()")] == ["max_pool2d()"] * 2


def test_without_a_layer_a_small_network_is_explained_whole_and_a_large_one_is_not() -> None:
    whole = convinspect("explain", *LENET, *META).out
    assert all(f"\n{name}: " in whole for name in ("conv1", "conv2", "fc1", "fc2"))
    large = convinspect("explain", "sample_models/resnet.py:resnet50", "-i", "3,64,64", "--device", "meta")
    assert large.code == 2
    assert "name the one to explain" in large.err


def test_a_saved_report_has_every_figure_but_the_steps_of_the_fields(saved: Path) -> None:
    done = convinspect("explain", saved, "conv2")
    assert done.code == 0
    assert "does not say which row reads which" in done.err
    lines = done.out.splitlines()
    fields = next(i for i, line in enumerate(lines) if line.startswith("  field"))
    fresh = convinspect("explain", *LENET, "conv2", *META).out.splitlines()
    assert lines[:fields] == fresh[:fields]
    assert lines[fields].split() == ["field", "size", "14"]


def test_a_report_that_was_saved_with_its_graph_is_explained_as_the_model_is(tmp_path: Path) -> None:
    path = tmp_path / "whole.json"
    assert convinspect("summary", *LENET, *META, "--json-sections", "graph", "-o", path).code == 0
    assert convinspect("explain", path) == convinspect("explain", *LENET, *META)


def test_what_ran_before_a_forward_stopped_is_explained(tmp_path: Path) -> None:
    done = convinspect("explain", *LENET, "-i", "1,20,20", "--device", "meta")
    assert done.code == 3
    assert "1x20x2x2 = 80" in done.out  # why it is not 320
    assert "\nfc1: " not in done.out
    file = tmp_path / "part.txt"
    assert convinspect("explain", *LENET, "conv1", "-i", "1,20,20", "--device", "meta", "-o", file).code == 3
    assert not file.exists()


def test_the_unit_of_a_layer_is_drawn() -> None:
    done = convinspect("explain", *LENET, "conv1", *META, "--unit", "0,0")
    # Five positions, two a character.
    assert done.out.count("\n###.") == 3
    assert "unit 0,0 of conv1 sees of x" in done.out


def test_json_is_written_where_it_is_asked_for(saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "explained.json"
    assert convinspect("explain", saved, "fc2", "--json", "-o", file).out == ""
    (row,) = json.loads(file.read_text("utf-8"))["rows"]
    macs = next(step for step in row["steps"] if step["topic"] == "MACs")
    assert (row["path"], macs["value"], macs["traced"]) == ("fc2", 500, 500)
    assert "receptive field" in json.loads(convinspect("explain", "--json").out)["terms"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([*LENET, "--unit", "3,4"], 2, "of which layer?"),
        ([*LENET, "conv1", "--unit", "x", *META], 2, "--unit"),
        ([*LENET, "conv1"], 2, "the --input of LeNet is missing"),
        ([*LENET, "cnov2", *META], 2, "did you mean conv2"),
        ([*LENET, "zzz", *META], 2, "for example: conv1"),
        ([*LENET, "conv1", *META, "--json", "--format", "text"], 2, "contradict"),
        (["none.py", "conv1", *META], 2, "no such file"),
        (["none.py"], 2, "no such file"),
        (["no_such.module:Net"], 2, "no module no_such is installed"),
        ([*LENET, "fc1", "-i", "1,20,20"], 3, "expected 320 features"),
        ([*LENET, "fc2", "-i", "1,20,20"], 3, "expected 320 features"),
        (["{saved}", "conv2", "--unit", "0,0"], 2, "--unit changes nothing"),
        (["{saved}", "conv2", "-o", "{saved}"], 2, "the run reads this file"),
    ],
)
def test_what_cannot_be_explained_is_told(words: list[str], code: int, said: str, saved: Path) -> None:
    done = convinspect("explain", *(word.format(saved=saved) for word in words))
    assert (done.code, done.out) == (code, "")
    assert said in done.err
