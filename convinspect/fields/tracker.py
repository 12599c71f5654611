"""Follow one input through a forward run, operator by operator."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from convinspect.errors import InspectError, UsageError
from convinspect.fields import describing
from convinspect.fields.asking import Asked
from convinspect.fields.axes import spatial_axes
from convinspect.fields.describing import Followed
from convinspect.fields.field import Cause, Field, Shape, collapse, everything, nothing, seed_field
from convinspect.fields.rules import Call, Result, Rule, find_rule, tensors_in
from convinspect.fields.signatures import is_pointwise, signature_of
from convinspect.fields.storages import StorageFields
from convinspect.records import ReceptiveField, Unit
from convinspect.spec import UnitSpec

# These look at a storage in another way, or make their tensor do so: what it holds is read off the storage.
FROM_STORAGE = frozenset(
    f"aten::{name}" for name in ("as_strided", "as_strided_", "transpose_", "t_", "squeeze_", "unsqueeze_", "detach_")
)


class FieldTracker:
    """Receptive fields of every tensor of one forward run, from shapes and arguments alone.

    Call `seed` with the input, `observe` after every operator that ran, and `describe` for any tensor still alive.
    ``declined`` says why an input is not followed that could be, ``faults`` what rules raised, by operator.
    ``unknown_ops`` lists ``(op, path, count)`` of operators without a rule that touched a followed tensor.
    """

    def __init__(self) -> None:
        self._followed: Followed | None = None
        self._storages = StorageFields(0)
        self._order = 0
        self._unknown: dict[tuple[str, str], int] = {}
        self._asked: Asked | None = None
        self.declined: str | None = None
        self.faults: dict[str, str] = {}
        # Sparse tensors and oneDNN's own: these are their own only owners, and Python's weak references do for them.
        self._without_storage: MutableMapping[Tensor, Field | None] = WeakTensorKeyDictionary()

    @property
    def unknown_ops(self) -> tuple[tuple[str, str, int], ...]:
        """Operators without a rule that touched a followed tensor, in the order in which they first ran."""
        return tuple((op, path, count) for (op, path), count in self._unknown.items())

    def seed(self, tensor: Tensor, name: str = "x", axes: Sequence[int] | None = None, *, batched: bool = True) -> None:
        """Follow ``tensor``, and forget what was followed before; `spatial_axes` chooses where ``axes`` is ``None``.

        An input without spatial axes is not followed: `describe` returns ``None`` throughout. Raises `UsageError` for
        an axis that the tensor does not have.
        """
        shape = tuple(tensor.shape)
        chosen = spatial_axes(shape, tensor.dtype, batched=batched) if axes is None else tuple(axes)
        for axis in chosen:
            if not 0 <= axis < len(shape):
                msg = f"input {name}: no axis {axis} in shape {shape}"
                raise UsageError(msg)
        self._followed = Followed(name, chosen, tuple(shape[axis] for axis in chosen)) if chosen else None
        self._storages = StorageFields(len(chosen))
        self._order, self._unknown = 0, {}
        self._without_storage.clear()
        if chosen:
            self._keep([tensor], [], [seed_field(shape, chosen)])

    def observe(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None, out: Any, path: str) -> None:
        """Follow the fields through one operator: ``func(*args, **kwargs)`` ran in module ``path`` and gave ``out``."""
        if self._followed is None:
            return
        self._order += 1
        if func._schema.name in FROM_STORAGE:  # noqa: SLF001 - torch has no public name for the schema
            return
        signature = signature_of(func)
        given = {**kwargs} if kwargs else {}
        found = self._find_all([*args, *(value for name, value in given.items() if name not in signature.replaced)])
        if not found and not signature.replaced:
            return
        bound = {**signature.defaults, **dict(zip(signature.names, args, strict=False)), **given}
        targets = tensors_in([bound[name] for name in signature.written if name in bound])
        wanted = tensors_in([out]) or targets
        if not found or not wanted:  # nothing wanted: it gives a number to Python, or checks something
            for tensor in targets:
                if self.field(tensor) is not None:
                    self._keep([tensor], [tensor], [None])
            return
        cause = Cause(self._order, path, str(func))
        shapes = tuple(tuple(tensor.shape) for tensor in wanted)
        call = Call(cause.op, bound, shapes, cause, len(self._followed.axes), lambda tensor: found.get(id(tensor)))
        results = self._apply(func, call)
        self._keep(wanted, targets, results)
        if any(field is not None and field.doubts.unknown == cause for field in results):
            # It may have written to all that its schema says it writes to, not only to what it returned.
            reached = {id(tensor) for tensor in wanted}
            for tensor in targets:
                if id(tensor) not in reached:
                    self._keep([tensor], [tensor], [everything(tuple(tensor.shape), self._followed.lengths, cause)])

    def _find_all(self, values: Sequence[Any]) -> dict[int, Field]:
        """Fields of the followed tensors among ``values``, by identity."""
        fields = ((id(tensor), self.field(tensor)) for tensor in tensors_in(values))
        return {key: field for key, field in fields if field is not None}

    def _apply(self, func: Any, call: Call) -> list[Field | None]:
        """Run the operator's rule, or mark its outputs as unknown and name it."""
        if all(0 in shape for shape in call.outputs):
            return [None] * len(call.outputs)  # no elements, that could depend on anything
        rule = find_rule(func._schema.name)  # noqa: SLF001
        if rule is None and is_pointwise(func):
            return [call.merge(call.fields(), shape) for shape in call.outputs]
        if rule is not None:
            results = self._ruled(rule, call)
            if results is not None:
                return results
        key = (call.op, call.cause.path)
        self._unknown[key] = self._unknown.get(key, 0) + 1
        lengths = self._followed.lengths if self._followed else ()
        return [everything(shape, lengths, call.cause) for shape in call.outputs]

    def _ruled(self, rule: Rule, call: Call) -> list[Field | None] | None:
        """Run a rule; ``None`` where it has no answer, or a fault of its own, which is kept for the report to tell."""
        try:
            return _per_output(rule(call), call.outputs)
        except InspectError:
            raise
        except Exception as error:  # noqa: BLE001 - a geometry that a rule does not foresee must not cost the report
            self.faults[call.op] = f"{type(error).__name__}: {error}"
            return None

    def _keep(self, outputs: list[Tensor], targets: list[Tensor], results: list[Field | None]) -> None:
        """Remember the fields of what came out; what was written to changes all that shares its memory."""
        count = len(self._followed.axes) if self._followed else 0
        written = {_address(tensor) for tensor in targets}
        for tensor, field in zip(outputs, results, strict=True):
            address = _address(tensor)
            if address is None:
                self._without_storage[tensor] = field
            elif address in written:
                self._storages.write(tensor, field or nothing(tuple(tensor.shape), count))
            elif field is not None and not field.is_nothing:
                self._storages.put(tensor, field)

    def field(self, tensor: Tensor) -> Field | None:
        """Exact arrays and nominal maps of every element of ``tensor``; ``None`` as in `describe`."""
        if self._followed is None:
            return None
        if _address(tensor) is None:
            return self._without_storage.get(tensor)
        return self._storages.find(tensor)

    def describe(self, tensor: Tensor) -> ReceptiveField | None:
        """Report the field of ``tensor``; ``None`` where it does not depend on the followed input."""
        if self._followed is None:
            return None
        field = self.field(tensor)
        return None if field is None else describing.describe(field, self._followed)

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

    def unit(self, tensor: Tensor, index: Sequence[int]) -> Unit | None:
        """Report the input box of the unit at ``index`` of the tensor's spatial axes; ``None`` as in `describe`.

        Raises `UsageError` for an index of the wrong length or out of range.
        """
        if self._followed is None:
            return None
        field = self.field(tensor)
        return None if field is None else describing.unit(field, self._followed, tuple(index))


def _address(tensor: Tensor) -> int | None:
    """Identity of the tensor's storage; ``None`` for a layout that has none (sparse, oneDNN's own)."""
    if tensor.layout is not torch.strided:
        return None
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001


def _per_output(result: Result, shapes: Sequence[Shape]) -> list[Field | None] | None:
    """Match a rule's result to the outputs; ``None`` where it does not fit, so that nothing false is kept."""
    if result is None:
        return [None] * len(shapes)
    if isinstance(result, Field):
        if result.shape != (shapes[0] if shapes else ()):
            return None
        return [result if result.shape == shape else collapse(result, shape) for shape in shapes]
    if len(result) != len(shapes):
        return None
    fits = all(f is None or f.shape == shape for f, shape in zip(result, shapes, strict=True))
    return list(result) if fits else None
