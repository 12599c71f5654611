"""Small repositories as people have them: each gives its table at the first try, or at the second as the hint said."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shell import Result, convinspect

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


@dataclass(frozen=True)
class Repository:
    """Its files, what is typed at first, and by hand: the model's class and its parameters; ``tries`` that it takes."""

    files: dict[str, str]
    target: str
    options: str
    name: str
    params: int
    tries: int = 1


BLOCKS = Repository(
    {
        "resnet.py": """
        class QuickGELU(nn.Module):
            def forward(self, x):
                return x * torch.sigmoid(1.702 * x)
        class Block(nn.Module):
            def __init__(self, width=8):
                super().__init__()
                self.conv, self.act = nn.Conv2d(width, width, 3, padding=1), QuickGELU()
            def forward(self, x):
                return self.act(self.conv(x))
        class Body(nn.Module):
            def __init__(self, width, depth):
                super().__init__()
                self.stem = nn.Conv2d(3, width, 1)
                self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
            def forward(self, x):
                return self.blocks(self.stem(x))
        """
    },
    "resnet.py",
    "--input 3,8,8 --arg width=4 --arg depth=2",
    "Body",
    16 + 2 * (4 * 4 * 9 + 4),
)
NAMESPACE = Repository(
    {
        "ldm/blocks/conv.py": "class Conv(nn.Conv2d):\n    pass\n",
        "ldm/models/unet.py": """
        from ldm.blocks.conv import Conv
        from ..heads import Head
        class UNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.head = Conv(3, 4, 3), Head(4, 2, 1)
            def forward(self, x):
                return self.head(self.conv(x))
        """,
        "ldm/heads.py": "class Head(nn.Conv2d):\n    pass\n",
    },
    "ldm/models/unet.py",
    "--input 3,8,8",
    "UNet",
    3 * 4 * 9 + 4 + 4 * 2 + 2,
)
PARSED = Repository(
    {
        "train.py": """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--width", type=int, default=6)
        args = parser.parse_args()
        class Net(nn.Module):
            def __init__(self, args):
                super().__init__()
                self.linear = nn.Linear(4, args.width)
            def forward(self, x):
                return self.linear(x)
        if __name__ == "__main__":
            Net(args).cuda()
        """
    },
    "train.py",
    "--input 4",
    "Net",
    5 * 6,
    tries=2,
)
CONFIGURED = Repository(
    {
        "gpt.py": """
        from dataclasses import dataclass
        @dataclass
        class GPTConfig:
            vocab: int = 50
            width: int = 8
        class LayerNorm(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.weight = nn.Parameter(torch.ones(width))
            def forward(self, x):
                return F.layer_norm(x, self.weight.shape, self.weight)
        class GPT(nn.Module):
            def __init__(self, config):
                super().__init__()
                self.tokens, self.norm = nn.Embedding(config.vocab, config.width), LayerNorm(config.width)
            def forward(self, idx, targets=None):
                return self.norm(self.tokens(idx))
            @classmethod
            def from_pretrained(cls, name):
                return cls(GPTConfig())
        """
    },
    "gpt.py",
    "--input 16:int64:50",
    "GPT",
    50 * 8 + 8,
    tries=2,
)
FACTORIES = Repository(
    {
        "vgg.py": """
        class VGG(nn.Module):
            def __init__(self, features, classes=10):
                super().__init__()
                self.features, self.head = features, nn.Linear(8, classes)
            def forward(self, x):
                return self.head(self.features(x).mean((2, 3)))
        def make_layers(widths):
            return nn.Sequential(*[nn.Conv2d(a, b, 3) for a, b in zip([3, *widths], widths)])
        def vgg_small():
            return VGG(make_layers([4, 8]))
        def test():
            return vgg_small()(torch.zeros(1, 3, 8, 8))
        """
    },
    "vgg.py",
    "--input 3,8,8",
    "VGG",
    3 * 4 * 9 + 4 + 4 * 8 * 9 + 8 + 8 * 10 + 10,
)
DOWNLOAD = Repository(
    {
        "perceptual.py": """
        from torch.hub import load_state_dict_from_url
        class Features(nn.Module):
            def __init__(self, url="http://127.0.0.1:9/vgg.pth"):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)
                state = load_state_dict_from_url(url, progress=False)
                self.load_state_dict({k.replace("features.", ""): v for k, v in state["model"].items()})
            def forward(self, x):
                return self.conv(x)
        """
    },
    "perceptual.py",
    "--input 3,8,8",
    "Features",
    3 * 4 * 9 + 4,
    tries=2,
)
CACHE = Repository(
    {
        "llama.py": """
        from dataclasses import dataclass
        @dataclass
        class ModelArgs:
            dim: int = 8
            vocab_size: int = 32
            max_seq_len: int = 256
        class Attention(nn.Module):
            def __init__(self, args):
                super().__init__()
                self.wq = nn.Linear(args.dim, args.dim, bias=False)
                self.cache_k = torch.zeros(4, args.max_seq_len, args.dim)
            def forward(self, x, start_pos):
                self.cache_k = self.cache_k.to(x)
                self.cache_k[: len(x), start_pos : start_pos + x.shape[1]] = self.wq(x)
                return x @ self.cache_k[: len(x), : start_pos + x.shape[1]].transpose(1, 2)
        class Transformer(nn.Module):
            def __init__(self, params: ModelArgs):
                super().__init__()
                self.embeddings, self.attention = nn.Embedding(params.vocab_size, params.dim), Attention(params)
            def forward(self, tokens: torch.Tensor, start_pos: int):
                return self.attention(self.embeddings(tokens), start_pos)
        """
    },
    "llama.py",
    "",
    "Transformer",
    32 * 8 + 8 * 8,
    tries=2,
)
SEQUENCE = Repository(
    {
        "lm.py": """
        class RNNModel(nn.Module):
            def __init__(self, words=40, width=8):
                super().__init__()
                self.encoder, self.rnn = nn.Embedding(words, width), nn.GRU(width, width)
                self.decoder = nn.Linear(width, words)
            def forward(self, input, hidden):
                emb = self.encoder(input)
                output, hidden = self.rnn(emb, hidden)
                return self.decoder(output), hidden
        """
    },
    "lm.py",
    "",
    "RNNModel",
    40 * 8 + 2 * 3 * (8 * 8 + 8) + 8 * 40 + 40,
    tries=2,
)
STATES = Repository(
    {
        "convlstm.py": """
        class Controller(nn.Module):
            def __init__(self):
                super().__init__()
                self.core = nn.LSTM(6, 5, batch_first=True)
            def forward(self, x, state):
                h, c = state
                y, (h, c) = self.core(x, (h, c))
                return y, (h, c)
        """
    },
    "convlstm.py",
    "--input x=7,6",
    "Controller",
    4 * (6 * 5 + 5 * 5 + 5 + 5),
    tries=2,
)
LOSS = Repository(
    {
        "segment.py": """
        class DiceLoss(nn.Module):
            def __init__(self, smooth=1.0):
                super().__init__()
                self.smooth = smooth
            def forward(self, x, y):
                return 1 - (x * y).sum() / (x + y + self.smooth).sum()
        class PostProcess(nn.Module):
            def forward(self, x):
                return x.softmax(1)
        class Segmenter(nn.Module):
            def __init__(self, classes):
                super().__init__()
                self.conv = nn.Conv2d(3, classes, 1)
            def forward(self, x):
                return self.conv(x)
        criterion = DiceLoss()
        """
    },
    "segment.py",
    "--input 3,8,8 --arg classes=2",
    "Segmenter",
    8,
)
CLASSMETHOD = Repository(
    {
        "efficient.py": """
        class EfficientNet(nn.Module):
            def __init__(self, blocks=None):
                super().__init__()
                assert isinstance(blocks, list), "blocks should be a list"
                self.blocks = nn.ModuleList(nn.Conv2d(3, width, 1) for width in blocks)
            @classmethod
            def from_pretrained(cls, name="b0"):
                model = cls.from_name(name)
                model.load_state_dict(torch.load("b0.pth"))
                return model
            @classmethod
            def from_name(cls, name="b0"):
                return cls([{"b0": 2, "b1": 3}[name]])
            def forward(self, x):
                return self.blocks[0](x)
        """
    },
    "efficient.py",
    "--input 3,8,8",
    "EfficientNet",
    8,
    tries=2,
)
MAPPING = Repository(
    {
        "fusion.py": """
        class Fusion(nn.Module):
            def __init__(self):
                super().__init__()
                self.rgb, self.depth = nn.Conv2d(3, 2, 3), nn.Conv2d(1, 2, 3)
            def forward(self, batch):
                depth = batch["depth"]
                return self.rgb(batch["rgb"]).mean() + self.depth(depth).mean()
        """
    },
    "fusion.py",
    "",
    "Fusion",
    2 * 27 + 2 + 2 * 9 + 2,
    tries=2,
)
LIGHTNING = Repository(
    {
        "lightning/__init__.py": """
        class LightningModule(nn.Module):
            def __init__(self):
                super().__init__()
                self._trainer, self._example = None, None
            @property
            def example_input_array(self):
                return self._example
            @example_input_array.setter
            def example_input_array(self, value):
                self._example = value
            @property
            def trainer(self):
                if self._trainer is None:
                    raise RuntimeError("not attached to a Trainer")
                return self._trainer
            @property
            def device(self):
                return next(self.parameters()).device
            def save_hyperparameters(self, **kept):
                self.hparams = kept
            def log(self, name, value):
                if self._trainer is None:
                    print("self.log() without a trainer")
        """,
        "lit.py": """
        import lightning as L
        class Encoder(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.linear = nn.Linear(6, width)
            def forward(self, x):
                return self.linear(x).relu()
        class Classifier(L.LightningModule):
            def __init__(self, width=4, lr=0.1):
                super().__init__()
                self.save_hyperparameters(width=width, lr=lr)
                self.encoder, self.head = Encoder(width), nn.Linear(width, 2)
                self.example_input_array = torch.rand(3, 6)
            def forward(self, x):
                out = self.head(self.encoder(x.to(self.device)))
                self.log("mean", out.mean())
                return out
            def training_step(self, batch, index):
                return F.cross_entropy(self(batch[0]), batch[1])
            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])
        """,
    },
    "lit.py",
    "",
    "Classifier",
    6 * 4 + 4 + 4 * 2 + 2,
)
PACKAGE = Repository(
    {
        "models/__init__.py": "from .vgg import *\nfrom .resnet import *\n",
        "models/vgg.py": """
        __all__ = ["vgg"]
        class VGG(nn.Module):
            def __init__(self, features):
                super().__init__()
                self.features = features
            def forward(self, x):
                return self.features(x)
        def vgg():
            return VGG(nn.Conv2d(3, 4, 1))
        """,
        "models/resnet.py": """
        __all__ = ["ResNet", "resnet"]
        class ResNet(nn.Module):
            def __init__(self, layers, classes=10):
                super().__init__()
                self.layers = nn.Sequential(*[nn.Conv2d(3, 3, 1) for _ in range(layers)])
            def forward(self, x):
                return self.layers(x)
        def resnet(**kwargs):
            return ResNet(2, **kwargs)
        """,
    },
    "models",
    "--input 3,8,8",
    "VGG",
    16,
    tries=2,
)
CRITERION = Repository(
    {
        "detr.py": """
        class Detector(nn.Module):
            def __init__(self, classes):
                super().__init__()
                self.conv = nn.Conv2d(3, classes, 1)
            def forward(self, samples):
                return {"logits": self.conv(samples)}
        class Criterion(nn.Module):
            def __init__(self, classes):
                super().__init__()
                self.register_buffer("weight", torch.ones(classes))
        def build(args):
            model = Detector(args.classes)
            return model, Criterion(args.classes), {"bbox": None}
        """
    },
    "detr.py:build",
    "--input 3,8,8 --arg 'args=@argparse.Namespace(classes=5)'",
    "Detector",
    20,
)
LENGTHS = Repository(
    {
        "asr/blocks.py": "class Core(nn.GRU):\n    pass\n",
        "asr/model.py": """
        from asr.blocks import Core
        class Recogniser(nn.Module):
            def __init__(self):
                super().__init__()
                self.core, self.head = Core(5, 4, batch_first=True), nn.Linear(4, 7)
            def forward(self, x: torch.Tensor, x_lens: torch.Tensor):
                packed = nn.utils.rnn.pack_padded_sequence(x, x_lens, batch_first=True)
                out, _ = nn.utils.rnn.pad_packed_sequence(self.core(packed)[0], batch_first=True)
                assert out.shape[1] == 9
                return self.head(out), x_lens
        """,
    },
    "asr/model.py",
    "--input x=9,5",
    "Recogniser",
    3 * (4 * 5 + 4 * 4 + 4 + 4) + 4 * 7 + 7,
    tries=2,
)
ALL = {name.lower(): value for name, value in vars().items() if isinstance(value, Repository)}


@pytest.mark.parametrize("name", ALL)
def test_a_repository_gives_its_table_as_the_hint_says(name: str, tmp_path: Path) -> None:
    repository = ALL[name]
    for file, text in repository.files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(HEAD + textwrap.dedent(text))
    words = [repository.target, *shlex.split(repository.options)]
    result, tries = _summary(words, tmp_path), 1
    if result.code != 0:
        words, tries = _as_hinted(words, result), 2
        result = _summary(words, tmp_path)
    assert result.code == 0, result.err
    report = json.loads(result.out)
    found = (report["model"]["name"], report["totals"]["params"], report["failure"], tries)
    assert found == (repository.name, repository.params, None, repository.tries)


def _summary(words: list[str], folder: Path) -> Result:
    return convinspect("summary", *words, "--json", "--device", "cpu", "--optimizer", "none", cwd=folder)


def _as_hinted(words: list[str], result: Result) -> list[str]:
    """Return what the hint says: a whole command, or what was typed with other options, or another target."""
    hint = next(line for line in result.err.splitlines() if line.startswith("hint: "))
    assert "..." not in hint
    said = shlex.split(re.sub(r"; or take .*", "", hint))
    if "summary" in said:  # the whole command
        return said[said.index("summary") + 1 :]
    target = next((word for word in said if re.fullmatch(r"\w+\.py:[\w.]+", word)), words[0])
    if "instead" in said:
        words = [word for word in words if not word.startswith("--input") and "=" not in word]
    options = said[next((at for at, word in enumerate(said) if word.startswith("--")), len(said)) :]
    return [target, *words[1:], *options]
