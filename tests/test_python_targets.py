"""Which model a Python target means, and what is said when it is not plain."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from convinspect.errors import UsageError
from convinspect.parsing import parse_argument, parse_input
from convinspect.pipeline import summarise
from convinspect.spec import InputSpec, Request, Target
from tests.shell import Result, convinspect

ONE = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, width=4):
            super().__init__()
            self.linear = nn.Linear(4, width)
        def forward(self, x):
            return self.linear(x)
"""
HELPER = """
    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
        def forward(self, x):
            return x
"""


def _write(folder: Path, text: str, name: str = "model.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def _summary(target: str | Path, *options: str, cwd: Path) -> Result:
    return convinspect("summary", target, "--input", "4", "--json", "--device", "cpu", *options, cwd=cwd)


def _name_and_params(result: Result) -> tuple[str, int]:
    assert result.code == 0, result.err
    report = json.loads(result.out)
    return report["model"]["name"], report["totals"]["params"]


def test_the_one_class_of_a_file_is_the_model(tmp_path: Path) -> None:
    result = _summary(_write(tmp_path, ONE), cwd=tmp_path)
    assert _name_and_params(result) == ("Net", 20)
    assert result.err == ""


def test_of_several_classes_the_one_without_required_arguments_is_taken_and_said(tmp_path: Path) -> None:
    result = _summary(_write(tmp_path, ONE + HELPER), cwd=tmp_path)
    assert _name_and_params(result) == ("Net", 20)
    assert result.err == "note: took Net, the only class here that needs no arguments\n"


def test_several_that_need_no_arguments_are_listed_with_their_signatures(tmp_path: Path) -> None:
    path = _write(tmp_path, ONE + HELPER + "\n    class Other(Net):\n        pass\n")
    result = _summary(path, cwd=tmp_path)
    assert result.code == 2
    assert result.out == ""
    assert result.err.splitlines() == [
        f"error: {path}: several models",
        "  Net(width=4)",
        "  Other(width=4)",
        "  Block(width)",
        f"hint: choose one, for example: convinspect summary {path}:Net --input 4 --json --device cpu",
    ]


def test_imported_classes_are_not_candidates(tmp_path: Path) -> None:
    result = _summary(_write(tmp_path, ONE + "\n    from torch.nn import Conv2d, Identity, ReLU\n"), cwd=tmp_path)
    assert _name_and_params(result) == ("Net", 20)


def test_a_module_level_instance_is_the_model(tmp_path: Path) -> None:
    result = _summary(_write(tmp_path, ONE + "\n    model = Net(width=8)\n"), cwd=tmp_path)
    assert _name_and_params(result) == ("Net", 40)


def test_a_factory_is_called(tmp_path: Path) -> None:
    path = _write(tmp_path, ONE + "\n    def wide(width=16) -> nn.Module:\n        return Net(width)\n")
    assert _name_and_params(_summary(f"{path}:wide", cwd=tmp_path)) == ("Net", 80)
    assert _name_and_params(_summary(f"{path}:wide", "--arg", "width=2", cwd=tmp_path)) == ("Net", 10)


def test_a_file_with_a_factory_alone_needs_no_name(tmp_path: Path) -> None:
    path = _write(tmp_path, "import torch\ndef make():\n    return torch.nn.Linear(4, 3)\n")
    assert _name_and_params(_summary(path, cwd=tmp_path)) == ("Linear", 15)


def test_arguments_choose_and_build(tmp_path: Path) -> None:
    path = _write(tmp_path, ONE)
    assert _name_and_params(_summary(path, "--arg", "width=10", cwd=tmp_path)) == ("Net", 50)


def test_dotted_attributes_and_modules(tmp_path: Path) -> None:
    _write(tmp_path, ONE + "\n    class zoo:\n        Small = Net\n", "pack/__init__.py")
    assert _name_and_params(_summary("pack:zoo.Small", cwd=tmp_path)) == ("Net", 20)


def test_relative_imports_inside_a_package_work(tmp_path: Path) -> None:
    _write(tmp_path, "", "pack/__init__.py")
    _write(tmp_path, ONE, "pack/blocks.py")
    path = _write(tmp_path, "from .blocks import Net as Base\nclass Deep(Base):\n    pass\n", "pack/deep.py")
    assert _name_and_params(_summary(path, cwd=tmp_path)) == ("Deep", 20)


def test_neighbours_of_the_file_can_be_imported(tmp_path: Path) -> None:
    _write(tmp_path, ONE, "nets/neighbour_blocks.py")
    path = _write(tmp_path, "import neighbour_blocks\nclass Far(neighbour_blocks.Net):\n    pass\n", "nets/far.py")
    assert _name_and_params(_summary(path, cwd=tmp_path)) == ("Far", 20)


def test_a_file_named_like_a_library_module_does_not_replace_it(tmp_path: Path) -> None:
    assert _name_and_params(_summary(_write(tmp_path, ONE, "random.py"), cwd=tmp_path)) == ("Net", 20)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("class Net(:\n", 3, "model.py: line 1: SyntaxError"),
        ("import not_there_at_all\n", 3, "ModuleNotFoundError: No module named 'not_there_at_all' (model.py:1)"),
        ("x = 1\n", 2, "defines no torch.nn.Module"),
        ("raise SystemExit(4)\n", 3, "the code called exit(4)"),
        (ONE.replace("width=4", "width"), 2, "Net(width) needs width"),
        (ONE.replace("nn.Linear(4, width)", "1 / 0"), 3, "ZeroDivisionError: division by zero (model.py:"),
        (ONE + "\n    def f():\n        return 3\n    del Net\n", 2, "f gave an int, not a torch.nn.Module"),
    ],
    ids=["syntax", "import", "empty", "exit", "arguments", "constructor", "wrong type"],
)
def test_what_is_wrong_is_one_line_and_one_hint(tmp_path: Path, text: str, code: int, said: str) -> None:
    result = _summary(_write(tmp_path, text), cwd=tmp_path)
    assert result.code == code
    assert result.out == ""
    assert said in result.err
    assert len(result.err.splitlines()) <= 2
    assert result.err.startswith("error: ")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("model.py:Nett", "error: model.py: no Nett\nhint: found Net"),
        ("modle.py", "error: modle.py: no such file\nhint: did you mean model.py?"),
        ("no_such_package:Net", "no module no_such_package"),
        ("model.py:torch.pi", "is a float, not a model"),
        (".", "is a folder"),
    ],
)
def test_a_target_that_is_not_there_suggests_one_that_is(tmp_path: Path, target: str, said: str) -> None:
    _write(tmp_path, ONE)
    result = _summary(target, cwd=tmp_path)
    assert result.code == 2
    assert said in result.err


def test_a_constructor_that_reads_values_is_built_for_real_and_moved_to_meta(tmp_path: Path) -> None:
    path = _write(tmp_path, ONE.replace("nn.Linear(4, width)", "nn.Linear(4, int(torch.ones(6).sum().item()))"))
    assert _name_and_params(_summary(path, "--device", "meta", cwd=tmp_path)) == ("Net", 30)


def test_the_file_reads_an_empty_command_line_of_its_own_from_import_to_forward(tmp_path: Path) -> None:
    text = (
        textwrap.dedent(ONE)
        .replace("super().", "print(sys.argv); super().")
        .replace("return", "print(sys.argv); return")
    )
    path = _write(tmp_path, f"import sys\nprint(sys.argv)\n{text}")
    before = list(sys.argv)
    result = _summary(path, "--optimizer", "none", cwd=tmp_path)
    assert (result.code, result.err.splitlines()) == (0, [str([str(path)])] * 3)
    assert sys.argv == before


ARGPARSE = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, {})
    args = parser.parse_args()
""" + ONE.replace("width=4", "width=args.width")
IN_FACTORY = """
    import argparse
    import torch
    def net():
        parser = argparse.ArgumentParser()
        parser.add_argument("-w", "--width", type=int, required=True)
        parser.add_argument("depth", type=int)
        args = parser.parse_args()
        class Net(torch.nn.Sequential):
            pass
        return Net(*[torch.nn.Linear(4, args.width) for _ in range(args.depth)])
"""
CLICK = """
    import click
    @click.command()
    @click.option("--width", type=int, {})
    def cli(width):
        global default
        default = width
    cli(standalone_mode=False)
""" + ONE.replace("width=4", "width=default")


@pytest.mark.parametrize("text", [ARGPARSE, CLICK], ids=["argparse", "click"])
def test_a_file_may_parse_its_command_line_while_it_is_imported(text: str, tmp_path: Path) -> None:
    path = _write(tmp_path, text.replace("{}", "default=6"))
    assert _name_and_params(_summary(path, cwd=tmp_path)) == ("Net", 30)


@pytest.mark.parametrize(
    ("text", "said", "wanted", "given"),
    [
        (ARGPARSE.replace("{}", "required=True"), "are required: --width", "--width ...", "--width 6"),
        (ARGPARSE.replace("--width", "width").replace(", {}", ""), "are required: width", "...", "6"),
        (CLICK.replace("{}", "required=True"), "Missing parameter: width", "--width ...", "--width=6"),
        (IN_FACTORY, "are required: -w/--width, depth", "--width ... ...", "1 -w 6"),
    ],
    ids=["option", "positional", "click", "factory"],
)
def test_the_command_line_that_a_file_misses_is_given_as_the_hint_says(
    text: str, said: str, wanted: str, given: str, tmp_path: Path
) -> None:
    path = _write(tmp_path, text)
    result = _summary(path, cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    *_, error, hint = result.err.splitlines()
    assert said in error
    assert hint == f"hint: it reads its command line, which is given with --argv '{wanted}'"
    argv = list(sys.argv)
    assert _name_and_params(_summary(path, "--argv", given, cwd=tmp_path)) == ("Net", 30)
    assert sys.argv == argv
    assert "No closing quotation" in _summary(path, "--argv", "'", cwd=tmp_path).err


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("resnet_tut.ResNet18", "resnet_tut:ResNet18 or resnet_tut.py:ResNet18"),
        ("resnet_tut.py.ResNet18", "resnet_tut:ResNet18 or resnet_tut.py:ResNet18"),
        ("./resnet_tut.ResNet18", "./resnet_tut.py:ResNet18"),
        ("part.resnet_tut.ResNet18", "part.resnet_tut:ResNet18 or part/resnet_tut.py:ResNet18"),
        ("part/resnet_tut.ResNet18", "part/resnet_tut.py:ResNet18"),
        ("part/resnet_tut.py.ResNet18", "part/resnet_tut.py:ResNet18"),
    ],
)
def test_a_dot_in_place_of_the_colon_is_understood(target: str, hint: str, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "part"):
        _write(folder, ONE.replace("Net", "ResNet18"), "resnet_tut.py")
    result = _summary(target, cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[1] == f"hint: did you mean {hint}?"


def test_a_module_without_such_a_part_is_named(tmp_path: Path) -> None:
    _write(tmp_path, ONE)
    result = _summary("model.Nett", cwd=tmp_path)
    assert (result.code, result.err) == (2, "error: model.Nett: no module model.Nett, and no Nett in model\n")


@pytest.mark.parametrize(("file", "cwd"), [("ns/rel.py", ""), ("a/ns/rel.py", ""), ("ns/rel.py", "ns")])
def test_relative_imports_work_without_an_init_file(file: str, cwd: str, tmp_path: Path) -> None:
    path = _write(tmp_path, "from .base import Net\nclass Block(Net):\n    pass\n", file)
    _write(path.parent, ONE, "base.py")
    assert _name_and_params(_summary(f"{path.relative_to(tmp_path / cwd)}", cwd=tmp_path / cwd)) == ("Block", 20)


def test_a_folder_whose_name_is_none_of_python_is_no_package(tmp_path: Path) -> None:
    path = _write(tmp_path, "from .base import Net\nclass Block(Net):\n    pass\n", "no-name/rel.py")
    result = _summary(path, cwd=tmp_path)
    said = "error: rel.py: ImportError: attempted relative import with no known parent package (rel.py:1)\n"
    assert (result.code, result.out, result.err) == (3, "", said)


def test_relative_imports_may_leave_the_packages_that_have_an_init_file(tmp_path: Path) -> None:
    _write(tmp_path, "", "above/pack/__init__.py")
    _write(tmp_path, ONE, "above/base.py")
    _write(tmp_path, "from ..base import Net\nclass Block(Net):\n    pass\n", "above/pack/up.py")
    assert _name_and_params(_summary("above/pack/up.py", cwd=tmp_path)) == ("Block", 20)


def test_a_neighbour_that_needs_a_larger_package_suggests_the_command(tmp_path: Path) -> None:
    _write(tmp_path, ONE, "above/base.py")
    _write(tmp_path, "from ..base import Net\n", "above/pack/next.py")
    _write(tmp_path, "from .next import Net\nclass Block(Net):\n    pass\n", "above/pack/up.py")
    result = _summary("up.py", cwd=tmp_path / "above" / "pack")
    assert (result.code, result.err.splitlines()[1]) == (
        3,
        f"hint: try: PYTHONPATH={tmp_path} convinspect summary above.pack.up",
    )
    assert _name_and_params(_summary("above/pack/up.py", cwd=tmp_path)) == ("Block", 20)


def test_a_file_deep_in_a_project_imports_from_the_working_folder(tmp_path: Path) -> None:
    _write(tmp_path, ONE, "ldm/base.py")
    path = _write(tmp_path, "from ldm.base import Net\nclass Deep(Net):\n    pass\n", "ldm/modules/deep.py")
    result = _summary("deep.py", cwd=path.parent)
    assert result.err.splitlines() == [
        "error: deep.py: ModuleNotFoundError: No module named 'ldm' (deep.py:1)",
        f"hint: try: PYTHONPATH={tmp_path} convinspect summary deep.py",
    ]
    assert _name_and_params(_summary("ldm/modules/deep.py", cwd=tmp_path)) == ("Deep", 20)


ODD_OBJECTS = """
    class Lazy:
        @property
        def __class__(self):
            raise RuntimeError("not now")
    class Wild:
        def __getattribute__(self, name):
            raise RuntimeError(name)
        def __eq__(self, other):
            raise RuntimeError("eq")
        def __bool__(self):
            raise RuntimeError("bool")
    lazy, wild = Lazy(), Wild()
"""


def test_other_objects_of_the_file_are_not_touched(tmp_path: Path) -> None:
    assert _name_and_params(_summary(_write(tmp_path, ONE + ODD_OBJECTS), cwd=tmp_path)) == ("Net", 20)


def test_a_default_that_cannot_be_written_does_not_stop_the_list(tmp_path: Path) -> None:
    text = """
    class Mute:
        def __repr__(self):
            raise RuntimeError("no words")
    """
    path = _write(tmp_path, text + ONE.replace("width=4", "width, how=Mute()"))
    assert "Net(...) needs width" in _summary(path, cwd=tmp_path).err
    path = _write(tmp_path, text + ONE.replace("width=4", "width=Mute()") + "\n    class Other(Net):\n        pass\n")
    assert "several models\n  Net(...)\n  Other(...)\n" in _summary(path, cwd=tmp_path).err


def test_an_attribute_that_raises_is_the_users(tmp_path: Path) -> None:
    path = _write(tmp_path, "def __getattr__(name):\n    raise RuntimeError(name)\n")
    result = _summary(f"{path}:Net", cwd=tmp_path)
    assert (result.code, result.err) == (3, f"error: {path}:Net: RuntimeError: Net (model.py:2)\n")


PART = """
    import torch
    from torch import nn
    class QuickAct(nn.Module):
        def forward(self, x):
            return x.sigmoid()
    class Net(nn.Module):
        def __init__(self, {}):
            super().__init__()
            self.linear = nn.Linear(4, width)
            self.act = {}
        def forward(self, x):
            return self.act(self.linear(x))
"""


@pytest.mark.parametrize("built", ["QuickAct()", "nn.Sequential(*[QuickAct() for _ in range(2)])", "make(2)"])
def test_a_class_that_another_one_builds_is_not_the_model(built: str, tmp_path: Path) -> None:
    make = "\n    def make(n):\n        return nn.Sequential(*(QuickAct() for _ in range(n)))\n"
    path = _write(tmp_path, PART.format("width=8", built) + make)
    result = _summary(path, cwd=tmp_path)
    assert _name_and_params(result) == ("Net", 40)
    assert result.err == "note: took Net, which the other classes here are parts of\n"
    path = _write(tmp_path, PART.format("width", built) + make)
    result = _summary(path, cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {path}: Net(width) needs width\nhint: give them with --arg width=...\n"
    assert _name_and_params(_summary(path, "--arg", "width=2", cwd=tmp_path)) == ("Net", 10)


def test_classes_that_build_each_other_are_listed(tmp_path: Path) -> None:
    text = ONE + "\n    class Other(Net):\n        def again(self):\n            return Net()\n"
    path = _write(
        tmp_path, text.replace("return self.linear(x)", "return self.linear(x) if x is not None else Other()")
    )
    assert "several models\n  Net(width=4)\n  Other(width=4)\n" in _summary(path, cwd=tmp_path).err


DECIDES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rates = [x.item() for x in torch.linspace(0, 1, 3)]
        self.steps = torch.arange(4).tolist()
        self.linear = nn.Linear(8, 8)
        self.register_buffer("sizes", torch.tensor([1, 2]))
        self.register_buffer("places", torch.arange(6).expand(1, -1))
        self.mask = torch.empty(4, 4).fill_(-1).triu_(1)

    def forward(self, ids):
        x = self.linear(torch.ones(1, 8))
        if self.mask[0, 1] < 0 and self.places.sum() == 15 and (ids < 30).all() and self.rates[-1] == self.steps[1]:
            x = self.linear(x.repeat(int(self.sizes.sum()), 1))
        return x
"""


def test_what_a_constructor_computes_on_meta_decides_there(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(DECIDES)
    target = Target("net.py", str(tmp_path / "net.py"), None)
    reports = [
        summarise(Request(target, (InputSpec((6,), None, "int64", 30),), device=device, fallback=False))
        for device in ("cpu", "meta")
    ]
    assert [(report.run.device, report.totals.macs) for report in reports] == [("cpu", 256), ("meta", 256)]


CONFIGURED = """
    from dataclasses import dataclass
    from torch import nn

    @dataclass
    class Config:
        width: int = 8

    class Net(nn.Module):
        def __init__(self, config: Config, norm=nn.BatchNorm1d):
            super().__init__()
            self.linear, self.norm = nn.Linear(4, config.width), norm(config.width)

        def forward(self, x, start: int = 1, mask=None, lens=None, use_cache=True):
            if use_cache or start or lens != [40] or not (mask is None or mask.all()):
                raise ValueError("not what was asked for")
            return self.norm(self.linear(x))

    def make(name, width=3):
        return nn.Linear(4, width)
"""
REST = tuple(map(parse_input, ("start:=0", "lens:=[40]", "use_cache:=False")))


@pytest.mark.parametrize(
    ("attribute", "arguments", "inputs", "params", "macs"),
    [
        ("Net", ["config.width=16", "norm=@nn.LayerNorm"], ["4", "mask=ones:6:int64"], 112, 64),
        ("Net", ["config=@Config(width=5)", "norm=@torch.nn.LayerNorm"], ["4"], 35, 20),
        ("make", ["resnet", "width=2"], ["input=[[1.0,2,3,4]]"], 10, 8),
    ],
)
def test_arguments_may_be_objects_and_inputs_values(
    tmp_path: Path, attribute: str, arguments: list[str], inputs: list[str], params: int, macs: int
) -> None:
    target = Target("net", str(_write(tmp_path, CONFIGURED, "configured.py")), attribute)
    rest = REST if attribute == "Net" else ()
    request = Request(
        target, (*map(parse_input, inputs), *rest), tuple(map(parse_argument, arguments)), device="cpu", optimizer=None
    )
    report = summarise(request)
    assert (report.failure, report.totals.params, report.totals.macs) == (None, params, macs)


@pytest.mark.parametrize("kind", ["npy", "npz", "pt"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_inputs_may_lie_in_a_file(tmp_path: Path, kind: str, device: str) -> None:
    path = tmp_path / f"data.{kind}"
    if kind == "pt":
        torch.save({"x": torch.ones(5, 4)}, path)
    else:
        ones = np.ones((5, 4), "float32")
        np.save(path, ones) if kind == "npy" else np.savez(path, x=ones)
    target = Target("net", str(_write(tmp_path, CONFIGURED, "configured.py")), "Net")
    specs = (InputSpec((), None, file=str(path)), *REST)
    report = summarise(Request(target, specs, (("config.width", 2),), device=device, optimizer=None))
    assert (report.failure, report.run.batch_size, report.totals.macs) == (None, 5, 40)


def test_a_file_that_would_run_code_is_no_data(tmp_path: Path) -> None:
    path = tmp_path / "data.pt"
    torch.save({"x": print}, path)
    target = Target("net", str(_write(tmp_path, CONFIGURED, "configured.py")), "Net")
    with pytest.raises(UsageError, match="more than plain tensors"):
        summarise(Request(target, (InputSpec((), None, file=str(path)),), (("config.width", 2),), device="cpu"))


@pytest.mark.parametrize("room", [4, 6, 8, 15])
@pytest.mark.parametrize(("ends", "code"), [("raise ValueError('no')", 3), ("pass", 0)])
def test_a_constructor_that_lowers_the_limit_of_recursion_does_not_lower_ours(
    tmp_path: Path, ends: str, code: int, room: int
) -> None:
    path = _write(
        tmp_path,
        "import inspect, sys\nfrom torch import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        f"        super().__init__(nn.Linear(4, 3))\n        sys.setrecursionlimit(len(inspect.stack(0)) + {room})\n"
        f"        {ends}\n",
    )
    result = _summary(path, cwd=tmp_path)
    if "the limit is too low" in result.err:  # Python itself refuses so low a limit
        assert result.code == 3
        return
    assert result.code == code, result.err
    assert ("ValueError: no" in result.err) == (code != 0)
