"""Models of distributed training, in a world of one process: as the file builds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from tests.trace.running import report_of

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def _world() -> Iterator[None]:
    if not dist.is_available():
        pytest.skip("torch was built without distributed training")
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def _plain() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def _sharded() -> Any:
    from torch.distributed.device_mesh import init_device_mesh  # noqa: PLC0415
    from torch.distributed.fsdp import fully_shard  # noqa: PLC0415

    return fully_shard(_plain(), mesh=init_device_mesh("cpu", (1,)))


def _tensor_parallel() -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh  # noqa: PLC0415
    from torch.distributed.tensor.parallel import (  # noqa: PLC0415
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    plan = {"0": ColwiseParallel(), "2": RowwiseParallel()}
    return parallelize_module(_plain(), init_device_mesh("cpu", (1,)), plan)


@pytest.mark.parametrize("device", [None, "meta"])
@pytest.mark.parametrize(
    "build",
    [lambda: nn.parallel.DistributedDataParallel(_plain()), _sharded, _tensor_parallel],
    ids=["ddp", "fsdp", "tp"],
)
def test_a_model_in_a_world_of_one_is_the_model(build: Callable[[], nn.Module], device: str | None) -> None:
    report = report_of(build(), torch.rand(1, 8), device=device)
    assert report.failure is None
    totals = report.totals
    assert (totals.params, totals.weight_bytes, totals.macs, totals.macs_status) == (212, 848, 192, "exact")
