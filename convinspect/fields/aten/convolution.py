"""Convolution, transposed convolution, and what reads the same windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.windows import places, sliding, transposed
from convinspect.fields.operations.field import Field
from convinspect.fields.operations.moves import permute, repeat_channels, reshape
from convinspect.fields.operations.reading import fold_taps, slide, write_out
from convinspect.fields.rules import Call, Result, aten, named, rf_rule
from convinspect.torch_private import undispatched


@rf_rule(
    *aten(
        "convolution _convolution convolution_overrideable conv1d conv2d conv3d cudnn_convolution "
        "mkldnn_convolution cudnn_convolution_relu miopen_convolution _slow_conv2d_forward slow_conv3d "
        "slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d _convolution_mode "
        "_conv_depthwise2d conv_depthwise3d thnn_conv2d miopen_depthwise_convolution "
        "conv_transpose1d conv_transpose2d conv_transpose3d slow_conv_transpose2d slow_conv_transpose3d "
        "cudnn_convolution_transpose miopen_convolution_transpose cudnn_convolution_add_relu miopen_convolution_relu "
        "miopen_convolution_add_relu _mps_convolution _mps_convolution_transpose _nnpack_spatial_convolution"
    ),
    *named("mkldnn", "_convolution_pointwise _convolution_pointwise_"),
)
def convolve(call: Call) -> Result:
    """Windows of ``stride``, ``padding`` and ``dilation``, over the channels of each group.

    Transposed, output ``o`` reads ``(o + padding - dilation*t)/stride`` where that divides. A weight that depends on
    the input (dynamic convolution) counts whole, for its output channel. What is added afterwards is pointwise.
    """
    is_transposed = bool(call.get("transposed", "transpose" in call.op))
    weight = "weight" if "weight" in call.args else "W"
    kernel = tuple(call.args[weight].shape[2:])
    out = _slide_channels(call, call.input, kernel, is_transposed=is_transposed)
    parts = [out, *call.fields("z", "other")]
    for name in (weight, "bias", "B"):
        for field in call.fields(name):
            if is_transposed and name == weight:
                # An output does not meet every tap, nor those of other channels.
                parts.append(call.whole(field).marked(upper_bound=call.cause))
            else:
                mixed = call.contract(field, range(1, field.rank))
                parts.append(reshape(mixed, (mixed.shape[0], *(1,) * len(kernel))))
    return out if len(parts) == 1 else call.merge(parts)


@rf_rule("aten::convolution_backward")
def derive(call: Call) -> Result:
    """By the input: the transposed convolution. By weight and bias: sums over all positions, as bounds."""
    gradient, weight = call["grad_output"], call.args["weight"]
    kernel = tuple(weight.shape[2:])
    shapes = dict(zip(_wanted(call), call.outputs, strict=True))
    found: list[Field | None] = []
    for number, tensor in shapes.items():
        one = replace(call, outputs=(tensor,))
        if number == 0:
            by_input = _slide_channels(one, gradient, kernel, is_transposed=not call.args["transposed"])
            weights = [one.whole(field).marked(upper_bound=call.cause) for field in call.fields("weight")]
            found.append(one.merge([by_input, *weights]))
        else:
            read = call.fields("grad_output", "input") if number == 1 else call.fields("grad_output")
            found.append(
                one.merge([one.whole(field) for field in read]).marked(upper_bound=call.cause) if read else None
            )
    return found


def _wanted(call: Call) -> list[int]:
    mask = call.args["output_mask"]
    return [number for number, asked in enumerate(mask) if asked]


@rf_rule("aten::conv_tbc")
def convolve_times_first(call: Call) -> Result:
    """Windows along the first of ``(time, batch, channels)``."""
    x, weight = call["self"], call.args["weight"]
    call.candidates.positions(x, [0])
    call.candidates.features(x, -1)
    out = call.window(call.mix(x, [-1]), 0, kernel=weight.shape[0], padding=call.get("pad", 0))
    return call.merge([out, *map(call.whole, call.fields("weight", "bias"))])


@rf_rule(
    *named(
        "quantized",
        "conv1d conv1d_relu conv1d_dynamic conv2d conv2d_relu conv2d_add conv2d_add_relu conv2d_dynamic conv3d "
        "conv3d_relu conv3d_dynamic conv_transpose1d conv_transpose1d_dynamic conv_transpose2d "
        "conv_transpose2d_dynamic conv_transpose3d conv_transpose3d_dynamic",
    )
)
def convolve_packed(call: Call) -> Result:
    """The same with weight and geometry packed in an object; a dynamic one scales by all of its input."""
    x = call.input
    count = x.rank - 2
    packed = call.args["packed_weight" if "packed_weight" in call.args else "weight"]
    if call.op.split(".")[1].endswith("_dynamic"):
        x = call.contract(x, range(x.rank), keeps_own=True)
    call = replace(call, args={**call.args, **packed_geometry(packed, count)})
    out = _slide_channels(call, x, call.args["kernel"], is_transposed="transpose" in call.op)
    return call.merge([out, *call.fields("qaccum")])


def packed_geometry(packed: Any, count: int) -> dict[str, Any]:
    """Read ``kernel``, ``stride``, ``padding``, ``dilation`` and ``groups`` of ``count`` axes off a packed object."""
    of = f"conv{max(count, 2)}d"  # a signal is an image of one row
    asked = ("stride", "padding", "dilation", "groups")
    with undispatched():
        found = {name: getattr(torch.ops.quantized, f"{of}_{name}")(packed) for name in asked}
        kernel = getattr(torch.ops.quantized, f"{of}_unpack")(packed)[0].shape[2:]
    along = {name: tuple(value)[-count:] for name, value in found.items() if name != "groups"}
    return {**along, "groups": int(found["groups"]), "kernel": tuple(kernel)[-count:]}


def _slide_channels(call: Call, x: Field, kernel: Shape, *, is_transposed: bool) -> Field:
    """Read windows along the last dimensions, over the channels of each group."""
    call.candidates.positions(x, range(x.rank - len(kernel), x.rank))
    call.candidates.features(x, x.rank - len(kernel) - 1)
    return slide_last(call, _mix_channels(call, x, len(kernel)), kernel, is_transposed=is_transposed)


def per_axis(value: int | Sequence[int] | None, default: Shape) -> Shape:
    """Spell out a geometry argument for as many axes as ``default`` has, as torch broadcasts it."""
    if value is None or isinstance(value, int):
        return default if value is None else (value,) * len(default)
    return tuple(value) * len(default) if len(value) == 1 else tuple(value) or default


def slide_last(
    call: Call, x: Field, kernel: Shape, *, stride: Shape | None = None, is_transposed: bool = False
) -> Field:
    """Read windows of ``kernel`` along the last dimensions, with the call's stride, padding and dilation."""
    count = len(kernel)
    dilation = per_axis(call.get("dilation"), (1,) * count)
    padding = call.get("padding")
    if isinstance(padding, str):
        # "same": dilation*(kernel-1) in all, the left half rounded down.
        padding = [d * (k - 1) // 2 if padding == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
    by_axis = zip(
        kernel,
        stride or per_axis(call.get("stride"), (1,) * count),
        per_axis(padding, (0,) * count),
        dilation,
        strict=True,
    )
    make = transposed if is_transposed else sliding
    last = range(x.rank - count, x.rank)
    # Taps of a window that are read in windows again are positions of their own.
    taps = [dim for dim in last if x.spatial[dim] is False and x.varies(dim)]
    x = x.with_spatial(tuple(True if dim in taps else kind for dim, kind in enumerate(x.spatial))) if taps else x
    return slide(x, {dim: make(x.shape[dim], call.shape[dim], *next(by_axis)) for dim in last})


def _mix_channels(call: Call, x: Field, count: int) -> Field:
    """Mix the channels of each group."""
    dim = x.rank - count - 1
    groups = int(call.get("groups", x.shape[dim] if "depthwise" in call.op else 1))
    return call.mix(x, [dim]) if groups == 1 else repeat_channels(x, dim, groups, call.shape[dim])


@rf_rule("aten::im2col")
def unfold(call: Call) -> Result:
    """Write the windows of ``F.unfold`` out, as rows ``(channel, tap, tap)`` and columns of positions."""
    x = call["self"]
    front = x.rank - 2
    for dim, geometry in reversed(list(enumerate(_geometry(call), front))):
        x = write_out(x, dim, sliding(x.shape[dim], places(x.shape[dim], *geometry), *geometry))
    # (..., positions, taps, positions, taps): taps go in front.
    return reshape(permute(x, [*range(front), front + 1, front + 3, front, front + 2]), call.shape)


@rf_rule("aten::col2im")
def fold(call: Call) -> Result:
    """Add columns up where they overlap: per axis, output ``o`` reads ``(o + padding - dilation*t)/stride``."""
    x = call["self"]
    by_axis = _geometry(call)
    sizes = per_axis(call.args["output_size"], (1, 1))
    columns = [places(size, *geometry) for size, geometry in zip(sizes, by_axis, strict=True)]
    kernels = [geometry[0] for geometry in by_axis]
    front = x.shape[:-2]
    x = reshape(x, (*front, x.shape[-2] // (kernels[0] * kernels[1]), *kernels, *columns))
    for axis in (0, 1):
        window = transposed(columns[axis], sizes[axis], *by_axis[axis])
        x = fold_taps(x, x.rank - 4 + axis, x.rank - 2 + axis, window)
    return x


def _geometry(call: Call) -> list[tuple[int, int, int, int]]:
    """Kernel, stride, padding and dilation of each axis of unfold or fold."""
    defaults = (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    return list(zip(*(per_axis(call.args[name], (default,) * 2) for name, default in defaults), strict=True))
