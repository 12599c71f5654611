"""What an operator returns for fake tensors lies in memory as what it returns on the CPU does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from convinspect.trace.fake.mode import FakeMode
from convinspect.trace.fake.model import FakeModel
from convinspect.trace.fake.tensor import ASKS_DEVICE
from convinspect.trace.training.step import TrainingConfig
from tests.memory.runs import counted_forward, inference_peak, traced, training_step

Geometry = tuple[str, tuple[int, ...], tuple[int, ...], int]

LAYOUTS: dict[str, Callable[[], Tensor]] = {
    "contiguous": lambda: torch.rand(2, 4, 9, 7),
    "channels last": lambda: torch.rand(2, 4, 9, 7).to(memory_format=torch.channels_last),
    "channels last, one image": lambda: torch.rand(1, 4, 9, 7).to(memory_format=torch.channels_last),
    "permuted": lambda: torch.rand(9, 7, 4, 2).permute(3, 2, 0, 1),
    "transposed": lambda: torch.rand(2, 4, 7, 9).transpose(2, 3),
    "channels last in 3d": lambda: torch.rand(2, 4, 5, 6, 7).to(memory_format=torch.channels_last_3d),
    "expanded": lambda: torch.rand(2, 1, 9, 7).expand(2, 4, 9, 7),
    "every second channel": lambda: torch.rand(2, 8, 9, 7)[:, ::2],
}

OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "roll": lambda x: x.roll((1, 2), (2, 3)),
    "flat roll": lambda x: x.roll(1),
    "reflection": lambda x: functional.pad(x, (1, 1) * (x.dim() - 2), "reflect"),
    "replication": lambda x: functional.pad(x, (1, 1) * (x.dim() - 2), "replicate"),
    "channel shuffle": lambda x: functional.channel_shuffle(x, 2),
    "normalised": lambda x: functional.batch_norm(x, torch.zeros(4), torch.ones(4)),
    "normalised in training": lambda x: functional.batch_norm(x, torch.zeros(4), torch.ones(4), training=True),
    "normalised over its channels": lambda x: (
        functional.layer_norm(x.transpose(1, -1), (4,)).transpose(1, -1).contiguous()
    ),
    "gate": lambda x: functional.glu(x, 1),
    "dropout": lambda x: torch.native_dropout(x, 0.5, train=True)[0],
    "power of two": lambda x: 2**x,
    "square error": lambda x: functional.mse_loss(x, x * 0, reduction="none"),
    "smooth error": lambda x: functional.smooth_l1_loss(x, x * 0, reduction="none"),
    "huber error": lambda x: functional.huber_loss(x, x * 0, reduction="none"),
    "filled": lambda x: x.masked_fill(x > 0.5, 0.0),
    "made contiguous": lambda x: x * torch.ones_like(x, memory_format=torch.contiguous_format),
}
ACTIVATIONS = """
    alpha_dropout celu dropout elu feature_alpha_dropout gelu hardshrink hardsigmoid hardswish hardtanh
    leaky_relu logsigmoid mish normalize relu relu6 rrelu selu sigmoid silu softplus softshrink softsign tanh tanhshrink
"""


class Results(TorchDispatchMode):
    """Writes down how the results of all operators lie in memory."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Geometry] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func is not ASKS_DEVICE:
            for tensor in out if isinstance(out, (tuple, list)) else [out]:
                if isinstance(tensor, Tensor):
                    size = tensor.untyped_storage().nbytes()
                    self.found.append((str(func), tuple(tensor.shape), tensor.stride(), size))
        return out


def results(run: Callable[..., Tensor], *given: Tensor) -> list[Geometry]:
    """Return what the operators of ``run`` and of its derivative return."""
    leaves = [x.detach().requires_grad_(x.is_floating_point()) for x in given]
    with Results() as recorded:
        out = run(*leaves)
        # A gradient that lies as the output does.
        out.backward(torch.empty_like(out))
    return recorded.found


def assert_the_same(run: Callable[..., Tensor], *given: Tensor) -> None:
    fakes = FakeModel()
    fake = [fakes.replaced(x) for x in given]
    with FakeMode():
        found = results(run, *fake)
    assert found == results(run, *given)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("operator", OPERATORS)
def test_results_lie_as_on_the_cpu(operator: str, layout: str) -> None:
    assert_the_same(OPERATORS[operator], LAYOUTS[layout]())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_activations_lie_as_on_the_cpu(layout: str) -> None:
    def all_of_them(x: Tensor) -> Tensor:
        return torch.stack([getattr(functional, name)(x) for name in ACTIVATIONS.split()])

    assert_the_same(all_of_them, LAYOUTS[layout]())


@pytest.mark.parametrize("layout", ["contiguous", "channels last", "channels last, one image", "channels last in 3d"])
def test_groups_are_normalised_in_the_inputs_format(layout: str) -> None:
    # The CPU takes no other layout.
    assert_the_same(lambda x: functional.group_norm(x, 2, torch.ones(4), torch.zeros(4)), LAYOUTS[layout]())


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_pixels_are_shuffled_in_the_inputs_format(form: torch.memory_format) -> None:
    x = torch.rand(2, 8, 4, 6).to(memory_format=form)
    assert_the_same(lambda x: functional.pixel_shuffle(x, 2), x)
    assert_the_same(lambda x: functional.pixel_unshuffle(x, 2), x)


@pytest.mark.parametrize("shape", [(2, 4, 9), (8, 4)])
def test_a_transposed_signal_is_normalised_contiguously(shape: tuple[int, ...]) -> None:
    x = torch.rand(*shape[:-2], shape[-1], shape[-2]).transpose(-1, -2)
    assert_the_same(lambda x: functional.batch_norm(x, torch.zeros(4), torch.ones(4)), x)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(6, 3, 1), (8, 2, 2), (9, 2, 3)])
def test_folding_takes_as_much_as_its_input(size: int, kernel: int, stride: int) -> None:
    windows = ((size - kernel) // stride + 1) ** 2
    x = torch.rand(2, 4 * kernel**2, windows)
    assert_the_same(lambda x: functional.fold(x, size, kernel, stride=stride), x)
    assert_the_same(lambda x: functional.unfold(x, kernel, stride=stride), torch.rand(2, 4, size, size))
    model = nn.Fold(size, kernel, stride=stride)
    assert inference_peak(model.to("meta"), x.to("meta")) == counted_forward(model, x).peak


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bags_take_what_the_allocator_counts(mode: str, dtype: torch.dtype) -> None:
    ids = torch.randint(100, (200, 7))
    model = nn.EmbeddingBag(100, 4, mode=mode, dtype=dtype)
    counted = counted_forward(model, ids).peak
    step = training_step(model, ids, config=TrainingConfig("sgd"))
    assert inference_peak(model, ids) == counted
    assert inference_peak(model.to("meta"), ids.to("meta")) == counted
    assert training_step(model, ids.to("meta"), config=TrainingConfig("sgd")) == step


@pytest.mark.parametrize("padding", [None, 3])
@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_bags_of_flat_ids_lie_as_on_the_cpu(mode: int, *, ends: bool, padding: int | None) -> None:
    def run(weight: Tensor, ids: Tensor, offsets: Tensor) -> Tensor:
        options = (False, mode, False, None, ends, -1 if padding is None else padding)
        return torch.ops.aten._embedding_bag(weight, ids, offsets, *options)[0]  # noqa: SLF001

    offsets = torch.arange(0, 36 if ends else 35, 7)
    fakes = FakeModel()
    given = (torch.rand(50, 4), torch.randint(50, (35,)), offsets)
    given_fakes = [fakes.replaced(x) for x in given]
    with FakeMode(), Results() as faked:
        run(*given_fakes)
    with Results() as real:
        run(*given)
    assert faked.found == real.found


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_normalised_half_precision_keeps_its_statistics_as_on_the_cpu(weights: torch.dtype, *, training: bool) -> None:
    def run(x: Tensor) -> Tensor:
        mean, deviation = torch.zeros(4, dtype=weights), torch.ones(4, dtype=weights)
        return functional.batch_norm(x, mean, deviation, deviation.clone(), mean.clone(), training=training)

    assert_the_same(run, torch.rand(2, 4, 9, 7).bfloat16())
    # Which dtype the statistics have is seen in the operator's results alone.
    x = torch.rand(2, 4, 9, 7).bfloat16()
    args = (torch.ones(4, dtype=weights), torch.zeros(4, dtype=weights)) * 2
    fakes = FakeModel()
    fake = [fakes.replaced(t) for t in (x, *args)]
    with FakeMode():
        found = torch.ops.aten.native_batch_norm(*fake, training, 0.1, 1e-5)
    real = torch.ops.aten.native_batch_norm(x, *args, training, 0.1, 1e-5)
    assert [(t.dtype, t.shape) for t in found] == [(t.dtype, t.shape) for t in real]


def test_a_norm_of_the_wrong_width_fails_as_on_the_cpu() -> None:
    model, x = nn.BatchNorm2d(5), torch.rand(2, 4, 3, 3)
    real, fake = traced(model, x), traced(model.to("meta"), x.to("meta"))
    assert real.failure is not None
    assert fake.failure == real.failure


def test_a_spectrum_without_data_is_said_to_be_near() -> None:
    class Spectral(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.irfft2(torch.fft.rfft2(x))

    def codes(model: nn.Module, x: Tensor) -> list[str]:
        return [note.code for note in traced(model, x, training=TrainingConfig()).notes]

    model, x = nn.Sequential(nn.Conv2d(4, 4, 1), Spectral()), torch.rand(2, 4, 8, 8)
    assert codes(model, x) == ["training_about"]
    assert codes(model.to("meta"), x.to("meta")) == ["inference_about", "training_about"]
    assert codes(nn.Conv2d(4, 4, 1), x) == []


# One image, one channel, one step: strides of size 1 are open, and what comes later copies by them or does not.
OPEN: dict[str, Callable[[], Tensor]] = {
    "as attention returns it": lambda: torch.rand(1, 256, 64).transpose(-1, -2).reshape(1, 64, 16, 16),
    "one channel, permuted": lambda: torch.rand(2, 8, 8, 1).permute(0, 3, 1, 2),
    "one channel, channels last": lambda: torch.rand(4, 1, 5, 5).to(memory_format=torch.channels_last),
    "one step": lambda: torch.rand(3, 1, 8).transpose(0, 2),
}
POINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "half of it": lambda x: x / 2.0,
    "one more": lambda x: 1 + x,
    "one less it": lambda x: 1 - x,
    "compared": lambda x: x > 0.5,
    "chosen": lambda x: torch.where(x > 0.5, x, 0.0),
    "squared": lambda x: x**2,
    "rectified": functional.leaky_relu,
    "clamped": lambda x: x.clamp(0, 1),
    "twice": lambda x: x + x,
    "interpolated": lambda x: torch.lerp(x, x, 0.5),
    "ones": torch.ones_like,
    "cleaned": torch.nan_to_num,
}


@pytest.mark.parametrize("layout", OPEN)
@pytest.mark.parametrize("operator", POINTWISE)
def test_open_strides_are_those_of_the_cpu(operator: str, layout: str) -> None:
    x, run = OPEN[layout](), POINTWISE[operator]
    with torch.no_grad(), FakeMode():
        fake = run(FakeModel().replaced(x))
    assert fake.stride() == run(x).stride()


SIZES = (
    (2, 3),
    (1, 5),
    (5, 1),
    (1, 1),
    (2, 4, 3, 5),
    (1, 4, 3, 5),
    (2, 1, 3, 1),
    (1, 1, 1, 1),
    (3, 1, 2, 2, 4),
)
ELEMENT_BY_ELEMENT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": lambda x, y: x + y,
    "sum in place": lambda x, y: x.add_(y),
    "product": lambda x, y: x * y,
    "half": lambda x, _: x / 2,
    "comparison": lambda x, y: x > y,
    "gradient": lambda x, y: torch.ops.aten.threshold_backward(x, y, 0),
    "zeros": lambda x, _: torch.zeros_like(x),
    "in its order": lambda x, _: torch.zeros_like(x, memory_format=torch.contiguous_format),
    "with a part": lambda x, y: x + y[:1],
}


def part_of_this(shape: tuple[int, ...]) -> Tensor:
    return torch.rand([size + 1 for size in shape])[tuple(slice(1, None) for _ in shape)]


def lying(shape: tuple[int, ...]) -> Iterator[Tensor]:
    """Yield tensors of this shape that lie in different ways."""
    yield torch.rand(shape)
    yield part_of_this(shape)
    yield torch.rand(shape[::-1]).permute(*reversed(range(len(shape))))
    yield torch.rand(shape).double()
    if len(shape) == 4:
        yield torch.rand(shape).to(memory_format=torch.channels_last)


def assert_lie_alike(run: Callable[[Tensor, Tensor], Tensor], pairs: list[tuple[Tensor, Tensor]]) -> None:
    with torch.no_grad(), FakeMode():
        replaced = FakeModel().replaced
        fake = [run(replaced(one), replaced(other)) for one, other in pairs]
    real = [run(one, other) for one, other in pairs]
    found, known = (
        [(x.shape, x.stride(), x.dtype, x.untyped_storage().nbytes()) for x in all_] for all_ in (fake, real)
    )
    assert found == known


@pytest.mark.parametrize("operator", ELEMENT_BY_ELEMENT)
def test_what_is_known_of_one_size_is_true_of_others(operator: str) -> None:
    pairs = [pair for shape in SIZES for pair in zip(lying(shape), lying(shape), strict=True)]
    assert_lie_alike(ELEMENT_BY_ELEMENT[operator], pairs)


@pytest.mark.parametrize("operator", ["sum", "sum in place"])
def test_a_whole_and_a_part_add_up_as_on_the_cpu(operator: str) -> None:
    pairs = [(torch.rand(shape), part_of_this(shape)) for shape in SIZES]
    assert_lie_alike(ELEMENT_BY_ELEMENT[operator], pairs)


OF_ANY_LAYOUT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "joined in front": lambda x, y: torch.cat([x, y]),
    "joined behind": lambda x, y: torch.cat([x, y, x], -1),
    "joined with another dtype": lambda x, y: torch.cat([x, y.half()], 1),
    "rolled": lambda x, _: x.roll((1, -1), (0, -1)),
    "normalised over its last axis": lambda x, _: functional.layer_norm(x, x.shape[-1:]),
    "means of its last axes": lambda x, _: torch.native_layer_norm(x, x.shape[1:], None, None, 1e-5)[1],
    "product": lambda x, y: x.flatten(1) @ y.flatten(1).t(),
    "many products": lambda x, y: torch.bmm(x.unflatten(0, (-1, 1)).flatten(2), y.unflatten(0, (-1, 1)).flatten(2).mT),
    "product and sum": lambda x, y: torch.addmm(y.flatten(1)[0, :1], x.flatten(1), y.flatten(1).t()),
}


@pytest.mark.parametrize("operator", OF_ANY_LAYOUT)
def test_what_is_answered_without_a_kernel_lies_as_on_the_cpu(operator: str) -> None:
    pairs = [pair for shape in SIZES for pair in zip(lying(shape), lying(shape), strict=True)]
    assert_lie_alike(OF_ANY_LAYOUT[operator], pairs)


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "settings",
    [
        {"stride": 2, "padding": 1},
        {"dilation": 2, "padding": (2, 0)},
        {"groups": 2},
        {"transposed": True, "stride": (2, 3), "output_padding": (1, 2), "padding": 1},
        {"transposed": True, "groups": 4, "dilation": 2},
    ],
    ids=str,
)
def test_convolutions_have_the_sizes_of_the_cpu(settings: dict[str, Any], form: torch.memory_format) -> None:
    settings = dict(settings)
    convolve = functional.conv_transpose2d if settings.pop("transposed", False) else functional.conv2d
    channels = 4 if convolve is functional.conv_transpose2d else 4 // settings.get("groups", 1)
    weight = torch.rand(4, channels, 3, 2).to(memory_format=form)
    pairs = [(x, weight) for name in ("contiguous", "channels last", "permuted") for x in [LAYOUTS[name]()]]
    assert_lie_alike(lambda x, weight: convolve(x, weight, None, **settings), pairs)


DOES_NOT_FIT: dict[str, Callable[[Tensor], Any]] = {
    "too few channels": lambda x: functional.conv2d(x, torch.rand(8, 3, 3, 3)),
    "a kernel that is too large": lambda x: functional.conv2d(x, torch.rand(8, 4, 3, 9)),
    "a matrix that is too short": lambda x: functional.linear(x, torch.rand(3, 5), torch.rand(3)),
    "matrices that do not meet": lambda x: torch.addmm(torch.rand(3), x[0, 0], torch.rand(6, 3)),
    "a product of a vector": lambda x: torch.mm(x[0, 0, 0], x[0, 0]),
    "too many products": lambda x: torch.bmm(x[0], torch.rand(3, 7, 2)),
    "products that do not meet": lambda x: torch.bmm(x[0], x[0]),
    "parts of other sizes": lambda x: torch.cat([x, x[:, :, 1:]], 1),
    "parts with fewer axes": lambda x: torch.cat([x, x[0]]),
    "an axis that is not there": lambda x: torch.cat([x, x], 4),
    "a shift too many": lambda x: x.roll((1, 2), 1),
    "a width of another": lambda x: functional.layer_norm(x, (8,)),
    "a weight of another width": lambda x: functional.layer_norm(x, (7,), torch.rand(8)),
}


@pytest.mark.parametrize("call", DOES_NOT_FIT)
def test_what_does_not_fit_fails_as_on_the_cpu(call: str) -> None:
    x = torch.rand(2, 4, 9, 7)
    with pytest.raises((RuntimeError, IndexError)):
        DOES_NOT_FIT[call](x)
    with pytest.raises((RuntimeError, IndexError)), FakeMode():
        DOES_NOT_FIT[call](FakeModel().replaced(x))


class Normalised(nn.Module):
    """Group normalisation of an image that comes as attention returns it: it is copied first."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.transpose(-1, -2).reshape(1, 64, 16, 16) / 2.0)


def test_a_norm_copies_on_meta_what_it_copies_on_the_cpu() -> None:
    x = torch.rand(1, 256, 64)
    counted = counted_forward(Normalised(), x).peak
    assert inference_peak(Normalised(), x) == inference_peak(Normalised().to("meta"), x.to("meta")) == counted


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("layout", ["contiguous", "channels last", "permuted", "transposed", "every second channel"])
@pytest.mark.parametrize("kernel", [2, 3])
def test_a_convolution_and_its_gradients_lie_as_on_the_cpu(kernel: int, layout: str, form: torch.memory_format) -> None:
    weight = torch.rand(8, 4, kernel, kernel).to(memory_format=form)
    assert_the_same(lambda x, weight: functional.conv2d(x, weight, torch.ones(8)), LAYOUTS[layout](), weight)
