"""Convolutions, by every name that a backend has for one."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from tests.fields.oracle import randn

from .calls import Arguments, Case, Plain, as_input

LINE, IMAGE, VOLUME, SEQUENCE = randn(1, 4, 9), randn(1, 4, 7, 6), randn(1, 4, 5, 4, 4), randn(5, 2, 4)


def conv(rank: int, groups: int = 2, *, transposed: bool = False, **more: Any) -> Arguments:
    sizes = (4, 6 // groups) if transposed else (6, 4 // groups)
    weight = randn(*sizes, *(3,) * rank)
    geometry = {"stride": [2] * rank, "padding": [1] * rank, "dilation": [1] * rank, "output_padding": [0] * rank}
    fixed = {"weight": weight, "W": weight, "kernel_size": [3] * rank, "groups": groups, "transposed": transposed}
    return lambda x: {**as_input(x), **geometry, **fixed, **more}


def packed(rank: int, *, transposed: bool = False, **more: Any) -> Arguments:
    def make(x: Tensor) -> dict[str, Any]:
        prepack = getattr(torch.ops.quantized, f"conv{'_transpose' if transposed else ''}{rank}d_prepack")
        groups = 1 if transposed else 2  # fbgemm has no others
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch means to take them away
            sizes = (4, 6) if transposed else (6, 2)
            weight = torch.quantize_per_tensor(torch.randn(*sizes, *(3,) * rank), 0.1, 0, torch.qint8)
        between = [[0] * rank] if transposed else []
        made = prepack(weight, None, [2] * rank, [1] * rank, *between, [1] * rank, groups)
        return {**as_input(x), "packed_weight": made, **more}

    return make


def convolved(rank: int, groups: int = 2) -> Plain:
    function, weight = (F.conv1d, F.conv2d, F.conv3d)[rank - 1], randn(6, 4 // groups, *(3,) * rank)
    return lambda x: function(x, weight, None, 2, 1, 1, groups)


def transposed(rank: int, groups: int = 2) -> Plain:
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
    weight = randn(4, 6 // groups, *(3,) * rank)
    return lambda x: function(x, weight, None, 2, 1, 0, groups)


def scaled(plain: Plain) -> Plain:
    """Scale by the range of all of the input, as dynamic quantisation does."""
    return lambda x: plain(x * x.abs().max())


def backward(x: Tensor) -> dict[str, Any]:
    found = conv(2)(x)
    return {
        **found,
        "weight": randn(4, 3, 3, 3),
        "grad_output": x,
        "input": randn(1, 6, 14, 12),
        "output_mask": [True, False, False],
    }


def gradient(x: Tensor) -> Tensor:
    return torch.nn.grad.conv2d_input((1, 6, 13, 11), randn(4, 3, 3, 3), x, 2, 1, 1, 2)


def deforming(x: Tensor) -> dict[str, Any]:
    """Offsets that move nothing."""
    ones = dict.fromkeys(("stride_h", "stride_w", "dilation_h", "dilation_w", "groups", "offset_groups"), 1)
    return {**ones, "input": x, "weight": randn(6, 4, 3, 3), "offset": randn(1, 18, 5, 4), "bias": randn(6)}


def quantised(names: str) -> str:
    return " ".join(f"quantized.{name}" for name in names.split())


CUDA = (
    "cudnn_convolution cudnn_convolution_relu miopen_convolution miopen_convolution_relu miopen_depthwise_convolution"
)
MORE = "cudnn_convolution_add_relu miopen_convolution_add_relu"
ANY = (
    "mkldnn_convolution _mps_convolution mkldnn._convolution_pointwise convolution convolution_overrideable "
    "_convolution"
)
TRANSPOSED = "cudnn_convolution_transpose miopen_convolution_transpose _mps_convolution_transpose"
SLOW_2D, SLOW_3D = (
    "thnn_conv2d _slow_conv2d_forward slow_conv_dilated2d",
    "slow_conv3d slow_conv3d_forward slow_conv_dilated3d",
)
CASES = [
    Case("conv1d", LINE, (1, 2), convolved(1), conv(1)),
    Case(f"conv2d {CUDA} {ANY}", IMAGE, (1, 2, 3), convolved(2), conv(2)),
    Case(MORE, IMAGE, (1, 2, 3), convolved(2), conv(2, z=randn(1, 6, 4, 3))),
    Case("mkldnn._convolution_pointwise_", IMAGE, (1, 2, 3), convolved(2), conv(2, other=randn(1, 6, 4, 3))),
    Case(
        "_convolution_mode",
        IMAGE,
        (1, 2, 3),
        lambda x: F.conv2d(x, randn(6, 2, 3, 3), padding="same", groups=2),
        conv(2, padding="same", stride=[1, 1]),
    ),
    Case(f"_nnpack_spatial_convolution {SLOW_2D}", IMAGE, (1, 2, 3), convolved(2, 1), conv(2, 1)),
    Case(
        "_conv_depthwise2d",
        IMAGE,
        (1, 2, 3),
        lambda x: F.conv2d(x, randn(8, 1, 3, 3), None, 2, 1, 1, 4),
        conv(2, weight=randn(8, 1, 3, 3)),
    ),
    Case("conv3d", VOLUME, (1, 2, 3, 4), convolved(3), conv(3)),
    Case(SLOW_3D, VOLUME, (1, 2, 3, 4), convolved(3, 1), conv(3, 1)),
    Case(
        "conv_depthwise3d",
        VOLUME,
        (1, 2, 3, 4),
        lambda x: F.conv3d(x, randn(4, 1, 3, 3, 3), None, 2, 1, 1, 4),
        conv(3, weight=randn(4, 1, 3, 3, 3)),
    ),
    Case("conv_transpose1d", LINE, (1, 2), transposed(1), conv(1, transposed=True)),
    Case(
        f"conv_transpose2d {TRANSPOSED} convolution",
        IMAGE,
        (1, 2, 3),
        transposed(2),
        conv(2, transposed=True),
    ),
    Case("slow_conv_transpose2d", IMAGE, (1, 2, 3), transposed(2, 1), conv(2, 1, transposed=True)),
    Case("conv_transpose3d", VOLUME, (1, 2, 3, 4), transposed(3), conv(3, transposed=True)),
    Case("slow_conv_transpose3d", VOLUME, (1, 2, 3, 4), transposed(3, 1), conv(3, 1, transposed=True)),
    Case("convolution_backward", IMAGE, (1, 2, 3), gradient, backward),
    Case(
        "conv_tbc",
        SEQUENCE,
        (0, 1, 2),
        lambda x: torch.conv_tbc(x, randn(3, 4, 6), randn(6), 1),
        lambda x: {"self": x, "weight": randn(3, 4, 6), "bias": randn(6), "pad": 1},
    ),
    Case(
        "torchvision.deform_conv2d",
        IMAGE,
        (2, 3),
        lambda x: F.conv2d(x, randn(6, 4, 3, 3)),
        deforming,
        "data_dependent",
    ),
    # Quantised, with weights and geometry in an object.
    Case(quantised("conv1d conv1d_relu"), LINE, (1, 2), convolved(1), packed(1)),
    Case(quantised("conv2d conv2d_relu"), IMAGE, (1, 2, 3), convolved(2), packed(2)),
    Case(
        quantised("conv2d_add conv2d_add_relu"),
        IMAGE,
        (1, 2, 3),
        convolved(2),
        packed(2, qaccum=randn(1, 6, 4, 3)),
    ),
    Case(quantised("conv3d conv3d_relu"), VOLUME, (1, 2, 3, 4), convolved(3), packed(3)),
    Case(quantised("conv1d_dynamic"), LINE, (1, 2), scaled(convolved(1)), packed(1)),
    Case(quantised("conv2d_dynamic"), IMAGE, (1, 2, 3), scaled(convolved(2)), packed(2)),
    Case(quantised("conv3d_dynamic"), VOLUME, (1, 2, 3, 4), scaled(convolved(3)), packed(3)),
    Case(quantised("conv_transpose1d"), LINE, (1, 2), transposed(1, 1), packed(1, transposed=True)),
    Case(quantised("conv_transpose2d"), IMAGE, (1, 2, 3), transposed(2, 1), packed(2, transposed=True)),
    Case(quantised("conv_transpose3d"), VOLUME, (1, 2, 3, 4), transposed(3, 1), packed(3, transposed=True)),
    Case(quantised("conv_transpose1d_dynamic"), LINE, (1, 2), scaled(transposed(1, 1)), packed(1, transposed=True)),
    Case(quantised("conv_transpose2d_dynamic"), IMAGE, (1, 2, 3), scaled(transposed(2, 1)), packed(2, transposed=True)),
    Case(
        quantised("conv_transpose3d_dynamic"),
        VOLUME,
        (1, 2, 3, 4),
        scaled(transposed(3, 1)),
        packed(3, transposed=True),
    ),
]
