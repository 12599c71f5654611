"""What every test runs under."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Small tensors gain nothing from threads, and workers must not fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is printed must not depend on who runs the tests.
for _name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CONVINSPECT_CACHE"):
    os.environ.pop(_name, None)
    os.unsetenv(_name)  # readline sets some where Python does not see them

# How long an example takes says how busy the machine is. A gate must answer the same twice, too; new examples are
# looked for everywhere else.
_SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("usual", **_SETTINGS)
settings.register_profile("gate", derandomize=True, **_SETTINGS)
settings.load_profile("gate" if os.environ.get("CI") else "usual")


@pytest.fixture
def plain_attention() -> Iterator[None]:
    """Run attention as ordinary operators, which can be counted and scripted."""
    import torch  # noqa: PLC0415 - after the settings above

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(before)
