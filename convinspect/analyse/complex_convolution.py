"""Convolutions of complex numbers, which torch takes apart into three of real ones, as the one operator that ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from typing import Any

from convinspect.records import ModuleCall, OpCall
from convinspect.tree import all_known

# Gauss' way: the parts of input, weight and bias; a and b of the parts, c of their sums; (a - b) + i(c - a - b).
_PARTS = r"(?:view_as_real (?:select ){1,2}(?:clone )?)"
_REAL = r"(?:constant_pad_nd )?convolution "
_GAUSS = re.compile(rf"{_PARTS}+{_REAL}{_PARTS}*{_REAL}{_PARTS}*(?:add ){{2,3}}{_REAL}(?:sub |times_i ){{4}}add ")
# Its derivatives: three of real numbers, then the parts of each gradient put together.
_THREE = r"convolution_backward convolution_backward (?:add ){0,3}convolution_backward (?:add ){1,4}"
_DERIVED = re.compile(_THREE + r"(?:select_backward select_backward add view_as_complex ){1,3}")
_IMAGINARY_UNIT = "1j"


def whole_convolutions(calls: Sequence[ModuleCall | OpCall]) -> Mapping[int, OpCall | None]:
    """Return by the index of its last operator what was a convolution of complex numbers; the others are ``None``.

    So are the derivatives of one.
    """
    found: dict[int, OpCall | None] = {}
    if not any(isinstance(call, OpCall) and _word(call) == "times_i" for call in calls):
        return found
    for _, group in groupby(enumerate(calls), key=lambda entry: getattr(entry[1], "parent", -1)):
        run = [(index, call) for index, call in group if isinstance(call, OpCall)]
        for parts in _matches([call for _, call in run]):
            last = run[parts.stop - 1][0]
            found.update(dict.fromkeys((index for index, _ in run[parts]), None))
            found[last] = _whole([call for _, call in run[parts]], run[parts.start][0])
    return found


def _matches(ops: Sequence[OpCall]) -> Iterator[slice]:
    words = [f"{_word(op)} " for op in ops]
    place = {start: index for index, start in enumerate(accumulate(map(len, words), initial=0))}
    text = "".join(words)
    for match in (*_GAUSS.finditer(text), *_DERIVED.finditer(text)):
        yield slice(place[match.start()], place[match.end()])


def _word(op: OpCall) -> str:
    name = op.op.removeprefix("aten.").partition(".")[0]
    return "times_i" if name == "mul" and op.args.get("other") == _IMAGINARY_UNIT else name


def _operands(real: OpCall, operands: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield which of the complex ``operands`` each argument of the ``real`` convolution is a part of, by its shape.

    An input may have been padded: it is the one that is left.
    """
    left = list(operands)
    for name in ("weight", "bias", "input"):
        value = real.args.get(name)
        if value is not None and left:
            found = next((one for one in left if one.shape == getattr(value, "shape", None)), left[0])
            left.remove(found)
            yield name, found


def _whole(parts: Sequence[OpCall], first: int) -> OpCall:
    """Return the convolution that ``parts`` are, which begin at call ``first``."""
    real = next(part for part in parts if _word(part).startswith("convolution"))
    put_together = tuple(record for part in parts if _word(part) == "view_as_complex" for record in part.outputs)
    operands = [part.args["self"] for part in parts if _word(part) == "view_as_real"]
    args = {**real.args, **dict(_operands(real, operands))}
    return replace(
        parts[-1],
        op=real.op,
        args=args,
        outputs=put_together or parts[-1].outputs,
        allocated_bytes=all_known(part.allocated_bytes for part in parts),
        saved_bytes=all_known(part.saved_bytes for part in parts),
        sources=tuple(dict.fromkeys(source for part in parts for source in part.sources if source < first)),
    )
