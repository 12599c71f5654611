"""A text classifier on ``nn.TransformerEncoder``: token ids in, one score a class out.

    convinspect summary sample_models/transformer.py --input 64:int64:1000
    convinspect summary sample_models/transformer.py --input ids=64:int64:1000 --input padding=64:bool

The ids are integers below 1000, the size of the vocabulary. For T = 64 tokens of width 64, with 128 hidden units,
each of the two layers has

    queries, keys, values   3 x 64 x 64 + 3 x 64                     12,480 parameters     64 x 12,288 =   786,432 MACs
    attention               q @ k and weights @ v, for all heads                       2 x 64 x 64 x 64 =   524,288
    projection              64 x 64 + 64                              4,160                  64 x 4,096 =   262,144
    feed-forward            64 x 128 + 128 + 128 x 64 + 64           16,576                 64 x 16,384 = 1,048,576
    two norms               2 x (64 + 64)                               256
                                                                     33,472                               2,621,440

and embeddings, norm and head add (1,000 + 128) x 64 + 128 + (2 x 64 + 2) = 72,450 parameters. In eval mode PyTorch
may run a whole layer as one fused operator, which hides all of this.
"""

import torch
from torch import Tensor, nn


class TextClassifier(nn.Module):
    """Token and position embeddings, transformer layers, the mean over the text, and a linear layer."""

    def __init__(
        self, vocabulary: int = 1000, num_classes: int = 2, *, width: int = 64, layers: int = 2, longest: int = 128
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=2 * width, batch_first=True)
        # Nested tensors would make the shapes depend on the mask's values, which meta tensors do not have.
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, ids: Tensor, padding: Tensor | None = None) -> Tensor:
        """Return scores ``(N, num_classes)`` of ids ``(N, T)``; ``padding`` ``(N, T)`` is true where no text is."""
        x = self.tokens(ids) + self.positions(torch.arange(ids.size(1), device=ids.device))
        x = self.encoder(x, src_key_padding_mask=padding)
        return self.head(self.norm(x).mean(dim=1))
