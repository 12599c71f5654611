"""``convinspect weight-files``: files of weights that git should not store, told by what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from convinspect.units import counted

_NO_LIMIT = 2**63


@click.command("weight-files")
@click.argument("files", nargs=-1, metavar="[FILES]...")
@click.option(
    "--max-size", default="1MB", show_default=True, metavar="SIZE", help="What a file may have; 0 allows none."
)
@click.option("--max-lfs-size", metavar="SIZE", help="What a file in Git LFS may have; by default anything.")
@click.option("--traceback", is_flag=True, help="Show Python's traceback of a failure.")
def weight_files(files: tuple[str, ...], **options: Any) -> int:
    """Find weights among FILES that are too large for git; exit with 1 where there are any.

    PyTorch, TorchScript, exported programs, safetensors, ONNX, HDF5, Keras, NumPy archives, GGUF and TensorFlow Lite
    are told by their content, and nothing is loaded. A file in Git LFS is as large as its pointer says, and has a limit
    of its own. Other files are passed over.

    \b
    Example:
      convinspect weight-files --max-size 1MB model.pt weights/*.safetensors
    """
    from convinspect.check.amounts import parse_amount  # noqa: PLC0415 - --help must not wait for it
    from convinspect.check.metrics import METRICS  # noqa: PLC0415
    from convinspect.check.weight_file import contents, marked_for_lfs, recognise  # noqa: PLC0415
    from convinspect.check.wording import pair  # noqa: PLC0415

    limit = int(parse_amount(options["max_size"], "bytes", "--max-size"))
    said = options["max_lfs_size"]
    lfs_limit = _NO_LIMIT if said is None else int(parse_amount(said, "bytes", "--max-lfs-size"))
    found = [file for name in files if (file := recognise(Path(name))) is not None]
    over = [
        file
        for file in marked_for_lfs([one for one in found if one.size > min(limit, lfs_limit)])
        if file.size > (lfs_limit if file.in_lfs else limit)
    ]
    for file in over:
        size, allowed = pair(METRICS["weights"], file.size, lfs_limit if file.in_lfs else limit)
        what = f"{file.format}{' in Git LFS' if file.in_lfs else ''}"
        inside = contents(file)
        click.echo(f"FAIL  {file.path}  {size}  max {allowed}  {what}{f': {inside}' if inside else ''}")
    if over:
        click.echo("hint: keep weights out of git, or in Git LFS: git lfs track '*.safetensors'")
    click.echo(f"{counted(len(found), 'file')} of weights, {len(over)} too large")
    return 1 if over else 0
