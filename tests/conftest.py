"""What every test runs under."""

from __future__ import annotations

import os

# Small tensors gain nothing from threads, and workers must not fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
