"""A kept report is given back while nothing that it rested on has changed, and no longer."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from convinspect.gather import gather
from convinspect.spec import Reference
from tests.gather.asking import job, model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from convinspect.gather import Job, Outcome


@dataclass(frozen=True)
class Case:
    """Some files, and what is changed in them between two runs: the net is 3 wide before, and 5 wide after it."""

    files: dict[str, str]
    change: Callable[[Path], Any]
    target: str = "net.py"
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


def rewrite(name: str, text: str) -> Callable[[Path], Any]:
    return lambda folder: write(folder, {name: text})


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def same_size_and_time(folder: Path) -> None:
    """Change the source so that Python itself would take the code that it has compiled before."""
    path = folder / "net.py"
    times = path.stat()
    path.write_text(path.read_text().replace("width = 3", "width = 5"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def compiled(folder: Path) -> None:
    import py_compile  # noqa: PLC0415

    py_compile.compile(str(folder / "net.py"), doraise=True)


def nothing(_: Path) -> None:
    pass


READ = "width = int(open('width.txt').read())"
PERHAPS = "import os\nwidth = 5 if {} else 3"
C_GETENV = "import ctypes\ngetenv = ctypes.CDLL(None).getenv\ngetenv.restype = ctypes.c_char_p"
CASES = {
    "the file": Case({"net.py": model(init="width = 3")}, rewrite("net.py", model(init="width = 5"))),
    "the file, in the same second": Case({"net.py": model(init="width = 3")}, same_size_and_time),
    "a neighbour": Case(
        {"net.py": model(top="import blocks", init="width = blocks.WIDTH"), "blocks.py": "WIDTH = 3"},
        rewrite("blocks.py", "WIDTH = 5"),
    ),
    "a neighbour's neighbour": Case(
        {
            "net.py": model(top="import blocks", init="width = blocks.WIDTH"),
            "blocks.py": "from sizes import WIDTH",
            "sizes.py": "WIDTH = 3",
        },
        rewrite("sizes.py", "WIDTH = 5"),
    ),
    "a package": Case(
        {
            "nets/__init__.py": "",
            "nets/net.py": model(top="from .blocks import WIDTH", init="width = WIDTH"),
            "nets/blocks.py": "WIDTH = 3",
        },
        rewrite("nets/blocks.py", "WIDTH = 5"),
        target="nets/net.py",
    ),
    "an import inside of forward": Case(
        {
            "net.py": model(init="width = 5", forward="import blocks\nself.layer = nn.Linear(4, blocks.WIDTH)"),
            "blocks.py": "WIDTH = 3",
        },
        rewrite("blocks.py", "WIDTH = 5"),
    ),
    "an import by name": Case(
        {
            "net.py": model(top="import importlib", init="width = importlib.import_module('blocks').WIDTH"),
            "blocks.py": "WIDTH = 3",
        },
        rewrite("blocks.py", "WIDTH = 5"),
    ),
    "a file that the constructor reads": Case(
        {"net.py": model(init=READ), "width.txt": "3"}, rewrite("width.txt", "5")
    ),
    "a file read by pathlib": Case(
        {
            "net.py": model(
                top="from pathlib import Path", init="width = int((Path(__file__).parent / 'width.txt').read_bytes())"
            ),
            "width.txt": "3",
        },
        rewrite("width.txt", "5"),
    ),
    "a large file": Case(
        {"net.py": model(init="width = int(open('width.txt').read(1))"), "width.txt": "3" * (1 << 21)},
        rewrite("width.txt", "5" * (1 << 21)),
    ),
    "an array": Case(
        {"net.py": model(top="import numpy", init="width = int(numpy.fromfile('width', 'u1')[0])"), "width": "\3"},
        rewrite("width", "\5"),
    ),
    "weights": Case(
        {"net.py": model(top="import torch", init="width = len(torch.load('net.pt'))"), "net.pt": ""},
        lambda folder: save(folder, 5),
    ),
    "a scripted file of weights": Case(
        {"net.py": model(top="import torch", init="width = torch.jit.load('net.ts').weight.shape[0]"), "net.ts": ""},
        lambda folder: save(folder, 5),
    ),
    "a shadow in an earlier folder": Case(
        {
            "net.py": model(
                top="import sys\nsys.path[:0] = ['first', 'second']\nimport blocks", init="width = blocks.WIDTH"
            ),
            "first/other.py": "",
            "second/blocks.py": "WIDTH = 3",
        },
        rewrite("first/blocks.py", "WIDTH = 5"),
    ),
    "a shadow in a folder that was not there": Case(
        {
            "net.py": model(
                top="import sys\nsys.path[:0] = ['first', 'second']\nimport blocks", init="width = blocks.WIDTH"
            ),
            "second/blocks.py": "WIDTH = 3",
        },
        rewrite("first/blocks.py", "WIDTH = 5"),
    ),
    "a package where there was a file": Case(
        {"net.py": model(top="import blocks", init="width = blocks.WIDTH"), "blocks.py": "WIDTH = 3", "blocks/x": ""},
        rewrite("blocks/__init__.py", "WIDTH = 5"),
    ),
    "a shadow of the standard library": Case(
        {
            "net.py": model(top="import this_day", init="width = this_day.WIDTH"),
            "this_day.py": "import sched\nWIDTH = 3",
        },
        lambda folder: write(folder, {"sched.py": "import this_day", "this_day.py": "import sched\nWIDTH = 5"}),
    ),
    "a module that was not there": Case(
        {
            "net.py": model(
                top="try:\n    from extra import WIDTH\nexcept ImportError:\n    WIDTH = 3", init="width = WIDTH"
            )
        },
        rewrite("extra.py", "WIDTH = 5"),
    ),
    "a file that was not there": Case(
        {"net.py": model(init="try: width = int(open('width.txt').read())\nexcept OSError: width = 3")},
        rewrite("width.txt", "5"),
    ),
    "a file that was asked for": Case(
        {"net.py": model(init=PERHAPS.format("os.path.exists('wide')"))}, rewrite("wide", "")
    ),
    "a file that pathlib asked for": Case(
        {"net.py": model(top="from pathlib import Path", init="width = 5 if Path('wide').is_file() else 3")},
        rewrite("wide", ""),
    ),
    "a file that may be read": Case(
        {"net.py": model(init=PERHAPS.format("os.access('wide', os.R_OK)"))}, rewrite("wide", "")
    ),
    "what is in a folder": Case(
        {"net.py": model(init="import os\nwidth = len(os.listdir('classes'))"), **{f"classes/{i}": "" for i in "abc"}},
        lambda folder: write(folder, {"classes/d": "", "classes/e": ""}),
    ),
    "what a pattern finds": Case(
        {"net.py": model(init="import glob\nwidth = len(glob.glob('*.cls'))"), **{f"{i}.cls": "" for i in "abc"}},
        lambda folder: write(folder, {"d.cls": "", "e.cls": ""}),
    ),
    "a variable that is named": Case(
        {"net.py": model(top=C_GETENV, init="width = int(getenv(b'NAMED') or 3)")},
        nothing,
        before={"environment": ("NAMED",)},
    ),
    "a variable that is read": Case(
        {"net.py": model(init="import os\nwidth = int(os.environ.get('READ', 3))")}, nothing
    ),
    "an argument": Case(
        {"net.py": model()}, nothing, before={"arguments": {"width": 3}}, after={"arguments": {"width": 5}}
    ),
    "an object of an argument": Case(
        {"net.py": model(top="from blocks import WIDTH"), "blocks.py": "WIDTH = 3"},
        rewrite("blocks.py", "WIDTH = 5"),
        before={"arguments": {"width": Reference("WIDTH")}},
    ),
    "what a function gives as inputs": Case(
        {
            "net.py": model(forward="self.layer = nn.Linear(4, len(x))"),
            "feed.py": "import torch\ndef rows(): return torch.ones(int(open('rows.txt').read()), 4)",
            "rows.txt": "3",
        },
        rewrite("rows.txt", "5"),
        before={"input_from": "feed.py:rows"},
    ),
    "what is taken from the file": Case(
        {"net.py": model() + "\ndef three(): return Net(3)\ndef five(): return Net(5)\n"},
        nothing,
        target="net.py:three",
        after={"target": "net.py:five"},
    ),
}


def save(folder: Path, width: int) -> None:
    import torch  # noqa: PLC0415

    torch.save(dict.fromkeys(map(str, range(width)), torch.zeros(1)), folder / "net.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(torch.nn.Linear(1, width)).save(folder / "net.ts")


def ask(case: Case, folder: Path, **more: Any) -> Job:
    more = {"target": case.target, **more}
    return job(more.pop("target"), folder, **more)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    """Run all cases four times: new, again, changed, and changed again."""
    root = tmp_path_factory.mktemp("cases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVINSPECT_CACHE", str(root / "cache"))
        folders = {name: root / name.replace(" ", "_").replace(",", "") for name in CASES}
        for name, case in CASES.items():
            write(folders[name], case.files)
            if "net.ts" in case.files or "net.pt" in case.files:
                save(folders[name], 3)
        compiled(folders["the file, in the same second"])
        before = [ask(case, folders[name], **case.before) for name, case in CASES.items()]
        rounds = [gather(before, workers=2), gather(before, workers=2)]
        for name, case in CASES.items():
            case.change(folders[name])
        patch.setenv("NAMED", "5")
        patch.setenv("READ", "5")
        after = [ask(case, folders[name], **(case.before | case.after)) for name, case in CASES.items()]
        rounds += [gather(after, workers=2), gather(after, workers=2)]
        return {name: [outcomes[index] for outcomes in rounds] for index, name in enumerate(CASES)}


def width(outcome: Outcome) -> int:
    assert outcome.report is not None, outcome.error
    assert outcome.error is None
    return outcome.report.outputs[0].shape[-1]


@pytest.mark.parametrize("name", CASES)
def test_the_answer_follows(name: str, runs: dict[str, list[Outcome]]) -> None:
    new, again, changed, changed_again = runs[name]
    assert (width(new), new.cached) == (3, False)
    assert (width(again), again.cached) == (3, True)
    assert again == replace(new, cached=True)
    assert (width(changed), changed.cached) == (5, False)
    assert (width(changed_again), changed_again.cached) == (5, True)
