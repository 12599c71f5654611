"""What rules have answered in one run: a call like one before, of the same fields, needs no rule again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from convinspect.fields.operations.causes import Cause
from convinspect.fields.operations.field import Field, content_of
from convinspect.tensors.likeness import NotTold, tell

Answer: TypeAlias = "Sequence[Field | None]"


class Answers:
    """Answers by operator, arguments and fields.

    A network is mostly blocks that are alike, and once all is global their fields are. Fields that say the same are one
    object here, told by its identity. What is large is not compared, and an answer that names its own call as a cause
    is no other call's.
    """

    def __init__(self) -> None:
        self._fields: dict[Hashable, Field] = {}
        self._ids: set[int] = set()
        self._known: dict[Hashable, Answer] = {}

    def one_of(self, field: Field) -> Field:
        """Return the one field here that says what ``field`` does: itself where it is the first, or large."""
        if id(field) in self._ids:
            return field
        content = content_of(field)
        if content is None:
            return field
        one = self._fields.setdefault(content, field)
        self._ids.add(id(one))
        return one

    def holds(self, field: Field) -> bool:
        """Tell whether ``field`` is the one that says what it does, and stays so."""
        return id(field) in self._ids

    def key_of(
        self, asked: Sequence[Hashable], given: Mapping[str, Any], outputs: Sequence[Tensor], found: Mapping[int, Field]
    ) -> Hashable | None:
        """Return what tells a call whose tensors have the fields ``found``, by their ``id``; ``None``: nothing does.

        ``asked`` are the operator, and what is known besides the fields.
        """
        if not all(map(self.holds, found.values())):
            return None
        key: list[Any] = [*asked, *(output.shape for output in outputs)]

        def tell_tensor(tensor: Tensor, key: list[Any]) -> None:
            field = found.get(id(tensor))
            if tensor.layout is not torch.strided:
                raise NotTold
            key += (tensor.shape, tensor.stride(), tensor.dtype, tensor.device, None if field is None else id(field))

        try:
            for name, value in given.items():
                key.append(name)
                tell(value, key, tell_tensor)
        except NotTold:
            return None
        return tuple(key)

    def find(self, key: Hashable | None) -> Answer | None:
        """Return what was answered to a call of ``key``."""
        return None if key is None else self._known.get(key)

    def keep(self, key: Hashable | None, answer: Answer, cause: Cause) -> Answer:
        """Keep the ``answer`` to the call of ``key`` that ``cause`` names, and return it, every field the one here."""
        answer = [field and self.one_of(field) for field in answer]
        if key is not None and all(
            field is None or (self.holds(field) and not _names(field, cause)) for field in answer
        ):
            self._known[key] = answer
        return answer


def _names(field: Field, cause: Cause) -> bool:
    why = field.uncertainty
    causes = (why.unknown, why.data_dependent, why.upper_bound, *(axis.global_op for axis in field.axes))
    return cause in causes
