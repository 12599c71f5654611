"""LeNet for MNIST, the net that most PyTorch tutorials begin with.

    convinspect summary sample_models/lenet.py --input 1,28,28

It shows what a list of modules cannot: the two max pools, the ReLUs and the softmax are functions, so 24x24
becomes 12x12 between two modules. Every number can be checked by hand:

    conv1   10 x 1 x 5 x 5  + 10 =    260 parameters   10 x 24 x 24 x 25       = 144,000 MACs
    conv2   20 x 10 x 5 x 5 + 20 =  5,020              20 x 8 x 8 x (10 x 25)  = 320,000
    fc1     50 x 320        + 50 = 16,050              320 x 50                =  16,000
    fc2     10 x 50         + 10 =    510              50 x 10                 =     500
                                   21,840                                        480,500

One unit sees 5 pixels after conv1, 6 after its pool, 14 after conv2 and 16 after the second pool, of 28.
"""

from torch import Tensor, nn


class LeNet(nn.Module):
    """Two convolutions, each pooled by two, and two fully connected layers."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return log-probabilities ``(N, num_classes)`` of images ``(N, 1, 28, 28)``."""
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv1(x), 2))
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.flatten(1)
        x = nn.functional.relu(self.fc1(x))
        x = nn.functional.dropout(x, training=self.training)
        return nn.functional.log_softmax(self.fc2(x), dim=1)
