"""What a module offers as the model: instances, classes and factories, told from the pieces that these are made of."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from torch import nn
from torch.nn.modules.loss import _Loss

from convinspect.errors import ModelError, is_users
from convinspect.load.source import Source, is_model_class, says_model
from convinspect.tensors.registered import registered_parameters

_JUDGES = re.compile(r"(Loss|Criterion)([A-Z0-9_]\w*)?$")


@dataclass(frozen=True, slots=True)
class Candidates:
    """``models`` are classes that nothing else of the module builds; ``factories`` give one of them.

    ``apart`` are the other classes: ``parts``, of which the models are built, losses, and what has no weights.
    """

    instances: dict[str, Any]
    classes: dict[str, Any]
    models: dict[str, Any]
    factories: dict[str, Any]
    parts: frozenset[str]

    @property
    def callables(self) -> dict[str, Any]:
        """The models and the factories."""
        return {**self.models, **self.factories}

    @property
    def apart(self) -> list[str]:
        """The names of the classes that are not offered."""
        return [name for name in self.classes if name not in self.models]

    def why(self, name: str) -> str | None:
        """Return why ``name`` is the model, where there are other classes."""
        apart = self.apart
        if not apart:
            return None
        if self.parts.issuperset(apart):
            return f"took {name}, which the other classes here are parts of"
        return f"took {name}, and not {', '.join(apart)}: parts, losses, or without weights or forward"

    @classmethod
    def of(cls, module: ModuleType) -> Candidates:
        """Return what ``module`` itself defines; of one without a model of its own, what it imports of its project."""
        there = dict(vars(module))
        names = {k: v for k, v in there.items() if not k.startswith("_") and not _is_alias(k, v, there)}
        instances = {name: value for name, value in names.items() if is_model(value)}
        classes = {name: value for name, value in names.items() if _is_class_of(value, module.__name__)}
        functions = {name: value for name, value in names.items() if _is_function_of(value, module.__name__)}
        with_weights = {name: value for name, value in instances.items() if _holds_weights(value)}
        if with_weights or classes or functions:
            instances = with_weights
        source = Source(module)
        if not (instances or classes or _gives_a_model(source, functions)):
            near = {name: value for name, value in names.items() if _is_near(value, module)}
            around = Source(
                *{module.__name__: module, **{v.__module__: sys.modules[v.__module__] for v in near.values()}}.values()
            )
            theirs = {name: value for name, value in near.items() if type(value) is FunctionType}
            classes = {name: value for name, value in near.items() if _is_class_of(value, value.__module__)}
            if classes or _gives_a_model(around, theirs) or not functions:
                source, functions = around, theirs
        return _sorted(source, module, instances, classes, functions)


def is_model(value: Any) -> bool:
    """Tell whether ``value`` is a module, by its type: other objects' ``__class__`` may run code, and lie."""
    return issubclass(type(value), nn.Module)


def _sorted(
    source: Source,
    module: ModuleType,
    instances: dict[str, Any],
    classes: dict[str, Any],
    functions: dict[str, Any],
) -> Candidates:
    made = {name: _made(source, name, value) for name, value in functions.items()}
    sure = {name: one for name, one in made.items() if one is not None}
    parts = {
        used
        for name in (*classes, *sure)
        for used in source.reached(name) & {*classes, *sure} - sure.get(name, frozenset()) - {name}
        if name not in source.reached(used) and (name in sure or used in classes)
    }
    parts |= {base.__name__ for one in classes.values() for base in one.__mro__[1:] if "Base" in base.__name__}
    whole = {name: value for name, value in classes.items() if name not in parts} or classes
    models = {k: v for k, v in whole.items() if _can_be_a_model(v) and source.has_weights(k)} or whole
    # One of a class that is not among these is offered as well: its class is private, or was not imported here.
    whole_ones = {name for name, results in sure.items() if results & models.keys() or results - classes.keys()}
    factories = whole_ones - parts
    if not (set(models) - parts or factories):
        factories = {name for name, results in sure.items() if name not in parts}
        models = {} if factories else models
    if not (instances or models or factories):  # nothing says what these return: they are given the benefit
        factories = {name for name in functions if source.returns(name)}
    found = {name: value for name, value in functions.items() if name in factories}
    found |= {name: attrgetter(name)(module) for model in models for name in source.alternatives(model)}
    return Candidates(instances, classes, models, found, frozenset(parts & classes.keys()))


def _made(source: Source, name: str, value: Any) -> frozenset[str] | None:
    """Return the classes of the file that a function gives, none of them where it gives another model."""
    if type(value) is partial:
        name = getattr(value.func, "__name__", "")
        if is_model_class(value.func):
            return frozenset((name,))
    made, said = source.made_by(name), says_model(value)
    return frozenset((said.__name__,)) if made is None and said is not None else made


def _is_alias(name: str, value: Any, there: dict[str, Any]) -> bool:
    """Tell whether a class or function stands under its own name as well."""
    own = value.__name__ if is_model_class(value) or type(value) is FunctionType else name
    return own != name and there.get(own) is value


def _is_class_of(value: Any, module: str) -> bool:
    return (
        is_model_class(value)
        and value.__module__ == module
        and not value.__name__.startswith("_")
        and not inspect.isabstract(value)
    )


def _is_function_of(value: Any, module: str) -> bool:
    function = value.func if type(value) is partial else value
    fits = type(function) is FunctionType or (type(value) is partial and is_model_class(function))
    return fits and function.__module__ == module and not function.__name__.startswith("_")


def _gives_a_model(source: Source, functions: dict[str, Any]) -> bool:
    return any(_made(source, name, value) is not None for name, value in functions.items())


def _is_near(value: Any, module: ModuleType) -> bool:
    """Tell whether a class or function is of the same project: the user's, or below the folder of ``module``."""
    if not (is_model_class(value) or type(value) is FunctionType) or value.__module__ in (module.__name__, None):
        return False
    own = getattr(module, "__file__", None) or ""
    file = getattr(sys.modules.get(value.__module__), "__file__", None) or ""
    return bool(file) and (Path(own).parent in Path(file).parents or is_users(file))


def _can_be_a_model(value: Any) -> bool:
    """Tell whether a class is no loss, and has a forward: one that others derive from may have none."""
    judges = issubclass(value, _Loss) or _JUDGES.search(value.__name__) is not None
    return not judges and value.forward is not nn.Module.forward


def _holds_weights(instance: nn.Module) -> bool:
    try:
        return bool(registered_parameters(instance))
    except ModelError:
        return True
