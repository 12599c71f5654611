"""Inputs that are not one random tensor: places in tuples and mappings, files, functions, a model's description."""

from __future__ import annotations

import json
import struct
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from convinspect import inspect
from convinspect.errors import ModelError, UsageError
from convinspect.frontends import frontend_of
from convinspect.inputs import Prepared, make_inputs
from convinspect.load import Loaded
from convinspect.parsing import parse_function, parse_input
from convinspect.spec import InputSpec, Request, Target
from tests.shell import Result, convinspect


class Takes(nn.Module):
    def forward(self, x: Any, y: Any = None) -> Any:
        return x if y is None else y


class Fusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, batch: Any) -> torch.Tensor:
        return self.conv(batch[0]["rgb"]) + batch[1]


def _make(*specs: str | InputSpec, model: nn.Module | None = None, built_by: Any = None, **request: Any) -> Prepared:
    inputs = tuple(parse_input(spec) if isinstance(spec, str) else spec for spec in specs)
    asked = Request(Target("net.py", "net.py", None), inputs, device="cpu", **request)
    return make_inputs(Loaded(asked, frontend_of(model or Takes()), "Takes", "cpu", "float32", built_by=built_by))


def test_an_input_may_be_a_place_in_a_tuple_or_a_mapping() -> None:
    made = _make("x.1.depth=1,8,8", "x.0=3,8,8", "x.1.rgb=3,8,8", "x.2:=[40]", "y.start:=0", batch_size=2)
    assert [type(made.kwargs["x"]), len(made.kwargs["x"]), made.kwargs["x"][2]] == [tuple, 3, [40]]
    assert {key: tuple(value.shape) for key, value in made.kwargs["x"][1].items()} == {
        "depth": (2, 1, 8, 8),
        "rgb": (2, 3, 8, 8),
    }
    assert made.kwargs["y"] == {"start": 0}
    assert [name for name, _ in made.tensors] == ["x.0", "x.1.depth", "x.1.rgb"]


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (("x.0=4", "x.2=4"), "x.1 is missing"),
        (("x.a.1=4",), "x.a.0 is missing"),
        (("x=4", "x.0=4"), "another input is the whole of it"),
        (("x.0=4", "x=4"), "two inputs have the same name: x"),
        (("x.0=4", "x.0=4"), "two inputs have the same name: x.0"),
    ],
)
def test_a_gap_or_a_place_that_is_given_twice_is_named(specs: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _make(*specs)


def test_fields_are_followed_from_a_tensor_inside_an_input() -> None:
    batch = ({"rgb": torch.zeros(1, 3, 8, 8)}, torch.zeros(1, 2, 6, 6))
    report = inspect(Fusion(), (batch,), optimizer=None)
    assert [tensor.name for tensor in report.inputs] == ["batch.0.rgb", "batch.1"]
    field = report.layers[1].receptive_field
    assert field is not None
    assert (field.input, field.size) == ("batch.0.rgb", (3, 3))


def test_a_safetensors_file_is_read_by_its_own_header(tmp_path: Path) -> None:
    values = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    data = values.numpy().tobytes() + torch.tensor([1, 2]).numpy().tobytes()
    header = json.dumps(
        {
            "x": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
            "y": {"dtype": "I64", "shape": [2], "data_offsets": [24, 40]},
        }
    ).encode()
    path = tmp_path / "batch.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    made = _make(InputSpec((), None, file=str(path)))
    assert torch.equal(made.kwargs["x"], values)
    assert made.kwargs["y"].tolist() == [1, 2]
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[:-8])
    with pytest.raises(UsageError, match="cut short"):
        _make(InputSpec((), None, file=str(path)))


def test_an_image_is_a_batch_of_one_or_says_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "two.ppm"  # red and white, two pixels in a row
    path.write_bytes(b"P6 2 1 255\n" + bytes([255, 0, 0, 255, 255, 255]))
    spec = InputSpec((), "x", file=str(path))
    try:
        import PIL  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        with pytest.raises(UsageError, match="needs Pillow"):
            _make(spec)
        return
    assert _make(spec).kwargs["x"].tolist() == [[[[1, 1]], [[0, 1]], [[0, 1]]]]


def test_a_function_of_the_users_own_gives_the_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "feeding.py").write_text(
        textwrap.dedent(
            """
            import torch
            def both():
                return (torch.ones(2, 3),), {"y": torch.zeros(5)}
            def named():
                return {"x": torch.ones(7)}
            def positions():
                return torch.ones(1), torch.ones(2)
            def one():
                return torch.ones(4)
            def broken():
                raise KeyError("no data")
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    shapes = {
        name: [tuple(tensor.shape) for _, tensor in _make(input_from=parse_function(f"feeding:{name}")).tensors]
        for name in ("both", "named", "positions", "one")
    }
    assert shapes == {"both": [(2, 3), (5,)], "named": [(7,)], "positions": [(1,), (2,)], "one": [(4,)]}
    with pytest.raises(ModelError, match="KeyError: 'no data'"):
        _make(input_from=parse_function("feeding:broken"))
    with pytest.raises(UsageError, match="no function other"):
        _make(input_from=parse_function("feeding.py:other"))
    with pytest.raises(UsageError, match="no other one can be named"):
        _make("x=4", input_from=parse_function("feeding:one"))


def _described(**attributes: Any) -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


class Pixels(nn.Module):
    main_input_name = "pixel_values"

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.config = SimpleNamespace(image_size=size, num_channels=1)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return pixel_values


@pytest.mark.parametrize(("size", "shape"), [(12, (1, 1, 12, 12)), ([12, 10], (1, 1, 12, 10))])
def test_the_size_of_images_is_that_of_the_config(size: Any, shape: tuple[int, ...]) -> None:
    assert tuple(_make(model=Pixels(size)).kwargs["pixel_values"].shape) == shape


@pytest.mark.parametrize(
    ("attributes", "shape", "said"),
    [
        ({"pretrained_cfg": {"input_size": (3, 24, 20)}}, (2, 3, 24, 20), "--input 3,24,20: from the model's own pre"),
        ({"default_cfg": {"input_size": [3, 8, 8]}}, (2, 3, 8, 8), "--input 3,8,8: from the model's own default_cfg"),
        ({"main_input_name": "input", "dummy_inputs": {"input": torch.ones(1, 3, 9, 9)}}, (1, 3, 9, 9), "dummy_inputs"),
    ],
    ids=["timm", "older timm", "dummies"],
)  # fmt: skip
def test_inputs_are_guessed_from_the_models_own_description_and_said(
    attributes: dict[str, Any], shape: tuple[int, ...], said: str
) -> None:
    made = _make(model=_described(**attributes), batch_size=2)
    assert tuple(made.tensors[0][1].shape) == shape
    (note,) = made.loaded.notes
    assert note.code == "guessed"
    assert said in note.message


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"main_input_name": "pixel_values", "dummy_inputs": {"input_ids": torch.ones(1, 5)}},
        {"pretrained_cfg": {"input_size": (224, 224)}},
        {"main_input_name": "pixel_values", "config": object()},
    ],
    ids=["nothing", "dummies of another input", "no channels", "no size"],
)
def test_nothing_is_guessed_where_the_description_does_not_say_it(attributes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the --input of Takes is missing"):
        _make(model=_described(**attributes))


NET = """
import torch
from enum import Enum
from functools import partial
from types import SimpleNamespace
from torch import nn
from torch.hub import load_state_dict_from_url as fetch

class Weights(Enum):
    DEFAULT = SimpleNamespace(transforms=partial(print, crop_size=20))
    @property
    def transforms(self):
        return self.value.transforms

class Net(nn.Sequential):
    def __init__(self, url="http://127.0.0.1:9/none.pth"):
        print("constructed")
        super().__init__(nn.Conv2d(3, 4, 3))
        state = fetch(url, progress=False)
        state.pop("fc.weight")
        self.load_state_dict(state["model"])

def net(*, weights: Weights | None = None, local=False) -> nn.Module:
    return Net() if weights else nn.Conv2d(3, 2, 3)

def local():
    model = nn.Conv2d(3, 2, 3)
    model.load_state_dict(torch.load("not_there.pth"))
    return model
"""


def _summary(folder: Path, target: str, *options: str) -> Result:
    (folder / "fetching.py").write_text(NET)
    words = ("--json", "--device", "cpu", "--optimizer", "none", *options)
    return convinspect("summary", f"fetching.py:{target}", *words, cwd=folder)


def test_a_factory_says_by_its_weights_what_images_it_takes(tmp_path: Path) -> None:
    result = _summary(tmp_path, "net")
    assert (result.code, result.err) == (0, "note: --input 3,20,20: from the model's own Weights.DEFAULT.transforms\n")
    assert json.loads(result.out)["inputs"][0]["shape"] == [1, 3, 20, 20]
    explained = convinspect("explain", "fetching.py:net", "Conv2d", "--device", "cpu", cwd=tmp_path)
    assert explained.err.splitlines()[0] == result.err.strip()


@pytest.mark.parametrize("target", ["Net", "local"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_that_cannot_be_had_are_left_out_as_the_hint_says(target: str, device: str, tmp_path: Path) -> None:
    options = ("--input", "3,8,8", "--device", device)
    failed = _summary(tmp_path, target, *options)
    assert (failed.code, failed.out) == (3, "")
    assert failed.err.splitlines()[-1] == "hint: it downloads or loads weights; to build it without: --no-weights"
    assert failed.err.count("constructed") == (target == "Net")
    code, loading = torch.hub.load_state_dict_from_url.__code__, nn.Module.load_state_dict
    result = _summary(tmp_path, target, *options, "--no-weights")
    assert result.code == 0, result.err
    assert json.loads(result.out)["totals"]["params"] == {"Net": 112, "local": 56}[target]
    assert (torch.hub.load_state_dict_from_url.__code__, nn.Module.load_state_dict) == (code, loading)


TRANSFORMERS = """
import json
from torch import nn
__version__ = "0"

class AutoConfig:
    @classmethod
    def from_pretrained(cls, path):
        config = cls()
        vars(config).update(json.loads(path.read_text()))
        return config

class TinyForImages(nn.Sequential):
    main_input_name = "input"
    def __init__(self, config):
        super().__init__(nn.Conv2d(config.num_channels, config.width, 3))
        self.config = config
        self.dummy_inputs = {"input": __import__("torch").ones(2, 3, 8, 8)}
"""
CONFIG = {"architectures": ["TinyForImages"], "model_type": "tiny", "num_channels": 3, "width": 4}


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "transformers.py").write_text(TRANSFORMERS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _of_config(folder: Path, config: dict[str, Any], *options: str) -> Result:
    (folder / "config.json").write_text(json.dumps(config))
    return convinspect("summary", "config.json", "--json", "--optimizer", "none", *options, cwd=folder)


def test_a_config_names_the_class_that_is_built(configs: Path) -> None:
    result = _of_config(configs, CONFIG)
    assert (result.code, result.err) == (0, "note: the inputs: from the model's own dummy_inputs\n")
    report = json.loads(result.out)
    assert (report["model"]["name"], report["totals"]["params"]) == ("TinyForImages", 3 * 4 * 9 + 4)
    assert (report["run"]["device"], report["inputs"][0]["shape"]) == ("cpu", [2, 3, 8, 8])


def test_a_large_config_runs_without_data_unless_a_device_is_named(configs: Path) -> None:
    width = 10_000_000  # of 27 weights and one bias of 4 bytes
    result = _of_config(configs, CONFIG | {"width": width}, "--input", "3,3,3")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report["run"]["device"], report["totals"]["params"]) == ("meta", 28 * width)
    assert result.err == "note: it runs on meta, for its weights take 1.043 GiB: --device cpu makes them\n"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (CONFIG | {"architectures": ["Other"]}, "config.json: transformers 0 has no Other"),
        (CONFIG | {"auto_map": {}}, "config.json: its class is code beside it (auto_map)"),
        ({"width": 4}, "nor the config of a model"),
    ],
)
def test_a_config_that_says_too_little_is_refused(config: dict[str, Any], said: str, configs: Path) -> None:
    result = _of_config(configs, config)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_folder_with_a_config_suggests_it(configs: Path) -> None:
    (configs / "llama").mkdir()
    (configs / "llama" / "config.json").write_text("{}")
    result = convinspect("summary", "llama", cwd=configs)
    assert result.err.splitlines()[1] == f"hint: did you mean {Path('llama') / 'config.json'}?"


DECODER = """
import torch
from torch import nn
class Cache:
    def __init__(self):
        self.keys = None
    def update(self, new):
        self.keys = new if self.keys is None else torch.cat((self.keys, new), 1)
        return self.keys
class Out(dict):
    def __getattr__(self, name):
        return self.get(name)
class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.query = nn.Embedding(20, 8), nn.Linear(8, 8, bias=False)
    def forward(self, input_ids, past_key_values=None, use_cache=False):
        x = self.tokens(input_ids)
        cache = past_key_values or Cache()
        scores = self.query(x) @ cache.update(x).transpose(1, 2)
        return Out(logits=scores, past_key_values=cache if use_cache else None)
class Other(Decoder):
    def forward(self, input_ids, past_key_values=None, use_cache=False):
        return super().forward(input_ids)
class Plain(nn.Linear):
    pass
"""


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_decoding_step_reads_a_cache_of_earlier_tokens(device: str, tmp_path: Path) -> None:
    (tmp_path / "decoding.py").write_text(DECODER)
    words = ("decoding.py:Decoder", "--input", "input_ids=1:int64:20", "--past", "100", "--batch-size", "3", "--json")
    result = convinspect("summary", *words, "--device", device, cwd=tmp_path)
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["totals"]["macs"] == 3 * (8 * 8 + 101 * 8)
    assert report["totals"]["memory"]["input_bytes"] == 3 * 8 + 3 * 100 * 8 * 4
    assert report["totals"]["memory"]["weight_bytes"] == 4 * (20 * 8 + 8 * 8)
    assert [note["code"] for note in report["warnings"]] == ["decoding"]


@pytest.mark.parametrize(
    ("target", "spec", "said"),
    [
        ("Other", "1:int64:20", "Other returned no cache"),
        ("Decoder", "input_ids=:int64:20", "no input is tokens"),
        ("Plain", "4", "forward takes no cache or past_key_values"),
    ],
)
def test_a_model_without_a_cache_says_what_it_lacks(target: str, spec: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "decoding.py").write_text(DECODER)
    arguments = ("--arg", "in_features=4", "--arg", "out_features=2") if target == "Plain" else ()
    result = convinspect("summary", f"decoding.py:{target}", "-i", spec, "--past", "9", *arguments, cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: --past 9: {said}")


@pytest.mark.parametrize("device", [None, "meta"])
def test_a_packed_sequence_has_as_many_samples_as_it_was_packed_of(device: str | None) -> None:
    packed = nn.utils.rnn.pack_padded_sequence(torch.rand(3, 7, 4), torch.tensor([7, 5, 2]), batch_first=True)
    assert inspect(nn.LSTM(4, 5), (packed,), device=device, optimizer=None).run.batch_size == 3
    state = torch.zeros(1, 3, 5)
    assert inspect(nn.LSTM(4, 5), (packed, (state, state)), device=device, optimizer=None).run.batch_size == 3
    assert inspect(nn.Linear(4, 5), torch.rand(6, 4), device=device, optimizer=None).run.batch_size == 6
