"""What a PyTorch network is, layer by layer: the library's front door.

``inspect(model, inputs=(x,))`` gives the same report as the command line. `mac_rule`, `no_macs` and `rf_rule`
say what an operator of your own costs and what it sees. Importing the package imports no torch.
"""

from __future__ import annotations

from importlib import import_module  # noqa: TID251 - the front door: nothing in the package imports it
from typing import Any

from convinspect.showing import Shown
from convinspect.version import __version__

_HOMES = {
    "Report": "convinspect.report",
    "inspect": "convinspect.pipeline",
    "mac_rule": "convinspect.ops",
    "no_macs": "convinspect.ops",
    "rf_rule": "convinspect.fields",
}
Shown.drawn_by = lambda: import_module("convinspect.render.showing")
__all__ = ["Report", "__version__", "inspect", "mac_rule", "no_macs", "rf_rule"]


def __dir__() -> list[str]:
    """Name what there is, for completion."""
    return __all__


def __getattr__(name: str) -> Any:
    """Bring the library in when it is first asked for: ``--help`` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
