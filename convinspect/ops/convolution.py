"""What convolutions cost: each output element, or each input element of a transposed one, meets a whole kernel."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import output, shape
from convinspect.ops.operators import Operator, priced
from convinspect.records import OpCall, TensorRecord


def _with_rank(call: OpCall) -> str | None:
    weight = call.args.get("weight")
    if not isinstance(weight, TensorRecord):
        return None
    transposed = "transpose" in call.op or call.args.get("transposed") is True
    return f"conv{'_transpose' if transposed else ''}{len(weight.shape) - 2}d"


@priced(
    """
    conv1d conv2d conv3d _convolution_mode cudnn_convolution cudnn_convolution_relu cudnn_convolution_add_relu
    miopen_convolution miopen_convolution_relu miopen_convolution_add_relu miopen_depthwise_convolution
    mkldnn_convolution _mps_convolution _nnpack_spatial_convolution _conv_depthwise2d conv_depthwise3d
    thnn_conv2d _slow_conv2d_forward slow_conv3d slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d
    """,
    Operator(named=_with_rank),
)
@priced("_convolution_pointwise _convolution_pointwise_", prefix="mkldnn.")
@priced("deform_conv2d", prefix="torchvision.")
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
    Operator(named=_with_rank),
)
def transposed_convolution_macs(call: OpCall) -> int:
    """Price a transposed convolution: weight ``(Cin, Cout / groups, *kernel)``, ``in_elements * Cout / groups * taps``.

    Every input element meets every tap; those whose place ``padding`` crops away count as well, as
    FlopCounterMode and fvcore have it. Source: torch.nn.ConvTranspose2d.
    """
    return prod(shape(call, "input", "self")) * prod(shape(call, "weight")[1:])


@priced("convolution convolution_overrideable _convolution", Operator(named=_with_rank))
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


@priced("conv_tbc")
def time_batch_channel_macs(call: OpCall) -> int:
    """Price a 1-D convolution over (time, batch, channel): weight ``(k, Cin, Cout)``, ``out_elements * k * Cin``."""
    return prod(output(call)) * prod(shape(call, "weight")[:2])
