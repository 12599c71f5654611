"""The command line: the only room that knows click; importing it imports nothing heavy."""

from __future__ import annotations

from convinspect.cli.main import main

__all__ = ["main"]
