"""The header of a safetensors file: names, dtypes and shapes, without reading a tensor.

The format is eight bytes of length, so much JSON, then the data: https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from convinspect.errors import UsageError
from convinspect.load.kinds import parse_json
from convinspect.load.tensors_in_pickle import TensorClaim, sizes_in

# The reference implementation allows 100 MB; JSON of that size takes gigabytes once it is read.
_MAX_HEADER = 32 << 20
_DTYPES = (
    {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64", "BOOL": "bool"}
    | {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"}
    | {"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8"}
    | {"U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8"}
)


def read_safetensors(path: Path) -> dict[str, TensorClaim]:
    """Return the tensors of the file at ``path`` by name.

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
