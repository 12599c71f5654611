"""What a file defines, without what it does beside: a script that trains its model, say, as soon as it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_Assignment: TypeAlias = ast.Assign | ast.AnnAssign | ast.AugAssign
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_BLOCKS = (ast.If, ast.Try)


def definitions_of(tree: ast.Module, wanted: str | None = None) -> ast.Module:
    """Return the module without the statements that define nothing a class, or the function ``wanted``, is made of.

    Imports, classes and functions stay, and so do assignments that call nothing or that these use, with what is called
    of the objects that were assigned: ``parser.add_argument``.
    """
    statements = list(_flat(tree.body))
    needed = {wanted} if wanted is not None else set()
    for node in statements:
        if isinstance(node, ast.ClassDef):
            needed |= _names(node)
        elif isinstance(node, _FUNCTIONS):  # these are evaluated where the function is defined
            parts = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            needed |= {name for part in parts for name in _names(part)}
    made = {name for node in statements if isinstance(node, _ASSIGNMENTS) for name in _bound(node)}
    pending = [node for node in statements if isinstance(node, (*_FUNCTIONS, *_ASSIGNMENTS))]
    while found := [node for node in pending if _bound(node) & needed]:
        pending = [node for node in pending if node not in found]
        needed |= {name for node in found for name in _names(node)}
    return ast.Module(_Definitions(needed, needed & made).of(tree.body), [])


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, _BLOCKS):
            yield from _flat([inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)])
            handlers = node.handlers if isinstance(node, ast.Try) else []
            yield from _flat([inner for handler in handlers for inner in handler.body])


class _Definitions(ast.NodeTransformer):
    """Takes out what defines nothing: ``needed`` are the names that are used, ``objects`` those that were assigned."""

    def __init__(self, needed: set[str], objects: set[str]) -> None:
        self._needed = needed
        self._objects = objects

    def of(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Return the statements that define something, of a block what does in it."""
        return [kept for node in body if (kept := self.visit(node)) is not None]

    def generic_visit(self, node: ast.AST) -> Any:
        """Keep classes, functions and imports as they are."""
        return node if isinstance(node, (ast.ClassDef, *_FUNCTIONS, *_IMPORTS)) else None

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Keep what is called of an object that is needed, and where imports look."""
        called, _, method = ast.unparse(node).partition("(")[0].partition(".")
        return node if method and (called in self._objects or (called, method[:5]) == ("sys", "path.")) else None

    def visit_Assign(self, node: _Assignment) -> _Assignment | None:
        """Keep what is needed, and what costs nothing."""
        calls = any(isinstance(part, (ast.Call, ast.Await)) for part in ast.walk(node))
        return node if not calls or _bound(node) & self._needed else None

    visit_AnnAssign = visit_AugAssign = visit_Assign  # noqa: N815 - ast's names

    def visit_If(self, node: ast.If) -> ast.If | None:
        """Keep the block where something in it is kept."""
        node.body, node.orelse = self.of(node.body), self.of(node.orelse)
        kept = node.body or node.orelse
        node.body = node.body or [ast.copy_location(ast.Pass(), node)]
        return node if kept else None

    def visit_Try(self, node: ast.Try) -> ast.Try | None:
        """Keep the block where something in it is kept, with what is done where that fails."""
        node.body, node.orelse, node.finalbody = self.of(node.body), self.of(node.orelse), self.of(node.finalbody)
        for handler in node.handlers:
            handler.body = self.of(handler.body) or [ast.copy_location(ast.Pass(), handler)]
        return node if node.body else None


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, _FUNCTIONS):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {part.id for one in targets if one is not None for part in ast.walk(one) if isinstance(part, ast.Name)}
