"""A decoder of 70 billion parameters from its config: 80 layers of grouped attention and a gated perceptron.

Run as a program it prints what convinspect says of it on the meta device, the seconds and its own memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from convinspect.trace.training.step import TrainingConfig
from tests.memory.runs import traced

TOKENS = 4096


@dataclass(frozen=True)
class Config:
    """The sizes of Llama-2 70B: Touvron et al. 2023."""

    layers: int = 80
    width: int = 8192
    heads: int = 64
    groups: int = 8
    hidden: int = 28672
    vocabulary: int = 32000

    @property
    def parameters(self) -> int:
        """Two tables of tokens; in each layer four projections, three matrices of the perceptron, two norms."""
        head = self.width // self.heads
        attention = 2 * self.width**2 + 2 * self.width * self.groups * head
        layer = attention + 3 * self.width * self.hidden + 2 * self.width
        return 2 * self.vocabulary * self.width + self.layers * layer + self.width


class Attention(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads, self.groups = config.heads, config.groups
        self.head = config.width // config.heads
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key = nn.Linear(config.width, self.groups * self.head, bias=False)
        self.value = nn.Linear(config.width, self.groups * self.head, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        query = self.query(x).view(batch, tokens, self.heads, self.head).transpose(1, 2)
        key = self.key(x).view(batch, tokens, self.groups, self.head).transpose(1, 2)
        value = self.value(x).view(batch, tokens, self.groups, self.head).transpose(1, 2)
        key, value = (t.repeat_interleave(self.heads // self.groups, 1) for t in (key, value))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Layer(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm1, self.attention = nn.RMSNorm(config.width), Attention(config)
        self.norm2 = nn.RMSNorm(config.width)
        self.gate = nn.Linear(config.width, config.hidden, bias=False)
        self.up = nn.Linear(config.width, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        y = self.norm2(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def main() -> None:
    """Print the memory of the decoder in bfloat16, and what it cost to find out: the processor's seconds, and bytes."""
    start = time.process_time()
    with torch.device("meta"):
        model = Decoder(Config()).to(torch.bfloat16)
        ids = torch.empty(1, TOKENS, dtype=torch.int64)
    found = traced(model, ids, training=TrainingConfig("adamw")).memory
    seconds = time.process_time() - start
    own_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    json.dump({**msgspec.to_builtins(found), "seconds": seconds, "own_bytes": own_bytes}, sys.stdout)


if __name__ == "__main__":
    main()
