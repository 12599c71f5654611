"""Reports built by hand from nested modules, added up as a real one is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from convinspect.records import ReceptiveField, TensorRecord
from convinspect.report import (
    Layer,
    LayerMemory,
    MacsStatus,
    Model,
    Report,
    Run,
    Shape,
    Tensor,
    Tool,
    TotalMemory,
    Totals,
    TrainingMemory,
)

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Mod:
    """One module, or with ``op`` an operator; ``macs`` ``None`` is unknown, ``bound`` a lower bound."""

    name: str
    type: str
    children: tuple[Mod, ...] = ()
    params: int = 0
    macs: int | None = 0
    bound: bool = False
    out: Dims = (1, 8)
    given: Dims = (1, 8)
    allocated: int | None = 0
    field: int | None = None
    trainable: int | None = None
    buffers: int = 0
    op: bool = False
    call: int = 1
    width: int = 4


def conv(name: str, inputs: int, outputs: int, *, size: int = 8, given: int = 8, kernel: int = 3) -> Mod:
    params = inputs * outputs * kernel**2
    out = (1, outputs, size, size)
    return Mod(name, "Conv2d", (), params, params * size**2, out=out, given=(1, inputs, given, given), allocated=4)


def relu(name: str, channels: int, size: int = 8) -> Mod:
    return Mod(name, "ReLU", out=(1, channels, size, size), given=(1, channels, size, size), allocated=4)


def seq(name: str, *children: Mod, type: str = "Sequential") -> Mod:  # noqa: A002 - the report's word
    return Mod(name, type, children, out=children[-1].out, given=children[0].given)


def numbered(*children: Mod) -> tuple[Mod, ...]:
    return tuple(replace(child, name=str(i)) for i, child in enumerate(children))


def block(name: str, inputs: int, outputs: int) -> Mod:
    return seq(name, conv("conv", inputs, outputs), relu("act", outputs), type="Block")


def report(*modules: Mod, name: str = "Net", dtype: str = "float32", inputs: Dims = (1, 3, 8, 8)) -> Report:
    """Return the report of a model whose children are ``modules``."""
    layers = tuple(_layers(Mod("", name, modules, out=modules[-1].out, given=inputs), "", 0))
    total = layers[0]
    param_bytes = sum(layer.param_bytes for layer in layers)
    buffers = sum(layer.buffers for layer in layers)
    trainable = sum(layer.trainable_params for layer in layers)
    training = TrainingMemory("adamw", param_bytes, 2 * param_bytes, 0, 5 * param_bytes)
    return Report(
        Tool("1", "2.0", "3.10"),
        Model("model.py", name, "python", "eval"),
        Run("cpu", dtype, 1),
        (Tensor("x", inputs, "float32", 4),),
        (Tensor("out", total.outputs[0].shape, "float32", 4),),
        layers,
        Totals(
            params=total.params_total,
            trainable_params=trainable,
            non_trainable_params=total.params_total - trainable,
            buffers=buffers,
            param_bytes=param_bytes,
            buffer_bytes=4 * buffers,
            weight_bytes=param_bytes + 4 * buffers,
            macs=total.macs_total,
            flops=None if total.macs_total is None else 2 * total.macs_total,
            macs_status=total.macs_status,
            memory=TotalMemory(4, param_bytes, param_bytes + 4, training, None),
        ),
        (),
        (),
    )


def _layers(mod: Mod, above: str, depth: int) -> Iterator[Layer]:
    path = above if mod.op else f"{above}.{mod.name}" if above and mod.name else mod.name or above
    below = [list(_layers(child, path, depth + 1)) for child in mod.children]
    tops = [rows[0] for rows in below]
    known = [row.macs_total for row in tops if row.macs_total is not None]
    exact = mod.macs is not None and not mod.bound and all(row.macs_status == "exact" for row in tops)
    total = None if mod.macs is None and not known else (mod.macs or 0) + sum(known)
    status: MacsStatus = "unknown" if total is None else "exact" if exact else "lower_bound"
    yield Layer(
        path=path,
        call=mod.call,
        kind="function" if mod.op else "module",
        type=mod.type,
        depth=depth,
        leaf=not mod.children,
        inputs=(Shape(mod.given, "float32"),),
        outputs=(TensorRecord(mod.out, "float32", 4),),
        params=mod.params,
        trainable_params=mod.params if mod.trainable is None else mod.trainable,
        buffers=mod.buffers,
        param_bytes=mod.width * mod.params,
        buffer_bytes=4 * mod.buffers,
        params_total=mod.params + sum(row.params_total for row in tops),
        shared_with=None,
        macs=mod.macs,
        macs_total=total,
        macs_status=status,
        memory=LayerMemory(mod.allocated, 0),
        receptive_field=square(mod.field) if mod.field is not None else None,
    )
    for rows in below:
        yield from rows


def square(size: int) -> ReceptiveField:
    """Return an exact field of ``size`` along both axes."""
    return ReceptiveField(
        "x", (2, 3), (size,) * 2, (size,) * 2, (1, 1), (0, 0), None, None, None, None, aligned=True, status="exact"
    )
