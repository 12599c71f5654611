"""Rules for torch's own operators, by family; importing this package registers them all."""

from __future__ import annotations

from importlib import import_module  # noqa: TID251 - of this room: the file of each family
from pkgutil import iter_modules

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)
