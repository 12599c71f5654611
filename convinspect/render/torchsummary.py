"""The layout of torchsummary, for course material and scripts that read it; its figures are that package's own.

It has a row for each module in the order of return, but none for the model and Sequentials; it counts parameters again
in every call, writes -1 for the batch, takes four bytes for a number and doubles the outputs for their gradients.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from convinspect.render.options import Options
from convinspect.report import Layer, Report
from convinspect.tree import Node, in_order_of_return, tree_of
from convinspect.units import printable

_LINE, _RULE = "-" * 64, "=" * 64
_MEBIBYTE = 1024**2
_NO_ROWS = ("Sequential", "ModuleList")


def write(report: Report, options: Options) -> str:
    """Return the table of torchsummary for ``report``, to the character where that package runs."""
    rows = list(_rows(report))
    params = _counted(report, rows, "params")
    trainable = _counted(report, rows, "trainable_params")
    outputs = sum(math.prod(shape) for row in rows for shape in _shapes(row))
    # Twice: torchsummary's estimate of the gradients.
    sizes = (_input_elements(report), 2 * outputs, sum(params))
    inputs, passes, weights = (abs(count * 4.0 / _MEBIBYTE) for count in sizes)
    lines = [_LINE, _row("Layer (type)", "Output Shape", "Param #"), _RULE]
    for i, (row, count) in enumerate(zip(rows, params, strict=True), 1):
        shapes = _shapes(row)
        name = printable(row.type, ascii_only=options.ascii)
        lines.append(_row(f"{name}-{i}", str(shapes[0] if len(shapes) == 1 else shapes), f"{count:,}"))
    lines += [
        _RULE,
        f"Total params: {sum(params):,}",
        f"Trainable params: {sum(trainable):,}",
        f"Non-trainable params: {sum(params) - sum(trainable):,}",
        _LINE,
        f"Input size (MB): {inputs:0.2f}",
        f"Forward/backward pass size (MB): {passes:0.2f}",
        f"Params size (MB): {weights:0.2f}",
        f"Estimated Total Size (MB): {weights + passes + inputs:0.2f}",
        _LINE,
    ]
    return "\n".join(lines)


def _row(name: str, shape: str, params: str) -> str:
    return f"{name:>20}  {shape:>25} {params:>15}"


def _rows(report: Report) -> Iterator[Layer]:
    """Yield the module calls that have a row there, in the order in which they return."""
    containers = _containers(tree_of(report.layers))
    for place in in_order_of_return(report.layers):
        if report.layers[place].path and place not in containers:
            yield report.layers[place]


def _containers(nodes: Sequence[Node]) -> set[int]:
    """Return which nodes are Sequentials, by whatever name: in them are numbered modules, and nothing else ran."""
    numbered: dict[int, bool] = {}
    for node in nodes:
        if node.parent is not None:
            parent = node.parent.index
            last = node.layer.path.removeprefix(f"{node.parent.layer.path}.")
            numbered[parent] = numbered.get(parent, True) and node.layer.kind == "module" and last.isdigit()
    named = {i for i, node in enumerate(nodes) if node.layer.type in _NO_ROWS}
    return named | {i for i, each in numbered.items() if each and not nodes[i].layer.params}


def _shapes(layer: Layer) -> list[list[int]]:
    """Return the shapes that come out, their first axis taken for the batch."""
    return [[-1, *output.shape[1:]] for output in layer.outputs]


def _counted(report: Report, rows: Sequence[Layer], name: str) -> list[int]:
    """Return what each row has itself, whichever of its calls it is."""
    own: dict[str, int] = {}
    for layer in report.layers:
        if layer.kind == "module":
            own.setdefault(layer.path, getattr(layer, name))
    return [own[row.path] for row in rows]


def _input_elements(report: Report) -> int:
    """Return how many numbers go in; sizes of several inputs of one rank are multiplied there."""
    shapes = [tensor.shape[1:] for tensor in report.inputs]
    if len({len(shape) for shape in shapes}) == 1:
        return math.prod(math.prod(shape) for shape in shapes)
    return sum(map(math.prod, shapes))
