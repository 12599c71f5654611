"""What a run says of the fields that it has followed, while it runs and once it is over."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from convinspect.fields.answers import Answers
from convinspect.fields.candidates import Candidates
from convinspect.fields.operations.field import Field, limited_to, without
from convinspect.fields.summary.describe import Followed, describe
from convinspect.fields.summary.unit import describe_unit
from convinspect.fields.summary.units import describe_units
from convinspect.records import ReceptiveField, Unit, Units

_NONE: frozenset[int] = frozenset()


class Reports:
    """Reports of fields along the axes of one ``followed`` input, of which ``candidates`` say which are positions.

    Nobody is told of the axes ``watched``. Fields that say the same are described once. ``with_units``: what `units`
    needs is kept of every field.
    """

    def __init__(
        self, followed: Followed | None, candidates: Candidates, answers: Answers, watched: frozenset[int] = _NONE
    ) -> None:
        self._followed = followed
        self._candidates = candidates
        self._answers = answers
        self._watched = watched
        self.with_units = False
        self._rest: dict[frozenset[int], tuple[tuple[int, ...], Followed | None]] = {}
        self._kept: dict[int, tuple[ReceptiveField, Field]] = {}
        # What an operator gives, its module returns; and where all is global, block after block is alike.
        self._told: WeakKeyDictionary[Field, dict[frozenset[int], ReceptiveField | None]] = WeakKeyDictionary()

    def told(self, field: Field | None) -> ReceptiveField | None:
        """Report ``field``; ``None`` where it depends on nothing.

        Until it is known which axes are positions the report is a preliminary one: `settled` gives the final one.
        """
        if field is None:
            return None
        told = self._described(field, self._candidates.denied)
        if told is not None and (self.with_units or not self._candidates.decided):
            self._kept[id(told)] = told, field
        return told

    @property
    def are_settled(self) -> bool:
        """Whether all that was told stands, and nobody asks for more."""
        return not self._kept

    def settled(self, told: ReceptiveField | None) -> ReceptiveField | None:
        """Return what `told` would say in the place of ``told``, now that the run is over."""
        if told is None or id(told) not in self._kept:
            return told
        self._candidates.decide()
        return self._described(self._kept[id(told)][1], self._candidates.denied)

    def units(self, told: ReceptiveField | None) -> Units | None:
        """Return what every unit of the tensor sees of which `told` said ``told``, now that the run is over."""
        if told is None or not self.with_units:
            return None
        self._candidates.decide()
        field, followed = self._shown(self._kept[id(told)][1], self._candidates.denied)
        return None if followed is None or field.is_nothing else describe_units(field, followed)

    def unit(self, field: Field | None, index: Sequence[int]) -> Unit | None:
        """Report the input box of the unit at ``index`` of the tensor's spatial axes; ``None`` as in `told`.

        Raises `UsageError` for an index of the wrong length or out of range.
        """
        if field is None:
            return None
        # Before it is known which axes are positions, torch's convention stands.
        field, followed = self._shown(field, self._candidates.likely)
        return None if followed is None else describe_unit(field, followed, tuple(index))

    def _described(self, field: Field, denied: frozenset[int]) -> ReceptiveField | None:
        known = self._told.get(field)
        if known is None:
            known = self._told[field] = self._told.setdefault(self._answers.one_of(field), {})
        if denied not in known:
            shown, followed = self._shown(field, denied)
            known[denied] = None if followed is None or shown.is_nothing else describe(shown, followed)
        return known[denied]

    def _shown(self, field: Field, denied: frozenset[int]) -> tuple[Field, Followed | None]:
        """Leave out the axes that are ``denied``."""
        denied |= self._watched
        if self._followed is None or not denied:
            return field, self._followed
        if denied not in self._rest:
            self._rest[denied] = self._followed.without(denied)
        kept, rest = self._rest[denied]
        return limited_to(without(field, denied), kept), rest
