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
from convinspect.records.memory import (
    Alive,
    AliveKind,
    Lifetime,
    Measured,
    Moment,
    Peak,
    Phase,
    Timeline,
    Timelines,
    TotalMemory,
    TrainingMemory,
)
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
from convinspect.records.tensors import NamedTensor, NestedRecord, SparseRecord, TensorRecord, Value

__all__ = ["PER_AXIS", "Attributes", "Padding", "PoolKind"]
__all__ += ["FieldStatus", "GlobalOperator", "Interval", "Jump", "LocalField", "ReceptiveField"]
__all__ += ["AxisUnits", "Unit", "Units"]
__all__ += ["Alive", "AliveKind", "Measured", "Peak", "Phase", "TotalMemory", "TrainingMemory"]
__all__ += ["Bytes", "Count", "Share"]
__all__ += ["Failure", "Format", "Model", "Note", "Run", "Tool"]
__all__ += ["ModuleCall", "ModuleRecord", "OpCall", "Trace", "Weight"]
__all__ += ["NamedTensor", "NestedRecord", "SparseRecord", "TensorRecord", "Value"]
__all__ += ["Lifetime", "Moment", "Timeline", "Timelines"]
