"""What convolutions cost: each output element, or each input element of a transposed one, meets a whole kernel."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import output, shape
from convinspect.ops.registry import mac_rule
from convinspect.records import OpCall


@mac_rule(
    "aten.conv1d",
    "aten.conv2d",
    "aten.conv3d",
    "aten._convolution_mode",
    "aten.cudnn_convolution",
    "aten.cudnn_convolution_relu",
    "aten.cudnn_convolution_add_relu",
    "aten.miopen_convolution",
    "aten.miopen_convolution_relu",
    "aten.miopen_convolution_add_relu",
    "aten.miopen_depthwise_convolution",
    "aten.mkldnn_convolution",
    "aten._mps_convolution",
    "aten._nnpack_spatial_convolution",
    "aten._conv_depthwise2d",
    "aten.conv_depthwise3d",
    "aten.thnn_conv2d",
    "aten._slow_conv2d_forward",
    "aten.slow_conv3d",
    "aten.slow_conv3d_forward",
    "aten.slow_conv_dilated2d",
    "aten.slow_conv_dilated3d",
    "mkldnn._convolution_pointwise",
    "mkldnn._convolution_pointwise_",
    "torchvision.deform_conv2d",
)
def convolution_macs(call: OpCall) -> int:
    """Price a convolution: weight ``(Cout, Cin / groups, *kernel)``, ``out_elements * Cin / groups * taps`` MACs.

    Taps that fall on padding count, as published counts have it; the bias does not. A deformable convolution
    costs what the plain one does: its bilinear sampling and its mask are not counted. Source: torch.nn.Conv2d.
    """
    return prod(output(call)) * prod(shape(call, "weight", "W")[1:])


@mac_rule(
    "aten.conv_transpose1d",
    "aten.conv_transpose2d",
    "aten.conv_transpose3d",
    "aten.cudnn_convolution_transpose",
    "aten.miopen_convolution_transpose",
    "aten._mps_convolution_transpose",
    "aten.slow_conv_transpose2d",
    "aten.slow_conv_transpose3d",
)
def transposed_convolution_macs(call: OpCall) -> int:
    """Price a transposed convolution: weight ``(Cin, Cout / groups, *kernel)``, ``in_elements * Cout / groups * taps``.

    Every input element meets every tap; those whose place ``padding`` crops away count as well, as
    FlopCounterMode and fvcore have it. Source: torch.nn.ConvTranspose2d.
    """
    return prod(shape(call, "input", "self")) * prod(shape(call, "weight")[1:])


@mac_rule("aten.convolution", "aten.convolution_overrideable", "aten._convolution")
def either_convolution_macs(call: OpCall) -> int:
    """Price the operator that all convolutions arrive as; its argument ``transposed`` says which of the two it is."""
    return transposed_convolution_macs(call) if call.args["transposed"] else convolution_macs(call)


@mac_rule("aten.conv_tbc")
def time_batch_channel_macs(call: OpCall) -> int:
    """Price a 1-D convolution over (time, batch, channel): weight ``(k, Cin, Cout)``, ``out_elements * k * Cin``."""
    return prod(output(call)) * prod(shape(call, "weight")[:2])
