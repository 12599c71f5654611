"""The tables against torch's own registry: tags and alias annotations that somebody else wrote."""

# ruff: noqa: SLF001 - torch's registry is private, and the oracle; so is the table

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from convinspect.ops import operator
from convinspect.ops.operators import _operators
from convinspect.ops.registry import qualified_name

# Tagged pointwise because they work element by element, but they belong to the backward pass.
BACKWARD = "backward"
# Their results share memory with an argument, but they are not views to a reader.
ALIASES_THAT_ARE_SILENT = {"alias", "detach", "lift_fresh", "positive"}
# Sparse tensors: coalescing sums duplicates. Until torch 2.12 dimensions have names: what that costs is not known.
NOT_VIEWS = {"coalesce", "coalesce_", "align_to", "refine_names", "rename"}


def operators() -> Iterator[tuple[str, Any]]:
    """Every overload of torch's own library that can run, with its name."""
    for schema in torch._C._jit_get_all_schemas():
        if not schema.name.startswith("aten::"):
            continue
        packet = getattr(torch.ops.aten, schema.name.removeprefix("aten::"), None)
        overload = getattr(packet, schema.overload_name or "default", None)
        if overload is None or schema.name.endswith("_test_autograd_multiple_dispatch_view"):
            continue
        try:
            torch._C._dispatch_has_computed_kernel_for_dispatch_key(overload.name(), "CPU")
        except RuntimeError:  # an operator of the interpreter alone, which never reaches a dispatch mode
            continue
        yield schema.name.removeprefix("aten::"), overload


def answered(name: str) -> bool:
    return operator(f"aten.{name}").macs is not None


def is_view(name: str) -> bool:
    return operator(f"aten.{name}").kind in ("view", "conversion")


def is_silent(name: str) -> bool:
    return operator(f"aten.{name}").kind == "silent"


def test_every_operator_that_torch_calls_pointwise_is_free() -> None:
    tagged = {name for name, op in operators() if torch.Tag.pointwise in op.tags and BACKWARD not in name}
    assert len(tagged) > 200
    assert {name for name in tagged if operator(f"aten.{name}").macs != 0} == set()


def test_every_operator_whose_result_aliases_its_input_is_a_view() -> None:
    aliasing = {
        name
        for name, op in operators()
        if any(r.alias_info is not None and not r.alias_info.is_write for r in op._schema.returns)
        and not name.endswith(BACKWARD)
    }
    assert len(aliasing) > 60
    unexpected = {name for name in aliasing - NOT_VIEWS if not (is_view(name) or is_silent(name))}
    assert unexpected == set()
    silent = {name for name in aliasing if is_silent(name)}
    assert silent == ALIASES_THAT_ARE_SILENT


def test_every_copying_twin_of_a_view_is_a_view() -> None:
    twins = {name for name, op in operators() if torch.Tag.view_copy in op.tags}
    assert len(twins) > 20
    not_views = {name for name in twins if not (is_view(name) or is_silent(name))}
    # One of torch's own tests, and one that writes into a copy of the whole.
    assert not_views == {"_test_autograd_multiple_dispatch_view_copy", "slice_scatter"}


def test_every_reduction_and_core_operator_has_an_answer_or_is_unknown_on_purpose() -> None:
    core = {name for name, op in operators() if torch.Tag.core in op.tags and BACKWARD not in name}
    assert len(core) > 150
    assert {name for name in core if not answered(name)} == {"_fft_c2r", "_fft_r2c"}


def test_every_name_in_the_tables_is_an_operator_of_torch() -> None:
    missing = set()
    for name in _operators.entries:
        library, _, op = name.partition(".")
        if library not in ("aten", "quantized", "_c10d_functional"):
            continue
        packets = getattr(torch.ops, library)
        if not (hasattr(packets, op) or hasattr(packets, f"{op}_")):
            missing.add(name)
    assert missing == set()


def test_names_are_written_without_an_overload() -> None:
    assert {name for name in _operators.entries if qualified_name(name) != name} == set()


def test_of_the_backward_pass_no_product_but_the_convolution_is_answered() -> None:
    answered_ones = {name for name in _operators.entries if BACKWARD in name}
    products = ("convolution", ".linear_", "attention", "rnn", "bag", "einsum")
    found = {name for name in answered_ones if any(word in name for word in products)}
    assert found == {"aten.convolution_backward"}
