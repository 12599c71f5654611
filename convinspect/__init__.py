"""What a PyTorch network is, layer by layer: the library's front door."""

from __future__ import annotations

__version__ = "0.1.0"
