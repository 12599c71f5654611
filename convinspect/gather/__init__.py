"""Reports of many models: each run where it can do no harm, and not run again while nothing has changed."""

from __future__ import annotations

from convinspect.gather.gathering import gather
from convinspect.gather.job import Job, Outcome

__all__ = ["Job", "Outcome", "gather"]
