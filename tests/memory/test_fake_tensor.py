"""A run without data takes the same path as a real one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convinspect import inspect
from convinspect.records import Trace
from convinspect.trace.fake.mode import FakeMode
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.fake.tensor import FakeTensor
from convinspect.trace.training.step import TrainingConfig
from sample_models.inplace import InPlace
from sample_models.mobilenet import MobileNetV2
from sample_models.recurrent import Recurrent
from sample_models.resnet import resnet18
from sample_models.transformer import TextClassifier
from sample_models.unet import UNet
from tests.memory.nets import encoder
from tests.memory.runs import counted_forward, inference_peak, traced


class Attention(nn.Module):
    def __init__(self, *, causal: bool = False, masked: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 48)
        self.causal, self.masked = causal, masked

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.layer(x).unflatten(-1, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril() if self.masked else None
        return functional.scaled_dot_product_attention(query, key, value, mask, is_causal=self.causal)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet18": (resnet18, (2, 3, 32, 32)),
    "mobilenet": (MobileNetV2, (2, 3, 32, 32)),
    "unet": (UNet, (2, 3, 32, 32)),
    "in place": (InPlace, (2, 3, 32, 32)),
    "recurrent": (Recurrent, (2, 7, 40)),
    "recurrent with projections": (lambda: Recurrent(proj_size=16), (2, 7, 40)),
    "elman": (lambda: nn.RNN(8, 16, 2, batch_first=True), (2, 5, 8)),
    "encoder": (encoder, (2, 5, 64)),
    "attention": (Attention, (2, 5, 16)),
    "causal attention": (lambda: Attention(causal=True), (2, 5, 16)),
    "masked attention": (lambda: Attention(masked=True), (2, 5, 16)),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(3)), (2, 3, 8, 8)),
}


def on_meta(build: Callable[[], nn.Module], shape: tuple[int, ...], *, train: bool = False) -> Trace:
    with torch.device("meta"):
        model, x = build(), torch.empty(shape)
    found = traced(model, x, train=train, training=TrainingConfig("momentum"))
    for tensor in (*model.parameters(), *model.buffers()):
        assert type(tensor) is not FakeTensor
        assert tensor.is_meta
    return found


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_meta_shows_the_operators_the_peaks_and_the_sizes_of_the_cpu(name: str, *, train: bool) -> None:
    build, shape = MODELS[name]
    real = traced(build(), torch.rand(shape), train=train, training=TrainingConfig("momentum"))
    assert on_meta(build, shape, train=train) == real
    assert real.failure is None
    assert real.memory is not None
    assert real.memory.training is not None


def test_token_ids_may_be_fake() -> None:
    real = traced(TextClassifier(), torch.randint(9, (2, 7)), training=TrainingConfig())
    with torch.device("meta"):
        model, ids = TextClassifier(), torch.empty(2, 7, dtype=torch.int64)
    assert traced(model, ids, training=TrainingConfig()) == real


class MakesTensors(nn.Module):
    """Makes tensors without a device: on the meta device itself that is an error."""

    def forward(self, x: Tensor) -> Tensor:
        steps = int(torch.tensor(3).item())
        return x[:, :steps] + torch.arange(steps) + torch.zeros(steps) + torch.tensor([1.0])


def test_a_model_may_make_tensors_without_a_device() -> None:
    real = traced(MakesTensors(), torch.rand(2, 8))
    assert real.failure is None
    assert traced(MakesTensors(), torch.empty(2, 8, device="meta")) == real


def test_a_real_tensor_that_a_fake_one_was_written_into_has_no_value() -> None:
    x = FakeTensor(torch.empty(2, device="meta"))
    with FakeMode():
        constant = torch.tensor([0.0, 0.0])
        assert constant.sum().item() == 0
        constant.copy_(x)
        with pytest.raises(RuntimeError, match="item"):
            constant.sum().item()


def test_a_real_tensor_that_was_only_read_keeps_its_value() -> None:
    x = FakeTensor(torch.empty(2, device="meta"))
    with FakeMode():
        constant = torch.tensor([1.0, 2.0])
        x.copy_(constant)
        assert constant.sum().item() == 3


@pytest.mark.parametrize("build", [resnet18, UNet])
def test_models_in_channels_last_take_the_same_path(build: Callable[[], nn.Module]) -> None:
    last = torch.channels_last
    real = traced(
        build().to(memory_format=last), torch.rand(2, 3, 32, 32).to(memory_format=last), training=TrainingConfig("sgd")
    )
    with torch.device("meta"):
        model, x = build().to(memory_format=last), torch.empty(2, 3, 32, 32, memory_format=last)
    assert traced(model, x, training=TrainingConfig("sgd")) == real


class Folds(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        patches = functional.unfold(x, 3, stride=1, padding=1)
        return functional.fold(patches, x.shape[-2:], 3, padding=1)


def test_a_fold_keeps_the_storage_of_its_input_size() -> None:
    real, x = traced(Folds(), torch.rand(2, 3, 8, 8)), torch.empty(2, 3, 8, 8, device="meta")
    assert traced(Folds(), x) == real
    assert inference_peak(Folds(), torch.rand(2, 3, 8, 8)) == counted_forward(Folds(), torch.rand(2, 3, 8, 8)).peak


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", [nn.MSELoss, nn.SmoothL1Loss, nn.SoftMarginLoss, nn.BCELoss])
def test_a_loss_of_nothing_is_a_number(loss: Callable[..., nn.Module], reduction: str) -> None:
    x = torch.rand(0, 4)
    model = loss(reduction=reduction)
    assert traced(model, x.to("meta"), x.to("meta")) == traced(model, x, x)


def test_a_fake_tensor_pretends_to_be_on_the_cpu_and_holds_no_memory() -> None:
    x = FakeTensor(torch.empty(10**12, device="meta"))
    assert x.device == torch.device("cpu")
    assert not x.is_meta
    assert (x + 1).device == torch.device("cpu")
    assert type(x.view(10, -1)) is FakeTensor
    assert x.untyped_storage().nbytes() == 4 * 10**12
    assert "FakeTensor" in repr(x)


def test_views_of_one_storage_stay_views_of_one_storage() -> None:
    whole = torch.rand(4, 4)
    model = nn.Module()
    model.register_buffer("whole", whole)
    model.register_buffer("row", whole[1])
    model.parts = [whole[2:]]
    with faked(model, FakeModel()):
        keys = {t.untyped_storage()._cdata for t in (model.whole, model.row, model.parts[0])}  # noqa: SLF001
        assert len(keys) == 1
        assert model.row.storage_offset() == 4
        assert model.parts[0].shape == (2, 4)
    assert model.whole is whole
    assert type(model.parts[0]) is Tensor


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_margin_loss_has_its_shape_with_and_without_a_batch(shape: tuple[int, ...], reduction: str) -> None:
    model, target = nn.MultiLabelMarginLoss(reduction=reduction), torch.zeros(shape, dtype=torch.long)
    real, fake = (torch.rand(shape, device=device, requires_grad=True) for device in ("cpu", "meta"))
    assert traced(model, fake, target) == traced(model, real, target)


class ScattersInto(nn.Module):
    def __init__(self, view: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.view = view

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        into = self.view(x + 1)
        return (
            torch.slice_scatter(into, into[..., :1].clone(), into.dim() - 1, 0, 1),
            torch.select_scatter(into, into.select(-1, 0).clone(), -1, 0),
            torch.diagonal_scatter(into, into.diagonal().clone()),
        )


@pytest.mark.parametrize(
    "view",
    [lambda x: x, lambda x: x.transpose(0, 2), lambda x: x[:, 1:4, 2:6], lambda x: x[:1].expand(3, 6, 8)],
    ids=["whole", "transposed", "sliced", "expanded"],
)
def test_what_is_scattered_into_a_view_is_as_large_as_on_the_cpu(view: Callable[[Tensor], Tensor]) -> None:
    model = ScattersInto(view)
    assert traced(model, torch.empty(4, 6, 8, device="meta")) == traced(model, torch.rand(4, 6, 8))


class LaidAnew(nn.Module):
    """Changes how a tensor lies, and then reads it by views and by kernels."""

    def __init__(self, change: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = torch.complex(x, x)
        y.real  # noqa: B018 - what was asked of it before
        self.change(y)
        return y[0], y.real, torch.view_as_real(y), y.sum(0), y + 1, y.clone().transpose(0, -1)


def _data_of_another(y: Tensor) -> None:
    y.data = y.mT


@pytest.mark.parametrize(
    "change",
    [
        *(lambda y: y.t_(), lambda y: y.transpose_(0, 1), lambda y: y.swapaxes_(0, 1), lambda y: y.unsqueeze_(1)),
        *(lambda y: y.squeeze_(), lambda y: y.as_strided_((2, 2), (1, 1)), _data_of_another),
        lambda y: y.set_((y + 1)[:1]),
    ],
    ids=["t_", "transpose_", "swapaxes_", "unsqueeze_", "squeeze_", "as_strided_", "data", "set_"],
)
@pytest.mark.parametrize("shape", [(4, 6), (1, 6)], ids=str)
def test_what_is_laid_anew_in_place_is_read_as_it_lies(
    change: Callable[[Tensor], object], shape: tuple[int, ...]
) -> None:
    model = LaidAnew(change)
    assert traced(model, torch.empty(shape, device="meta")) == traced(model, torch.rand(shape))


def test_tensors_come_back_when_the_run_raises() -> None:
    model = nn.LSTM(3, 4, device="meta")
    before = [id(p) for p in (*model.parameters(), *model._flat_weights)]  # noqa: SLF001
    found = traced(model, torch.empty(5, 2, 7, device="meta"))
    assert found.failure is not None
    assert before == [id(p) for p in (*model.parameters(), *model._flat_weights)]  # noqa: SLF001


class Masked(nn.Module):
    """Decides what to run by what it was given, by its buffers and by what it makes, as language models do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.register_buffer("sizes", torch.tensor([1, 2, 1]))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        self.steps += 1
        kept = ids > 3
        shapes = torch.empty(2, 2, dtype=torch.int64)
        for level, row in enumerate(shapes):
            row[0], row[1] = level + 1, 4
        causal = torch.empty(3, 3).fill_(-1.0).triu_(1)
        zeros = x.new_zeros(4, 8)
        zeros[1] = x[0, 0]
        if torch.ones_like(ids).all() and torch.rand([]) < 2 and causal[0, 1] < 0 and self.steps.item() == 1:
            x = self.linear(x[:, : int(self.sizes.sum())])
        chosen = torch.masked_select(x, kept[:, : x.shape[1], None])
        repeats = torch.repeat_interleave(self.sizes, self.sizes).tolist()
        parts = zeros.flatten().split([int(h * w) for h, w in shapes] + [20])
        return x[kept[:, : x.shape[1]]].sum() + chosen.mean() * len(repeats) + parts[2].sum()


@pytest.mark.parametrize("train", [False, True])
def test_known_values_decide_on_meta_what_they_decide_for_real(*, train: bool) -> None:
    model, x, ids = Masked(), torch.rand(2, 6, 8), torch.tensor([[1, 5, 6, 0, 7, 1], [4, 3, 2, 9, 9, 9]])
    real = traced(model, x, ids, train=train, training=TrainingConfig("sgd"))
    assert real.failure is None
    assert traced(model, x.to("meta"), ids, train=train, training=TrainingConfig("sgd")) == real
    assert model.steps.item() == 0
    assert torch.equal(model.sizes, torch.tensor([1, 2, 1]))


def test_what_an_unknown_value_is_written_into_is_unknown() -> None:
    unknown = FakeTensor(torch.empty(2, device="meta"))
    with FakeMode():
        zeros = torch.zeros(4)
        view = zeros[:2]
        assert zeros.tolist() == [0, 0, 0, 0]
        view += 1
        assert zeros.tolist() == [1, 1, 0, 0]
        view.copy_(unknown)
        with pytest.raises(RuntimeError, match="values, which are not known"):
            zeros.tolist()
        zeros.zero_()
        assert zeros.numpy().sum() == 0


def test_a_tensor_too_large_carries_no_values() -> None:
    with FakeMode(), pytest.raises(RuntimeError, match="item"):
        torch.zeros(2**21).sum().item()


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 16, 32))

    def forward(self, x: Tensor, offsets: Tensor) -> Tensor:
        return functional.grouped_mm(x, self.weight, offs=offsets)


def test_a_mixture_of_experts_runs_on_meta_and_can_be_trained() -> None:
    x, offsets = torch.rand(12, 16), torch.tensor([3, 6, 9, 12], dtype=torch.int32)
    real = traced(Experts(), x, offsets, training=TrainingConfig("sgd"))
    assert traced(Experts(), x.to("meta"), offsets, training=TrainingConfig("sgd")) == real
    assert real.memory is not None
    assert real.memory.training is not None
    assert real.memory.training.gradient_bytes == 4 * 16 * 32 * 4


class Labelled(torch.Tensor):
    """A tensor of a class of the user's own, as those of images and annotations are."""


class Labels(nn.Linear):
    def __init__(self, *, relabels: bool) -> None:
        super().__init__(4, 4)
        self.register_buffer("scale", torch.ones(4).as_subclass(Labelled))
        self.relabels = relabels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.as_subclass(Labelled) if self.relabels else x) * self.get_buffer("scale")


@pytest.mark.parametrize("relabels", [True, False])
def test_a_class_of_tensors_of_the_users_own_runs_on_meta_or_with_data(*, relabels: bool) -> None:
    report = inspect(Labels(relabels=relabels).to("meta" if not relabels else "cpu"), torch.rand(2, 4), device="meta")
    assert (report.failure, report.totals.macs) == (None, 32)
    assert report.run.device == ("cpu" if relabels else "meta")
