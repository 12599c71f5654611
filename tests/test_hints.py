"""The commonest mistakes, and the hint that each of them gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convinspect import inspect
from convinspect.errors import UsageError
from tests.shell import Result, convinspect

NETS = """
import torch
from torch import nn
class Image(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(8))
class Two(nn.Module):
    def forward(self, x, y):
        return x + y
class Three(nn.Module):
    def forward(self, x, y, z):
        return x + y + z
class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(100, 8)
    def forward(self, ids):
        return self.table(ids)
"""

CALLS = """
import torch
from torch import nn
class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual, self.tokens = nn.Conv2d(3, 8, 3), nn.Embedding(50, 8)
    def encode_image(self, image):
        return self.visual(image.float()).mean((2, 3))
    def encode_text(self, text):
        x = self.tokens(text)
        return x.mean(1)
    def forward(self, image, text, scale: float, timesteps):
        return scale * timesteps * self.encode_image(image) @ self.encode_text(text=text).T
"""
ALONE = "normalisation over a batch of one has nothing to compare: try --batch-size 2"


def typed(folder: Path, target: str, *options: str) -> Result:
    (folder / "nets.py").write_text(NETS)
    return convinspect("summary", f"nets.py:{target}", "--device", "cpu", *options, cwd=folder)


@pytest.mark.parametrize(
    ("target", "options", "code", "hint"),
    [
        ("Image", ["-i", "1,3,32,32"], 3, "shapes are without the batch: --input 3,32,32, or --no-batch"),
        ("Image", ["-i", "input=8,3,32,32"], 3, "shapes are without the batch: --input input=3,32,32, or --no-batch"),
        ("Image", ["-i", "224,224,3"], 3, "channels come first: --input 3,224,224"),
        ("Image", ["-i", "3,8,8", "--train"], 3, ALONE),
        ("Image", ["-i", "4,8,8"], 3, None),
        ("Two", ["-i", "4"], 2, "forward(x, y) also needs y: --input y=4"),
        ("Three", ["-i", "4"], 2, "forward(x, y, z) also needs y and z: --input y=4 --input z=4"),
        ("Two", ["-i", "x=4", "-i", "z=4"], 2, "there is no z; y is missing"),
        ("Two", ["-i", "4", "-i", "4", "-i", "w=4"], 2, "there is no w"),
        ("Words", ["-i", "20:int64:1000"], 3, "the embedding has 100 rows: --input 20:int64:100"),
        ("Words", ["-i", "ids=20:int32:1000"], 3, "the embedding has 100 rows: --input ids=20:int32:100"),
        ("Words", ["-i", "20"], 3, "the embedding has 100 rows: --input 20:int64:100"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_what_to_type(
    tmp_path: Path, target: str, options: list[str], code: int, hint: str | None
) -> None:
    result = typed(tmp_path, target, *options)
    assert result.code == code
    said = result.err.splitlines()
    assert said[0].startswith("error: ")
    assert said[1:] == ([] if hint is None else [f"hint: {hint}"])


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("Image", ["--input", "3,32,32"]),
        ("Image", ["-i", "1,3,32,32", "--no-batch"]),
        ("Image", ["-i", "3,8,8", "--train", "--batch-size", "2"]),
        ("Two", ["-i", "4", "-i", "4"]),
        ("Words", ["--input", "20:int64:100"]),
    ],
)
def test_what_a_hint_says_works(tmp_path: Path, target: str, options: list[str]) -> None:
    assert typed(tmp_path, target, *options).code == 0


def test_in_python_a_tensor_is_one_input() -> None:
    report = inspect(nn.Conv2d(3, 8, 3), torch.rand(2, 3, 8, 8))
    assert [tensor.shape for tensor in report.inputs] == [(2, 3, 8, 8)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "lion"}, "known: sgd, momentum, adam, adamw, none"),
        ({"amp": "int8"}, "known: bf16, fp16"),
        ({"device": "tpu"}, "known: auto, cpu, cuda, cuda:N, mps, meta"),
        ({"inputs": {"x": torch.rand(1, 4)}}, "give a mapping as kwargs={...}"),
    ],
)
def test_in_python_a_word_that_is_not_known_is_refused_with_those_that_are(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        inspect(nn.Linear(4, 2), **{"inputs": torch.rand(1, 4), **options})
    assert caught.value.hint == said


def test_in_python_the_words_of_the_command_line_work() -> None:
    x = torch.rand(2, 4)
    assert inspect(nn.Linear(4, 2), x, optimizer="none").totals.memory.training is None
    training = inspect(nn.Linear(4, 2), x, amp="bf16").totals.memory.training
    assert training is not None
    assert training.amp == "bfloat16"


def test_the_first_hint_names_all_inputs_by_the_layers_that_they_go_to(tmp_path: Path) -> None:
    (tmp_path / "clip.py").write_text(CALLS)
    first = convinspect("summary", "clip.py", "--device", "cpu", cwd=tmp_path)
    specs = ["image=3,224,224", "text=128:int64:50", "scale:=0.5", "timesteps=:int64:1000"]
    assert first.err.splitlines() == [
        "error: clip.py: the --input of Clip is missing",
        f"hint: for example: {' '.join(f'--input {spec}' for spec in specs)}",
    ]
    words = [word for spec in specs for word in ("--input", spec)]
    assert convinspect("summary", "clip.py", "--device", "cpu", *words, cwd=tmp_path).code == 0
