"""Targets that are no usable file: each ends at once with exit code 2 and one line that says why."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.shell import ROOT, convinspect

LENET = "sample_models/lenet.py"
HUGE = 10**4000


def _refused(target: str | Path, *options: str, cwd: Path) -> str:
    """Return the one line that refuses ``target``."""
    result = convinspect("summary", target, *options, cwd=cwd)
    assert (result.code, result.out) == (2, ""), result.err
    first, *hints = result.err.splitlines()
    assert len(hints) <= 1
    assert first.startswith("error: ")
    return first


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Be nobody for a while: root may enter every folder."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + ".py", "a" * 300 + ".pt", "a/" * 3000 + "x.py"])
def test_a_name_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    assert "File name too long" in _refused(name, cwd=tmp_path)


@pytest.mark.parametrize("name", ["model.py", "model.pt", "model", "model.json"])
def test_a_folder_that_may_not_be_entered(name: str, tmp_path: Path) -> None:
    path = tmp_path / "locked" / name
    path.parent.mkdir(mode=0)
    with _unprivileged():
        assert _refused(path, cwd=ROOT) == f"error: {path}: Permission denied"


@pytest.mark.parametrize("name", ["loop", "loop.py", "loop.pt", "loop.json"])
def test_links_that_lead_in_a_circle(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to(f"back-{name}")
    (tmp_path / f"back-{name}").symlink_to(name)
    assert "symbolic links" in _refused(name, cwd=tmp_path)


@pytest.mark.parametrize("name", ["pipe", "pipe.py", "pipe.pt", "pipe.json", "pipe.safetensors"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    assert _refused(name, cwd=tmp_path) == f"error: {name}: a pipe or a device, not a file"


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero"])
def test_a_device_is_not_read(name: str, tmp_path: Path) -> None:
    assert "a pipe or a device" in _refused(name, cwd=tmp_path)


@pytest.mark.parametrize("target", ["folder.py", "folder.py:Net", "folder.pt"])
def test_a_folder_that_is_called_like_a_file(target: str, tmp_path: Path) -> None:
    (tmp_path / target.partition(":")[0]).mkdir()
    assert "a folder" in _refused(target, cwd=tmp_path)


@pytest.mark.parametrize(
    "content", [b"import torch\0\n", b'x = "\xff\xfe\x80"\n', b"# coding: no-such-code\n", "x = 1".encode("utf-16")]
)
def test_bytes_that_are_no_text_are_no_source(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(content)
    assert _refused("x.py", cwd=tmp_path) == "error: x.py: not Python source: its bytes are no text"


def test_source_in_the_code_that_it_declares_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes("# coding: latin-1\nword = 'é'\n".encode("latin-1"))
    assert "defines no torch.nn.Module" in _refused("x.py", cwd=tmp_path)


def test_empty_source_defines_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty.py").touch()
    assert _refused("empty.py", cwd=tmp_path) == "error: empty.py: defines no torch.nn.Module"


@pytest.mark.parametrize("place", [[], {}, {"b": 1}, 3, None, True, [["a"]], "", "..", "a" * 300, "a\0b"])
def test_a_shard_must_be_the_name_of_a_file(place: Any, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": place}}))
    assert _refused("model.safetensors.index.json", cwd=tmp_path)


@pytest.mark.parametrize("document", [{"weight_map": []}, {"weight_map": 3}, {"schema": []}, [], 3])
def test_json_of_another_form_is_refused(document: Any, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(document))
    assert _refused("model.json", cwd=tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [HUGE]},
        {"shape": [4, 10**19]},
        {"shape": [2] * 100_000},
        {"data_offsets": [0, HUGE]},
        {"data_offsets": [HUGE, HUGE]},
        {"data_offsets": "04"},
        {"data_offsets": [0, 8, 16]},
        {"shape": "4"},
        {"shape": {"4": 4}},
        {"shape": [4.0]},
        {"shape": [True]},
        {"dtype": ["F32"]},
        {"dtype": None},
        {"dtype": "F33"},
    ],
    ids=lambda entry: str(entry)[:30],
)
def test_a_tensor_that_cannot_be_is_refused_in_a_short_line(entry: dict[str, Any], tmp_path: Path) -> None:
    whole = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    _write_safetensors(tmp_path / "x.safetensors", json.dumps({"a": whole | entry}).encode())
    assert len(_refused("x.safetensors", cwd=tmp_path)) < 200


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 5000])
def test_numbers_that_overflow_are_refused(number: str, tmp_path: Path) -> None:
    header = f'{{"a": {{"dtype": "F32", "shape": [{number}], "data_offsets": [0, 16]}}}}'
    _write_safetensors(tmp_path / "x.safetensors", header.encode())
    assert len(_refused("x.safetensors", cwd=tmp_path)) < 200
    report = _report(tmp_path)
    (tmp_path / "r.json").write_text(report.replace('"params": 21840', f'"params": {number}'))
    assert len(_refused("r.json", cwd=tmp_path)) < 200


def test_a_storage_larger_than_any_memory_is_refused(tmp_path: Path) -> None:
    size = b"\x8b" + struct.pack("<I", 9000) + b"\x7f" * 9000  # LONG4: a number of 21,000 digits
    pickle = b"\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
    pickle += b"X\x01\0\0\x000X\x03\0\0\0cpu" + size + b"tQK\0K\x02\x85K\x01\x85\x89}tRs."
    for head in (b"", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."):
        (tmp_path / "x.pt").write_bytes(head + pickle + b"\x80\x02]X\x01\0\0\x000a.")
        assert len(_refused("x.pt", cwd=tmp_path)) < 200


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_name_that_cannot_be_written_is_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    _write_safetensors(tmp_path / "x.safetensors", json.dumps({"\ud800.w": entry}).encode())
    torch.save({"\ud800.w": torch.zeros(3)}, tmp_path / "x.pt")
    for file in ("x.safetensors", "x.pt"):
        assert _refused(file, *options, cwd=tmp_path).endswith(r"a tensor has a name that is no text: '\ud800.w'")
    (tmp_path / "r.json").write_text(_report(tmp_path).replace('"conv1"', r'"\ud800"'))
    assert "damaged JSON" in _refused("r.json", *options, cwd=tmp_path)


def test_a_name_in_any_script_is_read(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    _write_safetensors(tmp_path / "x.safetensors", json.dumps({"слой.\U0001f600": entry}).encode())
    result = convinspect("summary", tmp_path / "x.safetensors", "--json")
    assert json.loads(result.out)["layers"][1]["path"] == "слой"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_report_is_read_as_a_redirecting_shell_encodes_it(encoding: str, tmp_path: Path) -> None:
    report = _report(tmp_path)
    (tmp_path / "r.json").write_bytes(report.encode(encoding))
    result = convinspect("summary", "r.json", "--json", cwd=tmp_path)
    assert (result.code, result.out) == (0, report)


@pytest.mark.parametrize("option", ["--input=1,{},28", "--input=4:int64:{}", "--unit=conv1:{}"])
@pytest.mark.parametrize("number", ["9" * 31, "9" * 5000, "²"])
def test_a_number_that_is_no_count_is_refused_in_an_option(option: str, number: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").touch()
    assert _refused("x.py", option.format(number), cwd=tmp_path).startswith(f"error: {option.partition('=')[0]} ")


@pytest.mark.parametrize("value", ["-" * 20_000 + "1", "(" * 500, "1" * 5000])
def test_an_argument_that_python_cannot_read_is_refused(value: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").touch()
    assert _refused("x.py", "--arg", f"width={value}", cwd=tmp_path).startswith("error: --arg width=")


def _report(folder: Path) -> str:
    saved = folder / "saved.json"
    made = convinspect("summary", LENET, "--input", "1,28,28", "--device", "cpu", "--json", "-o", saved)
    assert made.code == 0, made.err
    return saved.read_text()


def _write_safetensors(path: Path, header: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
