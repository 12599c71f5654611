"""What a PyTorch network is, layer by layer: the library's front door.

``inspect(model, inputs=(x,))`` gives the same report as the command line. Importing the package imports no torch.
"""

from __future__ import annotations

from typing import Any

from convinspect.version import __version__

__all__ = ["Report", "__version__", "inspect"]


def __dir__() -> list[str]:
    """Name what there is, for completion."""
    return __all__


def __getattr__(name: str) -> Any:
    """Bring the library in when it is first asked for: ``--help`` must not wait for torch."""
    if name == "inspect":
        from convinspect.pipeline import inspect  # noqa: PLC0415

        return inspect
    if name == "Report":
        from convinspect.report import Report  # noqa: PLC0415

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
