"""A thousand things that nobody should type or open: each is answered in words, and nothing is harmed by it.

pytest -m heavy tests/test_corpus.py
"""

from __future__ import annotations

import json
import os
import random
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import torch
from torch import nn

from convinspect.cli.program import convinspect as program
from tests.shell import Result, convinspect

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = """
from torch import nn
class Net(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(4, width)
    def forward(self, x):
        return self.layer(x)
"""
NASTY = (
    *("", " ", "-1", "-", "--", "0", "00", "1e9", "1e999", "nan", "inf", "-inf", "٣", "4²", "0x10", "1_0", "9" * 5000),
    *("4,", ",", "4,,4", "4,-4", "4;4", "4 4", "(4", "[4]", "[[4]]", "{", "{}", "'", '"', "\\", "()", "4:", "4:int99"),
    *("4:int64", "4:int64:-5", "4:int64:0", "4:int64:99999999999999999999", "4:bool:7", "x=4", "x=", "=4", "x=x=4"),
    *("z=4", "x.y=4", "4,4,4,4,4,4,4,4,4", "999999999,999999999", "18446744073709551616", "Net", "net.py", "Net:0,0"),
    *("layer:0", "layer:", ":0", "layer:٣", "layer:0,0,0,0", "params", "params,", "params,params", "all", "default"),
    *("meta", "META", "cuda:-1", "cuda:99", "cuda:x", "cpu:0", "mps", "float99", "int8", "complex64", "float16"),
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\r", "\n", "\t", "\u202egnp", "\udcff", "💥", "a" * 300, "a." * 3000),
    *("/", ".", "..", "~", "/proc/self/mem", "/no/such/folder/x", "file:///etc/passwd", "http://127.0.0.1:9/x", "%s"),
    *("{0}", "$(touch harm)", "`touch harm`", "; touch harm", "| touch harm", "git:", "git:--upload-pack=touch harm"),
    *(
        "git:no-such-ref",
        "5%",
        "5%%",
        "-5%",
        "params=",
        "params=5%",
        "params=-1",
        "5MB",
        "5Mi",
        "5 M",
        "M",
        "1.5",
        "٣M",
    ),
)
RAISING = {
    "own": "class Odd(Exception):\n    def __str__(self): raise ValueError\n{indent}raise Odd",
    "huge": "raise ValueError('x' * 1_000_000)",
    "escape": "raise ValueError('\\x1b[31m\\nred\\r')",
    "exits": "raise SystemExit(0)",
    "exits in words": "raise SystemExit('bye')",
    "base": "raise BaseException",
    "deep": "f = lambda: f()\n{indent}f()",
    "memory": "raise MemoryError",
    "stop": "raise StopIteration",
    "surrogate": "raise ValueError('\\udcff')",
    "group": "raise RuntimeError('a') from ValueError('b')",
    "cause": "e = ValueError('a'); e.__cause__ = e\n{indent}raise e",
    "unwritable": "import sys; sys.stdout.write('rubbish')\n{indent}raise ValueError",
    "folder": "import os; os.chdir('/')\n{indent}raise ValueError",
    "recursion": "import sys; sys.setrecursionlimit(60)\n{indent}raise ValueError",
    "hook": "import sys; sys.excepthook = None\n{indent}raise ValueError",
}
RETURNED = (
    "None",
    "1",
    "'text'",
    "[]",
    "()",
    "{}",
    "{1: x}",
    "x.numpy",
    "object()",
    "iter([x])",
    "type(x)",
    "...",
    "self",
)
NOT_PYTHON = {
    "empty.py": b"",
    "binary.py": bytes(range(256)) * 9,
    "null.py": b"x = 1\0",
    "latin.py": "# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"),
    "coding.py": b"# -*- coding: no-such -*-\n",
    "tabs.py": b"if 1:\n\tx = 1\n        y = 2\n",
    "endless.py": b"(" * 5000,
    "no_model.py": b"import math\n",
    "two.py": MODEL.encode() + MODEL.replace("Net", "Other").encode(),
    "class.py": b"from torch import nn\nclass Net(nn.Module):\n    pass\n",
    "not_module.py": b"class Net:\n    pass\nNet = 3\n",
    "relative.py": b"from . import other\n",
    "missing.py": b"import no_such_package\n",
    "itself.py": b"import itself\nfrom itself import Net\n",
    "named.txt": MODEL.encode(),
    "weights.pt": b"PK\x03\x04" + bytes(100),
    "weights.pth": b"\x80\x02}q\x00.",
    "weights.bin": b"\x80\x05" + b"(" * 5000,
    "weights.safetensors": struct.pack("<Q", 1 << 60),
    "empty.safetensors": b"",
    "empty.pt2": b"",
    "empty.json": b"",
    "list.json": b"[]",
    "deep.json": b"[" * 100_000,
    "bom.json": b"\xef\xbb\xbf{}",
    "config.json": b'{"architectures": ["NoSuch"]}',
    "graph.onnx": b"\x08\x07\x12\x00",
    "model.h5": b"\x89HDF\r\n\x1a\n",
    "model.pkl": b"cos\nsystem\n(S'touch harm'\ntR.",
}
TARGETS = (
    *(
        "model.py:",
        "model.py:Nope",
        "model.py:Net.Nope",
        "model.py:Net:Net",
        ":Net",
        "model",
        "model.Net",
        "model:Nope",
    ),
    *("no.such:Net", "os:path", "sys:exit", "builtins:eval", "json", "torch", "torch.nn:Linear", "torch.nn:Nope", "."),
    *("folder", "folder.py", "pipe", "loop", "dangling", "model.py/", "./model.py", "secret.py", "a" * 300 + ".py"),
    *(
        "model.py\n",
        "model.py ",
        "-",
        "💥.py",
        "\udcff.py",
        "\x1b[31m.py",
        "saved.json:Net",
        "weights.ok.safetensors:a",
    ),
)


@dataclass(frozen=True)
class Case:
    """Words of a command line; ``written`` is the file that it may write."""

    words: tuple[str, ...]
    written: str | None = None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files of every kind, with a temporary folder of its own beside it."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("CONVINSPECT_CACHE", str(tmp_path / "cache"))
    (work / "model.py").write_text(MODEL)
    told = convinspect("summary", "model.py", "-i", "4", "--device", "meta", "-o", "saved.json", cwd=work)
    assert told.code == 0, told.err
    for name, content in NOT_PYTHON.items():
        (work / name).write_bytes(content)
    for name, (place, body) in _models().items():
        (work / name).write_text(_raising(place, body))
    for index, value in enumerate(RETURNED):
        (work / f"returns_{index}.py").write_text(MODEL.replace("self.layer(x)", value))
    for name, content in _damaged((work / "saved.json").read_bytes()):
        (work / name).write_bytes(content)
    torch.save(nn.Linear(2, 2).state_dict(), work / "weights.ok.pt")
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (work / "weights.ok.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    (work / "folder").mkdir()
    (work / "folder.py").mkdir()
    (work / "loop").symlink_to("loop")
    (work / "dangling").symlink_to("nowhere")
    (work / "secret.py").write_text(MODEL)
    (work / "secret.py").chmod(0)
    os.mkfifo(work / "pipe")
    return work


def _models() -> dict[str, tuple[str, str]]:
    places = ("import", "init", "forward")
    return {f"{place}_{name.replace(' ', '_')}.py": (place, body) for place in places for name, body in RAISING.items()}


def _raising(place: str, body: str) -> str:
    before = {"import": "from torch import nn\n", "init": "super().__init__()\n", "forward": "return self.layer(x)\n"}[
        place
    ]
    indent = "" if place == "import" else " " * 8
    code = body.format(indent=indent).replace("\n    def", f"\n{indent}    def")
    if place == "forward":
        return MODEL.replace("return self.layer(x)", code)
    return MODEL.replace(before, before + indent + code + "\n", 1)


def _damaged(saved: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield reports with one value of another kind, one key less, or a part of their bytes missing or changed."""
    random_ = random.Random(0)  # noqa: S311 - the same damage each time
    values = (None, -1, 1e300, 10**400, "text", [], {}, True, [[]], "\ud800")
    for index in range(220):
        document = json.loads(saved)
        at: Any = document
        while True:
            key = random_.choice(list(at) if isinstance(at, dict) else range(len(at)))
            if isinstance(at[key], (dict, list)) and at[key] and random_.random() < 0.8:
                at = at[key]
                continue
            break
        if index % 4 == 0:
            del at[key]
        else:
            at[key] = random_.choice(values)
        yield f"damaged_{index}.json", json.dumps(document).encode()
    for index in range(40):
        start = random_.randrange(len(saved))
        yield f"cut_{index}.json", saved[:start] + random_.randbytes(index % 3) + saved[start + 1 + index :]


def corpus(folder: Path) -> list[Case]:
    """Return all cases that the files of ``folder`` are made for."""
    cases = [*_options(), *(Case(("summary", target, "-i", "4", "--device", "meta")) for target in TARGETS)]
    for path in sorted(folder.iterdir()):
        given = ("-i", "4", "--device", "cpu", "--optimizer", "none") if path.suffix == ".py" else ()
        cases.append(Case(("summary", path.name, *given, "--json")))
    cases += [
        Case((command, *words)) for command in program.commands for words in (("-i",), ("--nope",), ("a", "b", "c"))
    ]
    cases += [Case((word,)) for word in NASTY]
    return cases


def _options() -> Iterator[Case]:
    """Yield each option of each command with each nasty value."""
    starts = {
        "summary": ("model.py", "--device", "meta", "--optimizer", "none", "-i", "4"),
        "check": ("saved.json", "--max-params", "1M"),
        "diff": ("saved.json", "saved.json"),
        "weight-files": ("weights.ok.safetensors",),
    }
    for name, start in starts.items():
        for option in program.commands[name].params:
            if not isinstance(option, click.Option) or option.is_flag:
                continue
            flag = max(option.opts, key=len)
            for value in NASTY:
                kept = _without(start, flag)
                yield Case((name, *kept, flag, value), value if flag == "--output" else None)


def _without(words: tuple[str, ...], flag: str) -> tuple[str, ...]:
    same = {"--input": "-i"}.get(flag, flag)
    return words[: words.index(same)] + words[words.index(same) + 2 :] if same in words else words


def test_a_sample_of_what_nobody_should_type_is_answered_in_words(folder: Path) -> None:
    cases = corpus(folder)
    sample = random.Random(1).sample(cases, 120)  # noqa: S311 - the same ones each time
    assert _faults(folder, sample) == []


@pytest.mark.heavy
def test_all_that_nobody_should_type_is_answered_in_words(folder: Path) -> None:
    cases = corpus(folder)
    assert len(cases) > 1000
    assert _faults(folder, cases) == []


def _faults(folder: Path, cases: list[Case]) -> list[tuple[tuple[str, ...], str]]:
    faults = []
    for case in cases:
        before = _everything(folder.parent)
        result = convinspect(*case.words, cwd=folder)
        said = _fault(result, case)
        after = _everything(folder.parent)
        touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        written = folder / case.written if case.written else folder
        if result.code == 0 and written.is_file():
            touched.discard(os.path.relpath(written, folder.parent))
            written.unlink()
        if said or touched:
            faults.append((case.words, said or f"touched {touched}"))
    return faults


def _fault(result: Result, case: Case) -> str:
    """Return what is wrong with an answer; nothing where it is as it should be."""
    if result.code not in (0, 1, 2, 3):
        return f"exit code {result.code}: {result.err}"
    if "Traceback" in result.err or "a bug in convinspect" in result.err:
        return result.err
    if result.code == 2 and result.out and case.words[0] != "check":  # a check that cannot be made stands in its list
        return f"a refusal with {result.out!r} on standard output"
    if result.code != 0 and not result.err.strip() and not result.out:
        return "nothing was said"
    if "--json" in case.words and result.out:
        json.loads(result.out)
    lines = result.err.splitlines()
    if any(len(line) > 2000 for line in lines) or len(lines) > 40:
        return f"{len(lines)} lines of up to {max(map(len, lines))} characters"
    if not all(line.isprintable() for line in lines):
        return f"not printable: {result.err!r}"
    return ""


def _everything(folder: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Return mode, time of change and content of all that is in ``folder``, but for the cache."""
    found = {}
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("cache", "__pycache__")]
        for name in (*folders, *files):
            path = Path(top, name)
            state = path.lstat()
            regular = path.is_file() and not path.is_symlink() and state.st_size < 1 << 20
            content = path.read_bytes() if regular and os.access(path, os.R_OK) else None
            found[str(path.relative_to(folder))] = (state.st_mode, state.st_size, content)
    return found
