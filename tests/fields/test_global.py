"""Norms, gates, attention, recurrence: what makes a field global, and what is left locally."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect.records import ReceptiveField

from .oracle import assert_exact, assert_inside, claimed, prepared, randn, watch


def described(net, x: Tensor) -> ReceptiveField:  # noqa: ANN001
    out, tracker = watch(net, x)
    field = tracker.describe(out)
    assert field is not None
    return field


@pytest.mark.parametrize(
    ("net", "op"),
    [
        (nn.GroupNorm(2, 4), "aten.native_group_norm.default"),
        (nn.InstanceNorm2d(4), "aten.native_batch_norm.default"),
        (nn.BatchNorm2d(4), "aten.native_batch_norm.default"),
        (nn.LayerNorm((4, 6, 6)), "aten.native_layer_norm.default"),
        (nn.Softmax(2), "aten._softmax.default"),
    ],
)
def test_norms_over_positions_are_global_and_locally_nothing(net: nn.Module, op: str) -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), net.double()).double()
    assert_exact(net, randn(2, 4, 6, 6))
    field = described(net, randn(2, 4, 6, 6))
    assert field.status == "global"
    assert field.global_via is not None
    assert field.global_via.op == op
    assert field.local is not None
    assert field.local.size is not None
    assert field.local.size[0] == 3


def test_norms_over_channels_are_not_global() -> None:
    net = prepared(nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LayerNorm(5)))
    assert described(lambda x: net[1](net[0](x)), randn(1, 2, 5, 5)).status == "exact"
    channels_last = nn.LayerNorm(4).double()
    assert_exact(lambda x: channels_last(x.permute(0, 2, 3, 1)), randn(1, 4, 5, 5))
    assert described(lambda x: channels_last(x.permute(0, 2, 3, 1)), randn(1, 4, 5, 5)).status == "exact"


def test_a_mean_over_one_axis_is_global_along_that_axis_only() -> None:
    field = described(lambda x: F.avg_pool2d(x, 3, 2).mean(3, keepdim=True) + 1, randn(1, 1, 9, 9))
    assert field.status == "global"
    assert field.size == (3, None)
    assert field.jump == (2, None)
    assert field.start == (0, None)
    assert field.center == ((4, 6), (0, 8))
    assert field.local is not None


@pytest.mark.parametrize("how", ["mean", "adaptive", "window", "view"])
def test_a_gate_leaves_the_local_field_of_what_it_scales(how: str) -> None:
    fc = nn.Linear(4, 4).double()

    def gate(x: Tensor) -> Tensor:
        if how == "mean":
            return fc(x.mean((2, 3)))[:, :, None, None]
        if how == "adaptive":
            return F.adaptive_max_pool2d(x, 1)
        if how == "window":
            return F.avg_pool2d(x, x.shape[2:])
        return fc(F.avg_pool2d(x, 8).flatten(1)).view(1, 4, 1, 1).expand_as(x)

    def net(x: Tensor) -> Tensor:
        x = F.max_pool2d(x, 3, 1, 1)
        return x * gate(x).sigmoid()

    assert_exact(net, randn(1, 4, 8, 8))
    field = described(net, randn(1, 4, 8, 8))
    assert (field.status, field.size, field.center) == ("global", None, ((0, 7), (0, 7)))
    assert field.local is not None
    assert (field.local.size, field.local.start, field.local.center) == ((3, 3), (-1, -1), ((3, 5), (3, 5)))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_sees_every_key(causal: bool) -> None:  # noqa: FBT001
    def net(x: Tensor) -> Tensor:
        tokens = x.transpose(1, 2).unsqueeze(1)
        out = F.scaled_dot_product_attention(tokens, tokens, tokens.flip(-2), is_causal=causal)
        return tokens + out

    field = described(net, randn(1, 4, 7))
    assert field.center == ((0, 6),)
    assert field.status == "global"
    assert field.local is not None
    assert (field.local.size, field.local.center) == ((1,), ((3, 3),))
    if not causal:
        assert_exact(net, randn(1, 4, 7))


def test_attention_in_a_module_and_in_an_encoder_layer() -> None:
    attention = prepared(nn.MultiheadAttention(4, 2, batch_first=True))
    layer = prepared(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        for net in (lambda x: attention(x, x, x)[0], layer):
            assert_exact(lambda x, net=net: net(x.transpose(1, 2)), randn(1, 4, 5))
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_see_their_prefix(kind: type[nn.Module], bidirectional: bool) -> None:  # noqa: FBT001
    net = kind(3, 4, 2, bidirectional=bidirectional, batch_first=True).double()
    assert_exact(lambda x: net(x.transpose(1, 2))[0], randn(1, 3, 6))
    single = kind(3, 4, bidirectional=bidirectional).double()
    assert_exact(lambda x: single(x.permute(2, 0, 1))[0], randn(1, 3, 6))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_fused_recurrent_layers_agree_with_their_time_steps(layers: int, bidirectional: bool) -> None:  # noqa: FBT001
    net = nn.LSTM(3, 4, layers, bidirectional=bidirectional)
    x = torch.randn(1, 3, 6)
    fused, tracker = watch(lambda x: net(x.permute(2, 0, 1))[0], x)
    net = net.double()
    stepped, other = watch(lambda x: net(x.permute(2, 0, 1))[0], x.double())
    assert tracker.describe(fused) == other.describe(stepped)
    for mine, real in zip(claimed(tracker, fused), claimed(other, stepped), strict=True):
        assert (mine.lo == real.lo).all()
        assert (mine.hi == real.hi).all()


def test_packed_sequences_are_a_bound() -> None:
    net = nn.LSTM(3, 4, batch_first=True).double()

    def packed(x: Tensor) -> Tensor:
        rows = nn.utils.rnn.pack_padded_sequence(x.transpose(1, 2), torch.tensor([6, 4]), batch_first=True)
        return nn.utils.rnn.pad_packed_sequence(net(rows)[0], batch_first=True)[0]

    out, tracker = watch(packed, randn(2, 3, 6))
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.center, tracker.unknown_ops) == ("upper_bound", ((0, 5),), ())


def test_tokens_are_followed_through_an_embedding() -> None:
    table = nn.Embedding(8, 4).double()
    conv = nn.Conv1d(4, 2, 3, padding=1).double()
    ids = torch.arange(8)[None]
    out, tracker = watch(lambda ids: conv(table(ids).transpose(1, 2)), ids, axes=(1,))
    field = tracker.describe(out)
    assert field is not None
    assert (field.size, field.center) == ((3,), ((3, 5),))
    claim = claimed(tracker, out)[0]
    for token in range(8):
        with torch.no_grad():
            poisoned = table.weight.clone()
            poisoned[token] = float("nan")
            touched = conv(F.embedding(ids, poisoned).transpose(1, 2)).isnan().numpy()
        assert (touched == ((claim.lo <= token) & (token <= claim.hi))).all()


def test_a_dynamic_convolution_depends_on_its_weights() -> None:
    def net(x: Tensor) -> Tensor:
        weight = x.mean((2, 3)).view(4, 1, 1, 1).expand(4, 1, 3, 3)
        return F.conv2d(x, weight, padding=1, groups=4)

    assert_exact(net, randn(1, 4, 5, 5))
    field = described(net, randn(1, 4, 5, 5))
    assert field.status == "global"
    assert field.local is not None
    assert field.local.size == (3, 3)


@pytest.mark.parametrize(
    "net",
    [
        lambda x: F.grid_sample(
            x,
            F.affine_grid(torch.eye(2, 3, dtype=x.dtype)[None], (1, 2, 4, 4), align_corners=False),
            align_corners=False,
        ),
        lambda x: x[:, :, torch.randperm(6)[:3]],
        lambda x: x.index_select(2, torch.randperm(6)[:2]),
        lambda x: x.gather(2, torch.randint(6, (1, 2, 3, 6))),
        lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
        lambda x: torch.zeros_like(x).scatter(2, torch.zeros(1, 2, 6, 6, dtype=torch.int64), x),
        lambda x: x.index_put((torch.tensor([0]), torch.tensor([1])), x[:, 0]),
    ],
    ids=["grid", "index", "select", "gather", "unpool", "scatter", "put"],
)
def test_reading_by_data_is_marked_and_contains_the_truth(net) -> None:  # noqa: ANN001
    assert_inside(net, randn(1, 2, 6, 6), "data_dependent")


def test_a_deformable_convolution_is_data_dependent_and_locally_regular() -> None:
    schema = (
        "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, int stride_h, "
        "int stride_w, int pad_h, int pad_w, int dilation_h, int dilation_w, int groups, int offset_groups, "
        "bool use_mask) -> Tensor"
    )
    library = torch.library.Library("torchvision", "FRAGMENT")
    if not hasattr(torch.ops.torchvision, "deform_conv2d"):
        library.define(schema)
        library.impl("deform_conv2d", lambda x, w, *_: F.conv2d(x, w, None, 2, 1), "CompositeExplicitAutograd")
    weight, none = torch.rand(3, 2, 3, 3), torch.zeros(0)

    def net(x: Tensor) -> Tensor:
        offset = F.avg_pool2d(x, 2).repeat(1, 9, 1, 1)
        numbers = (2, 2, 1, 1, 1, 1, 1, 1)
        return torch.ops.torchvision.deform_conv2d(x, weight, offset, none, none, *numbers, False) + 1  # noqa: FBT003

    field = described(net, torch.rand(1, 2, 8, 8))
    assert (field.status, field.size, field.center) == ("data_dependent", None, ((0, 7), (0, 7)))
    assert field.local is not None
    assert (field.local.size, field.local.jump, field.local.start) == ((3, 3), (2, 2), (-1, -1))


def test_long_attention_spelled_out_is_exact_and_cheap() -> None:
    def net(x: Tensor) -> Tensor:
        tokens = F.avg_pool1d(x, 3, 1, 1).transpose(1, 2)
        heads = tokens.reshape(1, -1, 2, 2).transpose(1, 2)
        scores = (heads @ heads.transpose(-1, -2)) * 0.5 + 1
        out = scores.softmax(-1) @ heads
        return tokens + out.transpose(1, 2).reshape(tokens.shape)

    x = randn(1, 4, 300)
    assert_exact(net, x)
    field = described(net, x)
    assert (field.status, field.center) == ("global", ((0, 299),))
    assert field.local is not None
    assert (field.local.size, field.local.jump, field.local.center) == ((3,), (1,), ((149, 151),))


def test_long_scores_are_exact_themselves() -> None:
    def net(x: Tensor) -> Tensor:
        return x.transpose(1, 2) @ x

    assert_exact(net, randn(1, 2, 300))
    assert described(net, randn(1, 2, 300)).center == ((150, 150),)
    half = described(lambda x: x.transpose(1, 2)[:, ::2] @ x, randn(1, 2, 600))
    assert (half.status, half.center) == ("exact", ((300, 300),))


def test_long_window_attention_is_not_global() -> None:
    def net(x: Tensor) -> Tensor:
        windows = x.transpose(1, 2).reshape(4, 300, 2)
        return (windows @ windows.transpose(1, 2)).softmax(-1) @ windows

    out, tracker = watch(net, randn(1, 2, 1200))
    claim = claimed(tracker, out)[0]
    for window in range(4):
        assert (claim.lo[window] == 300 * window).all()
        assert (claim.hi[window] == 300 * window + 299).all()
    assert described(net, randn(1, 2, 1200)).status == "exact"
