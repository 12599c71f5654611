"""Sampling at positions that are themselves computed: any position can be read."""

from __future__ import annotations

from convinspect.fields import mixing, moves
from convinspect.fields.aten.convolution import convolve
from convinspect.fields.field import Field, collapse
from convinspect.fields.rules import Call, Result, aten, register


@register("aten::grid_sampler_2d", "aten::grid_sampler_3d", "aten::cudnn_grid_sampler", "aten::grid_sampler")
def sample(call: Call) -> Result:
    """All positions of the input, and the grid's own position."""
    x, grid = call["input"] if "input" in call.args else call["self"], call["grid"]
    count = len(x.shape) - 2
    read = call.contract(x, range(2, 2 + count))
    for dim in range(2, 2 + count):
        read = moves.widen(read, dim, call.shape[dim])
    last = len(grid.shape) - 1
    points = moves.permute(call.contract(grid, [last]), [0, last, *range(1, last)])
    return call.merge([read, points], call.shape).doubting(data_dependent=call.cause)


@register("aten::affine_grid_generator")
def affine_grid(call: Call) -> Result:
    """Every point of the grid depends on the whole matrix of its sample."""
    return collapse(call["theta"], call.shape)


@register("torchvision::deform_conv2d")
def deform(call: Call) -> Result:
    """All positions of the input, and the offsets and masks at its own; locally, the undeformed windows."""
    x = call["input"]
    stride = [call.args["stride_h"], call.args["stride_w"]]
    pads = [call.args["pad_h"], call.args["pad_w"]]
    dilation = [call.args["dilation_h"], call.args["dilation_w"]]
    regular = Call(
        call.op,
        {**call.args, "stride": stride, "padding": pads, "dilation": dilation},
        call.outputs,
        call.cause,
        call.count,
        call.find,
    )
    plain = convolve(regular)
    read = call.contract(x, [1, 2, 3])
    for dim in (1, 2, 3):
        read = moves.widen(read, dim, call.shape[dim])
    parts = [read]
    for name in ("offset", "mask"):
        field = call[name]
        if not field.is_nothing:
            parts.append(moves.widen(call.contract(field, [1]), 1, call.shape[1]))
    out = call.merge(parts, call.shape)
    local = plain if isinstance(plain, Field) else out
    return mixing.with_local(out, local, call.cause).doubting(data_dependent=call.cause)


@register(
    *(f"torchvision::{name}" for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "nms")),
    *aten(
        "nonzero nonzero_static masked_select take unique_dim unique_consecutive unique_dim_consecutive _unique "
        "_unique2 histc bincount multinomial fractional_max_pool2d fractional_max_pool3d"
    ),
)
def by_data(call: Call) -> Result:
    """Anything of any operand: which, is decided by values."""
    whole = call.merge([collapse(field, ()) for field in call.fields()], ())
    return [collapse(whole, shape).doubting(data_dependent=call.cause) for shape in call.outputs]
