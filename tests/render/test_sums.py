"""What is shown adds up to what it is shown of, at every depth, in every fold, and for every part."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convinspect.errors import UsageError
from convinspect.render.options import Options
from convinspect.render.rows import Row
from convinspect.render.selection import select
from convinspect.report import Layer, Report
from convinspect.tree import add_up
from tests.layers import trees

from . import nets


def named(rows: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return ``rows`` with the paths of a tree of blocks, every third of them an operator where it is a leaf."""
    found: list[Layer] = []
    paths: list[str] = []
    for i, row in enumerate(rows):
        del paths[row.depth :]
        before = sum(one.depth == row.depth for one in found)
        paths.append(f"{paths[-1]}.{before}".lstrip(".") if paths else "")
        leaf = i + 1 == len(rows) or rows[i + 1].depth <= row.depth
        kind = "function" if leaf and row.depth and i % 3 == 0 and not row.params and not row.buffers else "module"
        found.append(replace(row, path=paths[-1] if kind == "module" else paths[-2], kind=kind, call=1))  # type: ignore[arg-type]
    return tuple(found)


def told(rows: tuple[Row, ...]) -> object:
    """Return what the rows without rows below them add up to."""
    sums = add_up([row.sums for row in rows if not row.open])
    return sums.params, sums.buffers, sums.trainable_params, sums.macs or 0, sums.memory


def of(layers: tuple[Layer, ...]) -> object:
    sums = add_up(layers)
    return sums.params, sums.buffers, sums.trainable_params, sums.macs or 0, sums.memory


forms = st.builds(
    Options,
    depth=st.none() | st.just("all") | st.integers(0, 5),
    expand=st.booleans(),
    lines=st.none() | st.integers(1, 40),
)


@settings(deadline=None, max_examples=60)
@given(trees(), forms)
def test_the_rows_add_up_to_the_totals(rows: tuple[Layer, ...], form: Options) -> None:
    # Bytes that are not known make no row of their own; the row that holds them says so.
    known = tuple(
        replace(row, memory=replace(row.memory, allocated_bytes=row.memory.allocated_bytes or 0)) for row in rows
    )
    made = replace(nets.lenet(), layers=named(known))
    assert told(select(made, form).rows) == of(made.layers)


@settings(deadline=None, max_examples=60)
@given(trees(), forms, st.data())
def test_the_rows_of_a_part_add_up_to_the_part(rows: tuple[Layer, ...], form: Options, data: st.DataObject) -> None:
    made = replace(nets.lenet(), layers=named(rows))
    path = data.draw(
        st.sampled_from([layer.path for layer in made.layers if layer.kind == "module" and layer.path] or [""])
    )
    shown = select(made, replace(form, only=path))
    inside = [layer for layer in made.layers if f"{layer.path}.".startswith(f"{path}.")]
    assert path == "" or (told(shown.rows)[:4] == of(tuple(inside))[:4])  # type: ignore[index]


@pytest.mark.parametrize("sort", ["params", "macs", "memory"])
@pytest.mark.parametrize("top", [None, 1, 3])
def test_the_heaviest_rows_and_the_others_add_up(sort: str, top: int | None) -> None:
    for made in (nets.lenet(), nets.odd(), nets.attention()):
        assert told(select(made, Options(sort=sort, top=top)).rows) == of(made.layers)  # type: ignore[arg-type]


def blocks(count: int) -> Report:
    shape = (1, 8, 32, 32)
    rows = [nets.layer("", "Net", 0, shape, allocated=0)]
    for i in range(count):
        rows += [
            nets.layer(f"layers.{i}", "Block", 1, shape, taken=shape, allocated=0),
            nets.layer(f"layers.{i}.conv", "Conv2d", 2, shape, taken=shape, params=584, macs=9, allocated=64,
                       field=nets.square(3 + 2 * i, 1, -1)),
            nets.function(f"layers.{i}", "relu", 2, shape, shape, allocated=64),
        ]  # fmt: skip
    return nets.report("Net", tuple(rows))


def test_equal_siblings_stand_in_one_row_with_their_sums_and_the_range_of_their_fields() -> None:
    lines = [line.split() for line in str(blocks(30).table(width=80, lines=24)).splitlines()]
    assert ["├", "layers.0-29:", "Block", "x30"] in [line[:4] for line in lines] or ["└", "layers.0-29:", "Block"] in [
        line[:3] for line in lines
    ]
    conv = next(line for line in lines if "Conv2d" in line)
    assert conv[-4:] == ["270", "3-61", "1.88", "KiB"] or "17,520" in conv
    assert any("hidden:" in line and "30" in line for line in lines)


def test_a_page_that_holds_everything_folds_nothing() -> None:
    assert str(blocks(3).table(width=80)).count("Block") == 3
    assert "folded" not in str(blocks(3).table(width=80))


def test_one_part_is_shown_whole() -> None:
    text = str(blocks(30).table(width=80, only="layers.7"))
    assert text.splitlines()[0].startswith("layers.7 of Net")
    assert "hidden: relu" in text
    assert "folded" not in text


def test_a_list_of_modules_is_shown_as_what_it_holds() -> None:
    made = blocks(3)
    text = str(made.table(width=80, only="layers"))
    assert text.splitlines()[0].startswith("layers of Net")
    assert text.count(": Block") == 3
    assert "1,752 params" in text  # three times 584
    with pytest.raises(UsageError, match="no module of that path") as raised:
        str(made.table(only="layer"))
    assert "layers" in (raised.value.hint or "").split(": ")[1].split(", ")
