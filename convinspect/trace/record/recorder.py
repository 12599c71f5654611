"""The calls of one forward: modules as they begin and end, operators at the moment they have run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from convinspect.errors import first_line
from convinspect.fields import Field, FieldTracker, WatchPython
from convinspect.records import ModuleCall, OpCall, TensorRecord
from convinspect.tensors.describe import arguments_of, records_in, returned_tensors, tensor_record, tensors_in
from convinspect.tensors.operators import full_name, hides_others, operands, results
from convinspect.torch_private import DispatchMode, jagged_dispatch, run_composite, unwrapped
from convinspect.trace.fake.mode import FakeMode
from convinspect.trace.fake.tensor import ASKS_DEVICE, FakeTensor
from convinspect.trace.memory.live import LiveBytes
from convinspect.trace.record.origins import Origins
from convinspect.users_code import chain

# The attribute of an exception that holds the path and the module that it came out of.
FAILED_IN = "_convinspect_failed_in"


class Calls:
    """A stack of running modules over the list of calls that they and their operators make."""

    def __init__(self) -> None:
        self._calls: list[ModuleCall | OpCall] = []
        self._running: list[int] = []
        self._runs: Counter[str] = Counter()

    @property
    def calls(self) -> tuple[ModuleCall | OpCall, ...]:
        """All calls so far, parents before children."""
        return tuple(self._calls)

    @property
    def next_index(self) -> int:
        """The index that the next call will have."""
        return len(self._calls)

    @property
    def parent(self) -> int:
        """The index of the running module's call, or -1."""
        return self._running[-1] if self._running else -1

    @property
    def path(self) -> str:
        """The dotted path of the running module; the model itself where none is."""
        return self._module(self.parent).path if self._running else ""

    def enter(
        self, path: str, type_name: str, inputs: tuple[TensorRecord, ...], unregistered: int | None = None
    ) -> None:
        """Begin a run of the module at ``path``; one that is not registered brings how many parameters it has."""
        self._runs[path] += 1
        call = ModuleCall(path, type_name, self.parent, self._runs[path], inputs, (), unregistered=unregistered)
        self._running.append(self.add(call))

    def end(self, outputs: tuple[TensorRecord, ...]) -> None:
        """End the running module's run with records of what it returned."""
        index = self._running.pop()
        self._calls[index] = replace(self._module(index), outputs=outputs, finished=True)

    def add(self, call: ModuleCall | OpCall) -> int:
        """Add one call and return its index."""
        self._calls.append(call)
        return len(self._calls) - 1

    def _module(self, index: int) -> ModuleCall:
        call = self._calls[index]
        if not isinstance(call, ModuleCall):
            raise TypeError(f"call {index} is an operator, not a module")
        return call


class Recorder(Calls, DispatchMode):
    """A dispatch mode that writes each operator down under the module that is running.

    Front ends tell it which that is. ``fields`` follows receptive fields; ``touch`` is told of every operator before
    it runs, so that it can save what the operator will change; with ``origins`` each call says who made what it reads.
    Where the mode ``fakes`` is on it takes its place: operators are many, and each way through torch takes time.
    A module that is none of ``holders`` and calls no other one is a layer: the fields inside it are nobody's.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        fields: FieldTracker,
        touch: Callable[[Any, Sequence[Tensor]], None],
        origins: Origins | None = None,
        holders: Container[str] = (),
        fakes: FakeMode | None = None,
    ) -> None:
        Calls.__init__(self)
        DispatchMode.__init__(self)
        self.memory = LiveBytes()
        self.defect: Exception | None = None
        self.raised: tuple[str, str] | None = None
        self._failed: OpCall | None = None
        self._fields = fields
        self._touch = touch
        self._origins = origins
        self._fakes = fakes
        self._aside = False
        self._holders = holders
        # The running call that may be a layer, and of the operators in it the fields of what they gave.
        self._layer: int | None = None
        self._inside: list[tuple[int, list[Field | None]]] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the operators that the block runs."""
        with nullcontext() if self._fakes is None else self._fakes.lifted(), self:
            yield

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` and record it."""
        kwargs = kwargs or {}
        if func is ASKS_DEVICE:
            return args[0].device if isinstance(args[0], FakeTensor) else func(*args, **kwargs)
        jagged = jagged_dispatch(types)
        if jagged is not None:  # its operators are those on its values
            with self:
                return jagged(func, types, args, kwargs)
        if hides_others(func, args, kwargs):
            with self:
                return run_composite(func, args, kwargs)
        given = operands(args, kwargs)
        self._touch(func, given)
        self._fields.reads(given)
        try:
            fakes = self._fakes
            out = func(*args, **kwargs) if fakes is None else fakes.answer(func, args, kwargs, given)
        except Exception as error:
            self.raised = type(error).__name__, first_line(error)
            self._failed = self._call(func, args, kwargs)
            raise
        try:
            self._record(func, args, kwargs, given, out)
        except Exception as error:
            # Not the model's fault, and the model's own try and except must not hide it.
            self.defect = self.defect or error
            raise
        return out

    def _record(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], given: Sequence[Tensor], out: Any
    ) -> None:
        self._fields.observe(func, args, kwargs, out, self.path)
        if self._aside:
            return
        allocated = self.memory.observe(func, given, out, self.next_index)
        made = results(out)
        fields = [self._fields.field(unwrapped(tensor)) for tensor in made]
        is_inside = self._layer == self.parent
        told = [None] * len(made) if is_inside else map(self._fields.reports.told, fields)
        index = self.add(self._call(func, args, kwargs, tuple(map(tensor_record, made, told)), allocated, failed=False))
        if is_inside:
            self._inside.append((index, fields))
        if self._origins is not None:
            for tensor in made:
                self._origins.made(tensor, index)

    def _tell(self, index: int, fields: Sequence[Field | None]) -> None:
        """Write into the call ``index`` of an operator what fields its results have."""
        call = self._calls[index]
        told = zip(call.outputs, map(self._fields.reports.told, fields), strict=True)
        self._calls[index] = replace(call, outputs=tuple(replace(one, receptive_field=field) for one, field in told))

    @property
    def follows(self) -> bool:
        """Tell whether fields are followed."""
        return self._fields.follows

    def either(self, taken: tuple[Tensor, ...], others: tuple[Tensor, ...] | str) -> None:
        """Let each tensor ``taken`` depend on all that its counterpart does, or on what is unknown, for that reason."""
        self._fields.either(taken, others, self.path)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Run the block, of which fields are followed and nothing else: it leaves no calls, and no bytes."""
        calls = self._calls[:], self._running[:], self._runs.copy(), self._layer, self._inside[:]
        kept = self.raised, self._failed, self._aside
        self._aside = True
        try:
            yield
        finally:
            self._calls, self._running, self._runs, self._layer, self._inside = calls
            self.raised, self._failed, self._aside = kept

    def _call(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outputs: tuple[TensorRecord, ...] = (),
        allocated_bytes: int | None = None,
        *,
        failed: bool = True,
    ) -> OpCall:
        """Return the call of an operator, by default of one that has not returned."""
        sources = self._origins.of(operands(args, kwargs)) if self._origins is not None else ()
        arguments = arguments_of(func, args, kwargs)
        return OpCall(full_name(func), self.parent, arguments, outputs, allocated_bytes, None, sources, None, failed)

    def add_what_raised(self, error: BaseException) -> None:
        """Add the call of the operator that ``error``, which ended the forward, came out of, if it did."""
        # By its words: an interpreter does not pass on the error itself.
        if self._failed is None or self.raised is None:
            return
        _, said = self.raised
        if any(said == first_line(link) for link in chain(error)):
            self.add(self._failed)

    def watching(self) -> AbstractContextManager[None]:
        """Take note, while the block runs, of tensors that leave torch."""
        return WatchPython(self._fields, self.left, self.counted).on((Tensor, FakeTensor))

    def received(self, value: Any) -> tuple[TensorRecord, ...]:
        """Return records of the tensors in ``value``, which a module is called with."""
        return records_in(value)

    def enter(
        self, path: str, type_name: str, inputs: tuple[TensorRecord, ...], unregistered: int | None = None
    ) -> None:
        """Begin a run of the module at ``path``, as `Calls` does; what calls it is no layer."""
        for fields in self._inside:
            self._tell(*fields)
        super().enter(path, type_name, inputs, unregistered)
        self._begin_layer(None if path in self._holders else self.parent)

    def end(self, outputs: tuple[TensorRecord, ...]) -> None:
        """End the running module's run, as `Calls` does."""
        super().end(outputs)
        self._begin_layer(None)

    def _begin_layer(self, call: int | None) -> None:
        self._layer = call
        self._inside.clear()

    def left(self, tensor: Tensor, how: str, *, as_numbers: bool = True) -> None:
        """Take note that ``tensor`` becomes an array or a list: what is multiplied with it is not seen.

        Whole numbers in a row are lengths or places; where they are not asked for ``as_numbers``, memory is lent.
        """
        self._touch(None, [tensor])
        self._fields.leaves(tensor, how, self.path, as_numbers=as_numbers)
        if as_numbers and tensor.dim() and (tensor.is_floating_point() or tensor.is_complex() or tensor.dim() > 1):
            args = MappingProxyType({"self": tensor_record(tensor)})
            self.add(OpCall(how, self.parent, args, (), allocated_bytes=0, saved_bytes=0))

    def cut(self, tensor: Tensor) -> None:
        """Take note that numbers have cut all of ``tensor`` out of it, for which no operator ran."""
        self._fields.cut(tensor)

    def counted(self, tensor: Tensor, sizes: Collection[int], how: str) -> None:
        """Take note that ``sizes`` of ``tensor`` are read; ``how`` is what torch calls that."""
        self._fields.counted(tensor, sizes, how, self.path)

    def leave(self, result: Any) -> None:
        """End the running module's run with what it returns."""
        self.end(self.returned(self.path, tuple(returned_tensors(result))))

    def returned(self, path: str, value: Any) -> tuple[TensorRecord, ...]:
        """Say that the module at ``path`` returns ``value``, and get records of the tensors in it."""
        tensors = tuple(tensors_in(value))
        self._fields.returned(path, tensors)
        return tuple(tensor_record(tensor, self._fields.describe(tensor)) for tensor in tensors)

    def abandon(self, error: BaseException, module: nn.Module) -> None:
        """End the run of ``module``, the running one, with ``error``, and remember the innermost that it came out of.

        It is written on the error itself: one that is kept here would keep the activations of its frames alive.
        """
        if not hasattr(error, FAILED_IN):
            with suppress(AttributeError):  # an exception class of the user's with slots
                setattr(error, FAILED_IN, (self.path, module))
        self._running.pop()
        self._begin_layer(None)
