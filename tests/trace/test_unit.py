"""The box of the input that one unit sees, asked for by the path of its module."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.parsing import parse_unit
from convinspect.spec import UnitSpec
from tests.memory.runs import traced
from tests.shell import convinspect

LENET = ("summary", "sample_models/lenet.py", "--input", "1,28,28", "--device", "meta")


@pytest.mark.parametrize("index", [(0, 0), (3, 5), (7, 7)])
def test_the_box_is_what_the_arithmetic_says(index: tuple[int, int]) -> None:
    # conv 5, pool 2, conv 5: unit i of conv2 sees pool units i..i+4, each of which sees 2 units of conv1, 6 pixels.
    result = convinspect(*LENET, "--unit", f"conv2:{index[0]},{index[1]}", "--json")
    unit = json.loads(result.out)["unit"]
    assert unit["path"] == "conv2"
    assert unit["box"] == unit["nominal"] == [[2 * i, 2 * i + 13] for i in index]
    assert (unit["cells"], unit["padding_cells"]) == (14 * 14, 0)


def test_padding_is_told_apart() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2))
    image = torch.zeros(1, 1, 9, 9)
    unit = traced(model, image, unit=UnitSpec("0", (0, 8))).unit
    assert unit is not None
    assert (unit.box, unit.nominal) == (((0, 2), (6, 8)), ((-2, 2), (6, 10)))
    assert (unit.cells, unit.padding_cells) == (25, 16)


def test_padding_of_a_layer_on_the_way_is_padding_too() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, padding=2))
    image = torch.zeros(1, 1, 9, 9)
    unit = traced(model, image, unit=UnitSpec("1", (1, 4))).unit
    assert unit is not None
    # Unit 1 of the second convolution sees units -1, 0, 1 of the first: two of them, pixels 0..3 of -1..3.
    assert (unit.box, unit.nominal) == (((0, 3), (2, 6)), ((-1, 3), (2, 6)))
    assert (unit.cells, unit.padding_cells) == (25, 5)


def test_the_table_says_it_in_words() -> None:
    assert "conv2[0,7] sees x[.., 0..13, 14..27]: 196 cells, none of them padding" in " ".join(
        convinspect(*LENET, "--unit", "conv2:0,7").out.split()
    )


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("conv3:0,0", "no module of this path ran\nhint: did you mean conv2 or conv1?"),
        ("conv2:0,8", "--unit conv2: no unit 0,8: its output has the units 0..7, 0..7"),
        ("conv2:0", "--unit conv2: no unit 0:"),
        ("fc1:0", "--unit fc1: its output has no spatial axes"),
    ],
)
def test_a_unit_that_is_not_there_is_a_usage_error(unit: str, said: str) -> None:
    result = convinspect(*LENET, "--unit", unit)
    assert result.code == 2
    assert said in result.err


def test_a_unit_reads_as_written() -> None:
    assert parse_unit("layer1.0:3,4") == UnitSpec("layer1.0", (3, 4))
    assert parse_unit(":7") == UnitSpec("", (7,))
    for text in ("conv1", "conv1:", "conv1:a", "conv1:-1"):
        with pytest.raises(UsageError, match="expected LAYER:I,J"):
            parse_unit(text)
