"""Convolution, transposed convolution, and what reads the same windows."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.fields import moves, reading, reshaping
from convinspect.fields.field import Field, collapse
from convinspect.fields.rules import Call, Result, aten, register
from convinspect.fields.windows import Window, sliding, transposed


@register(
    *aten(
        "convolution _convolution convolution_overrideable conv1d conv2d conv3d cudnn_convolution "
        "mkldnn_convolution cudnn_convolution_relu miopen_convolution _slow_conv2d_forward slow_conv3d "
        "slow_conv3d_forward _conv_depthwise2d conv_depthwise3d thnn_conv2d miopen_depthwise_convolution"
    )
)
def convolve(call: Call) -> Result:
    """Windows of ``stride``, ``padding`` and ``dilation``, over the channels of each group.

    A weight that depends on the input (dynamic convolution) counts whole, for its output channel.
    """
    x = call["input"] if "input" in call.args else call["self"]
    weight = call.args["weight"]
    kernel = tuple(weight.shape[2:])
    if isinstance(call.get("padding"), str):
        return None if x.is_nothing else _same_padding(call, x, kernel)
    return _convolve(call, x, kernel, transposed_too=bool(call.get("transposed", False)))


@register(
    *aten(
        "conv_transpose1d conv_transpose2d conv_transpose3d slow_conv_transpose2d slow_conv_transpose3d "
        "cudnn_convolution_transpose miopen_convolution_transpose"
    )
)
def convolve_transposed(call: Call) -> Result:
    """Output ``o`` reads ``(o + padding - dilation*t)/stride`` where that divides."""
    x = call["input"] if "input" in call.args else call["self"]
    return _convolve(call, x, tuple(call.args["weight"].shape[2:]), transposed_too=True)


def per_axis(value: int | Sequence[int] | None, count: int, default: int) -> tuple[int, ...]:
    """Spell out a geometry argument for ``count`` axes, as torch broadcasts it."""
    if value is None or (not isinstance(value, int) and len(value) == 0):
        return (default,) * count
    if isinstance(value, int):
        return (value,) * count
    return tuple(value) * count if len(value) == 1 else tuple(value)


def _convolve(call: Call, x: Field, kernel: tuple[int, ...], *, transposed_too: bool) -> Field:
    count = len(kernel)
    stride = per_axis(call.get("stride"), count, 1)
    padding = per_axis(call.get("padding"), count, 0)
    dilation = per_axis(call.get("dilation"), count, 1)
    make = transposed if transposed_too else sliding
    windows: dict[int, Window] = {}
    for axis in range(count):
        dim = len(x.shape) - count + axis
        windows[dim] = make(x.shape[dim], call.shape[dim], kernel[axis], stride[axis], padding[axis], dilation[axis])
    return _with_weights(
        call, reading.slide(_mix_channels(call, x, count), windows), count, transposed_too=transposed_too
    )


def _same_padding(call: Call, x: Field, kernel: tuple[int, ...]) -> Field:
    """``padding="same"``: ``dilation*(kernel-1)`` in all, the left half rounded down; ``"valid"``: none."""
    count = len(kernel)
    stride = per_axis(call.get("stride"), count, 1)
    dilation = per_axis(call.get("dilation"), count, 1)
    windows: dict[int, Window] = {}
    for axis in range(count):
        dim = len(x.shape) - count + axis
        total = dilation[axis] * (kernel[axis] - 1) if call.args["padding"] == "same" else 0
        windows[dim] = sliding(x.shape[dim], call.shape[dim], kernel[axis], stride[axis], total // 2, dilation[axis])
    return _with_weights(call, reading.slide(_mix_channels(call, x, count), windows), count, transposed_too=False)


def _mix_channels(call: Call, x: Field, count: int) -> Field:
    """Mix the channels of each group."""
    dim = len(x.shape) - count - 1
    groups, outputs = int(call.get("groups", 1)), call.shape[dim]
    if groups == 1:
        return moves.widen(call.contract(x, [dim]), dim, outputs)
    return moves.repeat_channels(x, dim, groups, outputs)


def _with_weights(call: Call, out: Field, count: int, *, transposed_too: bool) -> Field:
    """Add what the weight and the bias of each output channel depend on; of a transposed weight, as a bound."""
    parts = [out]
    rank = len(out.shape)
    for name in ("weight", "bias"):
        tensor = call.args.get(name)
        field = call.find(tensor) if tensor is not None else None
        if field is None:
            continue
        if transposed_too and name == "weight":
            # An output does not meet every tap, nor those of other channels.
            field = collapse(field, (1,) * rank).doubting(upper_bound=call.cause)
        else:
            mixed = call.contract(field, range(1, len(field.shape)))
            field = reshaping.reshape(mixed, (mixed.shape[0], *(1,) * count))
        parts.append(field)
    return out if len(parts) == 1 else call.merge(parts, out.shape)


@register("aten::im2col")
def unfold(call: Call) -> Result:
    """Write the windows of ``F.unfold`` out, as rows ``(channel, tap, tap)`` and columns of positions."""
    x = call["self"]
    for axis in (1, 0):
        dim = len(call["self"].shape) - 2 + axis
        kernel, stride, padding, dilation = _geometry(call, axis)
        places = (x.shape[dim] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        x = reading.windows_out(x, dim, sliding(x.shape[dim], places, kernel, stride, padding, dilation))
    # (..., positions, taps, positions, taps): taps go in front.
    front = len(x.shape) - 4
    order = [*range(front), front + 1, front + 3, front, front + 2]
    return reshaping.reshape(moves.permute(x, order), call.shape)


@register("aten::col2im")
def fold(call: Call) -> Result:
    """Add columns up where they overlap: per axis, output ``o`` reads ``(o + padding - dilation*t)/stride``."""
    x = call["self"]
    size = per_axis(call.args["output_size"], 2, 1)
    kernels, places = [], []
    for axis in (0, 1):
        kernel, stride, padding, dilation = _geometry(call, axis)
        kernels.append(kernel)
        places.append((size[axis] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)
    channels = x.shape[-2] // (kernels[0] * kernels[1])
    x = reshaping.reshape(x, (*x.shape[:-2], channels, *kernels, *places))
    for axis in (0, 1):
        kernel, stride, padding, dilation = _geometry(call, axis)
        window = transposed(places[axis], size[axis], kernel, stride, padding, dilation)
        rank = len(x.shape)
        x = reading.fold_taps(x, rank - 4 + axis, rank - 2 + axis, window)
    return x


def _geometry(call: Call, axis: int) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation of one axis of unfold or fold."""
    names = (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    kernel, stride, padding, dilation = (per_axis(call.args[name], 2, default)[axis] for name, default in names)
    return kernel, stride, padding, dilation
