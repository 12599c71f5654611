"""Sampling at positions that are themselves computed: any position can be read."""

from __future__ import annotations

from dataclasses import replace

from convinspect.fields.aten.convolution import convolve
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.merging import with_local
from convinspect.fields.operations.moves import permute, widen
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule(*aten("grid_sampler_2d grid_sampler_3d cudnn_grid_sampler grid_sampler"))
def sample(call: Call) -> Result:
    """All positions of the input, and the grid's own position."""
    x, grid = call.input, call["grid"]
    last = grid.rank - 1
    points = permute(call.contract(grid, [last]), [0, last, *range(1, last)])
    return call.merge([call.mix(x, range(2, x.rank)), points]).marked(data_dependent=call.cause)


@rf_rule("aten::affine_grid_generator")
def affine_grid(call: Call) -> Result:
    """Every point of the grid depends on the whole matrix of its sample."""
    return collapse(call["theta"], call.shape)


@rf_rule("torchvision::deform_conv2d")
def deform(call: Call) -> Result:
    """All positions of the input, and the offsets and masks at its own; locally, the undeformed windows."""
    geometry = (("stride", "stride"), ("padding", "pad"), ("dilation", "dilation"))
    spelled = {name: [call.args[f"{short}_h"], call.args[f"{short}_w"]] for name, short in geometry}
    plain = convolve(replace(call, args={**call.args, **spelled}))
    where = [call.contract(field, [1]) for field in call.fields("offset", "mask")]
    parts = [call.mix(call.input, [1, 2, 3]), *(widen(field, 1, call.shape[1]) for field in where)]
    out = call.merge(parts)
    local = plain if isinstance(plain, Field) else out
    return with_local(out, local, call.cause).marked(data_dependent=call.cause)


@rf_rule(
    *(f"torchvision::{name}" for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "nms")),
    *aten(
        "nonzero nonzero_static unique_dim unique_consecutive unique_dim_consecutive _unique _unique2 "
        "histc bincount multinomial fractional_max_pool2d fractional_max_pool3d"
    ),
)
def by_data(call: Call) -> Result:
    """Anything of any operand: which, is decided by values."""
    return [field.marked(data_dependent=call.cause) for field in call.all_of(call.fields())]
