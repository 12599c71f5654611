"""Which input is followed, and along which axes: the one that was named, or the first that has spatial axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from convinspect.errors import UsageError
from convinspect.fields.tracker import FieldTracker
from convinspect.records import Note
from convinspect.spec import AxesSpec

# Fields keep numbers for each position of an axis: 16 million of them are 256 MiB for one tensor.
LONGEST_AXIS = 1 << 24
SEQUENCE_AXIS = 1
FIRST_SPATIAL_AXIS = 2


def follow(
    named: Sequence[tuple[str, torch.Tensor]], wanted: str | None, *, batched: bool, axes: AxesSpec | None = None
) -> FieldTracker:
    """Return a tracker seeded with the input called ``wanted``, or with the first that has axes of positions.

    These are ``axes`` where they are given. Otherwise it follows every axis that could be one; where no input has any
    by convention, those of the first one until operators say what they are. It does not follow an input whose axes are
    longer than `LONGEST_AXIS`. Raises `UsageError` for a name that is not there, or whose tensor has no such axes.
    """
    tracker = _seeded(named, wanted, batched=batched, axes=axes)
    tracker.vary(named)
    return tracker


def _seeded(
    named: Sequence[tuple[str, torch.Tensor]], wanted: str | None, *, batched: bool, axes: AxesSpec | None
) -> FieldTracker:
    tracker = FieldTracker()
    if axes is not None:
        _follow_given(tracker, named, wanted, axes, batched=batched)
        return tracker
    for name, tensor in named:
        found = spatial_axes(tensor.shape, tensor.dtype, batched=batched)
        if wanted in (None, name) and found:
            if _fits(tracker, name, tensor, found):
                tracker.seed(tensor, name, *_candidates(tensor.shape, found, batched=batched), batched=batched)
            return tracker
    if wanted is not None:
        names = [name for name, _ in named]
        why = "has no spatial axes to follow" if wanted in names else "is not one of the inputs"
        raise UsageError(f"--field-of {wanted}: {wanted} {why}", f"inputs: {', '.join(names)}")
    first = next(((name, tensor) for name, tensor in named if tensor.dim()), None) if batched else None
    if first is not None:
        found, others = _candidates(first[1].shape, (), batched=True)
        if _fits(tracker, *first, (0, *found)):
            tracker.seed(first[1], first[0], found, others, watched=True)
    return tracker


def _follow_given(
    tracker: FieldTracker,
    named: Sequence[tuple[str, torch.Tensor]],
    wanted: str | None,
    axes: AxesSpec,
    *,
    batched: bool,
) -> None:
    """Follow the ``axes`` that were asked for, of the input that they name."""
    if None not in (wanted, axes.name) and wanted != axes.name:
        raise UsageError(f"--axes {axes.name}=... and --field-of {wanted} name different inputs")
    wanted = axes.name or wanted
    found = next(((name, tensor) for name, tensor in named if wanted in (None, name)), None)
    if found is None:
        raise UsageError(
            f"--axes: {wanted} is not one of the inputs", f"inputs: {', '.join(name for name, _ in named)}"
        )
    name, tensor = found
    beyond = [axis for axis in axes.axes if axis >= tensor.dim()]
    if beyond:
        raise UsageError(f"--axes: {name} has no axis {beyond[0]}", f"its shape is {tuple(tensor.shape)}")
    if _fits(tracker, name, tensor, axes.axes):
        tracker.seed(tensor, name, axes.axes, labels=axes.labels, batched=batched)


def _fits(tracker: FieldTracker, name: str, tensor: torch.Tensor, axes: Sequence[int]) -> bool:
    lengths = [tensor.shape[axis] for axis in axes]
    if 0 in lengths:
        tracker.declined = f"{name} has an axis without positions: no fields are followed"
    elif max(lengths) > LONGEST_AXIS:
        tracker.declined = f"{name} has axes of more than {LONGEST_AXIS:,} positions: no fields are followed"
    return tracker.declined is None


def _candidates(
    shape: Sequence[int], conventional: tuple[int, ...], *, batched: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose all axes that could be positions, and those of them that torch's convention has for others."""
    # Where what is taken for the batch are steps, one sample may come second.
    least = 1 if shape[0] > 1 else 2
    longer = (axis for axis in range(1 if batched else 0, len(shape)) if shape[axis] >= (least if axis == 1 else 2))
    axes = tuple(sorted({*conventional, *longer}))
    return axes, tuple(axis for axis in axes if axis not in conventional)


def spatial_axes(shape: Sequence[int], dtype: torch.dtype, *, batched: bool = True) -> tuple[int, ...]:
    """Choose the axes of an input that are positions by torch's convention.

    Whole numbers ``(N, L)`` are tokens: the axis after the batch. Anything else has its axes after batch and channels:
    ``(N, C, H, W)`` gives ``(2, 3)``, ``(N, F)`` none. Unbatched inputs have one axis less in front.
    """
    front = 0 if batched else -1
    whole = not (dtype.is_floating_point or dtype.is_complex)
    if whole and len(shape) == SEQUENCE_AXIS + 1 + front:
        return (SEQUENCE_AXIS + front,)
    return tuple(range(FIRST_SPATIAL_AXIS + front, len(shape)))


def notes_of(tracker: FieldTracker) -> tuple[Note, ...]:
    """Return a note for each operator without a rule that a followed tensor went through, or why none is followed."""
    if tracker.declined is not None:
        return (Note("field_unknown", tracker.declined),)
    if tracker.is_of_features:
        return ()
    notes = []
    left = tracker.left.array or tracker.left.number or tracker.left.counts.read
    if left is not None and tracker.left.returned:
        what = (
            f"{left.op} takes numbers of the followed input out of torch: fields of what they come back into are "
            "unknown, and shapes may depend on values"
        )
        notes.append(Note("field_unknown", what, left.path))
    for op, path, _ in tracker.unknown_ops:
        fault = tracker.faults.get(op)
        why = f"the receptive-field rule of {op} failed ({fault})" if fault else f"{op} has no receptive-field rule"
        notes.append(Note("field_unknown", f"{why}: what follows it is unknown", path))
    return tuple(notes)
