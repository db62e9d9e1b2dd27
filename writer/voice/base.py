"""Finding and loading the parts of a voice: a base model of transformers, and an adapter if there is one."""

from __future__ import annotations

import hashlib
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from concepts.errors import LonghandError, ModelError
from concepts.library.encode import Encode
from concepts.models.card import ModelCard
from concepts.models.installed import find_adapter
from concepts.models.quantize import read_tensors
from concepts.models.released import check_space, first_misfit
from concepts.models.wheels import SMOLLM2, require
from writer.voice.adapter import VoiceAdapter
from writer.voice.cache import ATTENTION, register
from writer.voice.config import ADAPTER_FILE, AdapterConfig
from writer.voice.decode import Speaker
from writer.voice.placement import Placement, places_of
from writer.voice.voice import Voice

BASES = {SMOLLM2.name: SMOLLM2}
"""Base models that can be fetched by name; any other is given by its folder."""


def load_base(name: str, placement: Placement | None = None) -> tuple[Any, Any]:
    """Return a causal language model (frozen, in evaluation mode) and its tokenizer, by name or folder.

    `placement` None: on the CPU. Raises ModelError if it is not on this machine or cannot be read, UsageError for an
    unknown number format or device map.
    """
    placement = placement or Placement()
    folder = require(BASES[name]) if name in BASES else Path(name)
    if not (folder / "config.json").is_file():
        known = ", ".join(BASES)
        raise ModelError(
            f"no voice named {name!r}: give one of {known}, the name or folder of an adapter, or the folder of "
            "a causal model of transformers (with config.json)"
        )
    import transformers

    # transformers types few of its functions
    tokenizers: Any = transformers.AutoTokenizer
    models: Any = transformers.AutoModelForCausalLM
    configs: Any = transformers.AutoConfig
    register()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tokenizer = tokenizers.from_pretrained(folder, local_files_only=True)
            config = configs.from_pretrained(folder, local_files_only=True)
            options = placement.options(folder, config)
            base = models.from_pretrained(
                folder, config=config, local_files_only=True, attn_implementation=ATTENTION, **options
            )
            if "device_map" not in options:
                base.to(placement.device)
    except LonghandError:
        raise
    except Exception as error:  # transformers raises many kinds for a bad folder
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the voice in {folder} cannot be loaded ({first})") from error
    base.eval().requires_grad_(False)
    # whole documents are tokenised, then read in parts: no text is too long for the tokenizer
    tokenizer.model_max_length = sys.maxsize
    return base, tokenizer


def read_adapter(card: ModelCard, base: Any) -> VoiceAdapter:
    """Return the adapter of a card for a loaded base; raises ModelError if they do not fit."""
    sizes = {name: value for name, value in card.config.items() if name in AdapterConfig.__dataclass_fields__}
    sizes["injected"] = tuple(sizes.get("injected", ()))  # type: ignore[arg-type]
    try:
        adapter = VoiceAdapter(AdapterConfig(**sizes), base)  # type: ignore[arg-type]
        adapter.load_state_dict(read_tensors(card.path(ADAPTER_FILE)))
    except RuntimeError as error:
        path = card.path(ADAPTER_FILE)
        raise ModelError(f"{path} does not fit its card ({first_misfit(error)}); train it anew") from error
    except (OSError, TypeError, ModelError, SafetensorError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the adapter {card.name} in {card.folder} cannot be read ({first})") from error
    return adapter.eval().requires_grad_(False)


def _speaker(
    base: Any, adapter: VoiceAdapter | None, tokenizer: Any, encode: Encode, at: torch.device
) -> Speaker:
    if adapter is not None:
        adapter.to(at)
        adapter.merge(base)  # in the adapter's own number format
        adapter.to(base.dtype)
    return Speaker(base, adapter, tokenizer, encode, at)


def load_voice(
    name: str | None, *, space_id: str, encode: Encode, placement: Placement | None = None
) -> Voice:
    """Return a voice by name or folder; None: an adapter of the space `space_id`, else the base alone.

    `placement`: of its base, None: on the CPU.
    Raises ModelError for an unknown name and missing or damaged files, SpaceMismatchError for another space's adapter.
    """
    placement = placement or Placement()
    card, adapter = find_adapter(name, space_id), None
    if card is None:
        base_name = name or SMOLLM2.name
        base, tokenizer = load_base(base_name, placement)
        label, checksum = Path(base_name).name, _base_checksum(base_name)
    else:
        check_space(card, space_id)
        base, tokenizer = load_base(str(card.config["base"]), placement)
        adapter = read_adapter(card, base)
        label, checksum = card.name, card.model_id.partition("@")[2]
    speaker = _speaker(base, adapter, tokenizer, encode, placement.device)
    return Voice(speaker, name=label, checksum=checksum, places=places_of(base, placement.device))


def _base_checksum(name: str) -> str:
    """Return a base's identity: the pinned checksum, or a checksum over its folder's file names and sizes."""
    if name in BASES:
        return next(iter(BASES[name].files.values()))[:12]
    listed = sorted((file.name, file.stat().st_size) for file in Path(name).iterdir() if file.is_file())
    return hashlib.sha256(repr(listed).encode()).hexdigest()[:12]
