"""What was changed is told apart from what only follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convinspect.diff.compare import compare
from convinspect.diff.difference import counts_of
from tests.diff.reports import Dims, Mod, block, conv, numbered, relu, report, seq


def changed(before: Sequence[Mod], after: Sequence[Mod], inputs: Dims = (1, 3, 8, 8)) -> list[str]:
    """Return the paths of the rows that were changed themselves."""
    diff = compare(report(*before), report(*after, inputs=inputs))
    return [row.layer.path or "(model)" for row in diff.rows if row.itself]


STAGE = (conv("a", 3, 8), relu("r", 8), conv("b", 8, 8), relu("s", 8))


def test_a_changed_stride_is_one_change_and_all_shapes_behind_it_follow() -> None:
    after = (
        STAGE[0],
        STAGE[1],
        replace(STAGE[2], out=(1, 8, 4, 4), macs=9),
        replace(STAGE[3], out=(1, 8, 4, 4), given=(1, 8, 4, 4)),
    )
    assert changed(STAGE, after) == ["b"]


def test_a_change_deep_inside_is_found_there_and_not_in_what_holds_it() -> None:
    deep = seq("outer", seq("inner", *STAGE))
    inner = (*STAGE[:2], replace(STAGE[2], out=(1, 8, 4, 4)), replace(STAGE[3], out=(1, 8, 4, 4), given=(1, 8, 4, 4)))
    assert changed([deep], [seq("outer", seq("inner", *inner))]) == ["outer.inner.b"]


def test_every_layer_with_other_weights_was_changed_itself() -> None:
    after = (conv("a", 3, 16), relu("r", 16), conv("b", 16, 8), relu("s", 8))
    assert changed(STAGE, after) == ["a", "b"]


def test_where_only_a_field_differs_the_first_row_is_the_change() -> None:
    """A dilation with the padding that keeps the shape shows nowhere else."""

    def with_fields(*sizes: int) -> list[Mod]:
        return [replace(mod, field=size) for mod, size in zip(STAGE, sizes, strict=True)]

    assert changed(with_fields(3, 3, 5, 5), with_fields(3, 3, 7, 7)) == ["b"]


def test_of_another_input_everything_follows_and_nothing_was_changed() -> None:
    after = [replace(mod, out=(1, 8, 16, 16), given=(1, 8, 16, 16), macs=4 * (mod.macs or 0)) for mod in STAGE]
    assert changed(STAGE, after, inputs=(1, 3, 16, 16)) == []


def test_an_added_layer_is_why_the_shapes_behind_it_changed() -> None:
    pool = Mod("p", "MaxPool2d", out=(1, 8, 4, 4), given=(1, 8, 8, 8))
    after = (*STAGE[:2], pool, *(replace(mod, out=(1, 8, 4, 4), given=(1, 8, 4, 4)) for mod in STAGE[2:]))
    assert changed(STAGE, after) == []


def test_frozen_weights_are_a_change() -> None:
    assert changed(STAGE, [replace(STAGE[0], trainable=0), *STAGE[1:]]) == ["a"]


def test_weights_of_another_dtype_are_a_change_of_the_layer_unless_the_whole_run_has_it() -> None:
    half = [replace(STAGE[0], width=2), *STAGE[1:]]
    assert changed(STAGE, half) == ["a"]
    diff = compare(report(*STAGE), report(*half, dtype="float16"))
    assert [row.layer.path for row in diff.rows if row.itself] == []
    assert diff.differs


def test_an_operator_in_place_is_a_change_of_the_memory_it_takes() -> None:
    assert changed(STAGE, [STAGE[0], replace(STAGE[1], allocated=0), *STAGE[2:]]) == ["r"]


def test_unknown_on_one_side_is_a_difference_and_on_both_none() -> None:
    unknown = [replace(STAGE[0], macs=None), *STAGE[1:]]
    assert changed(STAGE, unknown) == ["a"]
    assert not compare(report(*unknown), report(*unknown)).differs


def test_the_counts_part_what_was_done_from_what_followed() -> None:
    before = seq("f", *numbered(block("", 3, 8), block("", 8, 8)))
    after = seq("f", *numbered(block("", 3, 3), block("", 3, 8), block("", 8, 8)))
    counts = counts_of(compare(report(before), report(after)))
    assert (counts["added"], counts["added_rows"], counts["renamed"], counts["changed"]) == (1, 3, 2, 0)
