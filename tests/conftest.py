"""What every test runs under."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Small tensors gain nothing from threads, and workers must not fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is printed must not depend on who runs the tests.
for _name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CONVINSPECT_CACHE"):
    os.environ.pop(_name, None)
    os.unsetenv(_name)  # readline sets some where Python does not see them

# A gate must answer the same twice; new examples are looked for everywhere else.
settings.register_profile("gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
if os.environ.get("CI"):
    settings.load_profile("gate")
