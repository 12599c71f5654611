"""Every type of transformers as a tiny model with inputs that it takes, built from its config class alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

# What is made small, and how small; a type that does not stand it keeps its widths and is made shallow.
_WIDTHS = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "embedding_size"), 32),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads", "num_local_experts", "num_experts"), 4),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "n_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 64),
    "num_key_value_heads": 2,
    "hidden_dim": 64,
    "moe_intermediate_size": 32,
    "n_routed_experts": 4,
    "head_dim": 8,
    "shared_expert_intermediate_size": 32,
    "max_position_embeddings": 64,
    "projection_dim": 16,
}
_DEPTHS = {
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_encoder_layers", "num_decoder_layers"), 2),
    "vocab_size": 99,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "decoder_start_token_id": 0,
}
_MOST_PARAMETERS = 200_000_000
_NEED_MORE = {name: {"prediction_length": 8} for name in ("autoformer", "informer", "time_series_transformer")}


def tiny(name: str) -> tuple[nn.Module, dict[str, Any]] | str:
    """Return the model of a type and keyword inputs that it runs with on the cpu, or why there are none."""
    from transformers import CONFIG_MAPPING, MODEL_MAPPING  # noqa: PLC0415

    kind = CONFIG_MAPPING[name]
    if kind not in MODEL_MAPPING:
        return "no model of its own"
    model_class = MODEL_MAPPING[kind]
    model_class = model_class[0] if isinstance(model_class, tuple) else model_class
    reason = ""
    for sizes in ({**_DEPTHS, **_WIDTHS}, _DEPTHS):
        try:
            config = kind(**_NEED_MORE.get(name, {}))
            _shrink(config, sizes, set())
            with torch.device("meta"):
                count = sum(parameter.numel() for parameter in model_class(config).parameters())
            if count > _MOST_PARAMETERS:
                reason = f"{count:,} parameters"
                continue
            torch.manual_seed(0)
            model = model_class(config).eval()
            for kwargs in _guesses(model, config):
                reason = _runs(model, kwargs)
                if not reason:
                    return model, kwargs
        except Exception as error:  # noqa: BLE001 - a config that does not go together
            reason = f"{type(error).__name__}: {error}"
    return reason


def _shrink(config: Any, sizes: dict[str, int], seen: set[int]) -> None:
    from transformers import PretrainedConfig  # noqa: PLC0415

    if id(config) in seen:
        return
    seen.add(id(config))
    for key, value in list(vars(config).items()):
        if key in sizes and type(value) is int and value > sizes[key]:
            setattr(config, key, sizes[key])
        elif isinstance(value, PretrainedConfig):
            _shrink(value, sizes, seen)
        elif key == "layer_types" and isinstance(value, list) and len(value) > 2:
            config.layer_types = (list(dict.fromkeys(value)) * 2)[:2]


def _runs(model: nn.Module, kwargs: dict[str, Any]) -> str:
    try:
        with torch.no_grad():
            model(**kwargs)
    except Exception as error:  # noqa: BLE001 - the guess was wrong
        return f"{type(error).__name__}: {error}"
    return ""


def _guesses(model: nn.Module, config: Any) -> Iterator[dict[str, Any]]:
    names = inspect.signature(model.forward).parameters
    generator = torch.Generator().manual_seed(0)
    side = _size(config, "image_size", 64)
    ids = torch.randint(3, 90, (1, 12), generator=generator)
    pixels = torch.rand(1, _size(config, "num_channels", 3), side, side, generator=generator)
    main = getattr(model, "main_input_name", "input_ids")
    base: dict[str, Any] = {}
    if main == "input_values":
        base[main] = torch.rand(1, 4000, generator=generator)
    if main == "input_features":
        length = 2 * config.max_source_positions if hasattr(config, "max_source_positions") else 200
        base[main] = torch.rand(1, _size(config, "num_mel_bins", 80), length, generator=generator)
    if "decoder_input_ids" in names:
        base["decoder_input_ids"] = ids[:, :6]
    text = {"input_ids": ids} if "input_ids" in names else {}
    mask = {"attention_mask": torch.ones_like(ids)} if "attention_mask" in names else {}
    if main == "pixel_values" or "pixel_values" not in names:
        yield {**base, **({main: pixels} if main == "pixel_values" else {} if base and main != "input_ids" else text)}
    yield {**base, **text}
    if "pixel_values" in names:
        frames = torch.rand(1, _size(config, "num_frames", 8), 3, side, side, generator=generator)
        yield {**base, "pixel_values": pixels}
        yield {**base, "pixel_values": pixels, **text}
        yield {**base, "pixel_values": pixels, **text, **mask}
        yield {**base, "pixel_values": torch.rand(1, 3, 224, 224, generator=generator)}
        yield {**base, "pixel_values": frames}
    yield {**base, **mask}


def _size(config: Any, name: str, default: int) -> int:
    for part in (config, *(value for value in vars(config).values() if hasattr(value, "to_dict"))):
        value = getattr(part, name, None)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if type(value) is int:
            return value
    return default
