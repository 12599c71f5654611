"""Which axes of the followed input are positions: all that could be, until an operator says that one is none."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from convinspect.fields.hulls.hull import Map
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.dimensions import BATCH
from convinspect.fields.operations.field import Field

_NONE: frozenset[int] = frozenset()


class Candidates:
    """Axes by their number among those that are followed.

    The first operator that takes in all of an axis as its features (those of a Linear, the channels of a convolution)
    says that it is no axis of positions. Where none does, ``conventional`` are those that torch's convention has for
    channels. ``denied`` are those that are known to be none, ``decided`` says that this will not change any more.
    ``mixes_samples``: what was taken for samples may belong together, as the steps of a sequence do.
    """

    def __init__(
        self, lengths: Sequence[int] = (), conventional: frozenset[int] | None = None, watched: frozenset[int] = _NONE
    ) -> None:
        """Follow axes of ``lengths``; without ``conventional`` ones all are positions; nobody asks for ``watched``."""
        self._conventional = conventional or _NONE
        self._open = frozenset(range(len(lengths)) if conventional is not None else ()) - watched
        self.lengths = lengths
        self.decided = conventional is None
        self.denied = _NONE
        self.mixes_samples = False

    @property
    def state(self) -> Hashable:
        """What is known so far."""
        return self.denied, self._open, self.decided, self.mixes_samples

    @property
    def likely(self) -> frozenset[int]:
        """Axes that are none, as far as is known."""
        return self.denied if self.decided else self._conventional & self._open

    def features(self, field: Field, dim: int) -> None:
        """Tell that an operator takes dimension ``dim`` of a tensor for its features."""
        if self.decided:
            return
        dim %= field.rank
        along = {number for number in self._open if self._runs_along(field.axes[number], number, dim)}
        if along:
            # All at once is a flattened input: none of its axes is more of a feature than the others.
            self.decide(frozenset(along) if along < self._open or len(along) == 1 else None)

    def _runs_along(self, axis: AxisField, number: int, dim: int) -> bool:
        """Tell whether all of an axis runs along ``dim``, where no map says it: joined with itself."""
        if isinstance(axis.nominal, Map):
            return axis.nominal.dim == dim
        alone = all(axis.strict.varies(other) == (other == dim) for other in range(axis.strict.rank))
        return alone and len(np.unique(axis.strict.array[0])) == self.lengths[number]

    def positions(self, field: Field, dims: Sequence[int]) -> None:
        """Tell that an operator reads windows along ``dims`` of a tensor."""
        self.samples(field, dims)
        if not self.decided:
            self._open -= _along(field, dims)

    def samples(self, field: Field, dims: Iterable[int]) -> None:
        """Tell that elements along ``dims`` are taken together, or one after the other: they may be no samples."""
        mixed = (field.shape[dim] > 1 and field.spatial[dim] is BATCH for dim in dims)
        self.mixes_samples = self.mixes_samples or any(mixed)

    def decide(self, denied: frozenset[int] | None = None) -> None:
        """Take ``denied`` for axes of features, by default those that torch's convention has, and no other."""
        if not self.decided:
            self.denied, self.decided = self.likely if denied is None else denied, True


def _along(field: Field, dims: Sequence[int]) -> frozenset[int]:
    maps = enumerate(axis.nominal for axis in field.axes)
    return frozenset(number for number, nominal in maps if isinstance(nominal, Map) and nominal.dim in dims)
