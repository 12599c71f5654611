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
    return [field.doubting(upper_bound=call.cause) if field.shape else field for field in _all_of(call, fields)]


@register("aten::nll_loss_forward", "aten::nll_loss2d_forward")
def class_loss(call: Call) -> Result:
    """All classes at one position; everything where the positions are reduced."""
    if not call.shape:
        return _all_of(call, call.fields())
    scores, classes = call["self"], min(1, len(call["self"].shape) - 1)
    weight = call.field(call.args["weight"]) if call.args.get("weight") is not None else None
    parts = [moves.drop(call.contract(scores, [classes]), [classes]), call["target"]]
    if weight is not None:
        parts.append(collapse(weight, (1,) * len(call.shape)))
    # Which class is read is the target's to say: this matters where the classes do not see the same.
    of_classes = [(scores, classes), *([] if weight is None else [(weight, 0)])]
    if any(axis.strict.shape[dim + 1] > 1 for field, dim in of_classes for axis in field.axes):
        parts[0] = parts[0].doubting(data_dependent=call.cause)
    total = [collapse(part, call.outputs[1]) for part in parts[1:]]
    return [call.merge(parts, call.shape), call.merge(total, call.outputs[1])]


@register("aten::_embedding_bag", "aten::_embedding_bag_forward_only")
def embedding_bag(call: Call) -> Result:
    """Any row of the weight, column by column, and all indices; with several bags, as a bound."""
    parts = []
    for name in ("indices", "offsets", "per_sample_weights"):
        tensor = call.args.get(name)
        field = call.find(tensor) if tensor is not None else None
        if field is not None:
            whole = collapse(call.contract(field, range(len(field.shape))), (1, 1))
            parts.append(whole.doubting(upper_bound=call.cause) if call.shape[0] > 1 else whole)
    rows = call["weight"]
    if not rows.is_nothing:
        parts.append(call.contract(rows, [0]).doubting(data_dependent=call.cause))
    return [call.merge(parts, call.shape), *(collapse(call.merge(parts, call.shape), s) for s in call.outputs[1:])]


def _all_of(call: Call, fields: list[Field]) -> list[Field]:
    whole = call.merge([collapse(call.contract(field, range(len(field.shape))), ()) for field in fields], ())
    return [collapse(whole, shape) for shape in call.outputs]


def _shaped(x: Field, shape: Shape, dims: list[int]) -> Field:
    return x if x.shape == shape else moves.drop(x, dims)


def _positions(out: Field, x: Field) -> Field:
    """Frequencies stand where positions stood, so that the way back is followed too."""
    return Field(out.shape, x.spatial, out.axes, out.doubts)
