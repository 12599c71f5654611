"""What convolutions cost: each output element, or each input element of a transposed one, meets a whole kernel."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import NotGivenError, first_shape, output, per_axis, shape
from convinspect.ops.operators import Operator, priced
from convinspect.records import Attributes, OpCall, Padding, TensorRecord


def _with_rank(call: OpCall) -> str | None:
    weight = call.args.get("weight")
    if not isinstance(weight, TensorRecord):
        return None
    return f"conv{'_transpose' if _is_transposed(call) else ''}{len(weight.shape) - 2}d"


def _is_transposed(call: OpCall) -> bool:
    return "transpose" in call.op or call.args.get("transposed") is True


def _geometry(call: OpCall) -> Attributes:
    """Read kernel and channels off the weight, ``(Cout, Cin / groups, *kernel)`` where it is not transposed."""
    outer, inner, *kernel = shape(call, "weight", "W")
    axes = len(kernel)
    groups = call.args.get("groups", 1)
    if not axes or not isinstance(groups, int):
        raise NotGivenError(call.op)
    transposed = _is_transposed(call)
    attributes = Attributes(
        kernel_size=tuple(kernel),
        stride=per_axis(call, "stride", axes, 1),
        padding=_padding(call, tuple(kernel)),
        dilation=per_axis(call, "dilation", axes, 1),
        groups=groups,
        in_channels=outer if transposed else inner * groups,
        out_channels=inner * groups if transposed else outer,
        bias=call.args.get("bias") is not None,
        transposed=transposed,
        padding_mode="zeros",
    )
    if transposed:
        attributes["output_padding"] = per_axis(call, "output_padding", axes, 0)
    return attributes


def _padding(call: OpCall, kernel: tuple[int, ...]) -> tuple[Padding, ...]:
    said = call.args.get("padding")
    if not isinstance(said, str):
        return per_axis(call, "padding", len(kernel), 0)
    spans = [d * (k - 1) for d, k in zip(per_axis(call, "dilation", len(kernel), 1), kernel, strict=True)]
    # torch pads "same" half before and half after, the odd one after.
    return tuple(
        (span // 2 if span % 2 == 0 else (span // 2, span - span // 2)) if said == "same" else 0 for span in spans
    )


def _deformable(call: OpCall) -> Attributes:
    """Read torchvision's spelling: a setting has an argument for each axis."""
    outer, inner, *kernel = shape(call, "weight")
    names = ("stride_h", "stride_w"), ("pad_h", "pad_w"), ("dilation_h", "dilation_w"), ("groups",)
    stride, padding, dilation, (groups,) = (tuple(per_axis(call, name, 1)[0] for name in pair) for pair in names)
    return Attributes(
        kernel_size=tuple(kernel),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        in_channels=inner * groups,
        out_channels=outer,
        transposed=False,
        padding_mode="zeros",
    )


_CONVOLUTION = Operator(named=_with_rank, attributes=_geometry)


@priced(
    """
    conv1d conv2d conv3d _convolution_mode cudnn_convolution cudnn_convolution_relu cudnn_convolution_add_relu
    miopen_convolution miopen_convolution_relu miopen_convolution_add_relu miopen_depthwise_convolution
    mkldnn_convolution _mps_convolution _nnpack_spatial_convolution _conv_depthwise2d conv_depthwise3d
    thnn_conv2d _slow_conv2d_forward slow_conv3d slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d
    """,
    _CONVOLUTION,
)
@priced("_convolution_pointwise _convolution_pointwise_", Operator(attributes=_geometry), prefix="mkldnn.")
@priced("deform_conv2d", Operator(attributes=_deformable), prefix="torchvision.")
def convolution_macs(call: OpCall) -> int:
    """Price a convolution: weight ``(Cout, Cin / groups, *kernel)``, ``out_elements * Cin / groups * taps`` MACs.

    Taps that fall on padding count, as published counts have it; the bias does not. A deformable convolution
    costs what the plain one does: its bilinear sampling and its mask are not counted. Source: torch.nn.Conv2d.
    """
    return prod(output(call)) * prod(shape(call, "weight", "W")[1:])


@priced(
    """
    conv_transpose1d conv_transpose2d conv_transpose3d cudnn_convolution_transpose miopen_convolution_transpose
    _mps_convolution_transpose slow_conv_transpose2d slow_conv_transpose3d
    """,
    _CONVOLUTION,
)
def transposed_convolution_macs(call: OpCall) -> int:
    """Price a transposed convolution: weight ``(Cin, Cout / groups, *kernel)``, ``in_elements * Cout / groups * taps``.

    Every input element meets every tap; those whose place ``padding`` crops away count as well, as
    FlopCounterMode and fvcore have it. Source: torch.nn.ConvTranspose2d.
    """
    return prod(shape(call, "input", "self")) * prod(shape(call, "weight")[1:])


@priced("convolution convolution_overrideable _convolution", _CONVOLUTION)
def either_convolution_macs(call: OpCall) -> int:
    """Price the operator that all convolutions arrive as; its argument ``transposed`` says which of the two it is."""
    return transposed_convolution_macs(call) if call.args["transposed"] else convolution_macs(call)


@priced("convolution_backward")
def convolution_backward_macs(call: OpCall) -> int:
    """Price the derivatives by input and weight: each that ``output_mask`` asks for costs what the forward does.

    The one by the bias is a sum. Source: torch.utils.flop_counter's formula, which counts the same products.
    """
    weight = prod(shape(call, "weight")[1:])
    elements = prod(shape(call, "input" if call.args["transposed"] else "grad_output"))
    wanted = call.args.get("output_mask")
    return elements * weight * sum(map(bool, wanted[:2] if isinstance(wanted, tuple) else (1, 1)))


_PACKED = ("packed_weight", "weight")


@priced(
    """
    conv1d conv1d_relu conv1d_dynamic conv2d conv2d_relu conv2d_add conv2d_add_relu conv2d_dynamic conv3d conv3d_relu
    conv3d_dynamic
    """,
    prefix="quantized.",
)
def packed_convolution_macs(call: OpCall) -> int:
    """Price a convolution whose weight ``(Cout, Cin / groups, *kernel)`` is packed, as `convolution_macs`."""
    return prod(output(call)) * prod(first_shape(call, *_PACKED)[1:])


@priced(
    """
    conv_transpose1d conv_transpose1d_dynamic conv_transpose2d conv_transpose2d_dynamic conv_transpose3d
    conv_transpose3d_dynamic
    """,
    prefix="quantized.",
)
def packed_transposed_convolution_macs(call: OpCall) -> int:
    """Price a transposed convolution whose weight is packed, as `transposed_convolution_macs`."""
    return prod(shape(call, "qx")) * prod(first_shape(call, *_PACKED)[1:])


@priced("conv_tbc")
def time_batch_channel_macs(call: OpCall) -> int:
    """Price a 1-D convolution over (time, batch, channel): weight ``(k, Cin, Cout)``, ``out_elements * k * Cin``."""
    return prod(output(call)) * prod(shape(call, "weight")[:2])
