"""A model built without the weights that its code downloads or loads: what would bring them gives nothing instead."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from inspect import unwrap
from operator import attrgetter
from pathlib import PurePath
from traceback import walk_tb
from types import FunctionType
from typing import Any

from torch import nn

from convinspect.users_code import chain

HINT = "it downloads or loads weights; to build it without: --no-weights"

_WEIGHT_FILES = frozenset(
    (
        *(".bin", ".ckpt", ".gguf", ".h5", ".msgpack", ".npy", ".npz", ".onnx"),
        *(".pkl", ".pt", ".pth", ".safetensors", ".tar"),
    )
)
# Code that a repository holds is no weight, and is not left out.
_FETCHING_CODE = "_get_cache_or_reload"
# What an error is called of a file that is neither in the cache nor to be had.
_NOT_CACHED = "LocalEntryNotFoundError"


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
    """Run the block, in which weights are neither downloaded nor loaded: modules keep those that they start with.

    Other files come from where they were kept, or are missed by an error that says so.
    """
    loading, loaded = nn.Module.load_state_dict, nn.Module().load_state_dict({})
    importing = builtins.__import__
    with ExitStack() as stack:
        changed: set[FunctionType] = set()

        def change() -> None:
            for function, instead in _bringing():
                if function not in changed:
                    # Its code is changed, and not its name: files have imported it under names of their own.
                    stack.callback(setattr, function, "__code__", function.__code__)
                    changed.add(function)
                    function.__code__ = instead.__code__

        def import_(*args: Any, **kwargs: Any) -> Any:
            module = importing(*args, **kwargs)
            change()
            return module

        change()
        stack.callback(setattr, builtins, "__import__", importing)
        builtins.__import__ = import_
        stack.callback(setattr, nn.Module, "load_state_dict", loading)
        nn.Module.load_state_dict = lambda *_, **__: loaded  # type: ignore[method-assign] # put back by the stack
        yield


def wants_weights(error: BaseException | None) -> bool:
    """Tell whether ``error`` was raised where weights are downloaded or loaded."""
    codes = {function.__code__ for function, _ in _bringing()}
    frames = [frame.f_code for link in _links(error) for frame, _ in walk_tb(link.__traceback__)]
    return not codes.isdisjoint(frames) and all(code.co_name != _FETCHING_CODE for code in frames)


def missed(error: BaseException | None) -> str | None:
    """Return which file ``error`` was raised for want of, that is no weights and was not kept from before."""
    return next((str(link) for link in _links(error) if type(link).__name__ == _NOT_CACHED), None)


def _links(error: BaseException | None) -> Iterator[BaseException]:
    return iter(()) if error is None else chain(error)


def _bringing() -> Iterator[tuple[FunctionType, Any]]:
    """Yield each function that brings weights, of the libraries that are imported by now, and one in its place."""
    for module, name, instead in _BRINGING:
        try:
            found = attrgetter(name)(sys.modules[module])
        except (KeyError, AttributeError):  # not imported, or not yet to its end
            continue
        function = unwrap(getattr(found, "__func__", found))
        if type(function) is FunctionType and not function.__code__.co_freevars:
            yield function, instead


def cached(repo_id: str, filename: str, *, subfolder: str | None = None, **options: Any) -> str:
    """Return where a file of the hub is kept; of weights, which nobody will read, only a name.

    Raises an error of huggingface_hub for a file that is not kept.
    """
    import huggingface_hub  # noqa: PLC0415 - called in place of its own functions
    from huggingface_hub import errors  # noqa: PLC0415

    if PurePath(filename).suffix in _WEIGHT_FILES:
        return filename
    where = {name: options[name] for name in ("cache_dir", "revision", "repo_type") if options.get(name) is not None}
    path = f"{subfolder}/{filename}" if subfolder else filename
    found = huggingface_hub.try_to_load_from_cache(repo_id, path, **where)
    if isinstance(found, str):
        return found
    raise getattr(errors, _NOT_CACHED)(f"{path} of {repo_id}")


def of_config(cls: Any, name: Any, *args: Any, config: Any = None, **kwargs: Any) -> Any:
    """Return a model of the class ``cls`` of transformers or diffusers, built from its config alone."""
    del args
    if hasattr(cls, "load_config"):  # diffusers
        where = {key: kwargs[key] for key in ("subfolder", "revision", "cache_dir") if key in kwargs}
        return cls.from_config(cls.load_config(name, **where))
    if isinstance(config, (str, type(None))):
        config, kwargs = cls.config_class.from_pretrained(config or name, return_unused_kwargs=True, **kwargs)
    own = ("dtype", "torch_dtype", "attn_implementation")
    return cls._from_config(config, **{key: kwargs[key] for key in own if key in kwargs})


# These run as the code of functions in other modules, with the names of those.


def _nothing(*_: Any, **__: Any) -> Any:
    from convinspect.load.without_weights import NoWeights  # noqa: PLC0415

    return NoWeights()


def _nowhere(url: Any, dst: Any = "", *_: Any, **__: Any) -> None:
    if str(dst).endswith(".zip"):
        raise FileNotFoundError(f"{url} is code, and not in the cache")


def _cached(*args: Any, **kwargs: Any) -> Any:
    from convinspect.load.without_weights import cached  # noqa: PLC0415

    return cached(*args, **kwargs)


def _of_config(*args: Any, **kwargs: Any) -> Any:
    from convinspect.load.without_weights import of_config  # noqa: PLC0415

    return of_config(*args, **kwargs)


# What brings weights, by module and name, and what runs in its place.
_BRINGING = (
    ("torch.hub", "load_state_dict_from_url", _nothing),
    ("torch.hub", "download_url_to_file", _nowhere),
    ("torch.serialization", "load", _nothing),
    ("safetensors.torch", "load_file", _nothing),
    ("safetensors.torch", "load_model", _nothing),
    ("timm.models._builder", "load_pretrained", _nothing),
    ("timm.models._hub", "load_state_dict_from_hf", _nothing),
    ("timm.models._hub", "load_state_dict_from_path", _nothing),
    ("huggingface_hub.file_download", "hf_hub_download", _cached),
    ("transformers.modeling_utils", "PreTrainedModel.from_pretrained", _of_config),
    ("diffusers.models.modeling_utils", "ModelMixin.from_pretrained", _of_config),
)
