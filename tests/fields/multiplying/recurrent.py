"""Recurrent layers, their cells, and look-ups with weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.fields.oracle import randn

from .calls import Case, as_input

ROWS, SEQUENCE, STATE = randn(5, 4), randn(5, 2, 4), torch.zeros(1, 2, 6, dtype=torch.float64)


def run_through(x: Tensor) -> Tensor:
    """A recurrent layer over ``(time, batch, features)``: every feature of its state reads all of them."""
    state, found = torch.zeros(x.shape[1], 6, dtype=x.dtype), []
    for step in x:
        state = (step @ torch.ones(4, 6, dtype=x.dtype) + state.sum(-1, keepdim=True)).tanh()
        found.append(state)
    return torch.stack(found)


def one_step(x: Tensor) -> Tensor:
    return (x @ torch.ones(4, 6, dtype=x.dtype)).tanh()


def recurrent(x: Tensor) -> dict[str, Any]:
    weights = [randn(24, 4), randn(24, 6)]
    states = {"hx": [STATE, STATE], "hx_": STATE, "cx_": STATE, "cx": STATE}
    return {**as_input(x), **states, "weight": weights, "params": weights, "num_layers": 1}


def recurrent_by_one_state(x: Tensor) -> dict[str, Any]:
    return {**recurrent(x), "hx": STATE}


CASES = [
    Case("lstm _lstm_mps mkldnn_rnn_layer", SEQUENCE, (0, 1, 2), run_through, recurrent),
    Case("gru rnn_tanh rnn_relu _cudnn_rnn miopen_rnn", SEQUENCE, (0, 1, 2), run_through, recurrent_by_one_state),
    Case(
        "gru_cell rnn_tanh_cell rnn_relu_cell",
        ROWS,
        (0, 1),
        one_step,
        lambda x: {"input": x, "hx": randn(5, 6), "w_ih": randn(18, 4), "w_hh": randn(18, 6)},
    ),
    Case(
        "lstm_cell",
        ROWS,
        (0, 1),
        one_step,
        lambda x: {"input": x, "hx": [randn(5, 6), randn(5, 6)], "w_ih": randn(24, 4), "w_hh": randn(24, 6)},
    ),
    Case(
        "embedding_bag _embedding_bag _embedding_bag_forward_only",
        randn(6, 4),
        (0, 1),
        lambda x: x[[1, 5]].sum(0, keepdim=True),
        lambda x: {"weight": x, "indices": torch.tensor([1, 5]), "offsets": torch.tensor([0])},
        "data_dependent",
    ),
]
