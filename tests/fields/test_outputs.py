"""A row with several outputs: each has a field of its own, and the row shows the range."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convinspect import Report, inspect
from convinspect.errors import UsageError
from convinspect.parsing import parse_axes


class Pyramid(nn.Module):
    """Three levels, each 3x3 convolutions of stride 1: fields 3, 5 and 9."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(1, 1, k, padding=k // 2) for k in (3, 3, 5))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found


def test_every_output_has_a_field_and_the_row_their_range() -> None:
    report = inspect(Pyramid(), (torch.rand(1, 1, 32, 32),), optimizer=None)
    root = report.layers[0]
    fields = [output.receptive_field for output in root.outputs]
    assert [field and field.size for field in fields] == [(3, 3), (5, 5), (9, 9)]
    field = root.receptive_field
    assert field is not None
    assert (field.size_min, field.size) == ((3, 3), (9, 9))
    assert field.halo == ((4, 4), (4, 4))
    assert field.start == (-4, -4)
    assert field.center == ((12, 20), (12, 20))
    assert Report.from_dict(report.to_dict()) == report


def test_an_output_that_sees_everything_makes_the_row_global() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            x = self.conv(x)
            return {"map": x, "gate": x.mean(3, keepdim=True)}

    field = inspect(Two(), (torch.rand(1, 1, 8, 8),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.size, field.status) == ((3, None), "global")
    assert field.axis_status == ("exact", "global")
    assert field.axis_global_via is not None
    assert [via and via.op for via in field.axis_global_via] == [None, "aten.mean.dim"]
    assert field.center == ((3, 5), (0, 7))


def test_axes_can_be_said_instead() -> None:
    image = torch.rand(1, 8, 6, 3)
    linear = nn.Linear(3, 4)
    found = inspect(linear, (image,), optimizer=None).layers[0].receptive_field
    said = inspect(linear, (image,), optimizer=None, axes="columns:2").layers[0].receptive_field
    assert found is not None
    assert said is not None
    assert (found.axes, found.size, found.axis_labels) == ((1, 2), (1, 1), None)
    assert (said.axes, said.size, said.axis_labels) == ((2,), (1,), ("columns",))


@pytest.mark.parametrize("text", ["4", "y=1"])
def test_axes_that_are_not_there_are_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="--axes: "):
        inspect(nn.Linear(3, 4), (torch.rand(1, 8, 6, 3),), optimizer=None, axes=text)


@pytest.mark.parametrize("text", ["", "x=", "h,w:2", "2,2", "x=h-w:2", "-1", "=2"])
def test_axes_that_cannot_be_read_are_an_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected \[INPUT=\]"):
        parse_axes(text)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize(
    ("kernel", "padding", "size"), [(5, 0, 6), (3, 1, 4)], ids=["valid", "with padding around the input"]
)
def test_a_flattened_unit_is_one_unit_of_what_was_flattened(
    kernel: int, padding: int, size: int, *, batched: bool
) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, kernel, padding=padding), nn.MaxPool2d(2), nn.Flatten(-3), nn.ReLU(), nn.LazyLinear(4)
    )
    report = inspect(
        model, (torch.rand(*(1,) * (1 + batched), 12, 12),), optimizer=None, axes="2,3" if batched else "1,2"
    )
    fields = {row.path: row.receptive_field for row in report.layers}
    # A window of the pool's 2 on windows of the kernel's.
    for path in "123":
        field = fields[path]
        assert field is not None
        assert (field.size, field.size_min, field.status) == ((size, size), (size, size), "exact")
    last = fields["4"]
    assert last is not None
    assert last.size is None


class Tiles(nn.Module):
    """A 3x3 convolution of each 4x4 tile."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(0, 2))


def test_windows_of_windows_are_positions_of_their_own() -> None:
    field = inspect(Tiles(), (torch.rand(1, 3, 8, 8),), optimizer=None).layers[0].receptive_field
    assert field is not None
    # Row 2, column 2 of the third tile, which begins at row 4, column 0.
    assert (field.center, field.status) == (((5, 7), (1, 3)), "exact")
