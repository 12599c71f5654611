"""What TorchScript models do that a plain chain of layers does not."""

# No postponed annotations: TorchScript reads them as they stand.
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from convinspect.errors import UsageError
from convinspect.load import load
from convinspect.pipeline import inspect, summarise
from convinspect.spec import InputSpec, Request, Target
from tests.load.forms import first_difference, quiet, report_of, rows, scripted, traced
from tests.shell import convinspect

X = torch.rand(2, 4, generator=torch.Generator().manual_seed(0))


with quiet():

    @torch.jit.interface
    class Step(nn.Module):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Linear has
            pass


class Pair(NamedTuple):
    one: Tensor
    other: Tensor


def doubled(x: Tensor) -> Tensor:
    return x * 2


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 4)
        self.unused = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.embed(x).relu()

    def embedded(self, x: Tensor) -> Tensor:
        return self.embed(x)


class MethodsOtherThanForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(self.encoder.embedded(x)) + self.encoder.embed(x)


class CalledThroughForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder.forward(self.encoder(x))


class Containers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.chain = nn.ModuleList([nn.Linear(4, 4), nn.Identity(), nn.Dropout()])
        self.heads = nn.ModuleDict({"a": nn.Linear(4, 1), "b": nn.Linear(4, 2)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        for layer in self.chain:
            x = layer(x)
        out: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            out[name] = head(x)
        return out


class ControlFlow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.small(x) if x.shape[0] < 3 else self.large(x)
        for _ in range(x.shape[0]):
            y = self.large(y)
        n = 0
        while n < x.shape[1] - 2:
            y = self.small(doubled(y))
            n += 1
        return y


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = Encoder()
        self.again = self.first
        self.relu = nn.ReLU()
        self.embedding = nn.Embedding(10, 4)
        self.decoder = nn.Linear(4, 10, bias=False)
        self.decoder.weight = self.embedding.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.again(self.relu(self.first(x))))
        return self.decoder(y + self.embedding(torch.ones(2, dtype=torch.long)))


class Tuples(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Pair, list[Tensor]]:
        y, (h, c) = self.lstm(x)
        return self.fc(y), Pair(h, c), [y, h]


class Optionals(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.mask = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        y = self.fc(x) * scale
        return y if mask is None else y * self.mask(mask)


class BehindInterfaces(nn.Module):
    step: Step

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(4, 4)
        self.steps = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def forward(self, x: Tensor, index: int = 1) -> Tensor:
        chosen: Step = self.steps[index]
        return self.step.forward(chosen.forward(x))  # TorchScript calls an interface by its method alone


class Forked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        future = torch.jit.fork(self.one, x)
        return self.other(x) + torch.jit.wait(future)


KINDS = [
    *(MethodsOtherThanForward, CalledThroughForward, Containers, ControlFlow),
    *(Shared, Tuples, Optionals, BehindInterfaces, Forked),
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_are_those_of_the_eager_model(kind: type[nn.Module], tmp_path: Path) -> None:
    model = kind().eval()
    with quiet():  # torch.jit.fork, called by the eager model
        eager = inspect(model, (X,))
    script = report_of(scripted(model, tmp_path / "model.pt"), (X,))
    assert first_difference(rows(eager, saved=False), rows(script, saved=False)) == ""
    assert script.outputs == eager.outputs
    assert [note for note in script.warnings if note.code == "reused"] == [
        n for n in eager.warnings if n.code == "reused"
    ]


def test_several_inputs_optional_ones_included_keep_their_names(tmp_path: Path) -> None:
    model = Optionals().eval()
    eager, script = inspect(model, (X, X)), report_of(scripted(model, tmp_path / "model.pt"), (X, X))
    assert [named.name for named in script.inputs] == ["x", "mask"]
    assert first_difference(rows(eager), rows(script)) == ""


def test_without_its_source_an_archive_shows_a_module_behind_an_interface_by_its_own_path(tmp_path: Path) -> None:
    path = scripted(BehindInterfaces().eval(), tmp_path / "model.pt")
    stripped = tmp_path / "stripped.pt"
    with zipfile.ZipFile(path) as full, zipfile.ZipFile(stripped, "w") as bare:
        for entry in full.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                bare.writestr(entry.filename, full.read(entry))
    report = report_of(stripped, (X,))
    ran = [(layer.path, layer.type) for layer in report.layers if layer.call]
    assert ran == [("", "BehindInterfaces"), ("steps.1", "Linear"), ("step", "Linear")]


def test_a_failing_layer_is_named_with_what_it_expected(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Linear(3, 2)))
    report = report_of(scripted(model, tmp_path / "model.pt"), (X,))
    assert report.stopped == "1.1: Linear expected 3 features, got 4 (input 2x4)"
    assert [layer.path for layer in report.layers] == ["", "0", "1", "1.0", "1.1"]


def test_what_a_script_raises_is_told_without_the_interpreters_traceback(tmp_path: Path) -> None:
    class Picky(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if x.shape[0] != 1:
                raise ValueError("one at a time")
            return x

    report = report_of(scripted(Picky(), tmp_path / "model.pt"), (X,))
    assert report.stopped == "in forward: Picky raised ValueError: one at a time"


def test_the_callers_own_scripted_model_is_not_touched() -> None:
    with quiet():
        model = torch.jit.script(Shared().eval())
    before = str(model.graph), model.code
    inspect(model, (X,))
    inspect(model, (X,))
    assert (str(model.graph), model.code) == before


def test_a_frozen_archive_shows_operators_and_says_why(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5)).eval()
    path = tmp_path / "frozen.pt"
    with quiet():
        torch.jit.save(torch.jit.freeze(torch.jit.script(model)), str(path))
    report = report_of(path, (torch.rand(1, 3, 8, 8),))
    assert [layer.kind for layer in report.layers] == ["module", *["function"] * (len(report.layers) - 1)]
    assert {"conv2d", "linear"} <= {layer.type for layer in report.layers} or report.totals.macs
    assert report.totals.macs == 8 * 36 * 27 + 8 * 36 * 5
    assert "frozen" in {note.code for note in report.warnings}
    assert report.totals.buffers >= sum(p.numel() for p in model.parameters()) - 16  # the norm is folded in


class TwoAlike(nn.Module):
    """Two layers of one size, the second of which runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.two(self.one(x)))


def test_a_frozen_model_is_on_meta_what_it_is_on_the_cpu(tmp_path: Path) -> None:
    model, x = TwoAlike().eval(), torch.rand(1, 2, 6, 6)
    path = tmp_path / "frozen.pt"
    with quiet():
        frozen = torch.jit.freeze(torch.jit.script(model))
        torch.jit.save(frozen, str(path))
    on_meta = load(Request(Target(str(path), str(path), None), device="meta")).runnable.model
    for report in (inspect(frozen, (x,)), inspect(frozen, (x,), device="meta"), inspect(on_meta, (x,))):
        assert report.totals.buffers == sum(p.numel() for p in model.parameters())
        assert report.totals.macs == 3 * 36 * 36
        assert report.totals.memory.weight_bytes == report.totals.weight_bytes


class Shifted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x + torch.tensor([1.0, 2.0, 3.0, 4.0])) * torch.tensor([4.0, 3.0, 2.0, 1.0])


def test_parts_with_constants_alike_run_on_meta() -> None:
    with quiet():
        model = torch.jit.trace(nn.Sequential(Shifted(), Shifted()), X, check_trace=False)
    assert inspect(model, (X,), device="meta", fallback=False).outputs == inspect(model, (X,)).outputs


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_in_a_list_are_weights_of_a_frozen_model(device: str) -> None:
    model, x = nn.LSTM(4, 5), torch.rand(3, 2, 4)
    with quiet():
        frozen = torch.jit.freeze(torch.jit.trace(model.eval(), x, check_trace=False))
    report = inspect(frozen, (x,), device=device)
    assert report.failure is None
    assert report.totals.buffers == sum(p.numel() for p in model.parameters())
    assert report.totals.memory.weight_bytes == report.totals.weight_bytes


def test_packed_weights_are_weights_of_a_frozen_model() -> None:
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("no quantised kernels here")
    with quiet():
        model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), dtype=torch.qint8)
        frozen = torch.jit.freeze(torch.jit.script(model.eval()))
    report = inspect(frozen, (X,))
    assert report.totals.bytes_by_dtype == {"qint8": 4 * 4, "float32": 4 * 4}
    assert report.totals.memory.weight_bytes == report.totals.weight_bytes


def test_a_frozen_part_of_an_eager_model_has_its_weights_and_says_why() -> None:
    part, x = TwoAlike().eval(), torch.rand(1, 2, 6, 6)
    with quiet():
        frozen = torch.jit.freeze(torch.jit.script(part))
    report = inspect(nn.Sequential(frozen, nn.Conv2d(2, 1, 1)), (x,))
    assert (report.totals.params, report.totals.buffers) == (3, sum(p.numel() for p in part.parameters()))
    assert report.totals.memory.weight_bytes == report.totals.weight_bytes
    assert [note.path for note in report.warnings if note.code == "frozen"] == ["0"]
    assert [layer.path for layer in report.layers if layer.kind == "function"] == ["0"] * 3


def test_what_the_interpreter_computes_unseen_is_refused() -> None:
    with quiet():
        optimised = torch.jit.optimize_for_inference(torch.jit.script(TwoAlike().eval()))
    if "mkldnn" not in str(optimised.graph):
        pytest.skip("no oneDNN here")
    for model in (optimised, nn.Sequential(optimised)):
        for device in ("cpu", "meta"):
            with pytest.raises(UsageError, match="unseen: prim::mkldnn_convolution"):
                inspect(model, (torch.rand(1, 2, 6, 6),), device=device)


def test_constants_that_an_optimisation_has_replaced_are_no_weights() -> None:
    with quiet():
        optimised = torch.jit.optimize_for_inference(torch.jit.script(nn.Sequential(nn.Linear(4, 8)).eval()))
    report = inspect(optimised, (X,))
    assert report.totals.buffers == 4 * 8 + 8
    assert report.totals.memory.weight_bytes == report.totals.weight_bytes


def test_optimize_for_inference_runs_in_memory() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    with quiet():
        optimised = torch.jit.optimize_for_inference(torch.jit.script(model))
    report = inspect(optimised, (X,))
    assert "frozen" in {note.code for note in report.warnings}
    assert report.outputs[0].shape == (2, 2)


def test_a_quantised_archive_runs_and_its_packed_weights_are_counted(tmp_path: Path) -> None:
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("no quantised kernels here")
    with quiet():
        model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), dtype=torch.qint8)
    path = scripted(model, tmp_path / "model.pt")
    report = summarise(Request(Target(str(path), str(path), None), (InputSpec((4,)),), device="cpu"))
    assert [(layer.path, layer.type) for layer in report.layers[:2]] == [("", "Sequential"), ("0", "Linear")]
    assert report.outputs[0].shape == (1, 4)
    assert report.totals.bytes_by_dtype == {"qint8": 4 * 4, "float32": 4 * 4}  # the weight, and a bias of four
    assert not [note.message for note in report.warnings if "not counted" in note.message]


def test_a_traced_archive_knows_the_shapes_that_it_was_traced_with(tmp_path: Path) -> None:
    path = traced(nn.Conv2d(3, 4, 3), (torch.rand(2, 3, 8, 8),), tmp_path / "model.pt")
    report = summarise(Request(Target(str(path), str(path), None), device="cpu"))
    assert [named.shape for named in report.inputs] == [(2, 3, 8, 8)]
    assert report.run.batch_size == 2


def test_weights_are_moved_while_they_are_loaded(tmp_path: Path) -> None:
    path = scripted(Encoder(), tmp_path / "model.pt")
    loaded = load(Request(Target(str(path), str(path), None), device="meta"))
    assert {parameter.device.type for parameter in loaded.runnable.module.parameters()} == {"meta"}


def test_torchs_own_deprecation_stays_away_from_the_terminal(tmp_path: Path) -> None:
    path = scripted(Encoder(), tmp_path / "model.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = convinspect("summary", path, "--input", "4", "--device", "cpu")
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("option", [("--arg", "a=1")])
def test_an_archive_is_a_finished_model(option: tuple[str, str], tmp_path: Path) -> None:
    path = scripted(Encoder(), tmp_path / "model.pt")
    result = convinspect("summary", path, *option)
    assert result.code == UsageError.exit_code
    assert "finished model" in result.err


def windowed(x: Tensor, size: int) -> Tensor:
    return x[:, :size] + x[:, 0:4] * x[0:, :]


class CallsFunctions(nn.Module):
    """Calls functions, which TorchScript keeps apart from the methods; slices that leave nothing out."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = windowed(self.fc(x), x.shape[1])
        return y[:, 1:] + windowed(y, 3)[:, :1] if x.shape[0] > 5 else y[:, 1 : x.shape[1]]


def test_slices_that_leave_nothing_out_are_passed_over_as_python_does(tmp_path: Path) -> None:
    model = CallsFunctions().eval()
    eager, script = inspect(model, (X,)), report_of(scripted(model, tmp_path / "model.pt"), (X,))
    assert [layer.type for layer in eager.layers].count("slice") == 1
    assert first_difference(rows(eager, saved=False), rows(script, saved=False)) == ""


class Halves(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 0.5


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_constant_of_an_archive_is_there_before_the_run(device: str, tmp_path: Path) -> None:
    path = traced(Halves(), (X,), tmp_path / "halves.pt")
    model = load(Request(Target(str(path), str(path), None), device=device)).runnable.model
    report = inspect(model, (X,), device=device)
    product = next(layer for layer in report.layers if layer.kind == "function")
    assert product.memory.allocated_bytes == 4 * X.numel()
    assert (report.totals.memory.weight_bytes, report.totals.memory.inference_peak_bytes) == (8, 8 + 2 * 4 * X.numel())


def test_an_archive_without_forward_is_refused(tmp_path: Path) -> None:
    class Helper(nn.Module):
        @torch.jit.export
        def encode(self, x: Tensor) -> Tensor:
            return x

    result = convinspect("summary", scripted(Helper(), tmp_path / "model.pt"), "--input", "4")
    assert (result.code, "no forward" in result.err) == (2, True)


class ScriptedPart(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.first, self.part, self.again = nn.Linear(4, 4), inner, inner

    def forward(self, x: Tensor) -> Tensor:
        return self.again(self.part(self.first(x)))


def test_a_scripted_module_inside_an_eager_model_shows_its_rows_and_comes_back_untouched() -> None:
    inner = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())
    eager = inspect(ScriptedPart(inner).eval(), (X,))
    with quiet():
        part = torch.jit.script(inner.eval())
    model, code = ScriptedPart(part).eval(), part.code
    for _ in range(2):
        assert first_difference(rows(eager), rows(inspect(model, (X,)))) == ""
    assert model.part is part
    assert model.again is part
    assert part.code == code


def test_a_part_that_was_traced_in_this_process_is_the_module_that_it_was() -> None:
    part, x = TwoAlike().eval(), torch.rand(1, 2, 6, 6)
    with quiet():
        traced_part = torch.jit.trace(part, (x,))
    report, eager = (inspect(nn.Sequential(one, nn.Conv2d(2, 1, 1)), (x,)) for one in (traced_part, part))
    assert report.totals == eager.totals
    assert [layer.path for layer in report.layers] == [layer.path for layer in eager.layers]


def test_an_error_inside_a_scripted_part_leaves_no_scope_open() -> None:
    with quiet():
        part = torch.jit.script(nn.Sequential(nn.ReLU(), nn.Linear(3, 4)))
    report = inspect(ScriptedPart(part), (X,))
    assert report.stopped == "part.1: Linear expected 3 features, got 4 (input 2x4)"
