"""``convinspect weight-files``: weights told by their content, and never loaded."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from convinspect.check.weight_file import contents, recognise
from tests.check.projects import git, repository, without_torch, write
from tests.shell import convinspect

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
STATE = {"fc.weight": torch.zeros(4, 3), "fc.bias": torch.zeros(4)}


def pointer(size: int) -> str:
    return POINTER.format("0" * 64, size)


def safetensors(path: Path) -> None:
    header = json.dumps({"fc.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(48))


def torchscript(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("net/data.pkl", "net/constants.pkl", "net/code/__torch__.py", "net/version"):
            archive.writestr(name, b"")


def keras(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            archive.writestr(name, b"")


WRITERS = {
    "PyTorch checkpoint": lambda path: torch.save(STATE, path),
    "old PyTorch checkpoint": lambda path: torch.save(STATE, path, _use_new_zipfile_serialization=False),
    "safetensors": safetensors,
    "TorchScript": torchscript,
    "NumPy archive": lambda path: np.savez(path.open("wb"), a=np.zeros(3)),
    "Keras model": keras,
    "HDF5 file": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)),
    "GGUF model": lambda path: path.write_bytes(b"GGUF" + bytes(100)),
    "TensorFlow Lite model": lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100)),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", WRITERS)
def test_weights_are_told_by_their_content_whatever_their_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "innocent.dat"
    WRITERS[name](path)
    found = recognise(path)
    assert found is not None
    assert (found.format, found.size, found.in_lfs) == (name.removeprefix("old "), path.stat().st_size, False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("net.py", b"import torch\n"),
        ("report.json", b'{"schema": "convinspect.report/1"}'),
        ("empty.pt", b""),
        ("text.pt", b"not weights"),
        ("cache.pkl", b"\x80\x04K\x01."),
        ("archive.zip", None),
        ("image.png", pointer(10**9).encode()),
        ("program.bin", b"\x7fELF" + bytes(100)),
    ],
)
def test_other_files_are_none(name: str, content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", b"")
    else:
        path.write_bytes(content)
    assert recognise(path) is None


def test_a_model_without_a_mark_is_told_by_its_name_too(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    (tmp_path / "net.ckpt").write_bytes(b"\x80\x04K\x01.")
    assert [getattr(recognise(tmp_path / name), "format", None) for name in ("net.onnx", "net.ckpt")] == [
        "ONNX model",
        "pickle",
    ]


def test_headers_tell_what_is_inside(tmp_path: Path) -> None:
    safetensors(tmp_path / "net.safetensors")
    torch.save(STATE, tmp_path / "net.pt")
    said = [contents(found) for name in ("net.safetensors", "net.pt") if (found := recognise(tmp_path / name))]
    assert said == ["1 tensor, 12 values", "2 tensors, 16 values"]


def test_a_damaged_checkpoint_is_as_large_as_it_is(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pt")
    whole = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "net.pt").write_bytes(whole[: len(whole) // 2])
    result = convinspect("weight-files", "net.pt", "--max-size", "0", cwd=tmp_path)
    assert (result.code, "PyTorch checkpoint: a damaged archive" in result.out) == (1, True)


def test_a_file_over_its_size_is_a_breach_and_one_at_it_is_not(tmp_path: Path) -> None:
    safetensors(tmp_path / "net.safetensors")
    size = (tmp_path / "net.safetensors").stat().st_size
    assert convinspect("weight-files", "net.safetensors", "--max-size", str(size), cwd=tmp_path).code == 0
    result = convinspect("weight-files", "net.safetensors", "--max-size", str(size - 1), cwd=tmp_path)
    assert result.code == 1
    assert result.out == (
        f"FAIL  net.safetensors  {size} B  max {size - 1} B  safetensors: 1 tensor, 12 values\n"
        "hint: keep weights out of git, or in Git LFS: git lfs track '*.safetensors'\n"
        "1 file of weights, 1 too large\n"
    )


def test_a_pointer_is_fine_or_has_a_limit_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, net__pt=pointer(5 * 10**9))
    assert convinspect("weight-files", "net.pt", cwd=tmp_path).code == 0
    result = convinspect("weight-files", "net.pt", "--max-lfs-size", "1GB", cwd=tmp_path)
    assert (result.code, "4.657 GiB  max 953.7 MiB  PyTorch checkpoint in Git LFS" in result.out) == (1, True)


def test_a_file_that_git_stores_as_a_pointer_is_one_in_the_work_tree_too(tmp_path: Path) -> None:
    folder = repository(tmp_path / "project", __gitattributes="*.pt filter=lfs\n")
    torch.save({"w": torch.zeros(10_000)}, folder / "net.pt")
    torch.save({"w": torch.zeros(10_000)}, folder / "net.pth")
    result = convinspect("weight-files", "net.pt", "net.pth", "--max-size", "10kB", cwd=folder)
    assert (result.code, "net.pth" in result.out, "net.pt " in result.out) == (1, True, False)
    assert git(folder, "status", "--porcelain", "--", "net.pth") == "?? net.pth\n"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("gone.pt",), "gone.pt: No such file or directory"),
        ((".",), "Is a directory"),
        (("--max-size", "5M"), "5M is a count, and this is a limit in bytes"),
        (("--max-lfs-size", "5%"), "5% is a share"),
    ],
)
def test_what_cannot_be_looked_at_is_an_error(argv: tuple[str, ...], says: str, tmp_path: Path) -> None:
    result = convinspect("weight-files", *argv, cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert says in result.err


def test_no_files_are_fine(tmp_path: Path) -> None:
    result = convinspect("weight-files", cwd=tmp_path)
    assert (result.code, result.out) == (0, "0 files of weights, 0 too large\n")


def test_weights_are_found_without_torch(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pt")
    said = without_torch("weight-files", "net.pt", "--max-size", "0", cwd=tmp_path)
    assert "2 tensors, 16 values" in said
