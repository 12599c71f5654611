"""What one run of a model showed: the trace, as ints and strings, with every tensor left behind."""

from __future__ import annotations

from convinspect.records.fields import FieldStatus, GlobalOperator, Interval, Jump, LocalField, ReceptiveField, Unit
from convinspect.records.memory import Alive, AliveKind, Measured, Memory, Peak, Phase, TrainingStep
from convinspect.records.numbers import Bytes, Count, Share
from convinspect.records.run import Failure, ModuleCall, ModuleRecord, Note, OpCall, Trace, Weight
from convinspect.records.tensors import NamedTensor, TensorRecord, Value

__all__ = [
    "Alive",
    "AliveKind",
    "Bytes",
    "Count",
    "Failure",
    "FieldStatus",
    "GlobalOperator",
    "Interval",
    "Jump",
    "LocalField",
    "Measured",
    "Memory",
    "ModuleCall",
    "ModuleRecord",
    "NamedTensor",
    "Note",
    "OpCall",
    "Peak",
    "Phase",
    "ReceptiveField",
    "Share",
    "TensorRecord",
    "Trace",
    "TrainingStep",
    "Unit",
    "Value",
    "Weight",
]
