"""Where torch's meta kernels return something else than its CPU kernels do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from convinspect.torch_private import aten, convolution_format, suggest_memory_format

_SUM, _MAX = 0, 2  # of an embedding bag: torch.nn.functional.embedding_bag
_SUMMED_AS_THEY_LIE = (torch.float32, torch.float16, torch.bfloat16)
_BAG_DEFAULTS = (None, None, None, False, 0, False, None, False, -1)
_SMALL = 1 << 28  # bytes that are asked for, and never touched
_LINE = 3  # dimensions of a signal in a batch: there is one format for it


def as_the_cpu_returns(func: Any, args: tuple[Any, ...], out: Any) -> Any:
    """Return ``out``, the result of a meta kernel, with the sizes that the CPU kernel gives it."""
    correct = _CORRECTIONS.get(func)
    return out if correct is None else correct(args, out)


def _only_what_is_asked(args: tuple[Any, ...], out: Any) -> Any:
    """The meta kernel returns a gradient of the input whether one is asked for or not."""
    return out if args[-1][0] else (None, *out[1:])


def _batch_norm_in_evaluation(args: tuple[Any, ...], out: Any) -> Any:
    return _without_statistics((_restrided(out[0], format_of(args[0])), *out[1:]))


def _batch_norm_with_update(args: tuple[Any, ...], out: Any) -> Any:
    return _with_statistics(args[:2], (_restrided(out[0], format_of(args[0])), *out[1:]))


def _without_statistics(out: Any) -> Any:
    """In evaluation the CPU saves no mean and no deviation."""
    return (out[0], *(saved.new_empty(0) for saved in out[1:3]), *out[3:])


def _with_statistics(given_and_weight: Any, out: Any) -> Any:
    """The CPU keeps mean and deviation in the input's dtype unless the weight has another: then in float32."""
    given, weight = given_and_weight
    mixed = weight is not None and weight.dtype != given.dtype
    dtype = torch.float32 if mixed else given.dtype
    return (out[0], *(saved.to(dtype) for saved in out[1:3]), *out[3:])


def _layer_norm(args: tuple[Any, ...], out: Any) -> Any:
    return _with_statistics((args[0], args[2]), (_contiguous(args, out[0]), *out[1:]))


def _group_norm(args: tuple[Any, ...], out: Any) -> Any:
    return _with_statistics(args[:2], (_restrided(out[0], suggest_memory_format(args[0])), *out[1:]))


def _group_norm_backward(args: tuple[Any, ...], out: Any) -> Any:
    return out if out[0] is None else (_restrided(out[0], suggest_memory_format(args[1])), *out[1:])


def _in_its_format(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU answers in the memory format of the last tensor given; the meta kernel contiguously."""
    given = [arg for arg in args if isinstance(arg, torch.Tensor)][-1]
    return _restrided(out, suggest_memory_format(given))


def _roll(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU joins two parts for each dimension, in the format of both; without dimensions those of a flat copy."""
    given, shifts, dims = (*args, ())[:3]
    made = out if dims else _contiguous(args, out)
    for shift, dim in zip(shifts, dims, strict=False):
        size = given.shape[dim]
        start = -shift % size if size else 0
        forms = {suggest_memory_format(part) for part in given.tensor_split((start,), dim)}
        made = given = _restrided(out, forms.pop() if len(forms) == 1 else torch.contiguous_format)
    return made


def _contiguous(_args: tuple[Any, ...], out: Any) -> Any:
    if isinstance(out, tuple):
        return tuple(_restrided(part, torch.contiguous_format) for part in out)
    return _restrided(out, torch.contiguous_format)


def format_of(given: torch.Tensor) -> torch.memory_format:
    """Return the format that ``given`` lies in without gaps; contiguous where it is in several, or in none."""
    form = {4: torch.channels_last, 5: torch.channels_last_3d}.get(given.dim(), torch.contiguous_format)
    return torch.contiguous_format if given.is_contiguous() or not given.is_contiguous(memory_format=form) else form


def _restrided(out: torch.Tensor, form: torch.memory_format) -> torch.Tensor:
    """Return a tensor like ``out`` in ``form``, which also says the strides of dimensions of size 1."""
    return torch.empty(out.shape, dtype=out.dtype, device="meta", memory_format=form)


def _convolution(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU answers in the memory format of what it was given; the meta kernel knows no device and no format."""
    form = format_of_convolution(*args[:9])
    return out if form is None else out.to(memory_format=form)


def format_of_convolution(*args: Any, bias_sizes: Any = None) -> torch.memory_format | None:
    """Return the format that the CPU's convolution of these arguments answers in; ``None``: as the meta kernel does."""
    given, weight = args[:2]
    if given.dim() == _LINE or (given.stride(1) != 1 and weight.stride(1) != 1):
        return None
    if given.numel() * given.itemsize + weight.numel() * weight.itemsize < _SMALL:
        # Torch answers for the device of what it is given, and of a class of ours it asks, for long, if it is shared.
        given, weight = (torch.empty_strided(one.shape, one.stride(), dtype=one.dtype) for one in (given, weight))
    return convolution_format(given, weight, None, *args[3:], bias_sizes=bias_sizes)


def _loss(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU reduces in place: the scalar keeps the storage of all differences."""
    size = torch.broadcast_shapes(args[0].shape, args[1].shape).numel()
    return out if out.dim() else out.new_empty(max(size, 1)).as_strided((), ())


def _of_one_sample(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU's loss of one sample without a batch is a number; the meta kernel makes a batch of it."""
    return (out[0].new_empty(()), *out[1:]) if args[0].dim() <= 1 else out


def _fold(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU folds and unfolds into a tensor as large as its input, and then calls it smaller."""
    return out.new_empty(max(args[0].numel(), out.numel())).as_strided(out.shape, out.stride())


def _as_a_clone_of_all(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU scatters into a copy of the whole storage that the tensor is a view of, but for one that overlaps."""
    given = args[0]
    if any(size > 1 and not stride for size, stride in zip(given.shape, given.stride(), strict=True)):
        return torch.empty_like(given)
    whole = out.new_empty(given.untyped_storage().nbytes() // given.itemsize)
    return whole.as_strided(out.shape, given.stride(), given.storage_offset())


def _as_a_product(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU answers as a product of gradient and input does, or of gradient and mask."""
    first, second, *_ = (arg for arg in args if isinstance(arg, torch.Tensor))
    return out.new_empty_strided(out.shape, (first * second).stride())


def _as_a_product_the_other_way(args: tuple[Any, ...], out: Any) -> Any:
    return _as_a_product(args[1::-1], out)


def _embedding_bag(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU makes the bag of every index one too long; where it sums rows as they lie it needs none."""
    weight, indices, offsets, _, mode, _, scale, last, padding = (*args, *_BAG_DEFAULTS[len(args) :])[:9]
    bags = offsets.shape[0] - bool(last)
    plain = weight.dtype in _SUMMED_AS_THEY_LIE and weight.stride(1) == 1 and padding < 0
    plain = plain and (scale is None or scale.stride(0) == 1)
    count = 0 if mode == _SUM and plain else indices.numel()
    bag_of = out[1].new_empty(count + 1 if count else 0)[:count]
    sizes = out[2].new_empty(offsets.shape[0])[:bags]
    return (out[0], bag_of, sizes, out[3] if mode == _MAX else out[3].new_empty(bags))


def _recurrent_layer(args: tuple[Any, ...], out: Any) -> Any:
    """Keep about what oneDNN does for a backward pass: gates and states of all steps, without what they are padded to.

    In elements: T x N x 5H, and 2 x (T + 1) x N x (H and the wider of H and I), the last with gradients in float32.
    """
    steps, hidden, item = args[0], int(args[10]), args[0].element_size()
    length, batch, features = steps.shape
    states = 2 * (length + 1) * (max(features, hidden) * (item + 8) + hidden * (item + 4))
    kept = bool(args[15]) and torch.is_grad_enabled()
    return (*out[:3], out[3].new_empty(batch * (length * 5 * hidden * item + states)) if kept else None)


def _recurrent_layer_backward(_args: tuple[Any, ...], out: Any) -> Any:
    """The gradients of the two biases are equal, and two tensors all the same."""
    return (*out[:4], torch.empty_like(out[4]), *out[5:])


_PADS = [f"{mode}_pad{n}d{way}" for mode in ("reflection", "replication") for n in (2, 3) for way in ("", "_backward")]
_PRODUCTS = ("native_dropout", "softplus", "elu", "hardtanh", "hardsigmoid", "hardswish", "logit")
_LOSSES_BACKWARD = ("mse_loss_backward", "smooth_l1_loss_backward", "huber_loss_backward")
_NAMES: dict[Callable[[tuple[Any, ...], Any], Any], tuple[str, ...]] = {
    _batch_norm_in_evaluation: ("_native_batch_norm_legit_no_training",),
    _batch_norm_with_update: ("_batch_norm_with_update",),
    _only_what_is_asked: ("native_batch_norm_backward",),
    _layer_norm: ("native_layer_norm",),
    _group_norm: ("native_group_norm",),
    _group_norm_backward: ("native_group_norm_backward",),
    _convolution: ("convolution",),
    _fold: ("col2im", "im2col"),
    _as_a_clone_of_all: ("slice_scatter", "select_scatter", "diagonal_scatter"),
    _roll: ("roll",),
    _in_its_format: (*_PADS, "pixel_shuffle", "channel_shuffle"),
    _contiguous: (
        "glu_backward",
        "log_sigmoid_forward",
        "rrelu_with_noise",
        "_log_softmax_backward_data",
        *_LOSSES_BACKWARD,
    ),
    _as_a_product: tuple(f"{name}_backward" for name in _PRODUCTS),
    _as_a_product_the_other_way: ("binary_cross_entropy_backward",),
    _embedding_bag: ("_embedding_bag", "_embedding_bag_forward_only"),
    _recurrent_layer: ("mkldnn_rnn_layer",),
    _recurrent_layer_backward: ("mkldnn_rnn_layer_backward",),
    _of_one_sample: ("multilabel_margin_loss_forward",),
    _loss: ("mse_loss", "smooth_l1_loss", "soft_margin_loss", "binary_cross_entropy"),
}
_CORRECTIONS = {aten(name): correct for correct, names in _NAMES.items() for name in names}
_CORRECTIONS[torch.ops.aten.pow.Scalar] = _contiguous
