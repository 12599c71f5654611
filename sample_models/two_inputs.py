"""A net of two inputs, one of which may be left out, and of two outputs with names.

    convinspect summary sample_models/two_inputs.py --input 3,32,32 --input table=12
    convinspect summary sample_models/two_inputs.py --input 3,32,32

The image comes by position, the table by name. Without the table ``table_encoder`` never runs: its 12 x 16 + 16 = 208
parameters are there all the same, and its MACs are not.

    image_encoder.0       16 x 3 x 9 + 16  =  448 parameters   16 x 16 x 16 x 27  = 110,592 MACs
    table_encoder         12 x 16 + 16     =  208              16 x 12            =     192
    head                  16 x 5 + 5       =   85              5 x 16             =      80
"""

from torch import Tensor, nn


class TwoInputs(nn.Module):
    """An image and a row of a table, added in one embedding, and a classifier on it."""

    def __init__(self, table_width: int = 12, num_classes: int = 5) -> None:
        super().__init__()
        self.image_encoder = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.table_encoder = nn.Linear(table_width, 16)
        self.head = nn.Linear(16, num_classes)

    def forward(self, image: Tensor, table: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``embedding`` ``(N, 16)`` and ``logits`` ``(N, num_classes)``."""
        embedding = self.image_encoder(image)
        if table is not None:
            embedding = embedding + self.table_encoder(table)
        return {"embedding": embedding, "logits": self.head(embedding)}
