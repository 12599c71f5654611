"""Where in its arguments the source of a ``forward`` looks, and which layer it gives each of them to."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from convinspect.torch_private import children_of

# Methods of a tensor that give what is the same input still.
_SAME = frozenset(("to", "type", "type_as", "float", "half", "long", "int", "bool", "contiguous", "clone", "detach"))
# Methods of the model that call each other are followed so far.
_DEEPEST = 4


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
    return _uses_in("forward", model, {name: name for name in arguments}, _DEEPEST)


def _uses_in(method: str, model: nn.Module, places: dict[str, str], depth: int) -> list[Use]:
    """Return what a method does with its arguments that are ``places`` in those of ``forward``."""
    tree = _source(model, method)
    if tree is None or depth == 0:
        return []
    reader = _Reader(model, places, depth)
    reader.visit(tree)
    return reader.uses


def _source(model: nn.Module, method: str) -> ast.FunctionDef | None:
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(getattr(type(model), method)))).body
    except (AttributeError, OSError, TypeError, SyntaxError, ValueError, RecursionError):
        return None
    return tree if isinstance(tree, ast.FunctionDef) else None


class _Reader(ast.NodeVisitor):
    """Follows names from the arguments on, as far as they only stand for a place in one."""

    def __init__(self, model: nn.Module, places: dict[str, str], depth: int) -> None:
        self.uses: list[Use] = []
        self._model, self._places, self._depth = model, dict(places), depth

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
        if module is None and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            self._follow(node, node.func.attr if node.func.value.id == "self" else "")
        self.generic_visit(node)

    def _follow(self, node: ast.Call, method: str) -> None:
        """Add what a method of the model does with the places that it is called with."""
        tree = _source(self._model, method) if method and not hasattr(nn.Module, method) else None
        if tree is None:
            return
        named = [one.arg for one in tree.args.args[1:]]
        given = [*zip(named, node.args, strict=False), *((one.arg, one.value) for one in node.keywords)]
        places = {name: place for name, value in given if name and (place := self._place(value)) is not None}
        self.uses += _uses_in(method, self._model, places, self._depth - 1) if places else []

    def _stand(self, name: str, place: str | None) -> None:
        self._places.pop(name, None)
        if place is not None:
            self._places[name] = place

    def _place(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._places.get(node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SAME:
            return self._place(node.func.value)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            holder = self._place(node.value)
            key = node.slice.value
            fits = key.isidentifier() if isinstance(key, str) else type(key) is int and key >= 0
            return f"{holder}.{key!s}" if holder is not None and fits else None
        return None

    def _module(self, node: ast.expr) -> nn.Module | None:
        found: nn.Module | None = self._model
        for name in _path(node):
            found = children_of(found).get(name) if found is not None else None
        return found if found is not self._model else None


def _path(node: ast.expr) -> Iterator[str]:
    """Yield the names of ``self.a.b`` behind ``self``; for anything else a name that no module has."""
    if isinstance(node, ast.Attribute):
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield from _path(node.value)
        yield node.attr
    else:
        yield ""
