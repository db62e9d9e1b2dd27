"""A hand-made embedded corpus, a corpus folder on disk, and a writer with sensitive random weights."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaForCausalLM

from concepts.models.card import ModelCard
from tests.writer.toy_voice import toy_base
from training.corpus.embed import EmbeddedCorpus, EmbeddedDocument, EmbeddedSection
from training.corpus.store import FORMAT_VERSION
from writer.config import WriterConfig
from writer.generate import WriteOptions, Writer, WritingPlan
from writer.model import WriterModel

DIM = 12
TINY = WriterConfig(concept_dim=DIM, model_dim=32, num_context_layers=1, num_denoiser_layers=2, num_heads=2)
OPTIONS = WriteOptions(block_size=3, num_steps=4)
CARD = ModelCard(
    "toy-writer", "writer", 1, {"model.safetensors": "0"}, {}, "fake@1", "", "", 0, {}, "", Path("toy")
)


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="session")
def writer() -> Writer:
    """Random weights large enough that everything that goes in changes what comes out."""
    torch.manual_seed(0)
    model = WriterModel(TINY)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        model.sentence_norm.fit(2 * torch.randn(50, DIM) + 1)
        model.gist_norm.fit(torch.randn(50, DIM))
        model.end.copy_(torch.randn(DIM))
    return Writer(CARD, model.eval().requires_grad_(False), OPTIONS)


@pytest.fixture(scope="session")
def plan() -> WritingPlan:
    """Five leaves of different lengths."""
    return WritingPlan(
        prompt=draw(2, DIM, seed=1),
        goal=draw(DIM, seed=2),
        paths=("1", "2.1", "2.2", "3", "4"),
        leads=draw(5, DIM, seed=3),
        gists=draw(5, DIM, seed=4),
        num_sentences=(4, 2, 7, 1, 3),
    )


@pytest.fixture
def end() -> Tensor:
    return draw(DIM, seed=9)


@pytest.fixture
def corpus() -> EmbeddedCorpus:
    """A manual's page of three sections (2, 10 and 1 sentences) and a lead, of a single section."""
    vectors = draw(40, DIM, seed=5)
    first = (
        EmbeddedSection(1, (2, 3)),
        EmbeddedSection(4, tuple(range(5, 15))),
        EmbeddedSection(15, (16,)),
    )
    documents = (
        EmbeddedDocument(((0,),), first, "", "howto"),
        EmbeddedDocument(((20,),), (EmbeddedSection(20, (21, 22, 23)),), "", "lead"),
    )
    return EmbeddedCorpus(documents, tuple(f"text {n}" for n in range(40)), vectors, "fake@1")


class FakeCodec:
    """Unit vectors near a direction that the text's first word decides."""

    space_id = "fake@0123456789ab"
    dim = DIM

    class _Card(ModelCard):
        @property
        def model_id(self) -> str:
            return FakeCodec.space_id

    card = _Card("fake", "space", 1, {}, {}, "", "", "", 0, {}, "", Path("fake"))

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        return torch.stack([self._one(text) for text in sentences])

    def _one(self, text: str) -> Tensor:
        seeds = [int(hashlib.sha256(part.encode()).hexdigest()[:8], 16) for part in (text.split()[0], text)]
        return F.normalize(draw(DIM, seed=seeds[0]) + 0.1 * draw(DIM, seed=seeds[1]), dim=0)


@pytest.fixture(scope="session")
def codec() -> FakeCodec:
    return FakeCodec()


@pytest.fixture(scope="session")
def corpus_dir(tmp_path_factory: pytest.TempPathFactory, codec: FakeCodec) -> Path:
    """Forty documents that all go the same way."""
    from training.corpus.embed import embed_corpus

    folder = tmp_path_factory.mktemp("corpus")
    (folder / "corpus.json").write_text(json.dumps({"format_version": FORMAT_VERSION}))
    rows = [
        {
            "split": "dev" if n % 5 == 0 else "train",
            "title": f"Title {n}",
            "lang": "eng_Latn",
            "source": "made-up",
            "sections": [
                {
                    "heading": f"{name} {n}",
                    "paragraphs": [[f"{name.lower()}{i} {n}" for i in range(1 + 2 * k)]],
                }
                for k, name in enumerate(("Introduction", "Steps", "Next"))
            ],
        }
        for n in range(40)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "documents.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    embed_corpus(folder, codec)
    return folder


@pytest.fixture
def base() -> LlamaForCausalLM:
    return toy_base()
