"""Reductions, running sums, sorting and transforms along dimensions."""

from __future__ import annotations

from convinspect.fields import mixing, moves
from convinspect.fields.field import Field, Shape, collapse
from convinspect.fields.rules import Call, Result, aten, register


@register(
    *aten(
        "sum mean amax amin aminmax max min prod var std var_mean std_mean norm linalg_vector_norm argmax argmin "
        "any all median nanmedian logsumexp nansum nanmean count_nonzero mode kthvalue _is_all_true _is_any_true "
        "linalg_matrix_norm trace"
    )
)
def reduce(call: Call) -> Result:
    """Hull over ``dim``, or over everything; two tensors (``max(a, b)``) are merged."""
    if call.args.get("other") is not None:
        return call.merge([call["self"], call["other"]])
    x = call["self"]
    named = call.args.get("dim")
    rank = len(x.shape)
    if named is None or (not isinstance(named, int) and len(named) == 0):
        dims = list(range(rank))
    else:
        dims = [dim % max(rank, 1) for dim in ([named] if isinstance(named, int) else named)]
    if rank == 0:
        return x
    return [_shaped(call.contract(x, dims), shape, dims) for shape in call.outputs]


@register("aten::cumsum", "aten::cumprod", "aten::cummax", "aten::cummin", "aten::logcumsumexp", "aten::_logcumsumexp")
def running(call: Call) -> Result:
    """Everything up to each position."""
    x = call["self"]
    return mixing.accumulate(x, call.args["dim"] % max(len(x.shape), 1), call.cause) if x.shape else x


@register("aten::sort", "aten::argsort", "aten::msort")
def sort(call: Call) -> Result:
    """Every place in the order depends on everything along ``dim``."""
    x = call["self"]
    return call.contract(x, [call.get("dim", -1)], keeps_own=True) if x.shape else x


@register("aten::topk")
def topk(call: Call) -> Result:
    """Everything along ``dim``."""
    x = call["self"]
    dim = call.get("dim", -1) % len(x.shape)
    return moves.widen(call.contract(x, [dim]), dim, call.shape[dim])


@register("aten::_fft_r2c", "aten::_fft_c2c", "aten::_fft_c2r")
def transform(call: Call) -> Result:
    """Every frequency depends on everything along the transformed dimensions."""
    x = call["self"]
    dims = [dim % len(x.shape) for dim in call.args["dim"]]
    out = call.contract(x, dims)
    for dim in dims:
        out = moves.widen(out, dim, call.shape[dim])
    return _positions(out, x)


@register("aten::_linalg_det", "aten::linalg_inv_ex", "aten::_linalg_svd", "aten::_linalg_eigh", "aten::linalg_qr")
def decompose(call: Call) -> Result:
    """Everything of each matrix."""
    x = next(iter(call.fields()))
    rank = len(x.shape)
    mixed = call.contract(x, [rank - 2, rank - 1])
    return [collapse(mixed, shape) for shape in call.outputs]


@register("aten::cdist", "aten::_cdist_forward", "aten::_euclidean_dist")
def distances(call: Call) -> Result:
    """Every row of one against every row of the other."""
    one, other = (call.contract(call[name], [-1]) for name in ("x1", "x2"))
    rank = len(other.shape)
    crossed = moves.permute(other, [*range(rank - 2), rank - 1, rank - 2])
    return moves.broadcast(mixing.merge([one, crossed], call.shape, call.cause, crossed=True), call.shape)


@register(
    *aten(
        "mse_loss l1_loss huber_loss smooth_l1_loss soft_margin_loss binary_cross_entropy nll_loss_forward "
        "nll_loss2d_forward _ctc_loss kl_div dist multi_margin_loss multilabel_margin_loss_forward _embedding_bag "
        "_embedding_bag_forward_only _pdist_forward allclose equal trapezoid"
    )
)
def loss(call: Call) -> Result:
    """Element by element where nothing is reduced; otherwise everything."""
    fields = call.fields()
    if all(field.shape == call.shape for field in fields):
        return call.merge(fields)
    whole = call.merge([collapse(call.contract(field, range(len(field.shape))), ()) for field in fields], ())
    return [collapse(whole, shape) for shape in call.outputs]


def _shaped(x: Field, shape: Shape, dims: list[int]) -> Field:
    return x if x.shape == shape else moves.drop(x, dims)


def _positions(out: Field, x: Field) -> Field:
    """Frequencies stand where positions stood, so that the way back is followed too."""
    return Field(out.shape, x.spatial, out.axes, out.doubts)
