"""Limits held against saved reports: who passes, who is over, and what cannot be decided."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convinspect.check.judging import judge
from convinspect.check.limits import growth
from convinspect.check.results import Baseline, worst
from convinspect.errors import Complaint
from tests.check.saved import check_of, grown, noting, saved, verdict, with_params

LENET, PARTS, BRANCHES, UNCOUNTED, WEIGHTS = map(saved, ("lenet", "parts", "branches", "uncounted", "weights"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("params", 21_840),  # 10*(25+1) + 20*(250+1) + 50*321 + 10*51
        ("trainable-params", 21_840),
        ("buffers", 0),
        ("macs", 480_500),  # 10*24*24*25 + 20*8*8*250 + 320*50 + 50*10
        ("flops", 961_000),
        ("weights", 4 * 21_840),
        ("inference-peak", 130_816),
        ("training-peak", 480_732),
    ],
)
def test_a_maximum_holds_up_to_the_value_itself_and_no_further(name: str, value: int) -> None:
    at, below = verdict(LENET, f"max-{name}", value), value and verdict(LENET, f"max-{name}", value - 1)
    assert (at.status, at.exit_code) == ("PASS", 0)
    if below:
        assert (below.status, below.exit_code) == ("FAIL", 1)
    least = verdict(LENET, f"min-{name}", value), verdict(LENET, f"min-{name}", value + 1)
    assert [one.status for one in least] == ["PASS", "FAIL"]


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_maximum_and_a_minimum_split_the_numbers_at_the_limit(params: int, limit: int) -> None:
    report = with_params(LENET, params)
    assert (verdict(report, "max-params", limit).status == "PASS") == (params <= limit)
    assert (verdict(report, "min-params", limit).status == "PASS") == (params >= limit)


def test_a_bare_metric_is_its_maximum() -> None:
    assert verdict(LENET, "params", "20K").status == "FAIL"


@given(st.integers(1, 2**50), st.integers(-3, 3))
def test_a_breach_never_reads_as_its_limit(limit: int, off: int) -> None:
    one = verdict(with_params(LENET, max(limit + off, 0)), "max-params", limit)
    value, allowed = one.value, one.limit.removeprefix("max ")
    assert (value == allowed) == (max(limit + off, 0) == limit)


def test_one_mac_over_is_told_in_full() -> None:
    report = replace(LENET, layers=(replace(LENET.layers[0], macs=5_000_001 - 480_500), *LENET.layers[1:]))
    one = verdict(report, "max-macs", "5M")
    assert (one.status, one.value, one.limit, one.margin) == ("FAIL", "5,000,001", "max 5,000,000", "1 over (<0.1%)")
    assert verdict(report, "max-macs", "9M").value == "5.000M"


def test_a_byte_over_is_told_in_full() -> None:
    one = verdict(LENET, "max-weights", 87_359)
    assert (one.value, one.limit, one.margin) == ("87,360 B", "max 87,359 B", "1 B over (<0.1%)")


def test_a_limit_of_a_fraction_of_a_byte_holds_what_fits_in_it() -> None:
    assert verdict(LENET, "max-weights", "85.3125KiB").status == "PASS"  # 87,360
    assert verdict(LENET, "max-weights", "85.312KiB").status == "FAIL"  # 87,359.488
    assert verdict(LENET, "min-weights", "85.312KiB").status == "PASS"
    assert verdict(LENET, "min-weights", "85.3126KiB").status == "FAIL"  # 87,360.1


def test_a_breach_names_the_rows_that_weigh_most() -> None:
    one = verdict(LENET, "max-params", 1)
    assert [(row.name, row.amount) for row in one.heaviest] == [
        ("fc1 (Linear)", "16,050 (73.5%)"),
        ("conv2 (Conv2d)", "5,020 (23.0%)"),
        ("fc2 (Linear)", "510 (2.3%)"),
    ]
    assert verdict(LENET, "max-inference-peak", 1).heaviest[0].name == "weights"
    assert verdict(LENET, "max-params", "1M").heaviest == ()


def test_what_is_too_small_has_no_rows_that_weigh_too_much() -> None:
    one = verdict(LENET, "min-params", "1M")
    assert (one.status, one.heaviest) == ("FAIL", ())


class TestParts:
    def test_the_modules_of_a_pattern_are_added_up(self) -> None:
        # conv 3*8*9+8, norm 2*8, conv 8*16*9+16
        assert verdict(PARTS, "max-params", 224 + 16 + 1168, "backbone.*").status == "PASS"
        assert verdict(PARTS, "max-params", 224 + 16 + 1168 - 1, "backbone.*").status == "FAIL"

    def test_a_match_inside_a_match_counts_once(self) -> None:
        assert verdict(PARTS, "max-params", 1408, "backbone*").value == "1,408"

    def test_a_module_is_all_that_is_in_it(self) -> None:
        assert verdict(PARTS, "max-macs", 10**9, "gate").value == "256"
        assert verdict(PARTS, "max-weights", 10**9, "backbone.1").value == f"{16 * 4 + 16 * 4 + 8} B"

    def test_a_star_stands_for_dots_too(self) -> None:
        assert verdict(PARTS, "max-params", 10**9, "*c").value == "272"

    def test_a_pattern_that_matches_nothing_cannot_be_checked(self) -> None:
        one = verdict(PARTS, "max-params", 10**9, "backbon.*")
        assert (one.status, one.exit_code) == ("ERROR", 2)
        assert one.reason == "no module matches 'backbon.*'"
        assert one.hint is not None
        assert "backbone.0" in one.hint

    def test_the_rows_of_a_breach_are_the_parts_own(self) -> None:
        assert {row.name for row in verdict(PARTS, "max-params", 1, "backbone.*").heaviest} == {
            "backbone.0 (Conv2d)",
            "backbone.1 (BatchNorm2d)",
            "backbone.3 (Conv2d)",
        }


class TestBounds:
    def test_a_lower_bound_below_its_limit_decides_nothing(self) -> None:
        one = verdict(UNCOUNTED, "max-macs", "1K")
        assert (one.status, one.exit_code, one.value) == ("ERROR", 2, ">= 512")
        assert one.reason == "not counted: aten.linalg_inv_ex.default"
        assert "accept-bounds" in (one.hint or "")

    def test_a_lower_bound_above_its_limit_is_a_breach(self) -> None:
        one = verdict(UNCOUNTED, "max-macs", 511)
        assert (one.status, one.exit_code, one.margin) == ("FAIL", 1, "1 over (0.2%)")

    def test_a_lower_bound_above_a_minimum_passes(self) -> None:
        assert verdict(UNCOUNTED, "min-macs", 512).status == "PASS"
        assert verdict(UNCOUNTED, "min-macs", 513).status == "ERROR"

    def test_an_accepted_bound_is_the_value_and_says_so(self) -> None:
        one = verdict(UNCOUNTED, "max-macs", "1K", accept_bounds=True)
        assert (one.status, one.exit_code) == ("PASS", 0)
        assert "taken as the value" in (one.reason or "")

    def test_flops_are_as_sure_as_macs(self) -> None:
        assert verdict(UNCOUNTED, "max-flops", "1M").value == ">= 1,024"

    def test_what_is_unknown_is_no_pass(self) -> None:
        one = verdict(WEIGHTS, "max-macs", "1G")
        assert (one.status, one.exit_code, one.value) == ("ERROR", 2, "not known")
        assert one.reason == "a file of weights has no forward"

    @pytest.mark.parametrize("name", ["max-macs", "max-inference-peak", "max-training-peak", "min-receptive-field"])
    def test_what_is_unknown_is_skipped_where_bounds_are_accepted(self, name: str) -> None:
        one = verdict(WEIGHTS, name, 10**6, accept_bounds=True)
        assert (one.status, one.exit_code) == ("SKIP", 0)
        assert one.reason == "a file of weights has no forward"

    def test_a_file_of_weights_bounds_what_is_trained_from_above(self) -> None:
        assert verdict(WEIGHTS, "max-trainable-params", 16).status == "PASS"
        assert verdict(WEIGHTS, "max-trainable-params", 15).status == "ERROR"

    def test_parameters_of_a_module_that_is_not_registered_may_be_more(self) -> None:
        report = noting(LENET, "unregistered", "hidden runs but is not registered", "conv1")
        assert verdict(report, "max-params", "1M").status == "ERROR"
        assert verdict(report, "max-params", 21_839).status == "FAIL"
        assert verdict(report, "max-params", "1M", "fc1").status == "PASS"
        assert verdict(report, "max-params", "1M", "conv1").status == "ERROR"

    def test_a_training_step_that_was_not_estimated_is_not_known(self) -> None:
        memory = replace(LENET.totals.memory, training=None)
        report = replace(LENET, totals=replace(LENET.totals, memory=memory))
        assert verdict(report, "max-training-peak", "1GiB").reason == "no training step was estimated"
        said = noting(report, "training_unknown", "in training mode the model raised")
        assert verdict(said, "max-training-peak", "1GiB").reason == "in training mode the model raised"


class TestFields:
    def test_the_axis_that_sees_least_is_held_against_a_minimum(self) -> None:
        # 3x3 beside 7x5: the smallest unit sees 3
        assert [verdict(BRANCHES, "min-receptive-field", n).status for n in (3, 4)] == ["PASS", "FAIL"]

    def test_the_axis_that_sees_most_is_held_against_a_maximum(self) -> None:
        assert [verdict(BRANCHES, "max-receptive-field", n).status for n in (7, 6)] == ["PASS", "FAIL"]

    def test_an_output_without_axes_sees_what_its_centre_sees(self) -> None:
        assert [verdict(LENET, "min-receptive-field", n).status for n in (28, 29)] == ["PASS", "FAIL"]

    def test_a_global_field_is_larger_than_any_minimum_and_says_why(self) -> None:
        one = verdict(PARTS, "min-receptive-field", 10**6)
        assert (one.status, one.value) == ("PASS", "the whole input")
        assert one.reason == "global through gate (aten.mean.dim)"
        assert verdict(PARTS, "max-receptive-field", 10**6).status == "FAIL"

    def test_the_local_field_sets_global_operators_aside(self) -> None:
        assert [verdict(PARTS, "min-local-receptive-field", n).status for n in (5, 6)] == ["PASS", "FAIL"]

    def test_a_part_has_the_field_of_its_output(self) -> None:
        assert verdict(PARTS, "min-receptive-field", 5, "backbone").value == "5"
        assert verdict(PARTS, "min-receptive-field", 3, "backbone.*").value == "3"

    @pytest.mark.parametrize("status", ["unknown", "data_dependent"])
    def test_a_field_that_is_not_known_decides_nothing(self, status: str) -> None:
        root = BRANCHES.layers[0]
        assert root.receptive_field is not None
        vague = replace(root.receptive_field, status=status)  # type: ignore[arg-type]
        report = replace(BRANCHES, layers=(replace(root, receptive_field=vague), *BRANCHES.layers[1:]))
        assert verdict(report, "min-receptive-field", 1).status == "ERROR"
        assert verdict(report, "min-local-receptive-field", 3).status == "PASS"
        assert verdict(report, "max-local-receptive-field", 100).status == "ERROR"

    def test_an_upper_bound_decides_a_maximum_and_a_minimum_above_it(self) -> None:
        root = BRANCHES.layers[0]
        assert root.receptive_field is not None
        bounded = replace(root.receptive_field, status="upper_bound")
        report = replace(BRANCHES, layers=(replace(root, receptive_field=bounded), *BRANCHES.layers[1:]))
        assert verdict(report, "max-receptive-field", 7).status == "PASS"
        assert verdict(report, "min-receptive-field", 8).status == "FAIL"
        assert verdict(report, "min-receptive-field", 2).status == "ERROR"

    def test_of_matches_inside_matches_the_outermost_gives_the_field(self) -> None:
        assert verdict(PARTS, "min-receptive-field", 5, "backbone*").status == "PASS"  # backbone.0 alone sees 3


class TestGrowth:
    def test_growth_is_a_share_of_the_baseline(self) -> None:
        before = with_params(LENET, 20_000)
        assert grown(LENET, before, "params", "9.2%").status == "PASS"  # 21,840
        one = grown(LENET, before, "params", "9.199%")
        assert (one.status, one.limit, one.margin) == ("FAIL", "max 21,839 (+9.199%)", "1 over (+9.2%)")

    def test_growth_is_an_amount(self) -> None:
        before = with_params(LENET, 20_840)
        assert [grown(LENET, before, "params", amount).status for amount in ("1K", "0.999K")] == ["PASS", "FAIL"]

    @given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 300))
    def test_growth_is_exact_however_large_the_numbers(self, then: int, now: int, percent: int) -> None:
        one = grown(with_params(LENET, now), with_params(LENET, then), "params", f"{percent}%")
        assert (one.status == "PASS") == (100 * now <= (100 + percent) * then)

    def test_less_is_never_too_much(self) -> None:
        one = grown(with_params(LENET, 20_000), LENET, "params", "0%")
        assert (one.status, one.margin) == ("PASS", "1,840 left (-8.4%)")

    def test_the_rows_that_changed_are_named(self) -> None:
        one = grown(LENET, PARTS, "params", "0%")
        assert ("new fc1 (Linear)", "+16,050") in [(row.name, row.amount) for row in one.changed]

    def test_a_part_grows_against_the_same_part(self) -> None:
        assert grown(PARTS, PARTS, "params", "0%", "backbone.*").numbers.baseline == 1408  # type: ignore[union-attr]
        one = grown(PARTS, LENET, "params", "0%", "backbone.*")
        assert (one.status, one.reason) == ("ERROR", "in the baseline: no module matches 'backbone.*'")

    def test_numbers_of_another_input_cannot_be_compared_and_parameters_can(self) -> None:
        assert grown(LENET, PARTS, "macs", "5%").status == "ERROR"
        assert grown(LENET, PARTS, "params", "5%").status == "FAIL"
        reason = grown(LENET, PARTS, "macs", "5%").reason
        assert reason == ("the baseline is of another run: inputs 1x1x28x28 float32, in the baseline 1x3x32x32 float32")

    @pytest.mark.parametrize(
        ("metric", "of", "changed"),
        [
            ("weights", "run", {"dtype": "float16"}),
            ("inference-peak", "run", {"dtype": "float16"}),
            ("inference-peak", "run", {"device": "cuda:0"}),
            ("training-peak", "model", {"mode": "train"}),
            ("receptive-field", "model", {"mode": "train"}),
        ],
    )
    def test_what_a_number_depends_on_must_be_the_same(self, metric: str, of: str, changed: dict[str, str]) -> None:
        other = replace(LENET, **{of: replace(getattr(LENET, of), **changed)})
        assert grown(LENET, other, metric, "5%" if metric != "receptive-field" else "1").status == "ERROR"
        assert grown(LENET, other, "params", "5%").status == "PASS"

    def test_another_optimizer_is_another_training_peak(self) -> None:
        training = LENET.totals.memory.training
        assert training is not None
        memory = replace(LENET.totals.memory, training=replace(training, optimizer="sgd"))
        other = replace(LENET, totals=replace(LENET.totals, memory=memory))
        assert grown(LENET, other, "training-peak", "5%").status == "ERROR"
        assert grown(LENET, other, "inference-peak", "5%").status == "PASS"

    def test_a_forward_on_meta_is_compared_with_one_on_the_cpu(self) -> None:
        other = replace(LENET, run=replace(LENET.run, device="cpu"))
        assert grown(LENET, other, "inference-peak", "0%").status == "PASS"

    def test_growth_over_a_bound_is_not_decided(self) -> None:
        assert grown(UNCOUNTED, UNCOUNTED, "macs", "5%").status == "ERROR"
        assert grown(UNCOUNTED, UNCOUNTED, "macs", "5%", accept_bounds=True).status == "PASS"
        assert grown(WEIGHTS, WEIGHTS, "macs", "5%", accept_bounds=True).status == "SKIP"

    def test_growth_from_nothing_is_a_breach(self) -> None:
        one = grown(LENET, with_params(LENET, 0), "params", "200%")
        assert (one.status, one.margin) == ("FAIL", "21,840 over (there was none)")

    def test_growth_without_a_baseline_is_no_pass(self) -> None:
        one = grown(LENET, None, "params", "5%")
        assert (one.status, one.exit_code) == ("ERROR", 2)
        assert "--baseline" in (one.hint or "")

    @pytest.mark.parametrize("code", [2, 3, 70])
    def test_a_baseline_that_failed_has_its_own_exit_code(self, code: int) -> None:
        one = grown(LENET, Baseline("git:main", problem=Complaint("it raised", None, code)), "params", "5%")
        assert (one.status, one.exit_code, one.reason) == ("ERROR", code, "baseline git:main: it raised")

    def test_a_model_that_is_new_has_nothing_to_grow_from(self) -> None:
        one = grown(LENET, Baseline("git:main", absent="net.py is not in main"), "params", "5%")
        assert (one.status, one.exit_code, one.reason) == ("SKIP", 0, "net.py is not in main")

    def test_a_baseline_that_was_just_written_is_not_held_against_itself(self) -> None:
        assert grown(LENET, Baseline("old.json", LENET, written=True), "params", "5%").status == "SKIP"


def test_small_steps_are_added_up_from_the_cumulative_baseline() -> None:
    check = check_of(growth("growth", "params", "5%", "a"), growth("cumulative", "params", "10%", "b"))
    last, first = (Baseline(name, with_params(LENET, params)) for name, params in (("b", 21_000), ("a", 19_000)))
    assert [one.status for one in judge(check, LENET, last, first)] == ["PASS", "FAIL"]
    assert [one.name for one in judge(check, LENET, last, first)] == ["params growth", "params cumulative growth"]


def test_the_worst_exit_code_wins() -> None:
    assert worst([0, 1, 0]) == 1
    assert worst([1, 2]) == 2
    assert worst([2, 3, 1]) == 3
    assert worst([3, 70, 2]) == 70
    assert worst([]) == 0
