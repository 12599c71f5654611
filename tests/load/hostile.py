"""Files that mean harm, made on the spot: each would create a file, take all memory, or crash, if it were let."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.load.forms import exported, quiet, scripted

Edit = Callable[[bytes], bytes]


class Payload:
    """Creates a file when it is unpickled by anything that runs what a pickle asks for."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


class Stateful(nn.Module):
    """Runs code of its own when it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.zeros(4, 4)

    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return self.table, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.table = state[0].relu()
        self.training = state[1]

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.table


def rewritten(source: Path, target: Path, edits: dict[str, Edit], extra: dict[str, bytes] | None = None) -> Path:
    """Write the zip ``source`` again with the files whose names end in a key of ``edits`` changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            for ending, edit in edits.items():
                if entry.filename.endswith(ending):
                    content = edit(content)
            new.writestr(entry.filename, content)
        top = old.namelist()[0].partition("/")[0]
        for name, content in (extra or {}).items():
            new.writestr(f"{top}/{name}", content)
    return target


def replaced(old: str | bytes, new: str | bytes) -> Edit:
    old, new = (text.encode() if isinstance(text, str) else text for text in (old, new))

    def edit(content: bytes) -> bytes:
        if old not in content:
            raise ValueError(f"{old!r} is not there to be replaced")
        return content.replace(old, new)

    return edit


def archives(folder: Path, trace: Path) -> dict[Path, str]:
    """Make TorchScript files; returns what the refusal of each must say."""
    plain = scripted(nn.Linear(4, 4), folder / "plain.pt")
    stateful = scripted(Stateful(), folder / "stateful.pt")
    body = "return torch.linear(input, weight, bias)"
    calls = {
        "save": (f'torch.save(input, "{trace}")', "aten::save"),
        "alias": (f't = torch\n    t.save(input, "{trace}")', "aten::save"),
        "method": (f'input.save("{trace}")', "aten::save"),
        "spaced": (f'torch . save(input, "{trace}")', "aten::save"),
        "operator": (f'ops.aten.save(input, "{trace}")', "aten::save"),
        "getattr": (f'getattr(torch, "save")(input, "{trace}")', "aten::save"),
        "joined": (f'getattr(torch, "sa" "ve")(input, "{trace}")', "getattr"),
        "escaped": (f'getattr(torch, "\\163ave")(input, "{trace}")', "getattr"),
        "from_file": (f'_0 = torch.from_file("{trace}", True, 4)', "aten::from_file"),
        "library": (f'ops.image.write_file("{trace}", input)', "image::write_file"),
        "opsvalue": (f'o = ops\n    o.image.write_file("{trace}", input)', "ops as a value"),
        "rpc": ('rpc_async("other", input)', "prim::rpc_async"),
        "python": ("ops.prim.PythonOp(input)", "prim::PythonOp"),
        "classes": ("_0 = __torch__.torch.classes.dist_rpc.WorkerInfo(input)", "dist_rpc"),
    }
    made = {}
    for name, (call, told) in calls.items():
        path = rewritten(plain, folder / f"{name}.pt", {".py": replaced(body, f"{call}\n    {body}")})
        made[path] = told
    on_load = f'torch.save(state, "{trace}")\n    self.table'
    made[rewritten(stateful, folder / "setstate.pt", {".py": replaced("self.table = ", f"{on_load} = ")})] = (
        "aten::save"
    )
    claim = {"data.pkl": replaced(b"K\x10tQ", b"J\x00\x00\x00\x40tQ")}
    made[rewritten(plain, folder / "claim.pt", claim)] = "claims 4,294,967,296 bytes and has 64"
    beyond = {"data.pkl": replaced(b"(K\x04K\x04t", b"(J\x00\x00\x00\x10K\x04t")}
    made[rewritten(plain, folder / "beyond.pt", beyond)] = "reaches beyond its data"
    twice = folder / "twice.pt"
    twice.write_bytes(plain.read_bytes() + (folder / "save.pt").read_bytes())
    made[twice] = "aten::save"
    return made


def checkpoints(folder: Path, trace: Path) -> dict[Path, str]:
    """Make files of weights."""
    made = {}
    for name, content, old in (
        ("payload", {"weight": Payload(trace)}, False),
        ("legacy", {"weight": Payload(trace)}, True),
        ("nested", {"state_dict": {"w": torch.zeros(2)}, "callback": Payload(trace)}, False),
    ):
        path = folder / f"{name}.pt"
        torch.save(content, path, _use_new_zipfile_serialization=not old)
        made[path] = "pathlib"
    module = folder / "module.pt"
    torch.save(nn.Sequential(nn.Linear(2, 2)), module)
    made[module] = "a pickled module"
    raw = folder / "raw.pt"
    raw.write_bytes(pickle.dumps(Payload(trace)))
    made[raw] = "pathlib"
    made[_of_pickle(folder / "lists.pt", b"\x80\x02" + b"]" * 4_000_000 + b".")] = "steps"
    made[_of_pickle(folder / "memo.pt", b"\x80\x02}r\xff\xff\xff\x7f.")] = "no state dict"
    laughs = b"\x80\x02)" + b"q\x00h\x00\x86" * 2000 + b"q\x01}h\x01K\x01s."
    made[_of_pickle(folder / "laughs.pt", laughs)] = "no state dict"
    made[_of_pickle(folder / "circle.pt", b"\x80\x02]q\x00h\x00a.")] = "no state dict"
    made[_of_pickle(folder / "short.pt", b"\x80\x02}(X\x10\x00\x00\x00ab")] = "its pickle"
    made[_huge(folder / "huge.pt")] = "claims 4,398,046,511,104 bytes and has 8"
    bomb = folder / "bomb.pt"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("a/data/0", bytes(300 << 20))
    made[bomb] = "unpacks to"
    made[_overlapping(folder / "overlap.pt")] = "larger than itself"
    return made


def safetensors(folder: Path, _: Path) -> dict[Path, str]:
    """Make safetensors files."""
    headers = {
        "length": (struct.pack("<Q", 1 << 39) + b"{}" + bytes(64), "a header of"),
        "short": (_header({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}), "beyond the file"),
        "lies": (
            _header({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 16]}}) + bytes(16),
            "do not fit",
        ),
        "negative": (
            _header({"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}) + bytes(16),
            "not made of counts",
        ),
        "list": (_header({"a": []}), "damaged"),
        "deep": (struct.pack("<Q", 200_005) + b'{"a":' + b"[" * 100_000 + b"]" * 100_000, "damaged"),
    }
    made = {}
    for name, (content, told) in headers.items():
        path = folder / f"{name}.safetensors"
        path.write_bytes(content)
        made[path] = told
    return made


def programs(folder: Path, trace: Path) -> dict[Path, str]:
    """Make exported programs."""
    plain = exported(nn.Linear(4, 4), (torch.zeros(1, 4),), folder / "plain.pt2")
    buffer = io.BytesIO()
    torch.save({"x": Payload(trace)}, buffer)
    evil = f"__import__('pathlib').Path('{trace}').touch()"
    edits: dict[str, tuple[dict[str, Edit], dict[str, bytes], str]] = {
        "inputs": ({"sample_inputs/model.pt": lambda _: buffer.getvalue()}, {}, "pathlib"),
        "target": ({"model.json": replaced("torch.ops.aten.linear.default", "torch.os.system")}, {}, "torch.os.system"),
        "name": ({"model.json": replaced('"name": "input"', f'"name": "x={evil}"')}, {}, "no name"),
        "size": (
            {"model.json": replaced('{"as_int": 1}', json.dumps({"as_expr": {"expr_str": evil}}))},
            {},
            "arithmetic",
        ),
        "power": (
            {"model.json": replaced('{"as_int": 1}', '{"as_expr": {"expr_str": "9**9**9**9"}}')},
            {},
            "larger than",
        ),
        "object": (
            {"constants_config.json": lambda _: _opaque()},
            {"data/constants/opaque_obj_0": b""},
            "pickled object",
        ),
        "compiled": ({}, {"data/aotinductor/model.so": b"\x7fELF"}, "compiled code"),
    }
    made = {}
    for name, (changes, extra, told) in edits.items():
        made[rewritten(plain, folder / f"{name}.pt2", changes, extra)] = told
    return made


def _opaque() -> bytes:
    return json.dumps({"config": {"c": {"path_name": "opaque_obj_0", "use_pickle": True}}}).encode()


def _header(entries: dict[str, Any]) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


def _of_pickle(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", content)
    return path


def _huge(path: Path) -> Path:
    original = path.with_name("small.pt")
    torch.save({"w": torch.zeros(2)}, original)
    long = b"\x8a\x06" + (1 << 40).to_bytes(6, "little")
    return rewritten(original, path, {"data.pkl": replaced(b"K\x02tq", long + b"tq")})


def _overlapping(path: Path) -> Path:
    """Write one file of a megabyte, and a directory that lists it two hundred times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("a/data/0", bytes(1 << 20))
        entry = archive.getinfo("a/data/0")
        for number in range(1, 200):
            copy = zipfile.ZipInfo(f"a/data/{number}")
            copy.file_size = copy.compress_size = entry.file_size
            copy.CRC, copy.header_offset = entry.CRC, entry.header_offset
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    path.write_bytes(buffer.getvalue())
    return path


def damaged(path: Path, folder: Path, count: int) -> list[Path]:
    """Make copies of ``path`` cut short at ``count`` places, and as many with one stretch overwritten."""
    content = path.read_bytes()
    made = []
    for i in range(count):
        at = len(content) * i // count
        cut, changed = folder / f"cut{i}{path.suffix}", folder / f"changed{i}{path.suffix}"
        cut.write_bytes(content[:at])
        changed.write_bytes(content[:at] + bytes((at * 7 + j) % 256 for j in range(9)) + content[at + 9 :])
        made += [cut, changed]
    return made


__all__ = ["archives", "checkpoints", "damaged", "programs", "quiet", "rewritten", "safetensors"]
