"""The table that people read: golden texts, and what holds for every report and width."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convinspect.errors import UsageError
from convinspect.fold import at_depth
from convinspect.records import Failure, Note, Unit
from convinspect.render import Options, cells, render
from convinspect.render.columns import COLUMNS, Column, Sign
from convinspect.report import Report

from . import golden, nets

REPORTS = {
    "lenet": nets.lenet(),
    "odd": nets.odd(),
    "nested": nets.nested(),
    "unet": nets.unet(),
    "attention": nets.attention(),
    "weights": nets.weights_only(),
}


def table(report: Report, **options: object) -> str:
    return render(report, "table", Options(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", REPORTS)
def test_the_table_reads_as_its_golden_file(name: str, width: int) -> None:
    assert golden.holds(f"{name}-{width}", table(REPORTS[name], width=width))


def test_every_column_reads_as_its_golden_file() -> None:
    assert golden.holds("lenet-columns", table(nets.lenet(), width=80, columns=tuple(COLUMNS)))


@pytest.mark.parametrize("depth", [0, 1])
def test_a_cut_off_tree_reads_as_its_golden_file(depth: int) -> None:
    assert golden.holds(f"odd-depth-{depth}", table(at_depth(nets.odd(), depth), width=80))


@settings(deadline=None)
@given(name=st.sampled_from(sorted(REPORTS)), width=st.integers(40, 220))
def test_no_line_is_wider_than_asked(name: str, width: int) -> None:
    assert max(map(len, table(REPORTS[name], width=width).splitlines())) <= width


@settings(deadline=None)
@given(name=st.sampled_from(sorted(REPORTS)), width=st.integers(1, 59))
def test_no_number_is_cut_however_narrow(name: str, width: int) -> None:
    text = table(REPORTS[name], width=width, lines=None)
    for row in table(REPORTS[name], width=200, lines=None, columns=("params",)).split("\n\n")[1].splitlines()[2:]:
        assert row.split()[-1] in text


@pytest.mark.parametrize("name", REPORTS)
def test_without_colour_there_are_no_escape_codes_and_with_it_the_same_words(name: str) -> None:
    plain, coloured = (table(REPORTS[name], width=100, color=color) for color in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("name", REPORTS)
def test_ascii_is_ascii(name: str) -> None:
    assert table(REPORTS[name], width=80, ascii=True).isascii()


def test_control_codes_in_a_model_s_names_are_shown_and_not_obeyed() -> None:
    made = nets.report("Net", (nets.layer("", "\x1b[31mNet", 0, (1,)), nets.layer("größe\r", "Linear", 1, (1,))))
    made = replace(made, warnings=(Note("code", "beware of \x1b[2J", None),))
    for ascii_only in (False, True):
        text = table(made, width=80, ascii=ascii_only)
        assert "\x1b" not in text
        assert "\r" not in text
        assert r"\x1b[31mNet" in text
        assert r"\x1b[2J" in text
    assert "größe" in table(made, width=80)
    assert r"gr\xf6\xdfe" in table(made, width=80, ascii=True)


def test_names_that_take_two_cells_keep_the_columns_in_line() -> None:
    shape = (1, 8)
    made = nets.report("Net", (nets.layer("", "Net", 0, shape), nets.layer("層", "Linear", 1, shape)))
    root, row = table(made, width=80).split("\n\n")[1].splitlines()[2:]
    assert row.index("1x8") == root.index("1x8") - 1


def test_a_function_that_changes_neither_shape_nor_cost_is_hidden() -> None:
    text = table(nets.lenet(), width=80)
    assert not re.search(r"relu\(\)", text)
    assert text.count("max_pool2d()") == 2
    # 5,760 and 200 of the relus, 40 of log_softmax.
    assert re.search(r"└ hidden: 2 relu, log_softmax +· +· +5.86 KiB$", text, re.MULTILINE)


def test_a_function_of_unknown_cost_is_shown_though_its_shape_stays() -> None:
    same = (1, 8)
    unknown = nets.function("", "mystery", 1, same, same, macs=None)
    made = nets.report("Net", (nets.layer("", "Net", 0, same), unknown))
    # No operator counted, at least one not: a lower bound of nothing.
    nothing = replace(made.layers[1], macs=0, macs_total=0, macs_status="lower_bound")
    for row in (made.layers[1], nothing):
        text = table(replace(made, layers=(made.layers[0], row)), width=80)
        assert re.search(r"mystery\(\) +1x8 +1x8 +· +\?", text)


@pytest.mark.parametrize(("flattened", "shown"), [((1, 320), True), ((1, 4, 80), False)])
def test_a_view_is_shown_where_it_explains_the_next_module_s_input(
    flattened: tuple[int, ...],
    shown: bool,  # noqa: FBT001
) -> None:
    rows = (
        nets.layer("", "Net", 0, (1, 10)),
        nets.layer("pool", "MaxPool2d", 1, (1, 20, 4, 4)),
        nets.function("", "view", 1, flattened, (1, 20, 4, 4)),
        nets.function("", "relu", 1, flattened, flattened),
        nets.layer("unused", "Linear", 1, None, call=0),
        nets.layer("fc", "Linear", 1, (1, 10), taken=(1, 320)),
    )
    assert ("view()" in table(nets.report("Net", rows), width=80)) is shown


def test_names_are_relative_to_the_row_above() -> None:
    rows = (
        nets.layer("", "Net", 0, (1,)),
        nets.layer("blocks.0", "Block", 1, (1,)),
        nets.layer("blocks.0.conv", "Conv2d", 2, (1,)),
        nets.layer("elsewhere.norm", "BatchNorm2d", 2, (1,)),
    )
    text = table(nets.report("Net", rows), width=80)
    assert "└ blocks.0: Block" in text
    assert "├ conv: Conv2d" in text
    assert "└ elsewhere.norm: BatchNorm2d" in text


def test_macs_are_exact_below_a_million_and_si_from_there_however_narrow() -> None:
    for macs, said in ((999_999, "999,999"), (1_000_000, "1.00M")):
        made = nets.report("Net", (nets.layer("", "Net", 0, (1,), macs=macs),))
        assert said in table(made, width=80).split("\n\n")[1]


def test_parameters_that_a_module_with_layers_below_owns_itself_have_a_row() -> None:
    rows = (nets.layer("", "ViT", 0, (1,), params=768), nets.layer("head", "Linear", 1, (1,), params=10))
    lines = table(nets.report("ViT", rows), width=80).splitlines()
    assert any(re.match(r"├ \(own parameters\) +768  ", line) for line in lines)
    assert any(line.startswith("ViT") and "778" in line for line in lines)


def test_frozen_parameters_are_marked_and_explained() -> None:
    text = table(nets.odd(), width=80)
    assert "9,408*" in text
    assert "48,352*" in text
    assert "*  frozen, all or some of them" in text
    assert "frozen" not in table(nets.lenet(), width=80)


def test_a_count_of_more_outputs_is_explained() -> None:
    assert re.search(r"^\+n +n more", table(nets.odd(), width=80), re.MULTILINE)
    assert "n more" not in table(nets.lenet(), width=80)


def test_extents_that_differ_by_axis_are_explained() -> None:
    video = replace(nets.square(3, 1, 0), axes=(2, 3, 4), size=(3, 5, 5), size_min=(3, 5, 5), halo=((1, 1),) * 3)
    text = table(nets.report("Net", (nets.layer("", "Net", 0, (1, 8), field=video),)), width=80)
    assert "3x5x5" in text
    assert "axb" not in text
    said = table(nets.report("Net", (nets.layer("", "Net", 0, (1, 8), field=video),)), width=80, verbose=True)
    assert "axb  RF: one extent for each spatial axis" in said
    assert "Receptive fields are in positions of x" in said
    assert "axb" not in table(nets.odd(), width=80, verbose=True)


def stopped(path: str) -> Report:
    rows = (
        nets.layer("", "Net", 0, None),
        nets.layer("early", "Linear", 1, None, params=4, call=0),
        nets.layer("block", "Block", 1, (1,)),
        nets.layer("block.fc", "Linear", 2, (1,), params=10),
        nets.layer("block", "Block", 1, None, call=2),
        nets.layer("block.fc", "Linear", 2, None, call=2),
        nets.layer("late", "Linear", 1, None, params=4, call=0),
    )
    return replace(nets.report("Net", rows), failure=Failure(path, "Linear", "no"))


def test_the_row_that_failed_is_marked_and_nothing_is_said_to_never_run() -> None:
    text = table(stopped("block.fc"), width=80)
    assert text.count("(failed)") == text.count("fc: Linear (call 2) (failed)") == 1
    assert "late: Linear (not reached)" in text
    assert not re.search(r"early: Linear \(|never ran", text)


def test_a_failure_below_the_depth_that_is_shown_marks_what_encloses_it() -> None:
    assert "block: Block (call 2) (failed)" in table(at_depth(stopped("block.fc"), 1), width=80)
    assert re.search(r"^Net \(failed\)", table(stopped(""), width=80), re.MULTILINE)


def test_what_is_below_a_module_that_never_ran_never_ran_either() -> None:
    rows = (
        nets.layer("", "Net", 0, (1,)),
        nets.layer("spare", "Block", 1, None, call=0),
        nets.layer("spare.fc", "Linear", 2, None, call=0, params=1),
        nets.layer("out_proj", "Linear", 1, None, call=0, params=1),
    )
    text = table(nets.report("Net", rows, warnings=(Note("never_ran", "spare never ran", "spare"),)), width=80)
    assert "spare: Block (never ran)" in text
    assert "fc: Linear (never ran)" in text
    assert "out_proj: Linear (not called)" in text


def test_brackets_around_a_field_are_explained_only_where_they_occur() -> None:
    gated = nets.everything(("se", "aten.mean.dim"), 851)
    hidden = nets.function("", "relu", 1, (1, 8), (1, 8), field=gated)
    made = nets.report("Net", (nets.layer("", "Net", 0, (1, 8), field=nets.everything()), hidden))
    assert "in brackets" not in table(made, width=80)
    assert "through se (mean)" in table(made, width=80, verbose=True)
    shown = nets.report("Net", (nets.layer("", "Net", 0, (1, 8), field=gated),))
    assert "in brackets with that set aside" in table(shown, width=80)
    assert "Stride, Start: with what makes the RF global set aside" in table(shown, width=80, columns=("jump",))


def test_a_repeated_module_shows_in_brackets_what_its_first_call_counts() -> None:
    rows = (
        nets.layer("", "Net", 0, (1,)),
        nets.layer("block", "Block", 1, (1,)),
        nets.layer("block.fc", "Linear", 2, (1,), params=10),
        nets.function("block", "matmul", 2, (1,), (1,), macs=4),
        nets.layer("block", "Block", 1, (1,), call=2),
        nets.layer("block.fc", "Linear", 2, (1,), call=2),
        nets.function("block", "matmul", 2, (1,), (1,), macs=4, call=2),
    )
    text = table(nets.report("Net", rows), width=80, columns=("output", "params", "macs"))
    assert re.search(r"block: Block \(call 2\) +1 +\(10\)", text)
    assert re.search(r"fc: Linear \(call 2\) +1 +\(10\)", text)
    assert len(re.findall(r"matmul\(\) +1 +· +4", text)) == 2


def test_what_a_kernel_gives_beside_its_output_is_not_shown() -> None:
    pooled = nets.layer("", "max_pool2d", 1, ((1, 4), (1, 4)), taken=(1, 8), function=True)
    text = table(nets.report("Net", (nets.layer("", "Net", 0, (1,)), pooled)), width=80)
    assert text.count("1x4") == 1


def test_one_long_name_is_cut_and_leaves_the_others_their_numbers() -> None:
    name = "a_name_that_takes_much_more_room_than_the_others_do"
    rows = [nets.layer(str(i), "Linear", 1, (1, 512), params=262_656, macs=262_144) for i in range(20)]
    rows[7] = nets.layer(name, "Linear", 1, (1, 512), params=262_656, macs=262_144)
    text = table(nets.report("Net", (nets.layer("", "Net", 0, (1, 512)), *rows)), width=60)
    assert name not in text
    assert text.count("262,656") == 20


def test_warnings_that_differ_by_number_only_stand_as_one() -> None:
    notes = [Note("never_ran", f"layers.{i}.drop never ran", f"layers.{i}.drop") for i in range(12)]
    notes.append(Note("never_ran", "head never ran", "head"))
    text = table(replace(nets.lenet(), warnings=tuple(notes)), width=80)
    assert "head never ran" in text
    assert "layers.0.drop never ran (and 11 more like it)" in text
    assert "layers.1.drop" not in text


def test_a_column_that_has_nothing_to_say_is_left_out_with_the_reason() -> None:
    made = nets.report("Net", (nets.layer("", "Net", 0, (1, 8)),), inputs=(("x", (1, 4)),))
    text = table(made, width=80)
    assert "  RF" not in text.split("\n\n")[1]
    assert "RF (no input has spatial axes)" in text


def test_fields_that_are_not_known_for_any_layer_are_no_column() -> None:
    unknown = replace(nets.everything(), status="unknown")
    text = table(nets.report("Net", (nets.layer("", "Net", 0, (1, 8), field=unknown),)), width=80)
    assert "RF (not known for any layer)" in text
    assert "Tile halo" not in text


def test_the_account_of_memory_stands_where_its_columns_do() -> None:
    made = nets.with_peak(nets.lenet())
    for columns in ((), ("default", "jump"), ("saved",), ("all",)):
        assert "Peak memory" in table(made, columns=columns)
    for columns in (("output",), ("macs",), ("jump",)):
        assert "Peak memory" not in table(made, columns=columns)
    assert "Peak memory" not in table(made, only="conv1")


def test_definitions_come_where_they_are_asked_for() -> None:
    made = nets.with_peak(nets.lenet())
    assert "One MAC is" in table(made, verbose=True)
    assert "Tile halo: " in table(made, verbose=True)
    assert not re.search("One MAC is|Tile halo|RF: how", table(made))


def test_the_unit_that_was_asked_for_is_said_whatever_the_columns_are() -> None:
    unit = Unit("x", (2, 3), (0, 0), ((0, 4), (0, 4)), ((0, 4), (0, 4)), 25, 0, "conv1")
    made = replace(nets.lenet(), unit=unit)
    for columns in ((), ("output",), ("rf",)):
        assert table(made, columns=columns).count("conv1[0,0] sees x[.., 0..4, 0..4]: 25 cells") == 1


def test_a_total_of_at_least_nothing_is_not_known() -> None:
    made = nets.lenet()
    made = replace(made, totals=replace(made.totals, macs=0, flops=0, macs_status="lower_bound"))
    assert "MACs not known" in table(made, brief=True)


def test_columns_are_taken_by_name_in_their_order() -> None:
    heading = table(nets.lenet(), width=80, columns=("jump", "default", "jump")).split("\n\n")[1].splitlines()[0]
    assert heading.split() == ["Layer", "Stride", "Output", "Params", "MACs", "RF", "Activations"]


def test_a_column_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="no column flopps") as raised:
        table(nets.lenet(), columns=("flopps",))
    assert "macs" in (raised.value.hint or "")


def test_one_entry_gives_a_column_its_cells_its_turn_to_go_its_explanation_and_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = Column(
        "part",
        "Part",
        "weights",
        cells.each(lambda row, _: "all~" if row.guides == () else "~"),
        "of all parameters",
        default=True,
        drop=3,
        signs=(Sign.CENTRE,),
    )
    monkeypatch.setitem(COLUMNS, "part", part)
    wide = table(nets.lenet(), width=80, verbose=True)
    assert wide.split("\n\n")[1].splitlines()[0].endswith("Part")
    assert "all~" in wide
    assert "Part: of all parameters" in wide
    assert re.search(r"^~n  ", wide, re.MULTILINE)
    assert "Part" in table(nets.weights_only(), width=80)
    assert "MACs, RF, Activations, Part, the middle" in " ".join(table(nets.nested(), width=40).split())
    with pytest.raises(UsageError) as raised:
        table(nets.lenet(), columns=("flopps",))
    assert (raised.value.hint or "").endswith("saved, part")


def test_the_names_of_columns_are_known_without_rich() -> None:
    code = "import sys; from convinspect.render.columns import COLUMNS; sys.exit('rich' in sys.modules or not COLUMNS)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ten_thousand_layers_take_ten_times_as_long_as_a_thousand() -> None:
    short, long = nets.chain(1_000), nets.chain(10_000)
    table(short, width=80)
    begun = time.process_time()
    table(short, width=80)
    between = time.process_time()
    table(long, width=80)
    assert time.process_time() - between < 40 * (between - begun)


def test_columns_go_before_a_number_or_a_name_is_cut_and_it_is_said_which() -> None:
    for width in range(40, 120):
        text = table(REPORTS["unet"], width=width)
        assert "encoder: DoubleConv" in text
        gone = [name for name in ("Output", "MACs", "RF", "Activations") if name not in text.split("\n\n")[1]]
        assert bool(gone) == ("left out" in text)
        for name in gone:
            assert name in " ".join(text.split()).partition("left out: ")[2]
        wider = re.search(r"--width (\d+) shows all", " ".join(text.split()))
        assert wider is None or "left out" not in table(REPORTS["unet"], width=int(wider[1]))


def test_headings_stand_above_their_columns_however_short_the_names_are() -> None:
    heading, _, row = table(nets.report("N", (nets.layer("", "N", 0, (1, 5)),))).split("\n\n")[1].splitlines()
    assert heading.index("Output") == row.index("1x5")


@pytest.mark.parametrize(
    ("locals_", "said"), [((None, 1, 1), "all"), ((27, 35, 31), "all (27-35)"), ((27, 27, 27), "all (27)")]
)
def test_a_range_of_fields_has_ends_that_differ(locals_: tuple[int | None, ...], said: str) -> None:
    fields = [nets.everything(None if size is None else ("se", "aten.mean.dim"), size) for size in locals_]
    rows = [nets.layer(f"b.{i}", "ReLU", 1, (1, 8), field=field) for i, field in enumerate(fields)]
    report = nets.report("Net", (nets.layer("", "Net", 0, (1, 8)), *rows))
    (line,) = re.findall(r"b.*: ReLU x3 +(.*)", table(report, width=80, columns=("rf",), depth=1))
    assert line == said
