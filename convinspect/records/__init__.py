"""What one run of a model showed: the trace, as ints and strings, with every tensor left behind."""

from __future__ import annotations

from convinspect.records.attributes import PER_AXIS, Attributes, Padding, PoolKind
from convinspect.records.fields import (
    AxisUnits,
    FieldStatus,
    GlobalOperator,
    Interval,
    Jump,
    LocalField,
    ReceptiveField,
    Unit,
    Units,
)
from convinspect.records.memory import Alive, AliveKind, Measured, Memory, Peak, Phase, TrainingMemory
from convinspect.records.numbers import Bytes, Count, Share
from convinspect.records.run import (
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
from convinspect.records.tensors import NamedTensor, SparseRecord, TensorRecord, Value
from convinspect.records.timeline import Lifetime, Moment, Timeline, Timelines

__all__ = [
    "PER_AXIS",
    "Alive",
    "AliveKind",
    "Attributes",
    "AxisUnits",
    "Bytes",
    "Count",
    "Failure",
    "FieldStatus",
    "Format",
    "GlobalOperator",
    "Interval",
    "Jump",
    "Lifetime",
    "LocalField",
    "Measured",
    "Memory",
    "Model",
    "ModuleCall",
    "ModuleRecord",
    "Moment",
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
    "SparseRecord",
    "TensorRecord",
    "Timeline",
    "Timelines",
    "Tool",
    "Trace",
    "TrainingMemory",
    "Unit",
    "Units",
    "Value",
    "Weight",
]
