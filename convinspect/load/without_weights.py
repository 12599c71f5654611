"""A model built without the weights that its code downloads or loads: what would bring them gives nothing instead."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from traceback import walk_tb
from types import FunctionType
from typing import Any

from torch import nn

# What brings weights, by module and name; of other libraries than torch where they are imported by then.
_BRINGING = (
    ("torch.hub", "load_state_dict_from_url"),
    ("torch.hub", "download_url_to_file"),
    ("torch.serialization", "load"),
    ("safetensors.torch", "load_file"),
    ("timm.models._hub", "load_state_dict_from_hf"),
    ("timm.models._hub", "load_state_dict_from_path"),
)
HINT = "it downloads or loads weights; to build it without: --no-weights"


class NoWeights(dict[Any, Any]):
    """A checkpoint without anything: what is looked up in it is another one."""

    def __missing__(self, key: Any) -> NoWeights:
        return NoWeights()

    def pop(self, key: Any, *default: Any) -> Any:
        """Return ``default``, or an empty checkpoint."""
        del key
        return default[0] if default else NoWeights()


@contextmanager
def without_weights() -> Iterator[None]:
    """Run the block, in which weights are neither downloaded nor loaded: modules keep those that they start with."""
    loading, loaded = nn.Module.load_state_dict, nn.Module().load_state_dict({})
    with ExitStack() as stack:
        for function in _bringing():
            # Its code is changed, and not its name: files have imported it under names of their own.
            stack.callback(setattr, function, "__code__", function.__code__)
            function.__code__ = _nothing.__code__
        stack.callback(setattr, nn.Module, "load_state_dict", loading)
        nn.Module.load_state_dict = lambda *_, **__: loaded  # type: ignore[method-assign] # put back by the stack
        yield


def wants_weights(error: BaseException | None) -> bool:
    """Tell whether ``error`` was raised where weights are downloaded or loaded."""
    codes = {function.__code__ for function in _bringing()}
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if any(frame.f_code in codes for frame, _ in walk_tb(error.__traceback__)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _bringing() -> Iterator[FunctionType]:
    for module, name in _BRINGING:
        function = getattr(sys.modules.get(module), name, None)
        if type(function) is FunctionType and not function.__code__.co_freevars:
            yield function


def _nothing(*_: Any, **__: Any) -> Any:
    from convinspect.load.without_weights import NoWeights  # noqa: PLC0415 - it runs with the names of another module

    return NoWeights()
