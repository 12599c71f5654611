"""TorchScript graphs whose operators nobody can see: the interpreter's own, which no dispatcher is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from convinspect.errors import UsageError
from convinspect.torch_private import nodes_in

# What `torch.jit.optimize_for_inference` and the fusers put in place of torch's operators.
_HIDDEN = re.compile(r"prim::(mkldnn_\w+|(?!Constant)\w*MKLDNN\w*|\w*Fusion\w*|TensorExprGroup|StaticSubgraph)")


def refuse_hidden(graphs: Iterable[Any]) -> None:
    """Raise `UsageError` where ``graphs`` compute what neither a row nor a sum would show."""
    hidden = sorted({node.kind() for graph in graphs for node in nodes_in(graph) if _HIDDEN.fullmatch(node.kind())})
    if hidden:
        raise UsageError(
            f"the interpreter runs parts of it without torch's operators, unseen: {', '.join(hidden)}",
            "inspect the model as it was before torch.jit.optimize_for_inference",
        )
