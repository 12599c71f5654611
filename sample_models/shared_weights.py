"""One tensor in two layers and one layer in two places: what is shared is counted once.

    convinspect summary sample_models/shared_weights.py --input 16:int64:1000

``decoder`` multiplies by the very matrix that ``embedding`` looks up in ("tied" weights), and both entries of
``blocks`` are the same block, as in ALBERT. Parameters, with 1,000 words of width 32:

    embedding   1,000 x 32                                  = 32,000
    blocks.0    32 x 64 + 64 + 64 x 32 + 32, and a norm's 64  =  4,256
    blocks.1    blocks.0 again                                     0
    decoder     embedding's matrix; its bias                   1,000
                                                            37,256, where adding up layers gives 73,512

Work is not shared: on 16 words the block costs 16 x 2 x (32 x 64) = 65,536 MACs each time it runs, and the decoder
16 x 32 x 1,000 = 512,000.
"""

from torch import Tensor, nn


class FeedForward(nn.Module):
    """A hidden layer beside a shortcut, normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 2 * width)
        self.fc2 = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` and what the hidden layer makes of it, ``(N, T, width)``."""
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm(x))))


class SharedWeights(nn.Module):
    """An embedding, one block that runs ``repeats`` times, and a decoder with the embedding's matrix."""

    def __init__(self, vocabulary: int = 1000, width: int = 32, repeats: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList([FeedForward(width)] * repeats)
        self.decoder = nn.Linear(width, vocabulary)
        self.decoder.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Return a score for each word of the vocabulary at each place, ``(N, T, vocabulary)``."""
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x)
        return self.decoder(x)
