"""State that lies in C, where no attribute shows it: what can be read and set is, the rest is out of reach."""

from __future__ import annotations

import operator
import random
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch

# Larger arrays are data sets, which a forward reads.
_MOST_BYTES = 64 * 2**20
# What Python's own C types do that have state: they are stepped through, fed, or filled.
_STATEFUL = ("__next__", "digest", "put")
_CONTAINERS = (dict, list, tuple, set, frozenset, bytearray)
_POINTER = object.__basicsize__ // 2
_MADE_AT_RUN_TIME = 1 << 9  # a flag that types lack which C code lays out for good


def keeper(item: Any) -> Callable[[], Any] | None:
    """Return what puts back the values, the bytes or the random state that ``item`` keeps now; ``None`` for others."""
    # A proxy would ask what it stands for if it were asked for its class.
    kind, numpy = type(item), sys.modules.get("numpy")
    with suppress(Exception):  # one of the user's own kind may refuse
        if issubclass(kind, random.Random):
            return partial(item.setstate, item.getstate())
        if issubclass(kind, torch.Generator):
            return partial(item.set_state, item.get_state())
        if issubclass(kind, (bytearray, array)):
            return partial(operator.setitem, item, slice(None), item[:])
        if numpy is not None:
            return _of_numpy(item, kind, numpy)
    return None


def _of_numpy(item: Any, kind: type, numpy: Any) -> Callable[[], Any] | None:
    if issubclass(kind, numpy.ndarray) and item.flags.writeable and item.nbytes <= _MOST_BYTES:
        return partial(numpy.copyto, item, item.copy())
    if issubclass(kind, numpy.random.Generator):
        return keeper(item.bit_generator)
    if issubclass(kind, numpy.random.BitGenerator):
        return partial(setattr, item, "state", item.state)
    if issubclass(kind, numpy.random.RandomState):
        return partial(item.set_state, item.get_state())
    return None


def is_out_of_reach(kind: type) -> bool:
    """Tell a type whose objects may keep state in C that nothing here can read and set: iterators, foreign objects."""
    in_c = [base for base in kind.__mro__ if base is not object and _has_state_in_c(base)]
    if not in_c or issubclass(kind, (BaseException, *_CONTAINERS)):
        return False
    root = in_c[-1].__module__.partition(".")[0]
    if root in sys.stdlib_module_names:
        return any(hasattr(in_c[-1], name) for name in _STATEFUL)
    return root not in ("torch", "numpy")


def _has_state_in_c(kind: type) -> bool:
    if not kind.__flags__ & _MADE_AT_RUN_TIME:
        return True
    slots, base = vars(kind).get("__slots__", ()), kind.__base__ or object
    pointers = 1 if isinstance(slots, str) else len(tuple(slots))
    pointers += kind.__dictoffset__ > 0 >= base.__dictoffset__
    pointers += kind.__weakrefoffset__ > 0 >= base.__weakrefoffset__
    return kind.__basicsize__ - base.__basicsize__ > pointers * _POINTER
