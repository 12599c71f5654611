"""What people read in the table: the names of the functions that they wrote."""

# ruff: noqa: N812 - F is torch's own custom

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from convinspect.ops import operator, type_name

from .recording import fact, op_call, record


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


IMAGE = (1, 2, 8, 8)


CALLS: list[tuple[str, Callable[[], Any]]] = [
    ("conv1d", lambda: F.conv1d(meta(1, 2, 8), meta(3, 2, 3))),
    ("conv2d", lambda: F.conv2d(meta(*IMAGE), meta(3, 2, 3, 3))),
    ("conv3d", lambda: F.conv3d(meta(1, 2, 8, 8, 8), meta(3, 2, 3, 3, 3))),
    ("conv_transpose2d", lambda: F.conv_transpose2d(meta(*IMAGE), meta(2, 3, 3, 3))),
    ("max_pool2d", lambda: F.max_pool2d(meta(*IMAGE), 2)),
    ("max_pool3d", lambda: F.max_pool3d(meta(1, 2, 8, 8, 8), 2)),
    ("avg_pool2d", lambda: F.avg_pool2d(meta(*IMAGE), 2)),
    ("adaptive_avg_pool2d", lambda: F.adaptive_avg_pool2d(meta(*IMAGE), 2)),
    ("adaptive_max_pool2d", lambda: F.adaptive_max_pool2d(meta(*IMAGE), 2)),
    ("interpolate", lambda: F.interpolate(meta(*IMAGE), scale_factor=2)),
    ("interpolate", lambda: F.interpolate(meta(*IMAGE), 16, mode="bilinear", antialias=True)),
    ("interpolate", lambda: F.interpolate(meta(*IMAGE), 16, mode="nearest-exact")),
    ("pad", lambda: F.pad(meta(*IMAGE), (1, 1))),
    ("pad", lambda: F.pad(meta(*IMAGE), (1, 1, 1, 1), mode="reflect")),
    ("pad", lambda: F.pad(meta(*IMAGE), (1, 1, 1, 1), mode="replicate")),
    ("cat", lambda: torch.cat([meta(2), meta(3)])),
    ("matmul", lambda: meta(2, 3) @ meta(3, 4)),
    ("matmul", lambda: meta(5, 2, 3) @ meta(5, 3, 4)),
    ("linear", lambda: F.linear(meta(2, 3), meta(4, 3), meta(4))),
    ("addmm", lambda: torch.addmm(meta(4), meta(2, 3), meta(3, 4), beta=2)),
    ("addmm", lambda: torch.addmm(meta(4), meta(2, 3), meta(3, 4), beta=1, alpha=2)),
    ("softmax", lambda: F.softmax(meta(2, 3), dim=1)),
    ("log_softmax", lambda: F.log_softmax(meta(2, 3), dim=1)),
    ("relu", lambda: F.relu(meta(2), inplace=True)),
    ("prelu", lambda: F.prelu(meta(2, 3), meta(3))),
    ("logsigmoid", lambda: F.logsigmoid(meta(2))),
    ("batch_norm", lambda: F.batch_norm(meta(*IMAGE), torch.ones(2).to("meta"), torch.ones(2).to("meta"))),
    ("batch_norm", lambda: F.batch_norm(meta(*IMAGE), None, None, training=True)),
    ("layer_norm", lambda: F.layer_norm(meta(2, 3), (3,))),
    ("group_norm", lambda: F.group_norm(meta(*IMAGE), 2)),
    ("grid_sample", lambda: F.grid_sample(meta(*IMAGE), meta(1, 4, 4, 2), align_corners=False)),
    ("unfold", lambda: F.unfold(meta(*IMAGE), 3)),
    ("fold", lambda: F.fold(meta(1, 18, 36), (8, 8), 3)),
    ("pixel_shuffle", lambda: F.pixel_shuffle(meta(1, 4, 8, 8), 2)),
    ("bilinear", lambda: F.bilinear(meta(2, 3), meta(2, 4), meta(5, 3, 4))),
    ("cdist", lambda: torch.cdist(meta(2, 3), meta(4, 3))),
    ("norm", lambda: torch.linalg.vector_norm(meta(2, 3))),
    ("embedding", lambda: F.embedding(torch.zeros(2, dtype=torch.long), torch.ones(3, 4))),
    ("embedding_bag", lambda: F.embedding_bag(torch.zeros(2, 2, dtype=torch.long), torch.ones(3, 4))),
    ("index", lambda: torch.ones(4)[torch.tensor([0, 1])]),
    ("dropout", lambda: torch.native_dropout(torch.ones(3), 0.5, train=True)),
    ("sub", lambda: 1 - meta(2)),
]


@pytest.mark.parametrize(("name", "run"), CALLS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CALLS)])
def test_a_function_goes_by_the_name_that_people_call_it(name: str, run: Callable[[], Any]) -> None:
    calls = [call for call in record(run) if operator(call.op).kind == "computation"]
    names = [type_name(call) for call in calls]
    assert name in names


def test_views_go_by_their_names_too() -> None:
    names = [type_name(call) for call in record(lambda: meta(2, 3).t().reshape(6).view(3, 2).permute(1, 0))]
    assert names[0] == "empty"
    assert set(names[1:]) <= {"t", "clone", "view", "permute"}


@pytest.mark.parametrize(("mode", "name"), [(0, "rnn_relu"), (1, "rnn_tanh"), (2, "lstm"), (3, "gru"), (None, "rnn")])
@pytest.mark.parametrize("op", ["aten._cudnn_rnn.default", "aten.mkldnn_rnn_layer.default"])
def test_a_fused_recurrent_kernel_goes_by_what_it_computes(op: str, mode: int | None, name: str) -> None:
    assert type_name(op_call(op, fact(1), mode=mode)) == name


def test_an_operator_of_python_goes_by_its_name() -> None:
    assert type_name(op_call("aten.__and__.Tensor")) == "and"


@pytest.mark.parametrize("kernel", ["_scaled_dot_product_efficient_attention", "_flash_attention_forward"])
def test_every_kernel_of_attention_is_attention(kernel: str) -> None:
    assert type_name(op_call(f"aten.{kernel}.default")) == "scaled_dot_product_attention"


def test_operators_of_other_libraries_keep_the_library() -> None:
    assert type_name(op_call("mylib.myop.default")) == "mylib.myop"
    assert type_name(op_call("quantized.conv2d.new")) == "quantized.conv2d"
    assert type_name(op_call("torchvision.deform_conv2d.default", weight=fact(1, 1, 3, 3))) == "deform_conv2d"
    assert type_name(op_call("higher_order.flex_attention")) == "flex_attention"


def test_a_convolution_whose_weight_is_packed_has_no_rank_to_show() -> None:
    assert type_name(op_call("aten.convolution.default", weight="packed")) == "convolution"
