"""Reductions, running sums, sorting and transforms along dimensions."""

from __future__ import annotations

from convinspect.fields.operations import contracting
from convinspect.fields.operations.field import collapse
from convinspect.fields.operations.merging import cross
from convinspect.fields.operations.moves import broadcast, drop, permute
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule(
    *aten(
        "sum mean amax amin aminmax max min prod var std var_mean std_mean norm linalg_vector_norm argmax argmin "
        "any all median nanmedian logsumexp nansum nanmean count_nonzero mode kthvalue _is_all_true _is_any_true "
        "linalg_matrix_norm trace"
    )
)
def reduce(call: Call) -> Result:
    """Hull over ``dim``, or over everything; two tensors (``max(a, b)``) are merged."""
    x = call["self"]
    if call.args.get("other") is not None:
        return call.merge([x, call["other"]])
    if x.rank == 0:
        return x
    named = call.get("dim", ())
    dims = [dim % x.rank for dim in ([named] if isinstance(named, int) else named)] or list(range(x.rank))
    mixed = call.contract(x, dims)
    return [mixed if mixed.shape == shape else drop(mixed, dims) for shape in call.shapes]


@rf_rule(*aten("cumsum cumprod cummax cummin logcumsumexp _logcumsumexp"))
def running(call: Call) -> Result:
    """Everything up to each position."""
    x = call["self"]
    return contracting.accumulate(x, call.args["dim"] % x.rank, call.cause) if x.shape else x


@rf_rule(*aten("sort argsort msort"))
def sort(call: Call) -> Result:
    """Every place in the order depends on everything along ``dim``."""
    x = call["self"]
    return call.contract(x, [call.get("dim", -1)], keeps_own=True) if x.shape else x


@rf_rule("aten::topk")
def topk(call: Call) -> Result:
    """Everything along ``dim``."""
    return call.mix(call["self"], [call.get("dim", -1)])


@rf_rule(*aten("_fft_r2c _fft_c2c _fft_c2r"))
def transform(call: Call) -> Result:
    """Every frequency depends on everything along the transformed dimensions."""
    x = call["self"]
    # Frequencies stand where positions stood, so that the way back is followed too.
    return call.mix(x, call.args["dim"]).with_spatial(x.spatial)


@rf_rule(*aten("_linalg_det linalg_inv_ex _linalg_svd _linalg_eigh linalg_qr"))
def decompose(call: Call) -> Result:
    """Everything of each matrix."""
    mixed = call.contract(call.fields()[0], [-2, -1])
    return [collapse(mixed, shape) for shape in call.shapes]


@rf_rule(*aten("cdist _cdist_forward _euclidean_dist"))
def distances(call: Call) -> Result:
    """Every row of one against every row of the other."""
    one, other = (call.contract(call[name], [-1]) for name in ("x1", "x2"))
    crossed = permute(other, [*range(other.rank - 2), other.rank - 1, other.rank - 2])
    return broadcast(cross([one, crossed], call.shape), call.shape)


@rf_rule(
    *aten(
        "mse_loss l1_loss huber_loss smooth_l1_loss soft_margin_loss binary_cross_entropy "
        "_ctc_loss kl_div dist multi_margin_loss multilabel_margin_loss_forward "
        "_pdist_forward allclose equal trapezoid"
    )
)
def loss(call: Call) -> Result:
    """Element by element where nothing is reduced; otherwise everything, as a bound if several numbers come out."""
    fields = call.fields()
    if all(field.shape == call.shape for field in fields):
        return call.merge(fields)
    reduced = [call.contract(field, range(field.rank)) for field in fields]
    return [field.marked(upper_bound=call.cause) if field.shape else field for field in call.all_of(reduced)]


@rf_rule(*aten("nll_loss_forward nll_loss2d_forward"))
def class_loss(call: Call) -> Result:
    """All classes at one position; everything where the positions are reduced."""
    if not call.shape:
        return call.all_of([call.contract(field, range(field.rank)) for field in call.fields()])
    scores, classes = call["self"], min(1, call["self"].rank - 1)
    weights = call.fields("weight")
    read = drop(call.contract(scores, [classes]), [classes])
    # Which class is read is the target's to say: this matters where the classes do not see the same.
    if scores.varies(classes) or any(weight.varies(0) for weight in weights):
        read = read.marked(data_dependent=call.cause)
    others = [call["target"], *map(call.whole, weights)]
    total = call.merge([collapse(part, call.shapes[1]) for part in others], call.shapes[1])
    return [call.merge([read, *others]), total]
