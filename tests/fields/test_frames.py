"""Windows of a signal that overlap in memory, transformed and added up again, and blocks that are put together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect

from .layouts import Case, conv1d, linear
from .oracle import assert_exact, assert_inside, randn
from .rows import check_rows

WINDOW = torch.ones(8, dtype=torch.float64)


def spectrum(x: Tensor, *, center: bool = True) -> Tensor:
    return torch.stft(x, 8, 4, window=WINDOW, center=center, return_complex=True)


NETS = [
    Case("spectrogram", (1, 32), (1,), lambda x, a: a(spectrum(x).abs()), (conv1d(5, 4),)),
    Case("of a channel", (1, 1, 32), (2,), lambda x, a: a(spectrum(x[:, 0], center=False).abs()), (conv1d(5, 4),)),
    Case("alone", (1, 32), (1,), lambda x: spectrum(x).abs()),
    Case(
        "recurrent", (1, 32), (1,), lambda x, a: a(spectrum(x).abs().mT)[0], (lambda: nn.GRU(5, 3, batch_first=True),)
    ),
    Case("and back", (1, 1, 32), (2,), lambda x: torch.istft(spectrum(x[:, 0]), 8, 4, window=WINDOW)),
    Case("strided", (1, 3, 16), (2,), lambda x, a: a(x).as_strided((1, 4, 5, 3), (64, 16, 3, 1)), (conv1d(3, 4),)),
    Case("bilinear", (1, 9, 5), (1,), lambda x, a: a(x, x), (lambda: nn.Bilinear(5, 5, 4),)),
    Case("cross", (1, 9, 3), (1,), lambda x, a: torch.linalg.cross(a(x), x), (linear(3, 3),)),
]


@pytest.mark.parametrize("case", NETS, ids=[case.name for case in NETS])
def test_rows(case: Case) -> None:
    torch.manual_seed(0)
    report = check_rows(case.make(), randn(*case.shape), case.axes)
    fields = [output.receptive_field for row in report.layers for output in row.outputs]
    assert {field.status for field in fields if field is not None} <= {"exact", "global"}


def test_frames_have_the_size_and_the_step_of_their_window() -> None:
    """A frame of 8 samples every 4; a convolution over 3 of them sees 8 + 2 * 4."""
    report = inspect(NETS[0].make().double(), (randn(1, 32),), optimizer=None)
    fields = {row.type: row.receptive_field for row in report.layers}
    frames, after = fields["fft"], fields["Conv1d"]
    assert frames is not None
    assert after is not None
    assert (frames.size, frames.jump) == ((8,), (4,))
    assert (after.size, after.jump) == ((16,), (4,))


IMAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "windows along both": lambda x: x.contiguous().as_strided((1, 2, 5, 4, 2, 3), (72, 36, 6, 1, 6, 1)),
    "windows apart": lambda x: x.contiguous().as_strided((1, 2, 3, 6, 2), (72, 36, 12, 1, 6)),
    "a cut before": lambda x: x.contiguous().as_strided((2, 4, 2, 3), (36, 6, 12, 1), 3),
    "blocks": lambda x: torch.block_diag(x[0, 0], x[0, 1, :2], torch.ones(1, 2), x[0, 0, 1], x[0, 1, 0, 0]),
    "added up": lambda x: torch.ops.aten.unfold_backward(x, [1, 2, 13], 2, 6, 1)[..., 1:],
}


@pytest.mark.parametrize("name", IMAGES)
def test_every_element(name: str) -> None:
    assert_exact(IMAGES[name], randn(1, 2, 6, 6))


def test_vectors_on_a_diagonal_are_inside_the_bound() -> None:
    for arguments in ({}, {"offset": 1}, {"dim1": 0, "dim2": 2}):
        assert_inside(lambda x, given=arguments: torch.diag_embed(x[0], **given), randn(1, 2, 6, 6), "upper_bound")
