"""Trace to report: pure arithmetic on facts, without torch."""

from __future__ import annotations

from convinspect.analyse.report import analyse

__all__ = ["analyse"]
