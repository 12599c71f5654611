"""What exported programs do beyond a chain of layers: shapes that vary, shared modules, what they do not keep."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convinspect.errors import UsageError
from convinspect.load import load
from convinspect.parsing import parse_input
from convinspect.pipeline import inspect, summarise
from convinspect.report import Report
from convinspect.spec import InputSpec, Request, Target
from tests.load.forms import exported, first_difference, quiet, report_of, rows
from tests.shell import convinspect

BATCH = torch.export.Dim("batch", min=1, max=64)


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.relu, self.drop = nn.Linear(4, 4), nn.ReLU(), nn.Dropout()
        self.embedding = nn.Embedding(10, 4)
        self.decoder = nn.Linear(4, 10, bias=False)
        self.decoder.weight = self.embedding.weight
        self.unused = nn.Linear(2, 2)
        self.register_buffer("shift", torch.ones(4), persistent=False)

    def forward(self, x: Tensor, ids: Tensor | None = None) -> dict[str, Tensor]:
        y = self.relu(self.fc(self.relu(self.fc(x)))) + self.shift
        if ids is not None:
            y = y + self.embedding(ids)
        return {"y": self.drop(y), "logits": self.decoder(y)}


class Passing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.nothing, self.fc = nn.Identity(), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.nothing(x))


def asked(path: Path, *inputs: str, batch_size: int = 1) -> Report:
    specs: tuple[InputSpec, ...] = tuple(map(parse_input, inputs))
    return summarise(Request(Target(str(path), str(path), None), specs, batch_size=batch_size, device="cpu"))


def test_reused_and_tied_modules_are_as_in_the_eager_model(tmp_path: Path) -> None:
    model, inputs = Reused().eval(), (torch.rand(3, 4), torch.arange(3))
    eager, program = inspect(model, inputs), report_of(exported(model, inputs, tmp_path / "m.pt2"), inputs)
    assert [(r.path, r.call, r.type) for r in program.layers if r.call] == [
        (r.path, r.call, r.type) for r in eager.layers if r.call
    ]
    assert (program.totals.params, program.totals.macs) == (eager.totals.params, eager.totals.macs)
    assert program.totals.buffers == eager.totals.buffers == 4
    assert (program.inputs, program.outputs) == (eager.inputs, eager.outputs)


def test_dynamic_shapes_are_honoured(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2), nn.Linear(36, 2)).eval()
    path = exported(model, (torch.rand(2, 3, 8, 8),), tmp_path / "m.pt2", dynamic_shapes=({0: BATCH},))
    for batch in (1, 7):
        x = torch.rand(batch, 3, 8, 8)
        assert first_difference(rows(inspect(model, (x,)), saved=False), rows(report_of(path, (x,)), saved=False)) == ""


@pytest.mark.parametrize(
    ("inputs", "batch", "message"),
    [
        (("3,8,8",), 65, "dimension 0 is 1 to 64 in the program, got 65"),
        (("3,9,8",), 2, "dimension 2 is fixed to 8 in the program, got 9"),
        (("3,8",), 2, "the program takes 4 dimensions, got 3"),
        (("3,8,8:float64",), 2, "the program takes float32, got float64"),
    ],
)
def test_a_shape_that_the_program_does_not_hold_for_is_refused(
    inputs: tuple[str, ...], batch: int, message: str, tmp_path: Path
) -> None:
    path = exported(nn.Conv2d(3, 4, 3), (torch.rand(2, 3, 8, 8),), tmp_path / "m.pt2", dynamic_shapes=({0: BATCH},))
    result = convinspect("summary", path, *(f"--input={text}" for text in inputs), "--batch-size", batch)
    assert result.code == 2
    assert f"input: {message}" in result.err


def test_two_dimensions_of_one_name_are_equal(tmp_path: Path) -> None:
    class Sum(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + y

    sizes = ({0: BATCH}, {0: BATCH})
    path = exported(Sum(), (torch.rand(3, 4), torch.rand(3, 4)), tmp_path / "m.pt2", dynamic_shapes=sizes)
    assert report_of(path, (torch.rand(5, 4), torch.rand(5, 4))).outputs[0].shape == (5, 4)
    from convinspect.errors import UsageError  # noqa: PLC0415

    with pytest.raises(UsageError, match="dimension 0 equals another dimension of 5"):
        report_of(path, (torch.rand(5, 4), torch.rand(6, 4)))


def test_without_inputs_the_program_runs_with_those_that_it_was_exported_with(tmp_path: Path) -> None:
    report = asked(exported(nn.Linear(4, 2), (torch.rand(3, 4),), tmp_path / "m.pt2"))
    assert [named.shape for named in report.inputs] == [(3, 4)]
    assert report.run.batch_size == 3


def test_inputs_can_be_named_and_keyword_inputs_must_be(tmp_path: Path) -> None:
    model, kwargs = Reused().eval(), {"ids": torch.arange(1)}
    with quiet():
        program = torch.export.export(model, (torch.rand(1, 4),), kwargs)
        torch.export.save(program, str(tmp_path / "m.pt2"))
    report = asked(tmp_path / "m.pt2", "x=4", "ids=:int64")
    assert [named.name for named in report.inputs] == ["x", "ids"]


def test_a_module_without_operators_is_not_said_to_have_run_or_not(tmp_path: Path) -> None:
    path = exported(Passing(), (torch.rand(1, 4),), tmp_path / "m.pt2")
    report = asked(path, "4")
    assert [layer.path for layer in report.layers] == ["", "fc"]
    (note,) = [note for note in report.warnings if note.code == "silent_modules"]
    assert "nothing" in note.message


def test_a_norm_returns_one_tensor_in_a_decomposed_program_that_was_loaded(tmp_path: Path) -> None:
    model, x = nn.Sequential(nn.LayerNorm(4), nn.GroupNorm(3, 3)).eval(), torch.rand(2, 3, 4)
    with quiet():
        torch.export.save(torch.export.export(model, (x,)).run_decompositions(), str(tmp_path / "m.pt2"))
    outputs = [[out.shape for out in layer.outputs] for layer in report_of(tmp_path / "m.pt2", (x,)).layers]
    assert outputs == [[(2, 3, 4)]] * 3


@pytest.mark.parametrize("number", [True, 3, 0.5, "two", None], ids=repr)
def test_numbers_are_inputs_that_hold_as_they_were_exported(number: object, tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor, by: object, *, then: object = 1) -> Tensor:
            return x * 2 if by == then else x

    x = torch.rand(2, 4)
    with quiet():
        program = torch.export.export(Scaled(), (x, number), {"then": number})
        path = exported(Scaled(), (x, number), tmp_path / "m.pt2", kwargs={"then": number})
    assert inspect(program, (x, number), {"then": number}).failure is None
    loaded = load(Request(Target(str(path), str(path), None))).runnable.model
    assert inspect(loaded, (x, number), {"then": number}).outputs[0].shape == (2, 4)
    for one in (program, loaded):
        for refused in ((x, "other"), {"then": number}), ((x, number), {"then": x}):
            with pytest.raises(UsageError, match="was exported with"):
                inspect(one, *refused)


def test_the_callers_own_program_is_left_as_it_is() -> None:
    with quiet():
        program = torch.export.export(nn.BatchNorm1d(4).train(), (torch.rand(3, 4),))
    before = {name: tensor.clone() for name, tensor in program.state_dict.items()}
    inspect(program, (torch.rand(3, 4),))
    inspect(program, (torch.rand(3, 4, device="meta"),), device="meta")
    assert all(torch.equal(before[name], tensor) for name, tensor in program.state_dict.items())


def test_a_program_runs_as_it_was_exported(tmp_path: Path) -> None:
    path = exported(nn.Linear(4, 2), (torch.rand(3, 4),), tmp_path / "m.pt2")
    for option in ("--train", "--dtype=float64"):
        result = convinspect("summary", path, "--input", "4", option)
        assert (result.code, "runs as it was exported" in result.err) == (2, True)
