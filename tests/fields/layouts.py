"""Networks by the layout of their input: images with channels first and last, sequences, clips, no batch at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

Function = Callable[..., Tensor | tuple[Tensor, ...]]


@dataclass(frozen=True)
class Case:
    """A network, the shape of its input, and which of its axes are positions."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    forward: Function
    parts: tuple[Callable[[], nn.Module], ...] = ()
    channels: tuple[tuple[int, int], ...] = ()

    def make(self) -> nn.Module:
        """Return the network anew."""
        return Net(self.forward, [make() for make in self.parts])


class Net(nn.Module):
    """A function of an input and of modules."""

    def __init__(self, function: Function, parts: list[nn.Module]) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.function(x, *self.parts)


def chain(x: Tensor, *parts: nn.Module) -> Tensor:
    for part in parts:
        x = part(x)
    return x


def conv(a: int = 3, b: int = 4, k: int = 3, s: int = 1) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(a, b, k, s, k // 2)


def conv1d(a: int, b: int, k: int = 3) -> Callable[[], nn.Module]:
    return lambda: nn.Conv1d(a, b, k, padding=k // 2)


def linear(a: int, b: int, *, bias: bool = True) -> Callable[[], nn.Module]:
    return lambda: nn.Linear(a, b, bias=bias)


def per_frame(x: Tensor, part: nn.Module) -> Tensor:
    return part(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def nhwc(x: Tensor, *parts: nn.Module) -> Tensor:
    return chain(x.permute(0, 3, 1, 2), *parts).permute(0, 2, 3, 1)


def heads(x: Tensor, first: nn.Module) -> Tensor:
    y = first(x)
    b, _, h, w = y.shape
    return y.view(b, 2, 2, h, w).permute(0, 1, 3, 4, 2).reshape(b, 2 * h * w, 2)


def attention(x: Tensor, qkv: nn.Module, out: nn.Module) -> Tensor:
    q, k, v = qkv(x).chunk(3, -1)
    return x + out(torch.softmax(q @ k.transpose(-2, -1), -1) @ v)


def along_rows(x: Tensor, first: nn.Module, qkv: nn.Module, out: nn.Module) -> Tensor:
    """Axial attention: each row of an image by itself."""
    y = first(x).permute(0, 2, 3, 1)
    b, h, w, c = y.shape
    return attention(y.reshape(b * h, w, c), qkv, out).view(b, h, w, c)


def sparse_mlp(x: Tensor, first: nn.Module, down: nn.Module, right: nn.Module, fuse: nn.Module) -> Tensor:
    """Linear layers along rows and along columns, side by side."""
    x = first(x)
    b, c, h, w = x.shape
    rows = down(x.permute(0, 1, 3, 2).reshape(-1, h)).reshape(b, c, w, h).permute(0, 1, 3, 2)
    columns = right(x.reshape(-1, w)).reshape(b, c, h, w)
    return fuse(torch.cat([x, rows, columns], 1))


def patches(x: Tensor, first: nn.Module, *, token: bool) -> Tensor:
    y = first(x).flatten(2).transpose(1, 2)
    return torch.cat([torch.zeros(1, 1, y.shape[2], dtype=x.dtype), y], 1) if token else y


def scores(x: Tensor, first: nn.Module) -> Tensor:
    y = patches(x, first, token=True)
    return y @ y.transpose(1, 2)


def patchify(x: Tensor, out: nn.Module) -> Tensor:
    """Channels last, 2x2 patches as features."""
    b, h, w, c = x.shape
    y = x.reshape(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h * w // 4, 4 * c)
    return out(y)


def pyramid(x: Tensor, *parts: nn.Module) -> tuple[Tensor, ...]:
    found = []
    for part in parts:
        x = part(x)
        found.append(x)
    return tuple(found)


def gated(x: Tensor, first: nn.Module, squeeze: nn.Module) -> Tensor:
    y = first(x)
    return y * squeeze(y.mean((2, 3)))[:, :, None, None].sigmoid()


def mixer(x: Tensor, tokens: nn.Module, features: nn.Module, steps: nn.Module) -> Tensor:
    y = features(tokens(x))
    return y + steps(y.transpose(1, 2)).transpose(1, 2)


def levels(x: Tensor, one: nn.Module, two: nn.Module) -> Tensor:
    """Lay the positions of a pyramid one after the other, as detectors do."""
    first = one(x)
    return torch.cat([level.flatten(2) for level in (first, two(first))], 2)


def level_heads(x: Tensor, one: nn.Module, two: nn.Module) -> Tensor:
    first = one(x)
    return torch.cat([level.permute(0, 2, 3, 1).reshape(len(x), -1, 2) for level in (first, two(first))], 1)


def quarters(x: Tensor, reduced: nn.Module) -> Tensor:
    """Swin's patch merging."""
    return reduced(torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1))


def edges(x: Tensor, first: nn.Module) -> Tensor:
    """Features of pairs of points."""
    pairs = torch.cat([x[:, :, None].expand(-1, -1, x.shape[1], -1), x[:, None].expand(-1, x.shape[1], -1, -1)], -1)
    return first(pairs).max(2).values


def overlapping(x: Tensor, first: nn.Module) -> Tensor:
    """Windows of a map by strides."""
    y = first(x)
    b, c, h, w = y.shape
    return y.as_strided((b, c, h - 2, w - 2, 3, 3), (*y.stride(), *y.stride()[2:]))


def spectrum(x: Tensor, first: nn.Module) -> Tensor:
    window = torch.ones(8, dtype=x.dtype)
    return torch.stft(first(x)[:, 0], 8, 4, window=window, center=False, return_complex=True).abs()


def pixel_by_pixel(x: Tensor, first: nn.Module, rnn: nn.Module) -> tuple[Tensor, Tensor]:
    """A convolution a frame, then a GRU over frames for each pixel."""
    y = per_frame(x, first).permute(0, 3, 4, 1, 2)
    steps, last = rnn(y.flatten(0, 2))
    return steps.view(*y.shape[:4], -1), last


def recurrent(x: Tensor, gates: nn.Module) -> Tensor:
    """A convolution of each frame and of what it made of those before."""
    states = [torch.zeros_like(x[:, 0])]
    for frame in x.unbind(1):
        states.append(gates(torch.cat([frame, states[-1]], 1)).tanh())
    return torch.stack(states[1:], 1)


def clips(x: Tensor, first: nn.Module, rnn: nn.Module) -> Tensor:
    """A convolution a frame, then an LSTM over frames."""
    frames = per_frame(x, first)
    return rnn(frames.mean((3, 4)))[0]


IMAGE, LAST, STEPS, CLIP, FREE = (1, 3, 8, 8), (1, 8, 6, 3), (1, 9, 5), (1, 4, 3, 6, 6), (3, 8, 8)
HW, ROWS_COLUMNS = (2, 3), (1, 2)

CHANNELS_FIRST = [
    Case("conv", IMAGE, HW, chain, (conv(), conv(4, 2, 5))),
    Case("strided", IMAGE, HW, chain, (conv(3, 4, 3, 2), conv(4, 4, 3, 2))),
    Case("batch norm", IMAGE, HW, chain, (conv(), lambda: nn.BatchNorm2d(4), nn.ReLU)),
    Case("group norm", IMAGE, HW, chain, (conv(), lambda: nn.GroupNorm(2, 4))),
    Case("pool", IMAGE, HW, chain, (conv(), lambda: nn.MaxPool2d(2), conv(4, 4))),
    Case("pool first", IMAGE, HW, chain, (lambda: nn.AvgPool2d(2),)),
    Case("activation alone", IMAGE, HW, chain, (nn.Tanh,)),
    Case("upsample", IMAGE, HW, chain, (conv(3, 4, 3, 2), lambda: nn.Upsample(scale_factor=2), conv(4, 4))),
    Case("transposed", IMAGE, HW, chain, (conv(3, 4, 3, 2), lambda: nn.ConvTranspose2d(4, 2, 2, 2))),
    Case("classifier", IMAGE, HW, chain, (conv(), lambda: nn.MaxPool2d(2), nn.Flatten, linear(64, 5))),
    Case("flat image", IMAGE, HW, chain, (nn.Flatten, linear(192, 6), linear(6, 2))),
    Case("mean and linear", IMAGE, HW, lambda x, a, b: b(a(x).mean((2, 3))), (conv(), linear(4, 2))),
    Case("gate", IMAGE, HW, gated, (conv(), linear(4, 4))),
    Case("along columns", IMAGE, HW, chain, (conv(), linear(8, 8))),
    Case("along columns without bias", IMAGE, HW, chain, (conv(), linear(8, 5, bias=False))),
    Case("along rows", IMAGE, HW, lambda x, a, b: b(a(x).transpose(2, 3)).transpose(2, 3), (conv(), linear(8, 8))),
    Case("norm along columns", IMAGE, HW, chain, (conv(), lambda: nn.LayerNorm(8))),
    Case("softmax along rows", IMAGE, HW, chain, (conv(), lambda: nn.Softmax(2))),
    Case("fft along columns", IMAGE, HW, lambda x, a: torch.fft.irfft(torch.fft.rfft(a(x), dim=3), dim=3), (conv(),)),
    Case(
        "gru along columns",
        IMAGE,
        HW,
        lambda x, a, r: r(a(x)[:, 0])[0],
        (conv(), lambda: nn.GRU(8, 4, batch_first=True)),
    ),
    Case("axial attention", IMAGE, HW, along_rows, (conv(), linear(4, 12), linear(4, 4))),
    Case("sparse mlp", IMAGE, HW, sparse_mlp, (conv(), linear(8, 8), linear(8, 8), conv(12, 4, 1)), ((4, 1),)),
    Case("anchors", IMAGE, HW, heads, (conv(3, 4, 3, 2),)),
    Case("anchors of a wide image", (1, 3, 6, 12), HW, heads, (conv(3, 4, 3, 3),)),
    Case("patches", IMAGE, HW, lambda x, a: patches(x, a, token=False), (lambda: nn.Conv2d(3, 4, 2, 2),)),
    Case("class token", IMAGE, HW, lambda x, a: patches(x, a, token=True), (lambda: nn.Conv2d(3, 4, 2, 2),)),
    Case(
        "class token taken", IMAGE, HW, lambda x, a: patches(x, a, token=True)[:, 1:], (lambda: nn.Conv2d(3, 4, 4, 4),)
    ),
    Case("scores", IMAGE, HW, scores, (lambda: nn.Conv2d(3, 4, 4, 4),)),
    Case("pyramid", IMAGE, HW, pyramid, (conv(3, 4), conv(4, 4), conv(4, 4, 5))),
    Case("pyramid of strides", IMAGE, HW, pyramid, (conv(3, 4), conv(4, 4, 3, 2), conv(4, 4, 3, 2))),
    Case("levels of a pyramid", IMAGE, HW, levels, (conv(3, 4, 3, 2), conv(4, 4, 3, 2))),
    Case("heads of a pyramid", IMAGE, HW, level_heads, (conv(3, 4, 3, 2), conv(4, 4, 3, 2))),
    Case("joined again", IMAGE, HW, lambda x, a: torch.cat(a(x).chunk(2, 3)[::-1], 3), (conv(),)),
    Case("windows by strides", IMAGE, HW, overlapping, (conv(),)),
    Case("halves", IMAGE, HW, lambda x, a: a(x).chunk(2, 1), (conv(),)),
    Case("quarters", IMAGE, HW, lambda x, a: a(x).chunk(2, 3), (conv(),)),
    Case("unflattened", IMAGE, HW, lambda x, a, b: b(a(x).flatten(1).view(1, 4, 8, 8)), (conv(), conv(4, 2))),
    Case("space to depth", IMAGE, HW, chain, (lambda: nn.PixelUnshuffle(2), conv(12, 4)), ((4, 1),)),
    Case("depthwise", IMAGE, HW, chain, (lambda: nn.Conv2d(3, 3, 3, padding=1, groups=3),)),
    Case("volume", (1, 2, 5, 4, 6), (2, 3, 4), chain, (lambda: nn.Conv3d(2, 3, 3, padding=1),)),
    Case("signal", (1, 2, 16), (2,), chain, (conv1d(2, 3), conv1d(3, 3))),
    Case("flat signal", (1, 2, 16), (2,), chain, (conv1d(2, 3), nn.Flatten, linear(48, 4))),
    Case("frames of a signal", (1, 2, 32), (2,), spectrum, (conv1d(2, 2),)),
    Case("batch of two", (2, 3, 6, 6), HW, chain, (conv(), linear(6, 6))),
]

CHANNELS_LAST = [
    Case("conv", LAST, ROWS_COLUMNS, nhwc, (conv(), conv(4, 4))),
    Case("linear then conv", LAST, ROWS_COLUMNS, lambda x, a, b: nhwc(a(x), b), (linear(3, 4), conv(4, 4))),
    Case("norm then linear", LAST, ROWS_COLUMNS, chain, (lambda: nn.LayerNorm(3), linear(3, 4), nn.GELU)),
    Case("patchify", LAST, ROWS_COLUMNS, patchify, (linear(12, 4),), ((3, 2),)),
    Case("pooled", LAST, ROWS_COLUMNS, lambda x, a, b: b(nhwc(x, a).mean((1, 2))), (conv(), linear(4, 2))),
    Case("scaled", LAST, ROWS_COLUMNS, lambda x, a: nhwc((x - 0.5) / 2, a), (conv(3, 4, 5),)),
    Case("flat", LAST, ROWS_COLUMNS, lambda x, a, b: b(nhwc(x, a).flatten(1)), (conv(), linear(192, 3))),
    Case("patch merging", LAST, ROWS_COLUMNS, quarters, (linear(12, 6),), ((4, 3),)),
    Case("along rows", LAST, ROWS_COLUMNS, lambda x, a, b: b(nhwc(x, a).transpose(1, 3)), (conv(), linear(8, 8))),
]

SEQUENCES = [
    Case("shared mlp", STEPS, (1,), chain, (linear(5, 8), nn.ReLU, linear(8, 3))),
    Case("tcn", STEPS, (1,), lambda x, a: a(x.transpose(1, 2)).transpose(1, 2), (conv1d(5, 4),)),
    Case(
        "two tcns", STEPS, (1,), lambda x, a, b: b(a(x.transpose(1, 2))).transpose(1, 2), (conv1d(5, 4), conv1d(4, 4))
    ),
    Case("tagger", STEPS, (1,), lambda x, r, a: a(r(x)[0]), (lambda: nn.LSTM(5, 6, batch_first=True), linear(6, 3))),
    Case("both ways", STEPS, (1,), lambda x, r: r(x)[0], (lambda: nn.GRU(5, 4, batch_first=True, bidirectional=True),)),
    Case("attention", STEPS, (1,), attention, (linear(5, 15), linear(5, 5))),
    Case(
        "norm and attention",
        STEPS,
        (1,),
        lambda x, n, a, b: attention(n(x), a, b),
        (lambda: nn.LayerNorm(5), linear(5, 15), linear(5, 5)),
    ),
    Case("mixer", STEPS, (1,), mixer, (linear(5, 4), linear(4, 4), linear(9, 9))),
    Case("point cloud", (1, 9, 3), (1,), lambda x, a, b: b(a(x).max(1).values), (linear(3, 6), linear(6, 2))),
    Case("point cloud by convolution", (1, 3, 9), (2,), lambda x, a: a(x).max(2).values, (conv1d(3, 4, 1),)),
    Case(
        "last step",
        STEPS,
        (1,),
        lambda x, r, a: a(r(x)[0][:, -1]),
        (lambda: nn.GRU(5, 4, batch_first=True), linear(4, 2)),
    ),
    Case("pairs of points", (1, 6, 3), (1,), edges, (linear(6, 4),)),
    Case("frames", (1, 12, 5), (1, 2), lambda x, a: a(x.unfold(1, 4, 2)), (linear(4, 3),), ((4, 3),)),
    Case("differences", STEPS, (1,), lambda x, a: a(x[:, 1:] - x[:, :-1]), (linear(5, 2),)),
]

CLIPS = [
    Case("conv a frame", CLIP, (1, 3, 4), per_frame, (conv(),)),
    Case("scaled", CLIP, (1, 3, 4), lambda x, a: per_frame(x / 2, a), (conv(),)),
    Case("lstm over frames", CLIP, (1, 3, 4), clips, (conv(), lambda: nn.LSTM(4, 3, batch_first=True))),
    Case(
        "conv over frames", CLIP, (1, 3, 4), lambda x, a: a(x.transpose(1, 2)), (lambda: nn.Conv3d(3, 2, 3, padding=1),)
    ),
    Case("gru a pixel", (1, 4, 3, 4, 4), (1, 3, 4), pixel_by_pixel, (conv(), lambda: nn.GRU(4, 3, batch_first=True))),
    Case("convolution over states", (1, 3, 2, 5, 5), (1, 3, 4), recurrent, (conv(4, 2),), ((4, 1),)),
    Case("mean over frames", CLIP, (1, 3, 4), lambda x, a: per_frame(x, a).mean(1), (conv(),)),
    Case("flat frames", CLIP, (1, 3, 4), lambda x, a, b: b(per_frame(x, a).flatten(2)), (conv(3, 2), linear(72, 3))),
]

UNBATCHED = [
    Case("conv", FREE, ROWS_COLUMNS, chain, (conv(), conv(4, 4))),
    Case("classifier", FREE, ROWS_COLUMNS, lambda x, a, b: b(F.max_pool2d(a(x), 2).flatten()), (conv(), linear(64, 2))),
    Case("along columns", FREE, ROWS_COLUMNS, chain, (conv(), linear(8, 8))),
    Case("signal", (2, 12), (1,), chain, (conv1d(2, 3),)),
]

NETS = [
    Case(f"{layout}: {case.name}", case.shape, case.axes, case.forward, case.parts, case.channels)
    for layout, cases in (
        ("NCHW", CHANNELS_FIRST),
        ("NHWC", CHANNELS_LAST),
        ("BTF", SEQUENCES),
        ("BTCHW", CLIPS),
        ("CHW", UNBATCHED),
    )
    for case in cases
]
