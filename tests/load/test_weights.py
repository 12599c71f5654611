"""Files of weights: what a tree of prefixes says, and what reading it costs."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convinspect.load import kind_of, load
from convinspect.pipeline import summarise
from convinspect.records import Trace
from convinspect.spec import Request, Target
from tests.shell import ROOT, convinspect


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        self.embedding = nn.Embedding(10, 4)
        self.decoder = nn.Linear(4, 10, bias=False)
        self.decoder.weight = self.embedding.weight


PARAMS = 1 + (8 * 27 + 8) + (8 + 8) + 10 * 4


def trace_of(path: Path) -> Trace:
    loaded = load(Request(Target(str(path), str(path), None)))
    assert loaded.frontend is None
    trace = loaded.without_run()
    assert not trace.ran
    return trace


def totals_of(path: Path) -> Any:
    return summarise(Request(Target(str(path), str(path), None))).totals


def save_safetensors(tensors: dict[str, torch.Tensor], path: Path) -> Path:
    """Write the format by hand: eight bytes of length, the header, the data."""
    names = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}
    header, at = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    data = b"".join(
        bytes(tensor.contiguous().flatten().view(torch.uint8)) for tensor in tensors.values() if tensor.dim()
    )
    scalars = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values() if not tensor.dim())
    path.write_bytes(struct.pack("<Q", len(text)) + text + data + bytes(scalars))
    return path


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_state_dict_is_a_tree_of_prefixes_with_tied_entries_once(
    net: Net, protocol: int, tmp_path: Path, *, zipped: bool
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    trace = trace_of(path)
    assert [module.path for module in trace.modules] == [
        "",
        "encoder",
        "encoder.0",
        "encoder.1",
        "embedding",
        "decoder",
    ]
    assert [(w.name, w.tied_to) for w in trace.modules[-1].params] == [("weight", "embedding")]
    totals = totals_of(path)
    assert totals.params == PARAMS == sum(p.numel() for p in net.parameters())
    assert totals.buffers == sum(b.numel() for b in net.buffers())
    assert totals.weight_bytes == 4 * PARAMS + sum(b.numel() * b.element_size() for b in net.buffers())
    assert (totals.macs, totals.macs_status) == (None, "unknown")


@pytest.mark.parametrize("key", ["state_dict", "model", "something_else"])
def test_a_checkpoint_is_understood_with_a_note(net: Net, key: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    optimizer = torch.optim.Adam(net.parameters())
    torch.save({"epoch": 3, key: net.state_dict(), "optimizer": optimizer.state_dict(), "loss": [0.5, 0.25]}, path)
    report = summarise(Request(Target(str(path), str(path), None)))
    assert report.totals.params == PARAMS
    assert [note.message for note in report.warnings if note.code == "nested"] == [
        f"the weights are those under {key!r}; the rest of the file is not looked at"
    ]


def test_every_dtype_is_read_as_torch_has_it(tmp_path: Path) -> None:
    dtypes = (
        torch.float64,
        torch.bfloat16,
        torch.float16,
        torch.complex64,
        torch.int8,
        torch.bool,
        torch.float8_e4m3fn,
    )
    tensors = {str(dtype).rpartition(".")[2]: torch.zeros(3, 5, dtype=torch.float32).to(dtype) for dtype in dtypes}
    torch.save(tensors, tmp_path / "all.pt")
    (root,) = trace_of(tmp_path / "all.pt").modules
    found = {weight.name: (weight.dtype, weight.bytes) for weight in (*root.params, *root.buffers)}
    assert found == {name: (name, 15 * tensor.element_size()) for name, tensor in tensors.items()}


def test_views_of_one_storage_are_tied_only_where_they_are_the_same_piece(tmp_path: Path) -> None:
    base = torch.zeros(4, 4)
    torch.save({"a.w": base, "b.w": base[:2], "c.w": base, "d.w": base.t()}, tmp_path / "views.pt")
    modules = trace_of(tmp_path / "views.pt").modules
    assert {module.path: module.params[0].tied_to for module in modules[1:]} == {
        "a": None,
        "b": None,
        "c": "a",
        "d": None,
    }


def test_safetensors_agree_with_the_state_dict_that_they_hold(net: Net, tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in net.state_dict().items() if name != "decoder.weight"}
    totals = totals_of(save_safetensors(tensors, tmp_path / "model.safetensors"))
    torch.save(tensors, tmp_path / "model.pt")
    assert totals == totals_of(tmp_path / "model.pt")


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_are_one_model(net: Net, suffix: str, tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in net.state_dict().items() if name != "decoder.weight"}
    halves = [dict(list(state.items())[:3]), dict(list(state.items())[3:])]
    places = {}
    for number, half in enumerate(halves):
        shard = tmp_path / f"model-{number}.{suffix}"
        save_safetensors(half, shard) if suffix == "safetensors" else torch.save(half, shard)
        places.update(dict.fromkeys(half, shard.name))
    index = tmp_path / f"model.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": places}))
    assert totals_of(index).params == PARAMS


def test_a_shard_that_is_missing_or_elsewhere_is_named(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": "model-1.safetensors"}}))
    assert "model-1.safetensors is missing beside it" in convinspect("summary", index).err
    index.write_text(json.dumps({"weight_map": {"w": "../../etc/passwd"}}))
    assert "not a file beside it" in convinspect("summary", index).err


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells its memory on Linux alone")
def test_a_hundred_gigabytes_are_read_in_a_second_without_torch(tmp_path: Path) -> None:
    gigabyte = 1 << 30
    names = [f"layers.{i}.weight" for i in range(100)]
    header = {
        name: {"dtype": "F16", "shape": [gigabyte // 4, 2], "data_offsets": [i * gigabyte, (i + 1) * gigabyte]}
        for i, name in enumerate(names)
    }
    text = json.dumps(header).encode()
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        try:
            os.truncate(file.fileno(), 8 + len(text) + 100 * gigabyte)
        except OSError:
            pytest.skip("no sparse files of this size here")
    code = (
        "import sys, time; from pathlib import Path; from tests.shell import convinspect\n"
        "result = convinspect('summary', sys.argv[1])\n"
        "assert result.code == 0, result.err\n"
        "assert 'torch' not in sys.modules\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(time.process_time(), status.partition('VmHWM:')[2].split()[0])\n"
    )
    seconds, kibibytes = _printed(code, path).split()
    assert float(seconds) < 5  # of the processor's; about one is needed
    assert int(kibibytes) < 100 << 10  # the most that it ever held
    assert totals_of(path).params == 100 * gigabyte // 2


@pytest.mark.parametrize(("form", "parts"), [("table", 10_000), ("json", 4_000)])
def test_a_name_of_thousands_of_parts_is_read_in_seconds(form: str, parts: int, tmp_path: Path) -> None:
    path = save_safetensors({".".join("a" * parts): torch.ones(4)}, tmp_path / "deep.safetensors")
    began = time.process_time()
    result = convinspect("summary", path, "--format", form, "--output", tmp_path / "report")
    assert (result.code, result.err) == (0, "")
    assert time.process_time() - began < 30  # about four are needed; were it cubic, an hour
    assert totals_of(path).params == 4


def test_a_name_whose_prefixes_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = save_safetensors({".".join("a" * 1_000_000): torch.ones(4)}, tmp_path / "deep.safetensors")
    result = convinspect("summary", path)
    assert (result.code, "nest so deeply" in result.err) == (2, True)


def test_prefixes_stay_a_tree_in_the_order_of_the_file(tmp_path: Path) -> None:
    names = ("b.c.d.weight", "a", "b.weight", "b.a.weight", "b.c.weight", "c.weight", ".weight", "b..weight")
    path = save_safetensors({name: torch.ones(4) for name in names}, tmp_path / "tree.safetensors")
    modules = trace_of(path).modules
    assert [module.path for module in modules] == ["", "b", "b.c", "b.c.d", "b.a", "b.", "c"]
    assert [module.path for module in modules if module.leaf] == ["b.c.d", "b.a", "b.", "c"]
    assert sum(len(module.params) for module in modules) == len(names)


def test_inputs_and_arguments_are_refused(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(net.state_dict(), path)
    result = convinspect("summary", path, "--input", "3,8,8")
    assert result.code == 2
    assert "no forward" in result.err


@pytest.mark.parametrize(("content", "message"), [(torch.zeros(3), "one tensor"), ({"epoch": 3}, "no state dict")])
def test_what_is_no_state_dict_is_said(content: Any, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pt")
    assert message in convinspect("summary", tmp_path / "other.pt").err


def test_a_saved_report_is_shown_again_without_torch(tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    made = convinspect("summary", "sample_models/lenet.py", "--input", "1,28,28", "--device", "cpu", "-o", saved)
    assert made.code == 0, made.err
    assert kind_of(str(saved)) == "report"
    shown = convinspect("summary", "sample_models/lenet.py", "--input", "1,28,28", "--device", "cpu")
    code = (
        "import sys; from tests.shell import convinspect\n"
        "result = convinspect('summary', sys.argv[1])\n"
        "assert 'torch' not in sys.modules\n"
        "sys.stdout.write(result.out)\n"
    )
    assert _printed(code, saved) == shown.out
    assert "is not run again" in convinspect("summary", saved, "--input", "1,28,28").err


def _printed(code: str, path: Path) -> str:
    """Run ``code`` on ``path`` in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
