"""The one unit of one module whose input box was asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from convinspect.errors import InspectError, UsageError
from convinspect.fields.hulls.hull import Hull, Map
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.dimensions import has_units
from convinspect.fields.operations.field import Field
from convinspect.fields.summary.box import Place, cells, interval, one_unit
from convinspect.fields.summary.describe import Followed
from convinspect.records import Interval, Unit
from convinspect.spec import UnitSpec


class Asked:
    """A question that is answered when the module returns for the first time: later its output may be gone."""

    def __init__(self, spec: UnitSpec) -> None:
        self._spec = spec
        self._paths: dict[str, None] = {}
        self._answer: Unit | InspectError | None = None

    def returned(
        self, unit: Callable[[Tensor, Sequence[int]], Unit | None], path: str, tensors: Sequence[Tensor]
    ) -> None:
        """Answer with ``unit`` if the module at ``path`` is the one, for the first of ``tensors`` that has a field."""
        self._paths[path] = None
        if path != self._spec.path or self._answer is not None:
            return
        try:
            units = (unit(tensor, self._spec.index) for tensor in tensors)
            found = next((one for one in units if one is not None), None)
        except UsageError as error:
            self._answer = error.within(f"--unit {path}")
        else:
            nothing = UsageError(f"--unit {path}: its output depends on no input with spatial axes")
            self._answer = nothing if found is None else replace(found, path=path)

    def answer(self) -> Unit:
        """Return the unit; raises `UsageError` where the module did not run or has no such unit."""
        if isinstance(self._answer, Unit):
            return self._answer
        if self._answer is not None:
            raise self._answer
        near = difflib.get_close_matches(self._spec.path, self._paths, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else None
        raise UsageError(f"--unit {self._spec.path}: no module of this path ran", hint)


def describe_unit(field: Field, followed: Followed, index: tuple[int, ...]) -> Unit:
    """Report one unit of a field; ``index`` runs over the tensor's spatial axes."""
    dims = [dim for dim, kind in enumerate(field.spatial) if has_units(kind)]
    sizes = [field.shape[dim] for dim in dims]
    if not dims:
        raise UsageError("its output has no spatial axes")
    if len(index) != len(dims) or not all(0 <= i < n for i, n in zip(index, sizes, strict=False)):
        units = ", ".join(f"0..{n - 1}" for n in sizes)
        raise UsageError(f"no unit {','.join(map(str, index))}: its output has the units {units}")
    place = dict(zip(dims, index, strict=True))
    field = one_unit(field, place)
    box = tuple(interval(axis.strict, place) for axis in field.axes)
    unknown = field.uncertainty.unknown
    # What sees nothing among the patches of an image is no patch: it is a class token.
    absent = unknown or (None in box and is_shared(field))
    nominal = tuple(None if axis.global_op or absent else _unclipped(axis, place) for axis in field.axes)
    known = None if None in nominal else cells(nominal)
    return Unit(followed.name, followed.axes, index, box, nominal, known, None if known is None else known - cells(box))


def is_shared(field: Field) -> bool:
    """Tell whether several axes of the input run along one dimension of the tensor: a flattened image."""
    dims = [axis.nominal.dim for axis in field.axes if isinstance(axis.nominal, Map)]
    return len(set(dims)) < len(dims)


def _unclipped(axis: AxisField, unit: Place) -> Interval | None:
    """Nominal interval of one unit."""
    nominal = axis.nominal
    if not isinstance(nominal, Map):
        return None
    position = np.array([unit.get(nominal.dim, 0)], dtype=np.int64)
    return interval(Hull(nominal.at(position)), {dim: i for dim, i in unit.items() if dim != nominal.dim})
