"""Results of checks written down: each format in a file of its own."""

from __future__ import annotations
