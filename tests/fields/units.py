"""The truth about units: every one of every row of a report, by what NaN in the input makes of it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from torch import Tensor, nn

from convinspect import Report, inspect
from convinspect.records import AxisUnits, Units

from .oracle import EMPTY, Hull
from .rows import truth


def check_units(net: nn.Module, x: Tensor, axes: tuple[int, ...]) -> Report:
    """Assert that every unit of every row sees what NaN propagation says, along ``axes``, its channels together."""
    net = net.double().eval()
    report = inspect(net, (x,), optimizer=None, sections=("units",))
    assert report.failure is None
    assert report.units is not None
    real = truth(net, x, axes)
    runs: dict[tuple[str, str], int] = defaultdict(int)
    checked = 0
    for row, place in zip(report.layers, report.units.layers, strict=True):
        if row.kind == "module":
            outputs = real[row.path, None, row.call]
        else:
            runs[row.path, row.type] += 1
            outputs = real[row.path, row.type, runs[row.path, row.type]]
        units = None if place is None else report.units.distinct[place]
        pairs = zip(row.outputs, outputs, strict=False)
        found = next(((one, hulls) for one, hulls in pairs if one.receptive_field is not None), None)
        if units is None or found is None or not found[0].dtype.startswith("float"):
            continue
        output, hulls = found
        assert output.receptive_field is not None
        assert output.receptive_field.axes == axes, row
        exact = output.receptive_field.status in ("exact", "global")
        for along, hull in zip(units.along, hulls, strict=True):
            _check(units, along, hull, f"{row.path} {row.type}", exact=exact)
            checked += 1
    assert checked
    return report


def _check(units: Units, along: AxisUnits, hull: Hull, name: str, *, exact: bool) -> None:
    features = tuple(dim for dim in range(hull.lo.ndim) if dim not in units.dims)
    real = np.stack((hull.lo.min(axis=features), -hull.hi.max(axis=features)))
    spread = [size if number in along.axes else 1 for number, size in enumerate(units.sizes)]
    boxes = [(EMPTY, EMPTY) if box is None else (box[0], -box[1]) for box in along.box]
    mine = np.broadcast_to(np.array(boxes).T.reshape(2, *spread), real.shape)
    assert (mine == real).all() if exact else (mine <= real).all(), f"{name}: {mine}, truly {real}"
