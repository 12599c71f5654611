"""The vision transformer ViT-B/16: an image as 196 words.

    convinspect summary sample_models/vit.py --input 3,224,224 --depth 3
    convinspect summary sample_models/vit.py --arg width=192 --arg heads=3 --input 3,224,224

86,567,656 parameters and 17.56 GMACs at 224. A convolution whose stride is its kernel cuts the image into
patches, and a class token is put in front of them: T = 14 x 14 + 1 = 197. The class token and the position embedding
belong to the model itself and to no layer. MACs, with width 768:

    patches                        196 x 768 x (3 x 16 x 16)          =    115,605,504
    queries, keys, values          197 x 768 x (3 x 768)              =    348,585,984   x 12
    attention, both products       2 x 197 x 197 x 768                =     59,610,624   x 12
    projection                     197 x 768 x 768                    =    116,195,328   x 12
    feed-forward                   2 x 197 x 768 x 3,072              =    929,562,624   x 12
    head                           768 x 1,000                        =        768,000
                                                                        17,563,828,224

Up to the first attention one unit sees its own patch; from there on it sees everything.
"""

import torch
from torch import Tensor, nn


class VisionTransformer(nn.Module):
    """Patches, a class token, transformer layers, and a linear layer on the class token."""

    def __init__(
        self,
        image_size: int = 224,
        patch_size: int = 16,
        num_classes: int = 1000,
        *,
        width: int = 768,
        heads: int = 12,
        layers: int = 12,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch_size, stride=patch_size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (image_size // patch_size) ** 2 + 1, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(N, num_classes)`` of images ``(N, 3, image_size, image_size)``."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.size(0), -1, -1), x], dim=1)
        x = self.encoder(x + self.positions)
        return self.head(self.norm(x)[:, 0])
