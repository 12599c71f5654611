"""Operators that move elements, and writes through views: every element against NaN propagation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import assert_exact, assert_inside, randn, watch

Function = Callable[[Tensor], Tensor]


def windows(x: Tensor, size: int) -> Tensor:
    """Swin's partition: ``(N, C, H, W)`` to ``(N * windows, size * size, C)``."""
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n, h // size, size, w // size, size, c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, size * size, c)


def unwindows(x: Tensor, size: int, h: int, w: int) -> Tensor:
    x = x.reshape(-1, h // size, w // size, size, size, x.shape[-1])
    return x.permute(0, 5, 1, 3, 2, 4).reshape(-1, x.shape[-1], h, w)


def attend(x: Tensor) -> Tensor:
    return torch.softmax(x @ x.transpose(-1, -2), -1) @ x


def written_slices(x: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    out[..., ::2] = x[..., 1::2]
    out[:, :1].add_(x[:, 1:2])
    return out


def written_base(x: Tensor) -> Tensor:
    y = x * 1
    view = y[:, :, 2:4]
    y.mul_(x.flip(2))
    return view + 1


def zeroed(x: Tensor) -> Tensor:
    y = x * 1
    y[:, :, 0].zero_()
    y[:, 0].fill_(2.0)
    return y


def written_sibling(x: Tensor) -> Tensor:
    y = x * 1
    one, two = y.chunk(2, 1)
    two.copy_(one.roll(1, 2))
    return y.view(1, 2, -1)


def merged_heads(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2).reshape(1, -1, 2, 2).transpose(1, 2)


def swin(x: Tensor) -> Tensor:
    moved = x.roll((-1, -1), (2, 3))
    out = unwindows(attend(windows(moved, 2)), 2, x.shape[2], x.shape[3])
    return out.roll((1, 1), (2, 3))


def class_token(x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    return torch.cat([torch.zeros(1, 1, tokens.shape[2], dtype=x.dtype), tokens], 1)


LINES = torch.ones(2, 6, 6, dtype=torch.float64)

CASES: dict[str, Function] = {
    "flatten": lambda x: x.flatten(1),
    "tokens": lambda x: x.flatten(2).transpose(1, 2),
    "tokens and back": lambda x: x.flatten(2).transpose(1, 2).transpose(1, 2).reshape(x.shape),
    "class token": class_token,
    "class token taken": lambda x: class_token(x)[:, 1:],
    "window partition": lambda x: windows(x, 2),
    "window attention": lambda x: attend(windows(x, 2)),
    "shifted window attention": swin,
    "grid attention": lambda x: attend(x.reshape(1, 4, 2, 3, 2, 2).permute(0, 3, 5, 2, 4, 1).reshape(6, 4, 4)),
    "patch merging": lambda x: torch.cat([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], 1).mean(1),
    "pixel shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel shuffle": lambda x: F.channel_shuffle(torch.cat([x, x.flip(2)], 1), 2),
    "split": lambda x: torch.cat(x.split([1, 3], 1)[::-1], 1),
    "unbind and stack": lambda x: torch.stack(x.unbind(2)[::-1], 3),
    "select": lambda x: x[:, :, 2],
    "strided slice": lambda x: x[:, 1:, ::2, 1:-1:3],
    "expand": lambda x: x.mean(2, keepdim=True).expand(-1, -1, 5, -1),
    "repeat": lambda x: x.repeat(1, 2, 2, 1),
    "repeat interleave": lambda x: x.repeat_interleave(2, 2),
    "squeeze and unsqueeze": lambda x: x.unsqueeze(1).squeeze(0).unsqueeze(-1),
    "roll flat": lambda x: x.roll(3),
    "rotate": lambda x: torch.rot90(x, 1, (2, 3)),
    "stride tricks": lambda x: (x * 1).as_strided((2, 3), (4, 2), 3),
    "unflatten": lambda x: x.unflatten(2, (3, 2)).sum(3),
    "batches apart": lambda x: torch.baddbmm(LINES, torch.stack((x[0, 0], x[0, 1].flip(0))), LINES),
    "batches added up": lambda x: torch.addbmm(LINES[0], torch.stack((x[0, 0], x[0, 1].flip(0))), LINES),
    "einsum": lambda x: torch.einsum("nchw,ndhw->ncdw", x, x.flip(3)),
    "fft": lambda x: torch.fft.irfft(torch.fft.rfft(x, dim=3), dim=3),
    "spectrum of rows": lambda x: torch.fft.fft(x, dim=2).real,
    "turned pairs": lambda x: torch.view_as_real(
        torch.view_as_complex(x.unflatten(1, (2, 2)).movedim(2, -1).contiguous()) * 1j
    ),
    "complex of one": lambda x: torch.complex(x, x + 1).imag,
    "polar": lambda x: torch.polar(x, x.flip(2)).real,
    "written slices": written_slices,
    "written base": written_base,
    "zeroed": zeroed,
    "written sibling": written_sibling,
    "merged heads": merged_heads,
    "running maximum": lambda x: x.cummax(2).values,
    "clamps": lambda x: F.relu6(F.hardtanh(x.clamp(-1, 1))) + F.hardswish(x, inplace=False),
    "glu": lambda x: F.glu(x, 1),
    "prelu": lambda x: F.prelu(x, torch.ones(4, dtype=x.dtype)),
    "masked fill": lambda x: x.masked_fill(torch.ones(6, 6, dtype=torch.bool).triu(), 0.0) + x,
    "variance": lambda x: x / x.var(3, keepdim=True),
    "diagonal": lambda x: F.max_pool2d(x, 3, 1, 1).diagonal(dim1=2, dim2=3),
    "diagonal above": lambda x: F.avg_pool2d(x, (1, 3), 2).diagonal(1, 3, 2),
    "diagonal below": lambda x: x[:, :, :, :3].diagonal(-2, 2, 3) + 1,
    "diagonal of channels": lambda x: torch.stack(x.roll(1, 2).unbind(1), 3)[..., 1:].diagonal(1, 3, 2).mean(1),
    "diagonal of both": lambda x: (x.unsqueeze(-1) - x.flip(3).unsqueeze(-2)).diagonal(0, 3, 4),
    "empty diagonal": lambda x: torch.cat([x.diagonal(6, 2, 3), x[..., 0]], 2),
    "diagonal of an outer product": lambda x: (x[:, :, 0, :, None] @ x[:, :, 1, None]).diagonal(0, 2, 3),
    "diagonal by einsum": lambda x: torch.einsum("nchh->nch", x),
    "trace by einsum": lambda x: torch.einsum("nchh->nc", x),
    "outer": lambda x: x.unsqueeze(-1) - x.unsqueeze(-2),
    "constant index": lambda x: x[:, [2, 1, 0]].mean(1),
    "padding and cropping": lambda x: F.pad(x, (2, -1, -1, 3)),
}


@pytest.mark.parametrize("name", list(CASES))
def test_every_element(name: str) -> None:
    assert_exact(CASES[name], randn(1, 4, 6, 4 if name in ("fft", "grid attention") else 6))


@pytest.mark.parametrize(
    ("name", "size", "jump", "start", "aligned"),
    [
        ("tokens", 1, 1, 0, True),
        ("tokens and back", 1, 1, 0, True),
        ("class token", 1, 1, -1, True),
        ("window partition", 1, 1, 0, True),
        ("pixel unshuffle", 1, 2, 0, True),
        ("strided slice", 1, None, None, True),
        ("patch merging", 2, 2, 0, True),
    ],
)
def test_nominal_fields_follow_views(name, size, jump, start, aligned) -> None:  # noqa: ANN001
    out, tracker = watch(CASES[name], randn(1, 4, 6, 6))
    field = tracker.describe(out)
    assert field is not None
    assert field.aligned is aligned
    assert field.size == (size, size)
    if jump is not None:
        assert field.jump == (jump, jump)
    if start is not None and name != "class token":
        assert field.start == (start, start)


def test_a_pixel_shuffle_halves_the_jump() -> None:
    out, tracker = watch(
        lambda x: F.conv2d(F.pixel_shuffle(x, 2), torch.ones(1, 1, 3, 3), padding=1), torch.rand(1, 4, 8, 8)
    )
    field = tracker.describe(out)
    assert field is not None
    # Two or three neighbours at half a pixel each always lie in two pixels.
    assert (field.size, field.size_min, field.jump) == ((2, 2), (2, 2), ("1/2", "1/2"))


def test_a_view_keeps_its_field_when_only_an_unrelated_part_is_written() -> None:
    def function(x: Tensor) -> Tensor:
        y = torch.cat([x, x], 1)
        part = y[:, :1]
        y[:, 1:].zero_()
        return part * 1

    assert_exact(function, randn(1, 1, 5))


def test_circular_padding_keeps_its_nominal_field() -> None:
    net = torch.nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")
    out, tracker = watch(net, torch.rand(1, 1, 16, 16))
    field = tracker.describe(out)
    assert field is not None
    assert (field.size, field.jump, field.start, field.aligned) == ((3, 3), (1, 1), (-1, -1), True)


@pytest.mark.parametrize(
    ("function", "status"),
    [
        (lambda x: x.sort(3).values, "global"),
        (lambda x: x.topk(2, 2).values, "global"),
        (lambda x: torch.where(x > 0, x, x.flip(2)), "exact"),
        (lambda x: torch.view_as_real(torch.complex(x, x.flip(2))), "upper_bound"),
        (lambda x: (x + 1j).imag + x.flip(2), "upper_bound"),
        (lambda x: (x.tril() + 1).mean(1), "upper_bound"),
    ],
    ids=["sort", "topk", "where", "complex", "sum", "tril"],
)
def test_what_the_oracle_cannot_see_is_inside_what_is_claimed(function: Function, status: str) -> None:
    assert_inside(function, randn(1, 4, 6, 6), status)
