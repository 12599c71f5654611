"""Dynamic convolution: every sample is convolved with its own kernel.

    convinspect summary sample_models/dynamic_conv.py --input 3,32,32 --batch-size 4

After Chen et al., "Dynamic Convolution: Attention over Convolution Kernels" (2020). A small gate looks at the whole
sample and mixes K kernels into one. A batch has as many kernels as samples, so it is run as *one* convolution with one
group for each sample: channels and batch change places twice, and the weights come from no module. For 8 to 16
channels, 3x3, K = 4, on 32x32, each sample costs

    gate       8 x 4 + 4 x 4                            =        48 MACs
    mixing     4 x (16 x 8 x 9) + 4 x 16 for the bias   =     4,672
    convolving 16 x 32 x 32 x (8 x 9)                   = 1,179,648

and the layer has 4 x (16 x 8 x 9 + 16) + (8 x 4 + 4) + (4 x 4 + 4) = 4,728 parameters. One unit's field is 3x3 by the
convolution, and everything by the gate.
"""

import torch
from torch import Tensor, nn


class KernelAttention(nn.Module):
    """The share of each of ``kernels``, for each sample."""

    def __init__(self, channels: int, kernels: int, temperature: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, kernels)
        self.fc2 = nn.Linear(kernels, kernels)
        # A high temperature keeps all kernels in use, which is what lets them train.
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        """Return shares ``(N, kernels)`` that add up to 1."""
        x = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
        x = self.fc2(nn.functional.relu(self.fc1(x)))
        return torch.softmax(x / self.temperature, dim=1)


class DynamicConv2d(nn.Module):
    """A convolution whose kernel is mixed from ``kernels`` kernels, anew for each sample."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, kernels: int = 4) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.attention = KernelAttention(in_channels, kernels, temperature=30.0)
        self.weight = nn.Parameter(torch.empty(kernels, out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(kernels, out_channels))
        bound = (in_channels * kernel_size**2) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out_channels, H, W)`` of ``(N, in_channels, H, W)``."""
        samples, channels, height, width = x.shape
        shares = self.attention(x)
        weight = torch.mm(shares, self.weight.flatten(1))
        weight = weight.view(samples * self.out_channels, channels, self.kernel_size, self.kernel_size)
        bias = torch.mm(shares, self.bias).flatten()
        x = x.reshape(1, samples * channels, height, width)
        x = nn.functional.conv2d(x, weight, bias, padding=self.kernel_size // 2, groups=samples)
        return x.view(samples, self.out_channels, height, width)


class DynamicNet(nn.Module):
    """A plain convolution, two dynamic ones and a classifier."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.dynamic1 = DynamicConv2d(8, 16, 3)
        self.dynamic2 = DynamicConv2d(16, 32, 3)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(N, num_classes)`` of images ``(N, 3, H, W)``."""
        x = nn.functional.relu(self.stem(x))
        x = nn.functional.max_pool2d(nn.functional.relu(self.dynamic1(x)), 2)
        x = nn.functional.relu(self.dynamic2(x))
        return self.fc(x.mean(dim=(2, 3)))
