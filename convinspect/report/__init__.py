"""The report: the one value that every renderer and check takes, and the JSON that scripts read."""

from __future__ import annotations

from convinspect.records import Model, Run, Tool, TotalMemory, TrainingMemory
from convinspect.report.document import SCHEMA, Edge, Report, Tensor
from convinspect.report.rows import WEIGHTS, Layer, LayerMemory, MacsStatus, RowsUnits, Shape, Totals, Uncounted

__all__ = ["WEIGHTS", "Model", "Run", "Tool", "TotalMemory", "TrainingMemory"]
__all__ += ["SCHEMA", "Edge", "Report", "Tensor"]
__all__ += ["Layer", "LayerMemory", "MacsStatus", "RowsUnits", "Shape"]
__all__ += ["Totals", "Uncounted"]
