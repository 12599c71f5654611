"""What contractions of several tensors cost when they arrive whole: the pairwise products that torch makes of them."""

from __future__ import annotations

import re
from math import prod
from typing import TypeAlias

from convinspect.ops.arguments import NotGivenError, Shape, numbers, output, shape, shapes
from convinspect.ops.operators import priced
from convinspect.records import OpCall

Sizes: TypeAlias = dict[str, int]


@priced("einsum")
def einsum_macs(call: OpCall) -> int:
    """Price ``einsum(equation, tensors)``: for each pair in torch's order, the product of all sizes that meet.

    Labels that only one of the two has, and nothing needs later, are summed first. A pair that sums nothing is
    multiplied element by element, which is not a MAC. Source: torch's sumproduct_pair.
    """
    equation = call.args.get("equation")
    if not isinstance(equation, str):
        raise NotGivenError(call.op)
    operands, kept = _labelled(equation, shapes(call, "tensors"))
    path = list(numbers(call, "path")) if call.args.get("path") is not None else []
    macs = 0
    while len(operands) > 1:
        first, second = sorted((path.pop(0), path.pop(0))) if path else (0, 1)
        right, left = operands.pop(second), operands.pop(first)
        needed = kept.union(*operands)
        product, cost = _pair(left, right, needed)
        macs += cost
        operands.insert(len(operands) if call.args.get("path") is not None else 0, product)
    return macs


@priced("tensordot")
def tensordot_macs(call: OpCall) -> int:
    """Price torch.tensordot: ``out_elements * product of the summed sizes``; summing nothing is not a MAC."""
    left = shape(call, "self")
    axes = numbers(call, "dims_self")
    return prod(output(call)) * prod(left[axis] for axis in axes) if axes else 0


@priced("linalg_multi_dot chain_matmul")
def chain_macs(call: OpCall) -> int:
    """Price a chain of matrices, multiplied in the cheapest order, as torch.linalg.multi_dot does."""
    name = "tensors" if "tensors" in call.args else "matrices"
    matrices = list(shapes(call, name))
    sizes = [matrices[0][0] if len(matrices[0]) > 1 else 1, *(m[0] for m in matrices[1:])]
    sizes.append(matrices[-1][1] if len(matrices[-1]) > 1 else 1)
    best = {(i, i): 0 for i in range(len(matrices))}
    for length in range(1, len(matrices)):
        for i in range(len(matrices) - length):
            j = i + length
            best[i, j] = min(best[i, k] + best[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j))
    return best[0, len(matrices) - 1]


def _labelled(equation: str, tensors: tuple[Shape, ...]) -> tuple[list[Sizes], set[str]]:
    """Return each operand's sizes by label, and the labels of the output; an ellipsis is labelled ``.0``, ``.1``."""
    inputs, arrow, result = equation.replace(" ", "").partition("->")
    terms = [_labels(term, len(dims)) for term, dims in zip(inputs.split(","), tensors, strict=True)]
    operands: list[Sizes] = []
    for labels, dims in zip(terms, tensors, strict=True):
        # A size of one is broadcast: it meets nothing and need not be summed.
        operands.append({label: size for label, size in zip(labels, dims, strict=True) if size != 1})
    counted = [label for labels in terms for label in labels]
    dotted = {label for label in counted if label.startswith(".")}
    if arrow:
        return operands, (dotted if "..." in result else set()) | set(result.replace("...", ""))
    return operands, dotted | {label for label in counted if counted.count(label) == 1}


def _labels(term: str, rank: int) -> list[str]:
    parts = re.findall(r"\.\.\.|[A-Za-z]", term)
    covered = rank - (len(parts) - parts.count("..."))
    labels: list[str] = []
    for part in parts:
        # Broadcast from the right, as shapes are.
        labels += [f".{i}" for i in reversed(range(covered))] if part == "..." else [part]
    return labels


def _pair(left: Sizes, right: Sizes, needed: set[str]) -> tuple[Sizes, int]:
    """Return the product of two operands, and its MACs."""
    left = {label: size for label, size in left.items() if label in needed or label in right}
    right = {label: size for label, size in right.items() if label in needed or label in left}
    met = left | right
    remaining = {label: size for label, size in met.items() if label in needed}
    return remaining, prod(met.values()) if len(remaining) < len(met) else 0
