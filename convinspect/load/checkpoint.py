"""Files of weights read as data: what ``torch.save`` wrote, the header of safetensors; nothing is loaded or run."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

from convinspect.errors import UsageError
from convinspect.load.inert_pickle import MAX_BYTES, Call, Name, read_pickle, walk
from convinspect.load.kinds import parse_json
from convinspect.load.tensors_in_pickle import TensorClaim, check_storages, sizes_in, storages_in, tensor_in
from convinspect.load.zip_directory import read_directory, read_record
from convinspect.records import Note

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
# Where training scripts keep the state dict, most telling first.
_NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "weights", "model_ema")
# All that a file of weights needs. Whatever else a pickle names is code, and is refused by its name.
_HARMLESS = re.compile(
    r"""torch\._utils\._rebuild_\w+ | torch\._tensor\._rebuild_from_type_v2 | torch\.(storage\.)?\w*Storage
    | torch\.(Size|device|Tensor|(nn\.parameter\.)?(Parameter|Buffer)) | torch\.serialization\._get_layout
    | torch\.(bool|u?q?u?int\w+|float\w+|bfloat16|complex\w+) | torch\.per_(tensor|channel)_\w+
    | collections\.(OrderedDict|Counter|defaultdict) | (builtins|__builtin__)\.(set|dict|list|int|float)
    | _codecs\.encode | numpy\._?core\.multiarray\.(scalar|_reconstruct) | numpy\.(dtype|ndarray|dtypes\.\w+)
    | datetime\.\w+ | pathlib\.(Pure)?(Posix|Windows)Path | argparse\.Namespace""",
    re.VERBOSE,
)
_SAFE_HINT = "save the weights alone: torch.save(model.state_dict(), FILE)"


def read_checkpoint(path: Path) -> tuple[dict[str, TensorClaim], tuple[Note, ...]]:
    """Return the state dict in the file at ``path``, and a note where it was nested in something larger.

    Raises `UsageError` for a pickled module, for a pickle that names any code, and for a damaged file.
    """
    tensors, where = _state_dict(read_content(path))
    note = f"the weights are those under {where!r}; the rest of the file is not looked at"
    return tensors, (Note("nested", note),) if where else ()


def read_content(path: Path) -> Any:
    """Return what ``torch.save`` wrote to ``path``, as data; raises `UsageError` where it names any code."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    content = _read_zip(path) if zipped else _read_stream(path)
    _refuse_code(content)
    return content


def _read_zip(path: Path) -> Any:
    directory = read_directory(path)
    content = read_pickle(io.BytesIO(read_record(path, directory, "data.pkl", MAX_BYTES)))
    check_storages(storages_in(content), directory.under("data/"))
    return content


def _read_stream(path: Path) -> Any:
    """Read the format before 1.6: five pickles (magic, protocol, system, content, keys), then the tensors."""
    with path.open("rb") as file:
        stream = io.BytesIO(file.read(MAX_BYTES))
    first = read_pickle(stream)
    if first != _MAGIC:
        _refuse_code(first)
        raise UsageError("a pickle, but not one of torch.save", _SAFE_HINT)
    if read_pickle(stream) != _PROTOCOL:
        raise UsageError("saved in a format that is not known")
    read_pickle(stream)  # the machine that saved it
    content = read_pickle(stream)
    keys = read_pickle(stream)
    storages = storages_in(content)
    data = sum(storage.bytes + 8 for storage in storages.values() if storage.location != "meta")
    if not isinstance(keys, list) or stream.tell() + data > path.stat().st_size:
        raise UsageError(f"its tensors claim {data:,} bytes, more than the file has: cut short?")
    return content


def _refuse_code(content: Any) -> None:
    names = [item.dotted for item in walk(content) if isinstance(item, Name)]
    strange = [name for name in names if not _HARMLESS.fullmatch(name)]
    if not strange:
        return
    # An instance with a state, as a pickled module is, and not a call of a function.
    is_object = isinstance(content, Call) and isinstance(content.state, dict)
    if any(name.startswith("torch.nn.modules.") for name in strange) or is_object:
        raise UsageError(
            f"a pickled module ({strange[0]}): loading it would run code that the file names; nothing was run",
            "save model.state_dict() or torch.jit.script(model) instead, or inspect model.py:Net",
        )
    raise UsageError(f"its pickle names {strange[0]}, which is no weight; nothing of it was run", _SAFE_HINT)


def _state_dict(content: Any) -> tuple[dict[str, TensorClaim], str]:
    tensors = _tensors(content)
    if tensors:
        return tensors, ""
    entries = _entries(content)
    for name in (*(name for name in _NESTED if name in entries), *(name for name in entries if name not in _NESTED)):
        tensors = _tensors(entries[name])
        if tensors:
            return tensors, name
    single = tensor_in(content)
    if single is not None:
        raise UsageError("one tensor, not a state dict", "give it to a model as --data")
    raise UsageError("no state dict in it", _SAFE_HINT)


def _tensors(value: Any) -> dict[str, TensorClaim]:
    """Return the tensors of a state dict; entries of another kind (``_extra_state``, versions) are passed over."""
    found = ((name, tensor_in(item)) for name, item in _entries(value).items())
    return {name: claim for name, claim in found if claim is not None}


def _entries(value: Any) -> dict[str, Any]:
    if isinstance(value, Call) and isinstance(value.function, Name) and value.function.dotted.endswith("Dict"):
        value = dict(pair for pair in value.items if isinstance(pair, tuple) and isinstance(pair[0], str))
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str)}


# The reference implementation allows 100 MB; JSON of that size takes gigabytes once it is read.
_MAX_HEADER = 32 << 20
_DTYPES = (
    {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64", "BOOL": "bool"}
    | {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"}
    | {"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8"}
    | {"U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8"}
)


def read_safetensors(path: Path) -> dict[str, TensorClaim]:
    """Return the tensors of the safetensors file at ``path`` by name: eight bytes of length, so much JSON, the data.

    Raises `UsageError` where the header is damaged or claims more data than the file has.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_MAX_HEADER, size - 8):
            raise UsageError(f"a damaged safetensors file (a header of {length:,} bytes)")
        header = file.read(length)
    try:
        entries = parse_json(header)
        entries.pop("__metadata__", None)
        return {name: _claim(name, entry, size - 8 - length) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"a damaged safetensors file ({error})") from None


def _claim(name: str, entry: dict[str, Any], data_size: int) -> TensorClaim:
    kind = entry["dtype"]
    if kind not in _DTYPES:
        raise UsageError(f"{name}: unknown dtype {kind!r}")
    try:
        shape, (begin, end) = sizes_in(entry["shape"]), sizes_in(entry["data_offsets"])
    except UsageError as error:
        raise error.within(name) from None
    claim = TensorClaim(shape, _DTYPES[kind], identity=(begin, end) if begin < end else (name,))
    if end > data_size:
        raise UsageError(f"{name}: its data ends beyond the file: cut short?")
    if end - begin != claim.bytes:
        size = "x".join(map(str, shape)) or "a scalar"
        raise ValueError(f"{name}: {math.prod(shape):,} elements of {size} do not fit in {end - begin:,} bytes")
    return claim
