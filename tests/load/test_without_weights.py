"""``--no-weights`` with the libraries that bring weights, in small: nothing is fetched, and what is missed is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell import Result, convinspect

HUB = {
    "huggingface_hub/__init__.py": """
        import json
        from pathlib import Path
        from .file_download import hf_hub_download
        def try_to_load_from_cache(repo_id, filename, cache_dir=None, revision=None, repo_type=None):
            path = Path(__file__).parent.parent / "cache" / repo_id / filename
            return str(path) if path.is_file() else None
        """,
    "huggingface_hub/errors.py": "class LocalEntryNotFoundError(FileNotFoundError): pass\n",
    "huggingface_hub/file_download.py": """
        from functools import wraps
        from .errors import LocalEntryNotFoundError
        def validated(function):
            @wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)
            return inner
        @validated
        def hf_hub_download(repo_id, filename, *, subfolder=None, revision=None, cache_dir=None):
            raise LocalEntryNotFoundError("no network")
        """,
    "transformers/__init__.py": """
        import importlib
        def __getattr__(name):
            if name.startswith("__"):
                raise AttributeError(name)
            return getattr(importlib.import_module("transformers.modeling_utils"), name)
        """,
    "transformers/modeling_utils.py": """
        import json
        import torch
        from torch import nn
        from huggingface_hub import hf_hub_download
        class Config:
            def __init__(self, width=2, labels=3):
                self.width, self.labels, self.dtype = width, labels, torch.float32
            @classmethod
            def from_pretrained(cls, name, return_unused_kwargs=False, labels=3, **kwargs):
                path = hf_hub_download(name, "config.json")
                with open(path) as file:
                    return cls(**json.load(file), labels=labels), kwargs
        class PreTrainedModel(nn.Module):
            config_class = Config
            @classmethod
            def from_pretrained(cls, pretrained_model_name_or_path, *args, config=None, cache_dir=None, **kwargs):
                raise OSError("no network") from ValueError(hf_hub_download(pretrained_model_name_or_path, "model.bin"))
            @classmethod
            def _from_config(cls, config, dtype=None):
                return cls(config).to(dtype or config.dtype)
        class Tiny(PreTrainedModel):
            def __init__(self, config):
                super().__init__()
                self.linear = nn.Linear(config.width, config.labels)
            def forward(self, x):
                return self.linear(x)
        """,
    "diffusers/__init__.py": "from .models.modeling_utils import ModelMixin, Unet\n",
    "diffusers/models/__init__.py": "",
    "diffusers/models/modeling_utils.py": """
        from torch import nn
        class ModelMixin(nn.Module):
            @classmethod
            def from_pretrained(cls, pretrained_model_name_or_path, **kwargs):
                raise OSError("no network")
        class Unet(ModelMixin):
            load_config = classmethod(lambda cls, name, subfolder=None: {"width": len(name) + len(subfolder)})
            from_config = classmethod(lambda cls, config: cls(**config))
            def __init__(self, width):
                super().__init__()
                self.linear = nn.Linear(width, 1)
            def forward(self, x):
                return self.linear(x)
        """,
    "timm/__init__.py": "from .models._builder import create_model\n",
    "timm/models/__init__.py": "",
    "timm/models/_builder.py": """
        from torch import nn
        def load_pretrained(model, pretrained_cfg=None, num_classes=1000):
            raise OSError("no network")
        def create_model(name, pretrained=False):
            model = nn.Linear(4, 5)
            if pretrained:
                load_pretrained(model)
            return model
        """,
    "cache/org/kept/config.json": '{"width": 4}',
    "mine.py": """
        import torch
        from torch import nn
        class Wraps(nn.Module):
            def __init__(self, name="org/kept"):
                super().__init__()
                from transformers import Tiny
                self.body = Tiny.from_pretrained(name, labels=6, dtype=torch.float16, device_map="auto")
            def forward(self, x):
                return self.body(x.half())
        def unet():
            from diffusers import Unet
            return Unet.from_pretrained("abc", subfolder="de", use_safetensors=True)
        def timm():
            import timm
            return timm.create_model("tiny", pretrained=True)
        def weights():
            from huggingface_hub import hf_hub_download
            model = nn.Linear(2, 2)
            model.load_state_dict(torch.load(hf_hub_download("org/kept", filename="model.safetensors")))
            return model
        def repository():
            torch.hub.download_url_to_file("http://127.0.0.1:9/code.zip", "code.zip")
        """,
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in HUB.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.removeprefix(" " * 8) for line in text.splitlines()))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("huggingface_hub", "transformers", "diffusers", "timm", "mine"):
            del sys.modules[name]


def _summary(folder: Path, *words: str) -> Result:
    return convinspect("summary", *words, "--json", "--optimizer", "none", "--device", "cpu", cwd=folder)


@pytest.mark.parametrize(
    ("target", "width", "params"),
    [("Wraps", 4, 4 * 6 + 6), ("unet", 5, 5 + 1), ("timm", 4, 4 * 5 + 5), ("weights", 2, 2 * 2 + 2)],
)
def test_what_a_library_would_fetch_is_left_out_as_the_hint_says(
    target: str, width: int, params: int, folder: Path
) -> None:
    words = (f"mine.py:{target}", "--input", str(width))
    failed = _summary(folder, *words)
    assert (failed.code, failed.err.splitlines()[-1]) == (
        3,
        "hint: it downloads or loads weights; to build it without: --no-weights",
    )
    result = _summary(folder, *words, "--no-weights")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["totals"]["params"] == params
    assert report["run"]["dtype"] == ("float16" if target == "Wraps" else "float32")
    again = _summary(folder, *words)
    assert (again.code, again.err) == (failed.code, failed.err)  # nothing of it is left


def test_a_config_that_is_not_kept_is_named(folder: Path) -> None:
    result = _summary(folder, "mine.py:Wraps", "--arg", "org/new", "--input", "4", "--no-weights")
    assert result.code == 3
    missed = (
        "--no-weights downloads nothing, and config.json of org/new was not kept from before: build it once without"
    )
    assert result.err.splitlines()[-1] == f"hint: {missed}"


def test_code_that_is_not_there_is_no_weight(folder: Path) -> None:
    result = _summary(folder, "mine.py:repository", "--input", "4", "--no-weights")
    assert result.code == 3
    assert "code.zip is code, and not in the cache" in result.err
