"""Markers in the graphs of a TorchScript model: an operator of ours before and after every call of a module."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from convinspect.frontends.modules import places_of, type_name
from convinspect.frontends.torchscript.hidden import refuse_hidden
from convinspect.frontends.torchscript.loading import ConstantsCompared, load_script, quiet
from convinspect.frontends.torchscript.plain import constant_before, is_plain, make_plain, put_before
from convinspect.tensors.registered import is_scripted, registered_modules
from convinspect.torch_private import (
    children_of,
    graph_type,
    inline,
    method_graphs,
    nodes_in,
    script_type,
    tuple_type,
)
from convinspect.users_code import running_users_code

# What finds as many elements as values say, and what reads a shape.
_FINDERS = re.compile(
    "aten::(argwhere|bincount|index|masked_select|nonzero|nonzero_numpy|repeat_interleave|_?unique.*|where)"
    "|torchvision::nms"
)
_SIZES = ("aten::size", "aten::len", "aten::numel")


def with_markers(model: Any, *, disposable: bool) -> Any:
    """Return a copy of ``model`` with markers in all graphs; where there is nothing to change, as it is.

    A ``disposable`` one, loaded for this run alone, is not copied: its graphs change in place. Raises `UsageError` for
    a model that computes what cannot be seen.
    """
    refuse_hidden(_graphs(model))
    finds = any(_FINDERS.fullmatch(node.kind()) for graph in _graphs(model) for node in nodes_in(graph))
    marks = (_calls, _loops, _lists, *([_sizes] if finds else []))
    if all(is_plain(graph) and not any(nodes(graph) for nodes in marks) for graph in _graphs(model)):
        return model
    marked = model if disposable else saved_copy(model)
    # What changes a graph makes one of the constants that are equal.
    with ConstantsCompared():
        _put_markers(marked, sizes=finds)
    return marked


def _put_markers(marked: Any, *, sizes: bool) -> None:
    for graph in _graphs(marked):
        # A forked call would run in another thread, at another time in every run; eager runs it in its place.
        inline(graph, forks=True)
        for node in _calls(graph):
            _mark(graph, node)
        for body in _loops(graph):
            first = next(iter((*body.nodes(), body.returnNode())))
            graph.create("convinspect::turn", [], 0).insertBefore(first)
        for node in _lists(graph):
            graph.create("convinspect::left", [next(node.inputs())], 0).insertBefore(node)
        for node in _sizes(graph) if sizes else ():
            how = constant_before(graph, node, node.kind())
            graph.create("convinspect::counted", [next(node.inputs()), how], 0).insertBefore(node)
        make_plain(graph)
    # The graphs of functions can be reached in no other way; methods come in with their markers. A run begins with
    # forward; a recurrent layer scripted by itself has its overloads alone.
    for name, graph in method_graphs(marked):
        if name in ("forward", "forward__0"):
            inline(graph)
            make_plain(graph)


@contextmanager
def marked_parts(model: nn.Module) -> Iterator[None]:
    """Run the block with markers in the graphs of the model's scripted modules, and put the modules back after it.

    The copies have the very tensors of the originals, so that weights are told and counted as before.
    """
    undo: list[tuple[dict[str, Any], str, nn.Module]] = []
    copies: dict[int, Any] = {}
    try:
        for parent in [module for module in registered_modules(model) if not is_scripted(module)]:
            children = children_of(parent)
            for name, part in [(name, child) for name, child in children.items() if is_scripted(child)]:
                undo.append((children, name, part))
                children[name] = copies.setdefault(id(part), _with_own_tensors(part))
        yield
    finally:
        for children, name, part in undo:
            children[name] = part


def _with_own_tensors(part: Any) -> Any:
    marked = with_markers(part, disposable=False)
    if marked is not part:
        for mine, original in zip(marked.modules(), part.modules(), strict=True):
            for (put, name, _), (_, _, own) in zip(places_of(mine), places_of(original), strict=True):
                put(name, own)
    return marked


def saved_copy(model: Any, device: str | None = None) -> Any:
    """Return ``model`` saved and loaded: methods belong to the type, which a deep copy shares.

    Raises as `with_markers`.
    """
    refuse_hidden(_graphs(model))
    buffer = io.BytesIO()
    with quiet(), running_users_code(f"copying {type_name(model)}"):
        torch.jit.save(model, buffer)
        buffer.seek(0)
        return load_script(buffer, device)


def _graphs(model: Any) -> Iterator[Any]:
    """Yield the graph of every method; modules of one type share theirs."""
    types: dict[str, Any] = {}
    for module in model.modules():
        types.setdefault(script_type(module), module)
    for module in types.values():
        yield from (graph for _, graph in method_graphs(module))


def _calls(graph: Any) -> list[Any]:
    """Return the nodes that run a module."""
    return [node for node in nodes_in(graph) if node.kind() == "prim::CallMethod" and _is_run(node)]


def _loops(graph: Any) -> list[Any]:
    """Return the bodies of all loops."""
    return [body for node in nodes_in(graph) if node.kind() == "prim::Loop" for body in node.blocks()]


def _lists(graph: Any) -> list[Any]:
    """Return the nodes that make a list of a tensor's values."""
    return [node for node in nodes_in(graph) if node.kind() == "prim::tolist"]


def _sizes(graph: Any) -> list[Any]:
    """Return the nodes that read sizes of a tensor."""
    read = [node for node in nodes_in(graph) if node.kind() in _SIZES]
    return [node for node in read if next(node.inputs()).type().kind() == "TensorType"]


def _is_run(node: Any) -> bool:
    """Tell a call of a module from a call of its methods: eager sees no run in ``net.encoder.embed(x)``.

    Nor in ``net.encoder.forward(x)``, which the source that the archive keeps tells from ``net.encoder(x)``.
    The tracer numbers the runs of a module (``forward1``) and keeps no line of a user's source for the call; an
    overload of ``forward`` has its number behind two underscores, or a name of its own in quantised LSTMs.
    """
    name = node.s("name")
    users, kept, _ = node.sourceRange().partition("Serialized")
    # An archive without its source, or one that was loaded and saved again, shows its own text instead.
    source = users if kept and 'File "code/__torch__' not in users else ""
    if re.fullmatch(r"forward(__\d+)?", name):
        return not _callee(source).endswith(".forward")
    if re.fullmatch(r"forward\d+", name):
        return 'File "' not in source
    kind = next(node.inputs()).type()
    return name in ("forward_tensor", "forward_packed") and "forward" not in kind.method_names()


def _callee(source: str) -> str:
    """Return what is called in a line of the user's source that TorchScript has underlined: ``self.encoder``."""
    lines = source.splitlines()
    for line, mark in pairwise(lines):
        found = re.search(r"~+(?= <--- HERE)", mark)
        if found is not None:
            return line[found.start() : found.end()].strip()
    return ""


def _mark(graph: Any, node: Any) -> None:
    module, *inputs = node.inputs()
    packed = put_before(graph, node, "prim::TupleConstruct", inputs, tuple_type(inputs))
    if module.type().kind() == "InterfaceType":
        who, operator = module, "convinspect::enter_behind_interface"
    else:
        who, operator = put_before(graph, node, "prim::id", [module], graph_type(int)), "convinspect::enter"
    graph.create(operator, [who, packed], 0).insertBefore(node)
    graph.create("convinspect::leave", [node.output()], 0).insertAfter(node)
