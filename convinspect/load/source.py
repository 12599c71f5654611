"""What the source of a module says of the names at its top: which other ones each uses, and what a function returns."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any, TypeAlias

from torch import nn

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Modules of torch that hold no weights; the few exceptions among them do.
_WEIGHTLESS = tuple(
    f"torch.nn.modules.{name}"
    for name in ("activation", "dropout", "flatten", "fold", "loss", "padding", "pixelshuffle", "pooling", "upsampling")
)
_WITH_WEIGHTS = (nn.PReLU, nn.MultiheadAttention)
# Methods of a module that return it.
_GIVE_BACK = frozenset(("to", "eval", "train", "cuda", "cpu", "half", "requires_grad_"))
_OF_TYPE = ("isinstance", "issubclass")
_REGISTERING = frozenset(("Parameter", "register_parameter", "add_module", "register_module"))


class Source:
    """The definitions at the top of ``modules``; nothing of them runs, and a module without source has none."""

    def __init__(self, *modules: ModuleType) -> None:
        self._names = {name: value for module in modules for name, value in vars(module).items()}
        body = [node for module in modules for node in body_of(module)]
        self._defined: dict[str, ast.AST] = dict(_defined(body))
        self._uses = {name: _used(node) & self._defined.keys() for name, node in self._defined.items()}
        self._reached: dict[str, set[str]] = {}

    def reached(self, name: str) -> set[str]:
        """Return the names of the file that ``name`` uses, itself or through what it uses; never by annotations."""
        if name not in self._reached:
            found: set[str] = set()
            pending = [name]
            while pending:
                new = self._uses.get(pending.pop(), set()) - found
                found |= new
                pending += new
            self._reached[name] = found
        return self._reached[name]

    def returns(self, name: str) -> bool:
        """Tell whether the function of that name returns a value."""
        node = self._defined.get(name)
        return not isinstance(node, _FUNCTIONS) or any(
            isinstance(item, ast.Return) and item.value is not None for item in _inside(node)
        )

    def made_by(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """Return the classes of the file of which the function, or ``Class.method``, of that name returns one.

        None of them where what it returns is a model that others define; `None` where it is no model.
        """
        holder, dot, method = name.partition(".")
        node = self._defined.get(holder)
        if dot and isinstance(node, ast.ClassDef):
            node = next((item for item in node.body if isinstance(item, _FUNCTIONS) and item.name == method), None)
        if not isinstance(node, _FUNCTIONS) or name in seen:
            return None
        returned = [item.value for item in _inside(node) if isinstance(item, ast.Return) and item.value is not None]
        return self._made_of(returned, node, holder if dot else None, seen | {name})

    def alternatives(self, name: str) -> Iterator[str]:
        """Yield the methods of the class ``name`` that are called on the class and return one of it."""
        node = self._defined.get(name)
        for item in node.body if isinstance(node, ast.ClassDef) else ():
            if not isinstance(item, _FUNCTIONS) or item.name.startswith("_"):
                continue
            marks = {mark.id for mark in item.decorator_list if isinstance(mark, ast.Name)}
            if marks & {"classmethod", "staticmethod"} and self.made_by(f"{name}.{item.name}") is not None:
                yield f"{name}.{item.name}"

    def has_weights(self, name: str) -> bool:
        """Tell whether the class ``name`` may register weights: it names what has some, or may be given some."""
        node = self._defined.get(name)
        if not isinstance(node, ast.ClassDef) or _needs_arguments(node):
            return True
        if any(not _is_weightless(self._value(base)) for base in node.bases):
            return True
        used = [item for one in {name, *self.reached(name)} for item in ast.walk(self._defined[one])]
        return any(
            self._brings_weights(item)
            if isinstance(item, (ast.Name, ast.Attribute))
            else isinstance(item, ast.Assign) and self._keeps_unknown(item)
            for item in used
            if not (isinstance(item, ast.Name) and item.id == name)
        )

    def _brings_weights(self, node: ast.Name | ast.Attribute) -> bool:
        value = self._value(node)
        called = node.attr if isinstance(node, ast.Attribute) else node.id
        return called in _REGISTERING or (is_model_class(value) and not _is_weightless(value))

    def _keeps_unknown(self, node: ast.Assign) -> bool:
        """Tell whether an attribute gets what a call returns that may be a model: of no builtin, class or torch."""
        if not isinstance(node.value, ast.Call) or not any(isinstance(one, ast.Attribute) for one in node.targets):
            return False
        called = node.value.func
        value = getattr(builtins, called.id, None) if isinstance(called, ast.Name) else None
        value = self._value(called) or value
        home = getattr(value, "__module__", None) or ""
        return value is None or (inspect.isfunction(value) and (home == "torch.hub" or not home.startswith("torch.")))

    def _made_of(
        self, values: list[ast.expr], inside: _Function, holder: str | None, seen: frozenset[str]
    ) -> frozenset[str] | None:
        made = [one for one in (self._made(value, inside, holder, seen) for value in values) if one is not None]
        return frozenset().union(*made) if made else None

    def _made(
        self, value: ast.expr, inside: _Function, holder: str | None, seen: frozenset[str]
    ) -> frozenset[str] | None:
        """Return what an expression ``inside`` a function, a method of the class ``holder``, makes."""
        if isinstance(value, ast.IfExp):
            return self._made_of([value.body, value.orelse], inside, holder, seen)
        if isinstance(value, ast.Name):
            if (here := f"{inside.name}={value.id}") in seen:
                return None
            bound = [item.value for item in _inside(inside) if isinstance(item, ast.Assign) and _binds(item, value.id)]
            return self._made_of(bound, inside, holder, seen | {here})
        if not isinstance(value, ast.Call):
            return None
        called = value.func
        if isinstance(called, ast.Attribute) and called.attr in _GIVE_BACK:
            return self._made(called.value, inside, holder, seen)
        if isinstance(called, ast.Name) and called.id == "cls" and holder is not None:
            return frozenset((holder,))
        if isinstance(called, ast.Subscript) and isinstance(called.value, ast.Name):
            kept = _used(self._defined.get(called.value.id, called))
            return frozenset(name for name in kept if is_model_class(self._names.get(name))) or None
        made = self._value(called)
        if is_model_class(made):
            return frozenset({called.id} & self._defined.keys() if isinstance(called, ast.Name) else ())
        if isinstance(called, ast.Name) and called.id in self._defined:
            return self.made_by(called.id, seen)
        return frozenset() if says_model(made) else None

    def _value(self, node: ast.expr) -> Any:
        """Return the object that a dotted name of the file stands for; `None` for anything else."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            holder = self._value(node.value)
            return vars(holder).get(node.attr) if isinstance(holder, ModuleType) else None
        return None


def body_of(module: ModuleType) -> list[ast.stmt]:
    """Return the statements of the source of ``module``; none where it has none."""
    try:
        return ast.parse(inspect.getsource(module)).body
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError):
        return []


def is_model_class(value: Any) -> bool:
    """Tell whether ``value`` is a class of modules, by its type."""
    return issubclass(type(value), type) and issubclass(value, nn.Module)


def says_model(value: Any) -> type | None:
    """Return the class of modules of which the annotation of a function says that it returns one."""
    function = value.func if type(value) is partial else value
    returned = getattr(function, "__annotations__", {}).get("return") if inspect.isfunction(function) else None
    if type(returned) is str:
        returned = function.__globals__.get(returned, nn.Module if returned.endswith("Module") else None)
    return returned if is_model_class(returned) else None


def _defined(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Yield the definitions in ``body``, those under conditions too, by name: what importing it defines."""
    for node in body:
        if _is_for_running(node):
            continue
        if isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            yield node.name, node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((target.id, node.value) for target in targets if isinstance(target, ast.Name))
        for part in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
                yield from _defined(getattr(node, part, ()))


def _is_for_running(node: ast.stmt) -> bool:
    """Tell whether a statement runs only where the file is the program: ``if __name__ == "__main__"``."""
    asked = node.test if isinstance(node, ast.If) else None
    return isinstance(asked, ast.Compare) and isinstance(asked.left, ast.Name) and asked.left.id == "__name__"


def _used(node: ast.AST) -> set[str]:
    """Return the names that a definition may build things of: not those of annotations, bases and questions of type."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OF_TYPE:
        return set()
    found: set[str] = set()
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns", "bases"):
            for one in value if isinstance(value, list) else [value]:
                found |= _used(one) if isinstance(one, ast.AST) else set()
    return found - _local(node) if isinstance(node, _FUNCTIONS) else found


def _local(function: _Function) -> set[str]:
    """Return the names that are a function's own: its parameters and what it binds."""
    taken = function.args
    parameters = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *filter(None, (taken.vararg, taken.kwarg))]
    own = {parameter.arg for parameter in parameters}
    for item in _inside(function):
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            own.add(item.id)
    return own


def _inside(function: _Function) -> Iterator[ast.AST]:
    """Yield what stands in ``function``, without the functions and classes in it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        item = pending.pop(0)
        yield item
        if not isinstance(item, (ast.ClassDef, ast.Lambda, *_FUNCTIONS)):
            pending += ast.iter_child_nodes(item)


def _binds(item: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in item.targets)


def _needs_arguments(node: ast.ClassDef) -> bool:
    start = next((item for item in node.body if isinstance(item, _FUNCTIONS) and item.name == "__init__"), None)
    if start is None:
        return False
    return len(start.args.args) - 1 > len(start.args.defaults) or None in start.args.kw_defaults


def _is_weightless(value: Any) -> bool:
    """Tell whether a class is known to hold no weights of its own: the plain module, an activation, a loss."""
    return value is nn.Module or (
        getattr(value, "__module__", "").startswith(_WEIGHTLESS) and not issubclass(value, _WITH_WEIGHTS)
    )
