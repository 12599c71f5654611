"""Follow one input through a forward run, operator by operator."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from convinspect.errors import UsageError
from convinspect.fields.asking import Asking, Ran
from convinspect.fields.candidates import Candidates
from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.leaving import MADE_OF_DATA, Left
from convinspect.fields.lending import Lent
from convinspect.fields.operations.causes import Cause
from convinspect.fields.operations.field import Field, everything, nothing, seed_field, without
from convinspect.fields.operations.merging import are_alike, cross
from convinspect.fields.reports import Reports
from convinspect.fields.summary.describe import Followed
from convinspect.fields.summary.unit import Asked
from convinspect.fields.varying import Varying
from convinspect.fields.writes.storages import StorageFields
from convinspect.records import ReceptiveField, Unit
from convinspect.spec import UnitSpec
from convinspect.tensors.operators import Signature, name_of, operands, results, signature_of, written
from convinspect.torch_private import pytree, unwrapped

# These look at a storage in another way, or make their tensor do so: what it holds is read off the storage.
FROM_STORAGE = frozenset(
    f"aten::{name}"
    for name in ("as_strided", "as_strided_", "transpose_", "t_", "squeeze_", "unsqueeze_", "detach_", "set_")
)

_CONDITION = "torch.cond"

# A higher-order operator has no schema: whatever it is given may reach whatever it gives.
_NAMELESS = Signature("higher_order", tuple(f"arg{i}" for i in range(64)), (), {}, (), frozenset())


class FieldTracker:
    """Receptive fields of every tensor of one forward run, from shapes and arguments alone.

    Call `seed` with the input, `observe` after every operator that ran, and `describe` for any tensor still alive;
    ``reports`` says what there is to say of a field.
    ``declined`` says why an input is not followed that could be, ``faults`` what rules raised, by operator.
    ``unknown_ops`` lists ``(op, path, count)`` of operators without a rule that touched a followed tensor.
    """

    def __init__(self) -> None:
        self._followed: Followed | None = None
        self._storages = StorageFields(0)
        self._order = 0
        self._unknown: dict[tuple[str, str], int] = {}
        self._asked: Asked | None = None
        self._candidates = Candidates()
        self._watched: frozenset[int] = frozenset()
        self.faults: dict[str, str] = {}
        self._asking = Asking(self._candidates, 0, self.faults)
        self.reports = Reports(None, self._candidates, self._asking.answers)
        self.left, self._lent = Left(), Lent()
        self.declined: str | None = None

    @property
    def _lengths(self) -> Shape:
        return self._followed.lengths if self._followed is not None else ()

    @property
    def follows(self) -> bool:
        """Tell whether an input is followed."""
        return self._followed is not None

    @property
    def unknown_ops(self) -> tuple[tuple[str, str, int], ...]:
        """Operators without a rule that touched a followed tensor, in the order in which they first ran."""
        return tuple((op, path, count) for (op, path), count in self._unknown.items())

    @property
    def is_of_features(self) -> bool:
        """Whether it is known that none of the axes is one of positions."""
        return len(self._candidates.denied | self._watched) == len(self._lengths)

    @property
    def mixes_samples(self) -> bool:
        """Whether what was taken for the batch may be steps: of sequences that have them in front."""
        return self._candidates.mixes_samples

    def seed(
        self,
        tensor: Tensor,
        name: str,
        axes: tuple[int, ...],
        features: tuple[int, ...] | None = None,
        labels: tuple[str, ...] | None = None,
        *,
        batched: bool = True,
        watched: bool = False,
    ) -> None:
        """Follow ``tensor`` along ``axes``, and forget what was followed before.

        Where ``features`` are given, ``axes`` are those that could be positions: operators say which are none, and
        where they do not, these ``features`` are. ``batched``: the first dimension counts samples; ``watched``: see
        whether it really does, of an input without any other axis. Without axes nothing is followed: `describe`
        returns ``None`` throughout. Raises `UsageError` for an axis that the tensor does not have.
        """
        if watched:
            axes = (0, *axes)
        self._watched = frozenset((0,)) if watched else frozenset()
        shape = tuple(tensor.shape)
        for axis in axes:
            if not 0 <= axis < len(shape):
                raise UsageError(f"input {name}: no axis {axis} in shape {shape}")
        self._followed = Followed(name, axes, tuple(shape[axis] for axis in axes), labels) if axes else None
        self._storages = StorageFields(len(axes))
        self._order, self._unknown, self.left, self._lent = 0, {}, Left(), Lent()
        conventional = None if features is None else frozenset(n for n, axis in enumerate(axes) if axis in features)
        self._candidates = Candidates([shape[axis] for axis in axes], conventional, self._watched)
        self._asking = Asking(self._candidates, len(axes), self.faults)
        self.reports = Reports(self._followed, self._candidates, self._asking.answers, self._watched)
        if axes:
            batched = batched and (watched or 0 not in axes)
            self._storages.keep([tensor], [self._asking.answers.one_of(seed_field(shape, axes, batched=batched))], [])

    def vary(self, inputs: Iterable[tuple[str, Tensor]]) -> None:
        """Tell of all ``inputs``, by their names: what depends on any of them is no constant."""
        if self._followed is not None:
            self._asking.varying = Varying(tensor for name, tensor in inputs if name != self._followed.name)

    def observe(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None, out: Any, path: str) -> None:
        """Follow the fields through one operator: ``func(*args, **kwargs)`` ran in module ``path`` and gave ``out``."""
        if self._followed is None:
            return
        self._order += 1
        kwargs = kwargs or {}
        read, made = operands(tuple(args), kwargs), results(out)
        nested = any(tensor.is_nested for tensor in (*read, *made))
        if nested:
            # No rule is made for nested tensors: their values take their place.
            args, kwargs, out = pytree.tree_map_only(Tensor, unwrapped, (args, dict(kwargs), out))
            read, made = operands(tuple(args), kwargs), results(out)
        signature = signature_of(func) or _NAMELESS
        if signature.name in FROM_STORAGE:
            self._tell_windows(args, out)
            return
        given = dict(zip(signature.names, args, strict=False))
        given.update(kwargs)
        if signature.replaced:
            read = results([value for name, value in given.items() if name not in signature.replaced])
        cause = Cause(self._order, path, name_of(func))
        found = {id(tensor): field for tensor in read if (field := self._read(tensor)) is not None}
        targets = results([given.get(name) for name in signature.written]) if signature.written else ()
        wanted = tuple(made or targets)
        self._asking.varying.see(signature, read, (*wanted, *targets))
        if "out" in signature.written and "out" not in signature.replaced:
            wanted = (given["out"], *wanted)  # written first, and not returned
        if found:
            self.left.item(signature, out, cause)
        self._follow(Ran(func, signature, given, found, wanted, cause, nested), targets)
        if self._lent.is_awake:
            self._lent.made(made)
            self._lent.looked_at(written(func, tuple(args), kwargs))

    def _tell_windows(self, args: Sequence[Any], out: Any) -> None:
        """Tell that what windows are laid out along (by ``as_strided``) are positions."""
        if not self._candidates.decided and isinstance(out, Tensor) and out.dim() > args[0].dim():
            field = self.field(out)
            if field is not None:
                self._candidates.positions(field, range(field.rank))

    def _follow(self, ran: Ran, targets: Sequence[Tensor]) -> None:
        signature, given, found, wanted, cause = ran.signature, ran.given, ran.found, ran.wanted, ran.cause
        if signature.name in MADE_OF_DATA:
            for tensor in wanted:  # an array may share its memory
                self._lent.lend(tensor, cause)
        self.left.counts.see(signature, given)
        back = self.left.came_back(signature, given) if wanted else None
        if back is not None:
            self._keep_unknown(wanted, targets, back)
            return
        if not found and not signature.replaced:
            return
        if found:
            self.left.counts.find(signature, given, wanted)
        if not found or not wanted:  # nothing wanted: it gives a number to Python, or checks something
            overwritten = [tensor for tensor in targets if self.field(tensor) is not None]
            self._storages.keep(overwritten, [None] * len(overwritten), overwritten)
            return
        fields = self._asking.answer(ran)
        if fields is None:
            # What is nested stays unknown, whatever rules there are.
            if not ran.nested or any(field.uncertainty.unknown is None for field in found.values()):
                place = cause.op, cause.path
                self._unknown[place] = self._unknown.get(place, 0) + 1
            # It may have written to all that its schema says it writes to, not only to what it returned.
            wanted = tuple({id(tensor): tensor for tensor in (*wanted, *targets)}.values())
            fields = [everything(tuple(tensor.shape), self._lengths, cause) for tensor in wanted]
        denied = self._candidates.denied
        self._storages.keep(wanted, [field and without(field, denied) for field in fields], targets)

    def reads(self, given: Sequence[Tensor]) -> None:
        """Take note of what an operator is about to read: others may have written to memory that was lent."""
        if self._followed is not None and self._lent.is_awake:
            for tensor in given:
                self._look_at(tensor)

    def _look_at(self, tensor: Tensor) -> None:
        cause = self._lent.written(tensor)
        if cause is None:
            return
        followed = self.field(tensor) is not None
        if followed:
            self.left.array = self.left.array or cause
        left = self.left.array or self.left.number
        if left is not None:
            self._storages.forget(tensor, self._everything(tensor, cause if followed else left))

    def _read(self, tensor: Tensor) -> Field | None:
        """Return the field of what an operator has read: what is not followed may have come from elsewhere."""
        field, array = self.field(tensor), self.left.array
        # A number that an operator is given may come as a tensor that nobody made.
        may_be_new = field is None and array is not None and (tensor.dim() > 0 or self.left.number is not None)
        if array is not None and may_be_new and self._lent.is_from_elsewhere(tensor):
            return self._everything(tensor, array)
        return field

    def leaves(self, tensor: Tensor, how: str, path: str, *, as_numbers: bool = True) -> None:
        """Take note that ``tensor`` becomes an array or a list in module ``path``, or that its memory is lent."""
        if self._followed is None:
            return
        cause = Cause(self._order, path, how)
        self._lent.lend(tensor, cause)
        if self.field(tensor) is not None:
            self._lent.look_round(cause)
            self.left.whole(cause, as_numbers=as_numbers)

    def copied(self, copy: Tensor, tensor: Tensor) -> None:
        """Take note that Python has made a ``copy`` of ``tensor``."""
        if self._followed is not None:
            self._storages.keep([copy], [self.field(tensor)], [])
            self._lent.made([copy])

    def shared(self, tensor: Tensor) -> None:
        """Take note of a tensor that may lie in the memory of another one, which torch knows by another storage."""
        original = None if self._followed is None else self._storages.in_the_memory_of(tensor)
        if original is not None:
            for one in (tensor, original):
                self._lent.lend(one, Cause(self._order, "", "torch.from_dlpack"))
            self.copied(tensor, original)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let the numbers that leave in this block be those that are printed, and no others."""
        before, self.left.is_telling = self.left.is_telling, True
        try:
            yield
        finally:
            self.left.is_telling = before

    def counted(self, tensor: Tensor, sizes: Collection[int], how: str, path: str) -> None:
        """Take note that somebody has read ``sizes`` of ``tensor`` in module ``path``."""
        if self.left.counts.read is None and not self.left.counts.found.isdisjoint(sizes):
            field = self.field(tensor)
            by_data = field is not None and (field.uncertainty.data_dependent or field.uncertainty.unknown)
            if by_data or not tensor.numel():  # what nothing was found of depends on nothing
                self.left.counts.read = Cause(self._order, path, how)

    def cut(self, tensor: Tensor, places: Collection[int] = ()) -> None:
        """Take note that Python's numbers, ``places`` among them, have cut ``tensor`` out of another one."""
        left = self.left.number or (None if self.left.counts.found.isdisjoint(places) else self.left.counts.read)
        if left is not None:
            self._keep_unknown((tensor,), (), left)

    def either(self, taken: Sequence[Tensor], others: Sequence[Tensor] | str, path: str) -> None:
        """Let each tensor ``taken``, which values chose in module ``path``, depend on all that its counterpart does.

        Where there are no ``others``, but the reason why, that is unknown.
        """
        if self._followed is None:
            return
        cause, lengths = Cause(self._order, path, _CONDITION), self._followed.lengths
        if isinstance(others, str) or [one.shape for one in taken] != [other.shape for other in others]:
            self.faults[_CONDITION] = others if isinstance(others, str) else "its branches give other shapes"
            self._unknown[_CONDITION, path] = self._unknown.get((_CONDITION, path), 0) + 1
            self._storages.keep(taken, [everything(tuple(one.shape), lengths, cause) for one in taken], [])
            return
        for one, other in zip(taken, others, strict=True):
            shape = tuple(one.shape)
            fields = [self.field(tensor) or nothing(shape, len(lengths)) for tensor in (one, other)]
            if not are_alike(*fields):
                self._storages.keep([one], [cross(fields, shape).marked(upper_bound=cause)], [])

    def _keep_unknown(self, tensors: Sequence[Tensor], targets: Sequence[Tensor], cause: Cause) -> None:
        """Let ``tensors`` depend on numbers that left torch and came back."""
        self._storages.keep(tensors, [self._everything(one, cause) for one in tensors], targets)

    def _everything(self, tensor: Tensor, cause: Cause) -> Field:
        """Return the field of a tensor with numbers in it that left torch and came back."""
        self.left.returned = True
        return everything(tuple(tensor.shape), self._lengths, cause)

    def field(self, tensor: Tensor) -> Field | None:
        """Exact hulls and nominal maps of every element of ``tensor``; ``None`` where it depends on nothing."""
        found = None if self._followed is None else self._storages.find(tensor)
        if found is None or not self._candidates.denied:
            return found
        kept = without(found, self._candidates.denied)
        return None if kept is not found and kept.is_nothing else kept

    def describe(self, tensor: Tensor) -> ReceptiveField | None:
        """Report the field of ``tensor`` as `Reports.told` does; others than torch may have written to it."""
        self._look_at(tensor)
        return self.reports.told(self.field(tensor))

    def unit(self, tensor: Tensor, index: Sequence[int]) -> Unit | None:
        """Report the input box of the unit at ``index`` of the tensor's spatial axes, as `Reports.unit` does."""
        return self.reports.unit(self.field(tensor), index)

    def ask(self, unit: UnitSpec) -> None:
        """Look out for one unit; `answer` says what it sees once the run is over."""
        self._asked = Asked(unit)

    def returned(self, path: str, tensors: Sequence[Tensor]) -> None:
        """Take note of the tensors that the module at ``path`` returned."""
        if self._asked is not None:
            self._asked.returned(self.unit, path, tensors)

    def answer(self) -> Unit | None:
        """Return the unit that was asked for; raises `UsageError` where the run has none such."""
        return self._asked.answer() if self._asked is not None else None
