"""A toy voice: a tokenizer of a few words, an adapter of random weights, sections about tea."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from training.voice.data import (
    PackedTexts,
    SpokenDocument,
    SpokenSection,
    pack,
)
from writer.voice.adapter import VoiceAdapter
from writer.voice.cache import ATTENTION, register
from writer.voice.config import AdapterConfig
from writer.voice.decode import (
    SayOptions,
    Speaker,
)
from writer.voice.text import Said
from writer.voice.voice import SectionSaying, Voice

WORDS = ["Boil", "the", "water", "pour", "tea", "cold", "hot", "cup", "Dry", "leaves", "slowly", "now"]
SIGNS = ["<s>", " ", "\n", ".", "#", "-", "1", "2", "3", ":", "Contents", "\n\n", "Request"]
VOICE_DIM = 8


class WordTokenizer:
    """Words, blanks and signs as tokens; the little of transformers' interface that a voice uses."""

    def __init__(self) -> None:
        self._vocabulary = [*SIGNS, *WORDS, *(" " + word for word in WORDS), "Notes"]
        self.all_special_ids = [0]

    def __len__(self) -> int:
        return len(self._vocabulary)

    def __call__(self, text: str, **_kwargs: object) -> dict[str, list[Any]]:
        ids, offsets, at = [], [], 0
        order = sorted(range(len(self)), key=lambda i: -len(self._vocabulary[i]))
        while at < len(text):
            token = next(i for i in order if text.startswith(self._vocabulary[i], at))
            ids.append(token)
            offsets.append((at, at + len(self._vocabulary[token])))
            at = offsets[-1][1]
        return {"input_ids": ids, "offset_mapping": offsets}

    def decode(self, ids: list[int]) -> str:
        return "".join(self._vocabulary[i] for i in ids)


def encode_words(texts: list[str]) -> Tensor:
    """Return a bag of words as a unit vector of `VOICE_DIM` numbers."""
    found = torch.zeros(len(texts), VOICE_DIM)
    for row, text in enumerate(texts):
        for word in text.replace(".", " ").split():
            found[row, WORDS.index(word) % VOICE_DIM if word in WORDS else 0] += 1.0
    return torch.nn.functional.normalize(found + 1e-3, dim=1)


def toy_config(vocab_size: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation=ATTENTION,
    )


def toy_base() -> LlamaForCausalLM:
    register()
    torch.manual_seed(0)
    return LlamaForCausalLM(toy_config(len(WordTokenizer()))).eval().requires_grad_(False)


def toy_adapter(base: LlamaForCausalLM, std: float = 0.1) -> VoiceAdapter:
    config = AdapterConfig(
        concept_dim=VOICE_DIM, hidden_dim=32, num_layers=3, rank=2, injected=(0, 2), word_dim=16
    )
    adapter = VoiceAdapter(config, base)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return adapter.requires_grad_(False)


DOCUMENTS = (
    SpokenDocument(
        "tea",
        (
            SpokenSection("water", (Said("Boil the water.", "step"), Said("pour the water.", "step"))),
            SpokenSection(
                "leaves", (Said("Dry the leaves slowly.", "paragraph"), Said("pour tea now.", None))
            ),
        ),
    ),
)


def pack_documents() -> PackedTexts:
    return pack([(DOCUMENTS, 1.0)], WordTokenizer(), encode_words, max_tokens=60)


def tea_sections() -> list[SectionSaying]:
    return [
        SectionSaying(
            title="tea",
            headings=("water", "leaves"),
            here=here,
            concepts=encode_words(["Boil the water.", "pour tea now."]),
            key=(7, str(here)),
        )
        for here in (0, 1)
    ]


def toy_voice(base: LlamaForCausalLM, adapter: VoiceAdapter | None, **options: Any) -> Voice:
    speaker = Speaker(base, adapter, WordTokenizer(), encode_words)
    return Voice(speaker, name="toy", checksum="0", options=SayOptions(max_tokens=12, **options))


def prose(*texts: str) -> tuple[Said, ...]:
    return tuple(Said(text, "paragraph") for text in texts)
