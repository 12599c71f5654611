"""Whose operator is it: modules nested, repeated, shared, bypassed, hidden and never run."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own spelling
from torch import nn

from tests.trace.running import codes, functions, modules, report_of, row


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.linear(x)) + x


def test_rows_come_in_order_of_execution_with_parents_first() -> None:
    report = report_of(nn.Sequential(Block(4), nn.Sequential(Block(4))), torch.zeros(2, 4))
    assert modules(report) == [
        ("", 1), ("0", 1), ("0.linear", 1), ("0.act", 1), ("1", 1), ("1.0", 1), ("1.0.linear", 1), ("1.0.act", 1),
    ]  # fmt: skip
    assert [layer.depth for layer in report.layers if layer.kind == "module"] == [0, 1, 2, 2, 1, 2, 3, 3]
    assert functions(report) == ["add", "add"]


def test_a_module_that_runs_twice_has_two_rows_and_counts_its_parameters_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(self.linear(x))

    report = report_of(Twice(), torch.zeros(3, 4))
    assert modules(report) == [("", 1), ("linear", 1), ("linear", 2)]
    assert (row(report, "linear").params, row(report, "linear", 2).params) == (20, 0)
    assert (row(report, "linear").macs, row(report, "linear", 2).macs) == (48, 48)
    assert report.totals.params == 20
    assert codes(report)["reused"] == "linear"


def test_a_module_under_two_names_goes_by_the_first() -> None:
    class Alias(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = self.first

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x))

    assert modules(report_of(Alias(), torch.zeros(1, 4))) == [("", 1), ("first", 1), ("first", 2)]


def test_tied_weights_are_counted_at_the_first_owner_and_named_at_the_other() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10)
            self.head.weight = self.embed.weight

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.head(self.embed(ids))

    model = Tied()
    report = report_of(model, torch.zeros(1, 3, dtype=torch.int64))
    assert report.totals.params == sum(p.numel() for p in model.parameters()) == 10 * 4 + 10
    assert (row(report, "embed").params, row(report, "head").params) == (40, 10)
    assert (row(report, "embed").shared_with, row(report, "head").shared_with) == (None, "embed")
    assert report.totals.weight_bytes == 50 * 4


def test_a_module_called_through_forward_has_no_call_but_its_work_and_weights_count() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear.forward(x)

    report = report_of(Direct(), torch.zeros(1, 4))
    assert row(report, "linear", 0).params == 30
    assert report.totals.macs == 24
    assert functions(report)[-1] == "linear"
    assert codes(report) == {"never_called": "linear"}


def test_a_module_that_never_runs_is_listed_with_its_parameters_and_no_macs() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(4, 4)
            self.spare = nn.Sequential(nn.Linear(4, 2), nn.ReLU())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    report = report_of(Spare(), torch.zeros(1, 4))
    assert modules(report) == [("", 1), ("used", 1), ("spare", 0), ("spare.0", 0), ("spare.1", 0)]
    spare = row(report, "spare", 0)
    assert (spare.params_total, spare.macs_total, spare.macs_status, spare.depth) == (10, 0, "exact", 1)
    assert row(report, "spare.0", 0).depth == 2
    assert codes(report) == {"never_ran": "spare"}
    assert report.totals.params == 30


def test_a_list_of_modules_is_no_row_of_its_own() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.scales = nn.ParameterList([nn.Parameter(torch.ones(4))])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x) * self.scales[0]
            return x

    report = report_of(Listed(), torch.zeros(1, 4))
    assert modules(report) == [("", 1), ("layers.0", 1), ("layers.1", 1), ("scales", 0)]
    assert row(report, "scales", 0).params == 4
    assert report.totals.params == 44


def test_parameters_and_buffers_of_a_container_are_its_own() -> None:
    class Owner(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(4, 4))
            self.gain = nn.Parameter(torch.ones(7), requires_grad=False)
            self.register_buffer("steps", torch.zeros(3, dtype=torch.int64))
            self.register_buffer("cache", torch.zeros(5), persistent=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[0](x)

    report = report_of(Owner(), torch.zeros(1, 4))
    own = row(report, "")
    assert (own.params, own.trainable_params, own.params_total) == (7, 0, 27)
    assert (own.buffers, own.buffer_bytes) == (8, 3 * 8 + 5 * 4)
    totals = report.totals
    assert (totals.params, totals.trainable_params, totals.non_trainable_params) == (27, 20, 7)
    assert totals.bytes_by_dtype == {"float32": (27 + 5) * 4, "int64": 24}


def test_a_module_in_a_plain_list_is_seen_and_said_to_be_unregistered() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.rest = [nn.Linear(4, 4)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.rest[0](self.first(x))

    report = report_of(Hidden(), torch.zeros(1, 4))
    assert modules(report) == [("", 1), ("first", 1), ("<Linear>", 1)]
    assert (report.totals.params, report.totals.macs) == (20, 32)
    assert codes(report) == {"unregistered": "<Linear>"}


@dataclass
class Result:
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...] | None


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda x: x, ["out"]),
        (lambda x: (x, x), ["out.0", "out.1"]),
        (lambda x: [x, None, x], ["out.0", "out.2"]),
        (lambda x: {"logits": x, "aux": {"mask": x}}, ["logits", "aux.mask"]),
        (lambda x: Result(x, (x, x)), ["logits", "hidden.0", "hidden.1"]),
        (lambda x: OrderedDict(a=(x, x)), ["a.0", "a.1"]),
        (lambda _: None, []),
    ],
    ids=["tensor", "tuple", "list", "dict", "dataclass", "nested", "none"],
)
def test_nested_outputs_are_flattened_with_names(make: object, names: list[str]) -> None:
    class Out(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> object:
            return make(self.linear(x))  # type: ignore[operator]

    report = report_of(Out(), torch.zeros(2, 4))
    assert [tensor.name for tensor in report.outputs] == names
    assert all(tensor.shape == (2, 4) and tensor.bytes == 32 for tensor in report.outputs)


def test_functions_show_what_no_module_does() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(6, 3, 5, 5))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = F.max_pool2d(F.conv2d(x, self.weight, stride=2), 2)
            return torch.cat([x, x], dim=1).flatten(1)

    report = report_of(Functional(), torch.zeros(1, 3, 32, 32))
    assert functions(report) == ["conv2d", "max_pool2d", "cat", "view"]
    assert report.totals.macs == 6 * 14 * 14 * (3 * 5 * 5)
    assert [f.outputs[0].shape for f in report.layers[1:]] == [(1, 6, 14, 14), (1, 6, 7, 7), (1, 12, 7, 7), (1, 588)]


def test_a_function_row_gives_what_its_caller_sees() -> None:
    class Pools(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            attended = F.scaled_dot_product_attention(x, x, x)
            return (*torch.sort(F.max_pool2d(x, 2)), *attended.split(2, dim=-1))

    report = report_of(Pools(), torch.zeros(1, 1, 4, 4))
    shapes = {layer.type: [record.shape for record in layer.outputs] for layer in report.layers[1:]}
    assert shapes["max_pool2d"] == [(1, 1, 2, 2)]
    assert shapes["scaled_dot_product_attention"] == [(1, 1, 4, 4)]
    assert len(shapes["sort"]) == 2
    assert len(shapes["split"]) == 2


def test_modules_in_other_threads_are_followed() -> None:
    class Threaded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Conv2d(3, 4, 3) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with ThreadPoolExecutor(2) as pool:
                return torch.cat(list(pool.map(lambda layer: layer(x), self.layers)))

    report = report_of(Threaded(), torch.zeros(1, 3, 12, 12), optimizer=None)
    assert (report.totals.macs, report.totals.macs_status) == (4 * 4 * 100 * 27, "exact")
    assert {layer.depth for layer in report.layers[1:]} == {1}


def test_a_model_as_deep_as_torch_can_run_is_followed() -> None:
    model: nn.Module = nn.Linear(2, 2)
    for _ in range(220):
        model = nn.Sequential(model)
    report = report_of(model, torch.zeros(1, 2), optimizer=None)
    assert (report.layers[-1].depth, report.totals.macs) == (220, 4)


def test_two_strangers_of_one_type_are_two_modules() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = [nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.hidden:
                x = layer(x)
            return x

    report = report_of(Listed(), torch.zeros(1, 4))
    assert modules(report)[1:] == [("<Linear>", 1), ("<ReLU>", 1), ("<Linear 2>", 1)]
    assert [n.path for n in report.warnings if n.code == "unregistered"] == ["<Linear>", "<Linear 2>"]
