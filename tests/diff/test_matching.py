"""Which row became which: by path where nothing speaks against it, by structure where paths have shifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from convinspect.diff.compare import compare
from convinspect.diff.difference import Diff
from tests.diff.reports import Mod, block, conv, numbered, relu, report, seq


def told(before: Sequence[Mod], after: Sequence[Mod], names: tuple[str, str] = ("Net", "Net")) -> list[str]:
    """Return what a diff says of the outermost rows that came, went, moved or were renamed, or were changed."""
    return said(compare(report(*before, name=names[0]), report(*after, name=names[1])))


def said(diff: Diff) -> list[str]:
    found, skipped = [], -1
    for row in diff.rows:
        if skipped >= 0 and row.depth > skipped:
            continue
        skipped = -1
        paths = [layer.path or "(model)" for layer in (row.before, row.after) if layer is not None]
        if row.status in ("added", "removed"):
            found.append(f"{row.status} {paths[0]}")
            skipped = row.depth
        elif row.status in ("renamed", "moved"):
            found.append(f"{row.status} {paths[0]} to {paths[1]}")
        if row.itself:
            found.append(f"changed {paths[-1]}")
    return found


STEM = (conv("stem", 3, 8), relu("act", 8))


def test_nothing_is_told_of_two_equal_reports() -> None:
    diff = compare(report(*STEM), report(*STEM))
    assert said(diff) == []
    assert not diff.differs


def test_a_block_inserted_in_front_is_one_row_and_the_others_keep_their_own() -> None:
    blocks = (block("", 3, 8), block("", 8, 16), block("", 16, 32))
    before = seq("features", *numbered(*blocks))
    after = seq("features", *numbered(block("", 3, 3), *blocks))
    assert told([before], [after]) == [
        "added features.0",
        "renamed features.0 to features.1",
        "renamed features.1 to features.2",
        "renamed features.2 to features.3",
    ]


def test_a_block_inserted_among_equal_ones_leaves_the_first_ones_alone() -> None:
    before = seq("blocks", *numbered(*[block("", 8, 8)] * 3))
    after = seq("blocks", *numbered(*[block("", 8, 8)] * 5))
    assert told([before], [after]) == ["added blocks.3", "added blocks.4"]


def test_pairs_of_layers_inserted_into_a_flat_sequence_shift_what_follows() -> None:
    def layers(*widths: int) -> Mod:
        rows = [row for a, b in pairwise(widths) for row in (conv("", a, b), relu("", b))]
        return seq("features", *numbered(*rows))

    assert told([layers(3, 16, 32, 64)], [layers(3, 16, 16, 32, 64)]) == [
        "added features.2",
        "added features.3",
        "renamed features.2 to features.4",
        "renamed features.3 to features.5",
        "renamed features.4 to features.6",
        "renamed features.5 to features.7",
    ]


def test_a_removed_layer_is_one_row() -> None:
    before = seq("features", *numbered(conv("", 3, 8), relu("", 8), conv("", 8, 8), relu("", 8)))
    after = seq("features", *numbered(conv("", 3, 8), conv("", 8, 8), relu("", 8)))
    assert told([before], [after]) == [
        "removed features.1",
        "renamed features.2 to features.1",
        "renamed features.3 to features.2",
    ]


def test_a_renamed_attribute_is_one_row() -> None:
    body = numbered(block("", 3, 8), block("", 8, 16))
    head = Mod("fc", "Linear", params=90, macs=80)
    assert told([seq("features", *body), head], [seq("backbone", *body), replace(head, name="classifier")]) == [
        "renamed features to backbone",
        "renamed fc to classifier",
    ]


def test_a_renamed_block_that_was_changed_inside_is_still_the_same_block() -> None:
    before = seq("stage", *numbered(block("", 3, 8), block("", 8, 16)))
    after = seq("layer", *numbered(block("", 3, 8), block("", 8, 32)))
    assert told([before], [after]) == ["renamed stage to layer", "changed layer.1.conv"]


def test_another_type_under_the_same_name_is_a_change() -> None:
    assert told(STEM, [STEM[0], replace(STEM[1], type="GELU")]) == ["changed act"]
    sequence = numbered(conv("", 3, 8), relu("", 8), conv("", 8, 8))
    other = (sequence[0], replace(sequence[1], type="GELU"), sequence[2])
    assert told([seq("f", *sequence)], [seq("f", *other)]) == ["changed f.1"]


def test_a_wider_layer_is_a_change_and_no_removal() -> None:
    before = seq("f", *numbered(conv("", 3, 8), relu("", 8), conv("", 8, 8)))
    after = seq("f", *numbered(conv("", 3, 16), relu("", 16), conv("", 16, 8)))
    assert told([before], [after]) == ["changed f.0", "changed f.2"]


def test_widths_changed_and_a_layer_inserted_at_once_end_in_the_same_head() -> None:
    before = seq("f", *numbered(conv("", 3, 8), relu("", 8), conv("", 8, 10)))
    after = seq("f", *numbered(conv("", 3, 16), relu("", 16), conv("", 16, 16), relu("", 16), conv("", 16, 10)))
    assert "renamed f.2 to f.4" in told([before], [after])


def test_a_layer_that_goes_into_another_block_moved() -> None:
    assert told([conv("conv1", 3, 8), relu("act", 8)], [seq("stem", conv("0", 3, 8)), relu("act", 8)]) == [
        "added stem",  # the container alone
    ]
    diff = compare(report(conv("conv1", 3, 8), relu("act", 8)), report(seq("stem", conv("0", 3, 8)), relu("act", 8)))
    moved = [row for row in diff.rows if row.status == "moved"]
    assert [(row.before.path, row.after.path) for row in moved if row.before and row.after] == [("conv1", "stem.0")]
    assert not any(change.differs for row in diff.rows for change in row.own.values() if row.status != "added")


def test_blocks_that_all_moved_are_matched_in_their_order() -> None:
    blocks = numbered(*[block("", 8, 8)] * 4)
    diff = compare(report(seq("blocks", *blocks)), report(seq("encoder", seq("layers", *blocks), conv("c", 3, 3))))
    assert not any(row.status == "removed" for row in diff.rows if row.layer.type in ("Block", "Conv2d", "ReLU"))


def test_siblings_that_run_in_another_order_keep_their_names() -> None:
    a, b, c = conv("a", 3, 8), conv("b", 8, 16), conv("c", 16, 3)
    assert told([a, b, c], [b, c, a]) == ["moved a to a"]


def test_a_model_that_was_wrapped_is_found_in_its_wrapper() -> None:
    inner = seq("model", *STEM, type="Net")
    assert told(STEM, [inner, conv("head", 8, 8)], ("Net", "Wrapper")) == ["added (model)"]
    diff = compare(report(*STEM), report(inner, conv("head", 8, 8), name="Wrapper"))
    assert [row.layer.path for row in diff.rows if row.status == "added"] == ["", "head"]
    assert [row.layer.path for row in diff.rows if row.status == "moved"] == ["model"]


def test_a_model_that_was_taken_out_of_its_wrapper_is_the_same_one() -> None:
    diff = compare(report(seq("model", *STEM, type="Net"), name="Wrapper"), report(*STEM))
    assert [row.status for row in diff.rows if row.layer.type in ("Conv2d", "ReLU")] == ["unchanged"] * 2


def test_models_of_two_classes_are_compared_all_the_same() -> None:
    assert told(STEM, STEM, ("Net", "NetV2")) == ["changed (model)"]


def test_a_block_of_another_make_takes_the_place_and_its_parts_did_not_move() -> None:
    ours = seq("neck", conv("a", 3, 8), conv("b", 8, 8), type="Old")
    theirs = seq("neck", conv("x", 3, 3), conv("y", 3, 8), type="New")
    assert told([ours], [theirs])[0] == "changed neck"
    diff = compare(report(ours), report(theirs))
    assert not any(row.status == "moved" for row in diff.rows)


def test_operators_are_matched_by_their_kind_and_order() -> None:
    pool, add = Mod("", "max_pool2d", op=True), Mod("", "add", op=True)
    assert told([pool, *STEM], [pool, *STEM, add]) == ["added (model)"]


def test_runs_of_one_module_are_matched_run_by_run() -> None:
    first, second = relu("act", 8), replace(relu("act", 8), call=2)
    diff = compare(report(first, STEM[0], second), report(first, STEM[0]))
    gone = [row.before for row in diff.rows if row.status == "removed"]
    assert [layer.call for layer in gone if layer] == [2]
