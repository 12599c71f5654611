"""Which of the classes, factories and instances of a file is the model, and which are pieces of it."""

from __future__ import annotations

import io
import json
import shlex
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from convinspect.cli.asking import reported
from convinspect.errors import UndecidedError
from convinspect.parsing import parse_input, parse_target
from convinspect.spec import Request
from tests.shell import Result, convinspect

HEAD = "import torch\nfrom functools import partial\nfrom torch import nn\n"
NET = """
    class {name}({base}):
        def __init__(self, {arguments}):
            super().__init__()
            self.linear = {linear}
        def forward(self, x):
            return self.linear(x)
"""


def _net(name: str, arguments: str = "width=3", linear: str = "nn.Linear(4, width)", base: str = "nn.Module") -> str:
    return textwrap.dedent(NET.format(name=name, arguments=arguments, linear=linear, base=base))


def _summary(folder: Path, text: str, *options: str, name: str = "net.py") -> Result:
    (folder / name).write_text(HEAD + textwrap.dedent(text))
    words = ("--input", "4", "--json", "--device", "cpu", "--optimizer", "none")
    return convinspect("summary", name, *words, *options, cwd=folder)


def _listed(result: Result) -> list[str]:
    assert (result.code, result.out) == (2, ""), result.err
    return [line.strip() for line in result.err.splitlines()[1:-1]]


LOSS = "class Dice(nn.modules.loss._Loss):\n    pass\n"
ACTIVATION = "class Swish(nn.Module):\n    def forward(self, x):\n        return x * torch.sigmoid(x)\n"
LEARNED = (
    "class Scale(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.w = nn.Parameter(torch.ones(4))\n    def forward(self, x):\n        return x * self.w\n"
)


FACTORY = "def small():\n    net = Net(2)\n    net = net.eval()\n    return net\n"
NO_FACTORY = "def main():\n    print(Net(2))\ndef area(n=2):\n    return n * n\n"


@pytest.mark.parametrize(
    ("text", "options", "name", "params"),
    [
        (_net("Net", "width") + LOSS + ACTIVATION, ["--arg", "width=2"], "Net", 10),
        (_net("Net") + "swish = nn.SiLU()\n", [], "Net", 15),
        (_net("BaseNet") + _net("Net", base="BaseNet"), [], "Net", 15),
        (_net("Net", "width") + "small = partial(Net, 2)\n", [], "Net", 10),
        (_net("Net", "width") + FACTORY, [], "Net", 10),
        (_net("Net", "width") + "ALL = {'a': Net}\ndef make(name='a'):\n    return ALL[name](5)\n", [], "Net", 25),
        (_net("Net", "width") + NO_FACTORY, ["--arg", "width=1"], "Net", 5),
        (_net("Part", "width") + "def net():\n    return nn.Sequential(Part(3), nn.ReLU())\n", [], "Sequential", 15),
        (_net("Part") + _net("Net", "", "PARTS['p']()") + "PARTS = {'p': Part}\n", [], "Net", 15),
        (LEARNED + ACTIVATION, [], "Scale", 4),
        (ACTIVATION, [], "Swish", 0),
        (_net("Net", "width") + "    @classmethod\n    def tiny(cls):\n        return cls(3)\n", [], "Net", 15),
    ],
    ids=[
        *("loss and activation", "instance without weights", "base", "partial", "factory", "table", "no factory"),
        *("factory of parts", "table of parts", "learned", "nothing else", "classmethod"),
    ],
)  # fmt: skip
def test_the_model_is_what_nothing_else_builds(
    text: str, options: list[str], name: str, params: int, tmp_path: Path
) -> None:
    result = _summary(tmp_path, text, *options)
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report["model"]["name"], report["totals"]["params"]) == (name, params)


def test_a_model_that_a_library_builds_inside_a_class_is_one(tmp_path: Path) -> None:
    (tmp_path / "zoo_of_nets.py").write_text("from torch import nn\ndef make(width):\n    return nn.Linear(4, width)\n")
    text = "import zoo_of_nets\n" + _net("Net", "width=2", "zoo_of_nets.make(width)") + LOSS + ACTIVATION
    text += _net("Smooth", "p=2", "float(p)").replace("Linear", "")
    result = _summary(tmp_path, text)
    assert (result.code, json.loads(result.out)["totals"]["params"]) == (0, 10)


def test_a_long_file_is_read_in_time(tmp_path: Path) -> None:
    text = "".join(_net(f"Part{i}", "width=3", f"Part{i - 1}(width)" if i else "nn.Linear(4, 3)") for i in range(100))
    start = time.perf_counter()
    result = _summary(tmp_path, text)
    assert (result.code, json.loads(result.out)["model"]["name"]) == (0, "Part99")
    assert time.perf_counter() - start < 20


def test_what_has_no_forward_or_is_only_asked_for_by_type_is_told_apart(tmp_path: Path) -> None:
    text = "class Pretrained(nn.Module):\n    def start(self, m):\n        return isinstance(m, (Small, Large))\n"
    text += _net("Small", base="Pretrained") + _net("Large", "width=9", base="Pretrained")
    assert _listed(_summary(tmp_path, text)) == ["Small(width=3)", "Large(width=9)", "apart from these: Pretrained"]


def test_another_name_of_a_class_or_factory_is_no_further_model(tmp_path: Path) -> None:
    text = _net("Net", "width") + "Model = Net\ndef small():\n    return Net(1)\nbuild = small\n"
    text += _net("Deep", "width, depth", base="Net") + "def deep():\n    return Deep(1, 2)\n"
    assert _listed(_summary(tmp_path, text)) == ["small()", "deep()", "Net(width)", "Deep(width, depth)"]


def test_a_piece_is_not_taken_because_it_is_the_easy_one(tmp_path: Path) -> None:
    text = _net("PatchEmbed") + _net("Encoder", "width") + _net("Decoder", "width, depth") + LOSS
    assert _listed(_summary(tmp_path, text)) == [
        "Encoder(width)",
        "Decoder(width, depth)",
        "PatchEmbed(width=3)",
        "apart from these: Dice",
    ]


def test_a_class_that_turns_out_to_have_no_weights_is_not_taken_because_it_is_the_easy_one(tmp_path: Path) -> None:
    resize = _net("Resize", "learned=False", "nn.Linear(4, 4) if learned else nn.Identity()")
    assert _listed(_summary(tmp_path, _net("Net", "width") + resize)) == ["Net(width)", "Resize(learned=False)"]


def test_models_come_first_and_long_signatures_say_what_is_needed(tmp_path: Path) -> None:
    many = ", ".join(f"option_{i}={i}" for i in range(12))
    text = _net("Net", f"width, depth, {many}") + _net("Block", "width") + "def small():\n    return Net(1, 2)\n"
    text += "def large():\n    return Net(3, 2)\n"
    assert _listed(_summary(tmp_path, text)) == ["small()", "large()", "Net(width, depth, ...)", "Block(width)"]


def test_a_file_that_only_gathers_offers_what_its_neighbours_define(tmp_path: Path) -> None:
    (tmp_path / "neighbour_net.py").write_text(HEAD + _net("Net"))
    result = _summary(tmp_path, "from neighbour_net import Net\nfrom torch.nn import ReLU\n", name="hubconf.py")
    assert result.code == 0, result.err
    assert json.loads(result.out)["totals"]["params"] == 15


def test_a_constructor_that_fails_names_another_way(tmp_path: Path) -> None:
    text = _net("Net", "width=None") + "def of(width):\n    return Net(width)\n"
    result = _summary(tmp_path, text)
    assert (result.code, result.err.splitlines()[-1]) == (3, "hint: another way: net.py:of --arg width=...")


def test_the_settings_that_an_annotation_names_are_built_from_nothing_and_said(tmp_path: Path) -> None:
    text = "class Settings:\n    width = 2\n" + _net("Net", "config: Settings", "nn.Linear(4, config.width)")
    result = _summary(tmp_path, text)
    assert (result.code, result.err) == (0, "note: Net is built with --arg 'config=@Settings()'\n")
    assert json.loads(result.out)["totals"]["params"] == 10


def test_what_an_annotated_object_needs_is_named_by_its_parts(tmp_path: Path) -> None:
    text = "from dataclasses import dataclass\n@dataclass\nclass Dims:\n    width: int\n    depth: int = 1\n"
    text += _net("Net", "dims: Dims", "nn.Linear(4, dims.width)")
    result = _summary(tmp_path, text)
    assert (result.code, result.err.splitlines()[-1]) == (2, "hint: give them with --arg dims.width=...")
    result = _summary(tmp_path, text, "--arg", "dims.depth=2")
    assert (result.code, result.err.splitlines()[-1]) == (2, "hint: give them with --arg dims.width=...")
    result = _summary(tmp_path, text, "--arg", "dims.width=2")
    assert json.loads(result.out)["totals"]["params"] == 10


def test_a_path_or_a_table_is_not_built_from_nothing(tmp_path: Path) -> None:
    text = "from pathlib import Path\n" + _net("Net", "folder: Path, table: dict", "nn.Linear(4, 3)")
    result = _summary(tmp_path, text)
    assert result.err.splitlines()[-1] == "hint: give them with --arg folder=... --arg table=..."


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_constructor_runs_once(tmp_path: Path, device: str) -> None:
    text = _net("Net", linear="print('built') or nn.Linear(4, width)") + LOSS + "def make():\n    return Net(2)\n"
    result = _summary(tmp_path, text, "--device", device)
    assert (result.code, result.err.count("built")) == (0, 1)


def test_a_file_that_runs_on_the_cpu_in_the_place_of_meta_is_imported_once(tmp_path: Path) -> None:
    text = "print('imported')\n" + _net("Net").replace("return", "assert self.linear(x).sum() > -1e9\n        return")
    result = _summary(tmp_path, text, "--device", "meta")
    assert (result.code, result.err.count("imported")) == (0, 1), result.err
    assert json.loads(result.out)["run"]["device"] == "cpu"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["2\n", "Second\n", "3\n", "\n"])
def test_a_person_at_a_terminal_chooses_by_number(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "import sys\nsys.modules['torch'].times_imported += 1\n" + _net("First") + _net("Second", "width=7")
    (tmp_path / "asked_net.py").write_text(text)
    monkeypatch.setattr(torch, "times_imported", 0, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    monkeypatch.setattr(sys, "stderr", said := _Terminal())
    request = Request(parse_target("asked_net.py"), (parse_input("4"),), device="cpu", optimizer=None)
    if answer in ("3\n", "\n"):
        with pytest.raises(UndecidedError):
            reported(request)
    else:
        chosen, report = reported(request)
        assert (chosen.target.attribute, report.totals.params) == ("Second", 35)
    assert vars(torch)["times_imported"] == 1
    assert said.getvalue() == (
        "asked_net.py: several models:\n  1  First(width=3)\n  2  Second(width=7)\nwhich one? 1-2: "
    )


PROGRAM = """
if __name__ == "__main__":
    part = Net(width=5, kind="small-1", scale=None)
    print(part(torch.randn(2, 4)).shape)
"""


def test_a_name_of_a_function_s_own_is_not_the_model_of_the_program(tmp_path: Path) -> None:
    piece = _net("Piece").replace("return self.linear(x)", "part = self.linear(x)\n        return part")
    text = piece + _net("Net", "width, kind, scale", "Piece(width)") + PROGRAM
    result = _summary(tmp_path, text, "--arg", "width=2", "--arg", "kind=a", "--arg", "scale=1")
    assert (result.code, result.err) == (0, "note: took Net, which the other classes here are parts of\n")
    assert json.loads(result.out)["totals"]["params"] == 10


@pytest.mark.parametrize(
    ("used", "hint"),
    [
        (PROGRAM, "the file itself builds it with --arg width=5 --arg kind=small-1 --arg scale=None"),
        (
            "def test():\n    print(Net(7, '1e3', (1, 2)))\n",
            """the file itself builds it with --arg width=7 --arg 'kind='"'"'1e3'"'"'' --arg 'scale=(1, 2)'""",
        ),
        (
            "def test(width):\n    print(Net(width, 'a', 1))\n",
            "give them with --arg width=... --arg kind=... --arg scale=...",
        ),
    ],
)
def test_what_a_constructor_needs_is_shown_as_the_file_itself_gives_it(used: str, hint: str, tmp_path: Path) -> None:
    text = _net("Net", "width, kind, scale") + used
    result = _summary(tmp_path, text)
    assert (result.code, result.err.splitlines()[-1]) == (2, f"hint: {hint}")
    if "..." not in hint:
        words = shlex.split(hint.partition(" with ")[2])
        assert _summary(tmp_path, text, *words).code == 0
        rest = _summary(tmp_path, text, "--arg", "width=1").err.splitlines()[-1]
        assert rest == f"hint: the file itself builds it with --arg{hint.split(' --arg', 2)[2]}"


@pytest.mark.parametrize(
    ("used", "hint"),
    [
        ("def test():\n    print(Net()(torch.randn(2, 4)))\n", "the file itself uses --input 4"),
        ("def test():\n    x = torch.zeros((3, 5, 4))\n    print(Net()(x))\n", "the file itself uses --input 5,4"),
        (
            "x = torch.randint(0, 9, (2, 4))\nif __name__ == '__main__':\n    Net()(x)\n",
            "the file itself uses --input 4:int64:9",
        ),
        ("def other():\n    return torch.randn(2, 4)\n", "for example: --input 4"),
        ("def test():\n    print(Net()(torch.rand(2, 4) + torch.rand(1, 2, 4)))\n", "for example: --input 4"),
    ],
)
def test_a_missing_input_is_shown_as_the_file_itself_makes_it(used: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(HEAD + _net("Net") + used)
    result = convinspect("summary", "net.py", cwd=tmp_path)
    assert (result.code, result.err.splitlines()[-1]) == (2, f"hint: {hint}")


TRAINS = """
import sys
sys.path.insert(0, {folder!r})
from torch import nn
from torch.nn import Linear
from {names}
def train(model, loss=nn.MSELoss()):
    return loss
def main():
    print(train(1))
"""


def test_a_script_that_only_imports_its_models_offers_them(tmp_path: Path) -> None:
    nets, scripts = tmp_path / "nets", tmp_path / "scripts"
    nets.mkdir()
    scripts.mkdir()
    (nets / "imported_nets.py").write_text(HEAD + _net("First") + _net("Second"))
    (scripts / "main_one.py").write_text(TRAINS.format(folder=str(nets), names="imported_nets import First"))
    (scripts / "main_two.py").write_text(TRAINS.format(folder=str(nets), names="imported_nets import First, Second"))
    one = convinspect("summary", "scripts/main_one.py", "--input", "4", cwd=tmp_path)
    assert (one.code, one.err) == (0, "")
    assert one.out.startswith("First")
    two = convinspect("summary", "scripts/main_two.py", "--input", "4", cwd=tmp_path)
    assert "error: scripts/main_two.py: several models\n  First(width=3)\n  Second(width=3)\nhint:" in two.err


def test_a_diff_lists_the_models_of_a_file_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "pair_nets.py").write_text(HEAD + _net("First") + _net("Second"))
    words = ("diff", "pair_nets.py", "pair_nets.py:First", "--input", "4")
    told = convinspect(*words, cwd=tmp_path)
    assert told.err == (
        "error: before: pair_nets.py: several models\n  First(width=3)\n  Second(width=3)\n"
        "hint: choose one, for example: pair_nets.py:First\n"
    )
