"""Where in its arguments the source of a ``forward`` looks, and which layer it gives each of them to."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True)
class Use:
    """An argument, or a dotted ``place`` in one (``batch.rgb``, ``state.0``), that ``forward`` reads.

    ``module`` is the layer that it is given to as the argument number ``position``, where it is given to one.
    """

    place: str
    module: nn.Module | None = None
    position: int = 0


def uses_of(model: nn.Module, arguments: Sequence[str]) -> list[Use]:
    """Return what the ``forward`` of ``model`` does with its ``arguments``, in order; nothing without its source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(type(model).forward)))
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError):
        return []
    reader = _Reader(model, arguments)
    reader.visit(tree)
    return reader.uses


class _Reader(ast.NodeVisitor):
    """Follows names from the arguments on, as far as they only stand for a place in one."""

    def __init__(self, model: nn.Module, arguments: Sequence[str]) -> None:
        self.uses: list[Use] = []
        self._model = model
        self._places = {name: name for name in arguments}

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        place = self._place(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._stand(target.id, place)
            elif isinstance(target, ast.Tuple):
                for index, item in enumerate(target.elts):
                    if isinstance(item, ast.Name):
                        inner = f"{place}.{index}" if place is not None else None
                        self.uses += [Use(inner)] if inner is not None else []
                        self._stand(item.id, inner)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        place = self._place(node)
        if place is not None:
            self.uses.append(Use(place))
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        module = self._module(node.func)
        for position, argument in enumerate(node.args):
            for item in argument.elts if isinstance(argument, ast.Tuple) else (argument,):
                place = self._place(item)
                if place is not None and module is not None:
                    self.uses.append(Use(place, module, position))
        self.generic_visit(node)

    def _stand(self, name: str, place: str | None) -> None:
        self._places.pop(name, None)
        if place is not None:
            self._places[name] = place

    def _place(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._places.get(node.id)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            holder = self._place(node.value)
            key = node.slice.value
            fits = key.isidentifier() if isinstance(key, str) else type(key) is int and key >= 0
            return f"{holder}.{key!s}" if holder is not None and fits else None
        return None

    def _module(self, node: ast.expr) -> nn.Module | None:
        found: Any = self._model
        for name in _path(node):
            found = (
                found[int(name)]
                if name.isdigit() and isinstance(found, nn.Sequential | nn.ModuleList)
                else (dict(found.named_children()).get(name) if isinstance(found, nn.Module) else None)
            )
        return found if isinstance(found, nn.Module) and found is not self._model else None


def _path(node: ast.expr) -> Iterator[str]:
    """Yield the names of ``self.a.b`` behind ``self``; for anything else a name that no module has."""
    if isinstance(node, ast.Attribute):
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield from _path(node.value)
        yield node.attr
    else:
        yield ""
