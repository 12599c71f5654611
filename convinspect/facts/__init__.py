"""What one run of a model showed: the trace, as ints and strings, with every tensor left behind."""

from __future__ import annotations

from convinspect.facts.fields import FieldStatus, GlobalGate, Interval, Jump, LocalField, ReceptiveField, Unit
from convinspect.facts.memory import Alive, AliveKind, Measured, Memory, Peak, Phase, TrainingStep
from convinspect.facts.run import Failure, ModuleCall, ModuleFact, Note, OpCall, Trace, Weight
from convinspect.facts.tensors import NamedTensor, TensorFact, Value

__all__ = [
    "Alive",
    "AliveKind",
    "Failure",
    "FieldStatus",
    "GlobalGate",
    "Interval",
    "Jump",
    "LocalField",
    "Measured",
    "Memory",
    "ModuleCall",
    "ModuleFact",
    "NamedTensor",
    "Note",
    "OpCall",
    "Peak",
    "Phase",
    "ReceptiveField",
    "TensorFact",
    "Trace",
    "TrainingStep",
    "Unit",
    "Value",
    "Weight",
]
