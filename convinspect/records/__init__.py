"""What one run of a model showed: the trace, as ints and strings, with every tensor left behind."""

from __future__ import annotations

from convinspect.records.attributes import PER_AXIS, Attributes, Padding, PoolKind
from convinspect.records.fields import FieldStatus, GlobalOperator, Interval, Jump, LocalField, ReceptiveField, Unit
from convinspect.records.memory import Alive, AliveKind, Measured, Memory, Peak, Phase, TrainingStep
from convinspect.records.numbers import Bytes, Count, Share
from convinspect.records.run import (
    TAKEN,
    Failure,
    Format,
    Model,
    ModuleCall,
    ModuleRecord,
    Note,
    OpCall,
    Run,
    Tool,
    Trace,
    Weight,
)
from convinspect.records.tensors import NamedTensor, TensorRecord, Value

__all__ = [
    "PER_AXIS",
    "TAKEN",
    "Alive",
    "AliveKind",
    "Attributes",
    "Bytes",
    "Count",
    "Failure",
    "FieldStatus",
    "Format",
    "GlobalOperator",
    "Interval",
    "Jump",
    "LocalField",
    "Measured",
    "Memory",
    "Model",
    "ModuleCall",
    "ModuleRecord",
    "NamedTensor",
    "Note",
    "OpCall",
    "Padding",
    "Peak",
    "Phase",
    "PoolKind",
    "ReceptiveField",
    "Run",
    "Share",
    "TensorRecord",
    "Tool",
    "Trace",
    "TrainingStep",
    "Unit",
    "Value",
    "Weight",
]
