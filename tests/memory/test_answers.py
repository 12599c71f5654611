"""What is said of an operator without its kernel is what the CPU returns: shapes, strides, dtypes and storages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from convinspect.trace.fake.answers import _ANSWERS, _ARITHMETIC, answer_of_the_cpu
from convinspect.trace.fake.tensor import FakeTensor

aten: Any = torch.ops.aten

WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x.contiguous(),
    "transposed": lambda x: x.transpose(-1, -2).contiguous().transpose(-1, -2) if x.dim() > 1 else x,
    "channels last": lambda x: x.to(memory_format=torch.channels_last) if x.dim() == 4 else x,
    "half of another": lambda x: torch.cat((x, x), -1)[..., : x.shape[-1]] if x.dim() else x,
    "expanded": lambda x: x[..., :1].expand(x.shape) if x.dim() else x,
}
IMAGES = [(2, 4, 6, 5), (1, 4, 1, 1), (1, 4, 6, 5), (2, 1, 6, 5), (2, 4, 1, 1), (1, 4, 1, 5), (1, 1, 1, 1)]
OTHERS: list[tuple[int, ...]] = [(), (1,), (5,), (4, 1, 1), (1, 4, 1, 1), (2, 1, 1, 5), (2, 4, 6, 5), (1, 4, 6, 5)]
ROWS = [(7, 4), (1, 4), (7, 1), (1, 1)]


def tensor(*shape: int) -> Tensor:
    return torch.rand(shape) + 0.5


def calls() -> Iterator[tuple[Any, tuple[Any, ...]]]:
    yes = [True, True, True]
    for shape in IMAGES:
        x, channels = tensor(*shape), tensor(shape[1])
        statistics = [channels] * 4
        yield aten.native_batch_norm.default, (x, *statistics, True, 0.1, 1e-5)
        yield aten.native_batch_norm.default, (x, *statistics, False, 0.1, 1e-5)
        yield aten.native_batch_norm_backward.default, (x, x, channels, *statistics, True, 1e-5, yes)
        normal, outer = x[0, 0], (*shape[:2], 1, 1)
        yield aten.native_layer_norm.default, (x, list(normal.shape), normal, normal, 1e-5)
        yield aten.native_layer_norm.default, (x, [shape[-1]], None, None, 1e-5)
        backward = (list(normal.shape), tensor(*outer), tensor(*outer), normal, normal, yes)
        yield aten.native_layer_norm_backward.default, (x, x, *backward)
        for taps, padding, groups in ((1, 0, 1), (3, 1, 1), (3, 1, shape[1])):
            weight, bias = tensor(8, shape[1] // groups, taps, taps), tensor(8)
            geometry = ([1, 1], [padding] * 2, [1, 1], False, [0, 0], groups)
            out = aten.convolution.default(x, weight, bias, *geometry)
            yield aten.convolution.default, (x, weight, bias, *geometry)
            yield aten.convolution_backward.default, (out, x, weight, [8], *geometry, yes)
        yield aten.convolution.default, (x, tensor(8, shape[1], 1, 1), None, [2, 2], [0, 0], [1, 1], False, [0, 0], 1)
        for axes, keep in product(([0], [-1], [2, 3], [0, 1, 2, 3]), (False, True)):
            yield aten.sum.dim_IntList, (x, axes, keep)
            yield aten.mean.dim, (x, axes, keep)
        for axis in (0, 1, -1):
            yield aten.cat.default, ([x, x], axis)
            yield aten._softmax_backward_data.default, (x, x, axis, x.dtype)  # noqa: SLF001 - as torch names it
        yield aten.roll.default, (x, [1, 2], [2, 3])
        yield aten.select_backward.default, (x, [*shape, 3], 4, 1)
        yield aten.slice_backward.default, (x, [9, *shape[1:]], 0, 0, shape[0], 1)
    for rows, columns in product(ROWS, (5, 1)):
        a, b = tensor(*rows), tensor(rows[1], columns)
        yield aten.mm.default, (a, b)
        yield aten.addmm.default, (tensor(columns), a, b)
        yield aten.bmm.default, (tensor(3, *rows), tensor(3, rows[1], columns))
    shapes: list[tuple[int, ...]] = [*IMAGES, *ROWS]
    for size, other in product(shapes, OTHERS):
        for func in _ARITHMETIC:
            yield from arithmetic(func, tensor(*size), tensor(*other))


def arithmetic(func: Any, x: Tensor, y: Tensor) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    names = [argument.name for argument in func._schema.arguments if not argument.has_default_value()]  # noqa: SLF001
    rest = [y if "Tensor" in str(one.type) else 0.5 for one in func._schema.arguments[1 : len(names)]]  # noqa: SLF001
    given = (x, *rest)
    try:
        func(x.clone(), *rest)
    except RuntimeError:
        return  # shapes that do not go together
    yield func, given


def mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    return type(value)(mapped(item, change) for item in value) if isinstance(value, (list, tuple)) else value


def geometry(result: Any) -> list[Any]:
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [
        part if part is None else (part.shape, part.stride(), part.dtype, part.untyped_storage().nbytes())
        for part in parts
    ]


def fake(real: Tensor) -> Tensor:
    return FakeTensor(torch.empty_strided(real.shape, real.stride(), dtype=real.dtype, device="meta"))


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_what_the_cpu_returns(way: str) -> None:
    answered = set()
    for func, given in calls():
        args = mapped(given, WAYS[way])
        said = answer_of_the_cpu(func, mapped(args, fake), {})
        if said is None or (func._schema.is_mutable and way == "expanded"):  # noqa: SLF001 - nobody may write there
            continue
        answered.add(func)
        shapes = [getattr(arg, "shape", arg) for arg in args]
        assert geometry(said) == geometry(func(*args)), (func, shapes)
    if way == "contiguous":
        assert answered == _ARITHMETIC | _ANSWERS.keys() - {aten._grouped_mm.default}  # noqa: SLF001


@pytest.mark.parametrize(
    ("func", "args"),
    [
        (aten.mm.default, (tensor(2, 3), tensor(4, 5))),
        (aten.bmm.default, (tensor(2, 3, 4), tensor(3, 4, 5))),
        (aten.addmm.default, (tensor(4), tensor(2, 3), tensor(3, 5))),
        (aten.cat.default, ([tensor(2, 3), tensor(3, 4)],)),
        (aten.cat.default, ([tensor(2, 3)], 2)),
        (
            aten.convolution.default,
            (tensor(2, 3, 8, 8), tensor(4, 2, 3, 3), None, [1] * 2, [0] * 2, [1] * 2, False, [0] * 2, 1),
        ),
        (
            aten.convolution.default,
            (tensor(2, 3, 2, 2), tensor(4, 3, 3, 3), None, [1] * 2, [0] * 2, [1] * 2, False, [0] * 2, 1),
        ),
        (aten.native_layer_norm.default, (tensor(2, 3), [4], None, None, 1e-5)),
        (aten.native_layer_norm.default, (tensor(2, 3), [3], tensor(4), None, 1e-5)),
        (aten.roll.default, (tensor(2, 3), [1, 2], [0])),
        (aten.sum.dim_IntList, (tensor(2, 3), [2])),
        (aten.add.Tensor, (tensor(2, 3), tensor(2, 4))),
        (aten.add_.Tensor, (tensor(3), tensor(2, 3))),
    ],
)
def test_nothing_is_said_of_a_call_that_torch_refuses(func: Any, args: tuple[Any, ...]) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        func(*args)
    assert answer_of_the_cpu(func, mapped(args, fake), {}) is None
