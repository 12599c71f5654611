"""A model that no machine here could hold: its memory is known in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.memory.decoder import TOKENS, Config

pytest.importorskip("resource", reason="only Unix tells a process its own peak")

BFLOAT16 = 2
GIB = 2**30


@pytest.fixture(scope="module")
def found() -> Any:
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-m", "tests.memory.decoder"], cwd=root, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


def test_it_costs_less_than_half_a_minute_and_two_gibibytes(found: Any) -> None:
    assert found["seconds"] < 30
    assert found["own_bytes"] < 2 * GIB


def test_the_weights_are_the_configs(found: Any) -> None:
    assert Config().parameters == 68_976_648_192
    assert found["weight_bytes"] == Config().parameters * BFLOAT16


def test_the_inference_peak_is_in_the_gated_perceptron(found: Any) -> None:
    config, peak = Config(), found["inference_peak"]
    # What the perceptron has at once: its input and the sum, gate, silu(gate), up and their product; the norm's
    # result lives as the argument of the last two layers.
    wide, narrow = TOKENS * config.hidden * BFLOAT16, TOKENS * config.width * BFLOAT16
    activations = peak["by_kind"]["activations"]
    assert peak["op"] == "aten.mul.Tensor"
    assert 3 * wide < activations < 4 * wide + 4 * narrow


def test_a_step_with_adamw_holds_weights_gradients_and_two_states(found: Any) -> None:
    step = found["training"]
    assert step["gradient_bytes"] == found["weight_bytes"]
    parameter_tensors = 80 * 9 + 3
    assert step["optimizer_bytes"] == 2 * found["weight_bytes"] + 4 * parameter_tensors
    assert step["peak"]["bytes"] == sum(step["peak"]["by_kind"].values())
    # At 4096 tokens the saved activations exceed the gradients, so the backward pass begins at its peak.
    assert step["saved_bytes"] > step["gradient_bytes"]
    assert step["peak"]["phase"] == "backward"
    assert step["peak"]["by_kind"]["saved"] <= step["saved_bytes"]
