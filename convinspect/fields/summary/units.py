"""What every unit of one tensor sees: the boxes of `describe_unit`, all at once, axis by axis."""

from __future__ import annotations

import math

import numpy as np

from convinspect.fields.hulls.arrays import EMPTY_FROM, Array, compact, reduce
from convinspect.fields.hulls.hull import Map
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.dimensions import has_units
from convinspect.fields.operations.field import Field
from convinspect.fields.summary.describe import Followed
from convinspect.fields.summary.unit import is_shared
from convinspect.records import AxisUnits, Interval, Units

# Of more units than that one by one is asked for: a report would hold little else. Intervals that differ along
# several axes of a tensor (windows that were cut out of an image) are as many as their product.
_LARGEST = 1 << 16
_LARGEST_PRODUCT = 1 << 10


def describe_units(field: Field, followed: Followed) -> Units | None:
    """Report all units of a field along every axis that is followed.

    ``None`` where the tensor has no units, there are too many, or nobody has written them out: a matrix of attention
    scores, which are of pairs of positions; and where the field is unknown.
    """
    dims = [dim for dim, kind in enumerate(field.spatial) if has_units(kind)]
    if not dims or field.parts or field.uncertainty.unknown:
        return None
    along = [_along(axis, field, dims) for axis in field.axes]
    known = tuple(one for one in along if one is not None)
    if len(known) < len(along):
        return None
    return Units(followed.name, followed.axes, tuple(dims), tuple(field.shape[dim] for dim in dims), known)


def _along(axis: AxisField, field: Field, dims: list[int]) -> AxisUnits | None:
    hulls = {"box": axis.strict}
    if axis.local is not axis.strict:
        hulls["local"] = axis.local
    if isinstance(axis.nominal, Map) and field.shape[axis.nominal.dim] <= _LARGEST:
        hulls["nominal"] = axis.nominal.written_out(field.shape[axis.nominal.dim])
    features = [dim for dim in range(field.rank) if dim not in dims]
    arrays = {name: compact(reduce(hull.array, features)) for name, hull in hulls.items()}
    varying = [dim for dim in dims if any(array.shape[dim + 1] > 1 for array in arrays.values())]
    sizes = [field.shape[dim] for dim in varying]
    if math.prod(sizes) > (_LARGEST if len(sizes) == 1 else _LARGEST_PRODUCT):
        return None
    found = {name: _intervals(array, varying, sizes) for name, array in arrays.items()}
    box, local, nominal = found["box"], found.get("local"), found.get("nominal")
    if nominal is not None and is_shared(field):
        # What sees nothing among the patches of an image is no patch.
        nominal = tuple(span if seen else None for span, seen in zip(nominal, local or box, strict=True))
    return AxisUnits(tuple(map(dims.index, varying)), box, local, nominal)


def _intervals(array: Array, varying: list[int], sizes: list[int]) -> tuple[Interval | None, ...]:
    shape = [2] + [1] * (array.ndim - 1)
    for dim, size in zip(varying, sizes, strict=True):
        shape[dim + 1] = size
    lo, minus_hi = np.broadcast_to(array, shape).reshape(2, -1).tolist()
    return tuple((a, -b) if a < EMPTY_FROM else None for a, b in zip(lo, minus_hi, strict=True))
