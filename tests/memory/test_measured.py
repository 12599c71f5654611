"""The CUDA allocator beside the estimate; the rounding and the arithmetic without a device."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convinspect.trace.memory.measured import BLOCK_BYTES, compare, measuring
from convinspect.trace.memory.timeline import Timeline
from sample_models.resnet import resnet18
from tests.memory.nets import encoder
from tests.memory.runs import traced

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def test_every_storage_is_rounded_up_to_a_block() -> None:
    timeline = Timeline()
    first, second = torch.empty(1), torch.empty(129)
    timeline.hold(first, "activations")
    timeline.hold(second, "activations")
    timeline.tick()
    assert timeline.live == 4 + 516
    assert timeline.live_in_blocks(BLOCK_BYTES) == 512 + 1024
    del second
    assert timeline.live_in_blocks(BLOCK_BYTES) == 512
    assert timeline.peak_in_blocks(BLOCK_BYTES) == 512 + 1024


def test_the_rounded_peak_can_fall_elsewhere() -> None:
    timeline = Timeline()
    large = torch.empty(300)
    timeline.hold(large, "activations")
    timeline.tick()
    del large
    small = [torch.empty(1) for _ in range(5)]
    for tensor in small:
        timeline.hold(tensor, "activations")
    timeline.tick()
    assert timeline.peak == 1200
    assert timeline.peak_in_blocks(BLOCK_BYTES) == 5 * 512


def test_the_report_has_the_rounded_peak_on_every_device() -> None:
    found = traced(nn.Linear(1, 1), torch.rand(1, 1))
    assert found.memory is not None
    assert found.memory.inference_peak is not None
    # Weight, bias, input and result, four bytes each.
    assert found.memory.inference_peak_bytes == 16
    assert found.memory.inference_peak_blocks_bytes == 4 * 512


def test_the_difference_leaves_out_the_workspace() -> None:
    measured = compare(allocated=1_130, reserved=2_000, workspace=100, estimate=1_000)
    assert measured.difference_percent == 3.0
    assert measured.estimate_bytes == 1_000
    assert measured.allocated_bytes == 1_130


def test_nothing_is_measured_off_cuda() -> None:
    assert measuring(nn.Linear(1, 1), Timeline()) is None
    assert measuring(nn.Linear(1, 1, device="meta"), Timeline()) is None
    found = traced(nn.Linear(1, 1), torch.rand(1, 1))
    assert found.memory is not None
    assert found.memory.measured is None


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("batch", [1, 8])
def test_the_estimate_is_within_three_percent_of_the_allocator(batch: int) -> None:
    for model, x in ((resnet18(), torch.rand(batch, 3, 224, 224)), (encoder(), torch.rand(batch, 256, 64))):
        found = traced(model.cuda(), x.cuda())
        assert found.memory is not None
        measured = found.memory.measured
        assert measured is not None
        assert abs(measured.difference_percent) < 3
        assert measured.reserved_bytes >= measured.allocated_bytes
