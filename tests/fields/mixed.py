"""Networks of what people build besides layers: windows of attention, scans, spectra, tiles, wavelets, shuffles."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .layouts import Case, chain, conv, conv1d, linear, per_frame

IMAGE, SIGNAL, STEPS, CLIP = (1, 3, 8, 8), (1, 3, 16), (1, 12, 5), (1, 4, 3, 6, 6)
CHANNELS_LAST = (1, 8, 6, 3)
HW, T, N, THW, RC = (2, 3), (2,), (1,), (1, 3, 4), (1, 2)


def attended(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


def layer(make: Callable[..., nn.Module], *args: int, **kwargs: int | str) -> Callable[[], nn.Module]:
    return lambda: make(*args, **kwargs)


def dilated(x: Tensor, part: nn.Module) -> Tensor:
    """Attention among every third step."""
    y = part(x).unflatten(1, (4, 3)).transpose(1, 2)
    return attended(y).transpose(1, 2).flatten(1, 2)


def in_windows(x: Tensor, rows: int, columns: int) -> Tensor:
    """Attention in windows of ``rows`` by ``columns``."""
    b, c, h, w = x.shape
    y = x.view(b, c, h // rows, rows, w // columns, columns).permute(0, 2, 4, 3, 5, 1)
    y = attended(y.flatten(3, 4).flatten(0, 2)).view(b, h // rows, w // columns, rows, columns, c)
    return y.permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)


def on_a_grid(x: Tensor, rows: int, columns: int) -> Tensor:
    """Attention among what lies ``rows`` and ``columns`` apart."""
    b, c, h, w = x.shape
    y = x.view(b, c, h // rows, rows, w // columns, columns).permute(0, 3, 5, 2, 4, 1)
    y = attended(y.flatten(3, 4).flatten(0, 2)).view(b, rows, columns, h // rows, w // columns, c)
    return y.permute(0, 5, 3, 1, 4, 2).reshape(b, c, h, w)


def shifted(x: Tensor, one: nn.Module, two: nn.Module) -> Tensor:
    return two(in_windows(one(x).roll((-2, -2), (2, 3)), 4, 4).roll((2, 2), (2, 3)))


def along_both(x: Tensor, part: nn.Module) -> Tensor:
    """Attention along rows, and along columns, added."""
    y = part(x)
    rows = attended(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return rows + attended(y.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)


def scan(x: Tensor, part: nn.Module) -> Tensor:
    """A running mean, step by step."""
    states = [torch.zeros(1, 4, dtype=x.dtype)]
    for step in part(x).unbind(1):
        states.append(0.5 * states[-1] + step)
    return torch.stack(states[1:], 1)


def lifted(x: Tensor, part: nn.Module) -> Tensor:
    even, odd = part(x)[..., ::2], part(x)[..., 1::2]
    return torch.cat([even + 0.5 * (odd + F.pad(odd, (1, 0))[..., :-1]), odd], 1)


def unlifted(x: Tensor, part: nn.Module) -> Tensor:
    low, high = part(x).chunk(2, 1)
    return torch.stack([low + high, low - high], -1).flatten(-2)


def moved_in_time(x: Tensor, part: nn.Module) -> Tensor:
    y = per_frame(x, part)
    return torch.cat([y[:, :, :1].roll(1, 1), y[:, :, 1:2].roll(-1, 1), y[:, :, 2:]], 2)


def in_tiles(x: Tensor, part: nn.Module) -> Tensor:
    rows = [torch.cat([part(x[:, :, i : i + 4, j : j + 4]) for j in (0, 4)], 3) for i in (0, 4)]
    return torch.cat(rows, 2)


def written_in_turn(x: Tensor, part: nn.Module) -> Tensor:
    y, out = part(x), torch.zeros(1, 4, 8, 8, dtype=x.dtype)
    for i in (0, 1):
        out[..., i::2] = y[..., i::2].flip(2)
    return out


def relative(x: Tensor, part: nn.Module) -> Tensor:
    """Scores by distance, shifted into place."""
    scores = part(x) @ part(x).mT
    return F.pad(scores, (1, 0)).reshape(1, 13, 12)[:, 1:]


def low_frequencies(x: Tensor, part: nn.Module) -> Tensor:
    return torch.fft.irfft(torch.fft.rfft(part(x))[..., :5], n=16)


def iterated(x: Tensor, part: nn.Module) -> Tensor:
    z = torch.zeros_like(x)
    for _ in range(3):
        z = torch.tanh(part(z) + x)
    return z


def kept(x: Tensor, part: nn.Module) -> tuple[Tensor, list[Tensor]]:
    return part(x)[:, :, 2:-1, -3:], [part(x).mean(3), x[:, :, ::3]]


MIXED = [
    Case("output padding", IMAGE, HW, chain, (conv(), layer(nn.ConvTranspose2d, 4, 2, 3, 2, 1, output_padding=1))),
    Case("dilated back", IMAGE, HW, chain, (conv(3, 4, 3, 2), layer(nn.ConvTranspose2d, 4, 2, 3, 3, 2, 2, dilation=2))),
    Case("gaps", SIGNAL, T, chain, (layer(nn.ConvTranspose1d, 3, 4, 2, 4), conv1d(4, 2))),
    Case("even kernel", IMAGE, HW, chain, (layer(nn.Conv2d, 3, 4, 4, padding=2), conv(4, 4))),
    Case("circular", IMAGE, HW, chain, (layer(nn.Conv2d, 3, 4, 3, padding=1, padding_mode="circular"), conv(4, 4))),
    Case(
        "turned and back",
        IMAGE,
        HW,
        lambda x, a, b: b(a(x).roll((2, -3), (2, 3))).roll((-2, 3), (2, 3)),
        (conv(), conv(4, 4)),
    ),
    Case("cropped", IMAGE, HW, lambda x, a: F.pad(a(x), (-1, 2, 3, -2)), (conv(),)),
    Case("steps of slices", IMAGE, HW, lambda x, a, b: b(a(x)[:, :, 1::2, ::3]), (conv(), conv(4, 4))),
    Case("wavelet", SIGNAL, T, lifted, (conv1d(3, 4),)),
    Case("wavelet back", IMAGE, HW, unlifted, (conv(),)),
    Case("running", IMAGE, HW, lambda x, a: a(x).cumsum(2).flip(2), (conv(),)),
    Case("scan", STEPS, N, scan, (linear(5, 4),)),
    Case("dilated attention", STEPS, N, dilated, (linear(5, 4),)),
    Case("windows", IMAGE, HW, lambda x, a, b: b(in_windows(a(x), 4, 2)), (conv(), conv(4, 4))),
    Case("windows and grid", IMAGE, HW, lambda x, a: on_a_grid(in_windows(a(x), 2, 2), 4, 4), (conv(),)),
    Case("shifted windows", IMAGE, HW, shifted, (conv(), conv(4, 4))),
    Case("rows and columns", IMAGE, HW, along_both, (conv(),)),
    Case("relative", STEPS, N, relative, (linear(5, 4),)),
    Case(
        "steps paired",
        STEPS,
        N,
        lambda x, a, b: b((a(x)[:, :, None] + a(x)[:, None]).permute(0, 3, 1, 2)),
        (linear(5, 4), conv(4, 4)),
    ),
    Case("spectrum", IMAGE, HW, lambda x, a: torch.fft.rfft(a(x), dim=2).abs(), (conv(),)),
    Case("low frequencies", SIGNAL, T, low_frequencies, (conv1d(3, 4),)),
    Case("shuffled", IMAGE, HW, lambda x, a, b: b(F.pixel_shuffle(a(x), 2)), (conv(3, 16), conv(4, 4))),
    Case(
        "quarter turns",
        IMAGE,
        HW,
        lambda x, a: torch.stack([a(x.rot90(k, (2, 3))) for k in range(4)]).mean(0),
        (conv(),),
    ),
    Case("tiled", IMAGE, HW, lambda x, a, b: b(a(x).repeat(1, 1, 1, 2)), (conv(), conv(4, 4))),
    Case("each thrice", IMAGE, HW, lambda x, a, b: b(a(x).repeat_interleave(3, 2)), (conv(), conv(4, 4))),
    Case(
        "columns folded",
        IMAGE,
        HW,
        lambda x, a: F.fold(F.unfold(a(x), 4, stride=2, padding=1), (8, 8), 4, stride=2, padding=1),
        (conv(),),
    ),
    Case(
        "columns apart",
        IMAGE,
        HW,
        lambda x, a: F.unfold(a(x), 3, dilation=2, padding=2).view(1, 4, 9, 8, 8).amax(2),
        (conv(),),
    ),
    Case("tokens of columns", IMAGE, HW, lambda x, a: a(F.unfold(x, 3, stride=2, padding=1).mT), (linear(27, 4),)),
    Case("frames", SIGNAL, T, lambda x, a: a(x.unfold(2, 4, 2).permute(0, 2, 1, 3).flatten(2)), (linear(12, 4),)),
    Case("odd sizes", IMAGE, HW, lambda x, a, b: b(F.interpolate(a(x), size=(5, 11))), (conv(), conv(4, 4))),
    Case("areas", IMAGE, HW, lambda x, a: F.interpolate(a(x), size=(3, 5), mode="area"), (conv(),)),
    Case(
        "detail",
        IMAGE,
        HW,
        lambda x, a: a(x) - F.interpolate(F.avg_pool2d(a(x), 2), scale_factor=2, mode="bilinear"),
        (conv(),),
    ),
    Case("halves swapped", IMAGE, HW, lambda x, a: torch.cat(a(x).chunk(2, 3)[::-1], 3), (conv(),)),
    Case("tiles", IMAGE, HW, in_tiles, (conv(),)),
    Case("written in turn", IMAGE, HW, written_in_turn, (conv(),)),
    Case("iterated", IMAGE, HW, iterated, (conv(3, 3),)),
    Case("several", IMAGE, HW, kept, (conv(),)),
    Case("products of rows", IMAGE, HW, lambda x, a: torch.einsum("bchw,bchv->bchwv", a(x), a(x)).sum(-1), (conv(),)),
    Case("diagonal", IMAGE, HW, lambda x, a: a(x).diagonal(0, 2, 3), (conv(),)),
    Case(
        "statistics",
        IMAGE,
        HW,
        lambda x, a: torch.cat([F.adaptive_max_pool2d(a(x), k).flatten(1) for k in (1, 2)], 1),
        (conv(),),
    ),
    Case("moved in time", CLIP, THW, moved_in_time, (conv(),)),
    Case("frame by frame", CLIP, THW, lambda x, a: attended(per_frame(x, a).mean((3, 4))), (conv(),)),
    Case(
        "patches last",
        CHANNELS_LAST,
        RC,
        lambda x, a: a(x.view(1, 4, 2, 2, 3, 3).transpose(2, 3).flatten(3)),
        (linear(18, 4),),
    ),
    Case("mixer last", CHANNELS_LAST, RC, lambda x, a, b: b(a(x).flatten(1, 2).mT).mT, (linear(3, 4), linear(48, 48))),
    Case("windows alone", IMAGE[1:], (1, 2), lambda x, a: in_windows(a(x)[None], 4, 2)[0], (conv(),)),
    Case("whole alone", IMAGE[1:], (1, 2), lambda x, a, b: b(a(x).flatten()), (conv(), linear(256, 3))),
]
