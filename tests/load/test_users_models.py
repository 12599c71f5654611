"""Models whose classes redefine what torch offers are loaded by torch's registry; what torch cannot walk is said."""

from __future__ import annotations

import copy
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from convinspect.frontends.placing import copy_to, place
from convinspect.load import load
from convinspect.load.loaded import Loaded
from convinspect.spec import Request, Target
from convinspect.tensors.registered import registered_modules, registered_tensors
from tests.shell import convinspect

NAMES = (
    *("modules", "parameters", "buffers", "children", "to", "state_dict", "apply", "_apply", "original_name"),
    *("named_modules", "named_parameters", "named_buffers", "named_children"),
)
DEVICES = ("cpu", "meta")
TWO = """
    from torch import nn
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)
            {inner}
        def forward(self, x):
            return self.linear(x)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()
            self.norm = nn.BatchNorm1d(4)
            {outer}
        def forward(self, x):
            return self.norm(self.inner(x))
    model = Net()
"""
BARE = "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        self.width = 4\n"
DEEP = "from torch import nn\nmodel = nn.Linear(4, 4)\nfor _ in range({}):\n    model = nn.Sequential(model)\n"
EQUAL = """def __eq__(self, other):
            return True
        """


def _write(folder: Path, text: str) -> Path:
    path = folder / "model.py"
    path.write_text(textwrap.dedent(text))
    return path


def _load(path: Path, device: str, attribute: str | None = None, dtype: str | None = None) -> Loaded:
    return load(Request(Target(str(path), str(path), attribute), device=device, dtype=dtype))


def _failed(path: Path, *options: str) -> list[str]:
    """Return what is said of a model that is at fault itself."""
    result = convinspect("summary", path, "--input", "4", *(options or ("--device", "cpu")))
    assert (result.code, result.out) == (3, ""), result.err
    return [line.replace(str(path), "model.py") for line in result.err.splitlines() if not line.startswith("note: ")]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("attribute", [None, "Net"])
@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_may_have_the_name_of_a_method(
    name: str, attribute: str | None, device: str, tmp_path: Path
) -> None:
    path = _write(tmp_path, TWO.format(inner=f"self.{name} = [1]", outer=f"self.{name} = {{}}"))
    loaded = _load(path, device, attribute, "float64")
    assert (loaded.name, loaded.runnable.format, loaded.dtype) == ("Net", "python", "float64")
    assert {tensor.device.type for tensor in registered_tensors(loaded.runnable.module)} == {device}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NAMES)
def test_a_method_may_have_another_signature(name: str, device: str, tmp_path: Path) -> None:
    method = f"def {name}(self, one, two, *, three):\n            raise RuntimeError\n        def forward"
    path = _write(tmp_path, TWO.format(inner="", outer="").replace("def forward", method))
    if name == "_apply":  # what moves every model of torch's: without it, nothing can
        assert "moving Net to meta" in _failed(path, "--device", "meta")[0]
        return
    loaded = _load(path, device, dtype="float64")
    assert (loaded.name, loaded.dtype) == ("Net", "float64")
    assert {tensor.device.type for tensor in registered_tensors(loaded.runnable.module)} == {device}


@pytest.mark.parametrize("device", DEVICES)
def test_a_missing_attribute_may_raise_what_it_likes(device: str, tmp_path: Path) -> None:
    text = TWO.format(inner="", outer="") + "    Net.__getattr__ = lambda self, name: __import__('not_there_' + name)\n"
    loaded = _load(_write(tmp_path, text), device, "Net")
    assert loaded.name == "Net"


def test_the_registry_is_read_as_torch_walks_it() -> None:
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.Sequential(nn.BatchNorm1d(4), shared), nn.ModuleDict({"a": nn.Tanh()}))
    model.register_module("nothing", None)
    assert registered_modules(model) == list(model.modules())
    expected = [*model.parameters(), *model.buffers()]
    assert [id(tensor) for tensor in registered_tensors(nn.Sequential(nn.BatchNorm1d(4)))]
    assert {id(tensor) for tensor in registered_tensors(model)} == {id(tensor) for tensor in expected}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (
            TWO.format(inner="", outer="self.inner.parent = self"),
            "inner.parent (Net) is the model itself: torch cannot walk modules in a circle",
            "keep what is no part of it out of the registry: self.parent = (parent,)",
        ),
        (
            TWO.format(inner="self.linear.up = nn.Sequential(self)", outer=""),
            "inner.linear.up.0 (Inner) is a module that it stands in: torch cannot walk modules in a circle",
            "keep what is no part of it out of the registry: self.parent = (parent,)",
        ),
        (
            "from torch import nn\nmodel = nn.Sequential(nn.ReLU())\nmodel.append(model)\n",
            "1 (Sequential) is the model itself: torch cannot walk modules in a circle",
            "keep what is no part of it out of the registry: self.parent = (parent,)",
        ),
        (
            TWO.format(inner="", outer="").replace(
                "def forward", "def __eq__(self, other): return 1\n        def forward"
            ),
            "Net cannot be hashed, and torch keeps modules in sets",
            "a class with an __eq__ of its own needs one: __hash__ = torch.nn.Module.__hash__",
        ),
        (
            BARE,
            "Net: its __init__ does not call super().__init__()",
            None,
        ),
        (
            BARE + "model = nn.Sequential(Net())\n",
            "0 (Net): its __init__ does not call super().__init__()",
            None,
        ),
        (
            BARE.replace("4", "nn.Linear(4, 4)"),
            "Net(): AttributeError: cannot assign module before Module.__init__() call (model.py:",
            None,
        ),
        (
            DEEP.format(3000),
            "its modules lie more than 900 deep in each other: Python's limit is 1,000 calls",
            "sys.setrecursionlimit in the model's file raises the limit",
        ),
        (
            "from torch import nn\nmodel = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4, device='meta'))\n",
            "its weights are on the meta device and have no values",
            "try --device meta",
        ),
        (
            TWO.format(inner="", outer="") + "    model._apply = None\n    Net._apply = lambda self, f: 1 / 0\n",
            "moving Net to cpu: ZeroDivisionError: division by zero (model.py:",
            None,
        ),
    ],
    ids=["parent", "circle", "sequential", "hash", "init", "child", "assigned", "deep", "meta", "moving"],
)
def test_a_model_that_torch_cannot_walk_is_at_fault_in_plain_words(
    text: str, said: str, hint: str | None, tmp_path: Path
) -> None:
    path = _write(tmp_path, text)
    options = ("--device", "cpu", "--dtype", "float64") if "moving" in said else ("--device", "cpu")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # Python's own, which files of other tests raise
    try:
        first, *hints = _failed(path, *options)
    finally:
        sys.setrecursionlimit(limit)
    assert first.startswith(f"error: model.py: {said}")
    assert hints == ([f"hint: {hint}"] if hint else [])


def test_modules_nested_as_deep_as_python_allows_are_loaded(tmp_path: Path) -> None:
    assert len(registered_modules(_load(_write(tmp_path, DEEP.format(700)), "cpu").runnable.module)) == 701


def test_a_copy_that_cannot_be_made_is_the_users(tmp_path: Path) -> None:
    text = TWO.format(inner="", outer="") + "    Net.__deepcopy__ = lambda self, memo: 1 / 0\n"
    first, *_ = _failed(_write(tmp_path, text), "--device", "meta")
    assert first.startswith("error: model.py: copying Net: ZeroDivisionError: division by zero (model.py:")


def test_a_model_that_is_there_already_is_not_copied() -> None:
    for device in DEVICES:
        model = nn.Linear(4, 4, device=device)
        assert place(model, device) is model


def test_a_copy_keeps_ties_and_leaves_the_original() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    before = copy.deepcopy(model.state_dict())
    copied = copy_to(model, "meta")
    assert copied[0].weight is copied[1].weight
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_recurrent_layer_keeps_its_flat_weights_when_it_is_cast() -> None:
    lstm = place(nn.LSTM(4, 3), "cpu", torch.float64)
    assert isinstance(lstm, nn.LSTM)
    assert {id(weight) for weight in lstm._flat_weights} == {id(weight) for weight in lstm.parameters()}  # noqa: SLF001
    assert lstm(torch.ones(2, 5, 4, dtype=torch.float64))[0].dtype == torch.float64


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_class_with_a_way_of_its_own_to_move_is_moved_that_way() -> None:
    class Anchored(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.anchors = [torch.ones(4)]

        def to(self, device: torch.device) -> Anchored:  # type: ignore[override]
            self.anchors = [anchor.to(device) for anchor in self.anchors]
            return super().to(device)

    model = place(Anchored(), "cuda")
    assert isinstance(model, Anchored)
    assert model.anchors[0].is_cuda
    assert model.linear.weight.is_cuda


OLD = """
import warnings
from torch import nn

def build():
    warnings.warn("the factory is old", stacklevel=2)
    warnings.warn("and so is the layer", stacklevel=1)
    return nn.Linear(4, 4)
"""


def test_a_warning_names_the_user_s_line_or_none(tmp_path: Path) -> None:
    path = _write(tmp_path, OLD)
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # As Python shows it, which pytest keeps for itself.
        warnings.showwarning = lambda *what: said.append(warnings.formatwarning(*what[:4]))
        assert convinspect("summary", f"{path}:build", "--input", "4").code == 0
    first, second = said
    assert first == "UserWarning: the factory is old\n"
    assert second.startswith(f"{path}:7: UserWarning: and so is the layer\n")
