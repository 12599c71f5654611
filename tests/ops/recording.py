"""Real operators of torch as calls: what a test runs, written down as the trace would."""

# ruff: noqa: SLF001 - schemas and sparse counts are private in torch

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from convinspect.ops import price
from convinspect.records import OpCall, SparseRecord, TensorRecord, Value


def fact(*shape: int, dtype: str = "float32", itemsize: int = 4) -> TensorRecord:
    """Return a tensor's fact by its shape alone."""
    return TensorRecord(shape, dtype, torch.Size(shape).numel() * itemsize)


def op_call(op: str, outputs: TensorRecord | tuple[TensorRecord, ...] = (), **args: Value) -> OpCall:
    """Return a call that no operator of torch need stand behind."""
    made = (outputs,) if isinstance(outputs, TensorRecord) else outputs
    return OpCall(op, -1, args, made)


def record(run: Callable[[], Any]) -> list[OpCall]:
    """Return every operator that ``run`` calls, without gradients."""
    recorder = _Recorder()
    with torch.no_grad(), recorder:
        run()
    return recorder.calls


def call_of(operator: Any, *args: Any, **kwargs: Any) -> OpCall:
    """Return the call of one overload as it is, run on the meta device or the CPU."""
    with torch.no_grad():
        return _call(operator, args, kwargs, operator(*args, **kwargs))


def total(run: Callable[[], Any]) -> int:
    """Return the MACs of all operators that ``run`` calls; every one must be known."""
    calls = record(run)
    unknown = [call.op for call in calls if price(call) is None]
    assert not unknown
    return sum(price(call) or 0 for call in calls)


def flop_counter_macs(run: Callable[[], Any]) -> int:
    """Return what torch's own counter says, in MACs."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        run()
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[OpCall] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls.append(_call(func, args, kwargs or {}, out))
        return out


def _call(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> OpCall:
    schema = func._schema.arguments
    named = {a.name: _value(a.default_value) for a in schema if a.has_default_value()}
    named |= {a.name: _value(value) for a, value in zip(schema, args, strict=False)}
    named |= {name: _value(value) for name, value in kwargs.items()}
    outputs = out if isinstance(out, (tuple, list)) else (out,)
    return OpCall(str(func), -1, named, tuple(_value(o) for o in outputs if isinstance(o, torch.Tensor)))


def _value(item: Any) -> Any:
    if isinstance(item, torch.Tensor):
        shape, dtype, each = tuple(item.shape), str(item.dtype).removeprefix("torch."), item.element_size()
        if item.layout is torch.strided:
            return TensorRecord(shape, dtype, item.numel() * each)
        # No operator of the run asks for it.
        with torch.utils._python_dispatch._disable_current_modes():
            doubles = item.layout is torch.sparse_coo and not item.is_coalesced()
            stored = item._values().numel() if item.layout is torch.sparse_coo else item.values().numel()
        return SparseRecord(shape, dtype, stored * (each + 8 * item.ndim), None, None if doubles else stored)
    if isinstance(item, (list, tuple)):
        return tuple(map(_value, item))
    return item if isinstance(item, (int, float, bool, str, type(None))) else str(item)
