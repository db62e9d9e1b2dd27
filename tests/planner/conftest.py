"""A hand-made embedded corpus, a corpus folder on disk, and a planner with sensitive random weights."""

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

from concepts.corpus.records import Kind
from concepts.models.card import ModelCard
from planner.config import PlannerConfig
from planner.model import OutlineModel
from planner.rollout import Planner, PlanOptions
from training.corpus.embed import EmbeddedCorpus, EmbeddedDocument, EmbeddedSection
from training.corpus.store import FORMAT_VERSION

DIM = 12
SPACE_ID = "fake@0123456789ab"
TINY = PlannerConfig(
    concept_dim=DIM, model_dim=32, num_layers=2, num_heads=2, head_dim=32, num_head_blocks=1, dropout=0.0
)
OPTIONS = PlanOptions(num_candidates=3, num_steps=4)


def make_card(space: str = SPACE_ID, config: dict[str, object] | None = None) -> ModelCard:
    return ModelCard(
        "toy-planner",
        "planner",
        1,
        {"model.safetensors": "0"},
        config or {},
        space,
        "",
        "",
        0,
        {},
        "",
        Path("toy"),
    )


@pytest.fixture(scope="session")
def planner() -> Planner:
    """Random weights large enough that everything that goes in changes what comes out."""
    torch.manual_seed(0)
    model = OutlineModel(TINY)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.15 * torch.randn_like(parameter)
        model.lead_norm.fit(2 * torch.randn(50, DIM) + 1)
        model.gist_norm.fit(torch.randn(50, DIM))
    return Planner(make_card(), model.eval().requires_grad_(False), OPTIONS)


@pytest.fixture(scope="session")
def prompt() -> Tensor:
    return torch.randn(2, DIM, generator=torch.Generator().manual_seed(7))


@pytest.fixture
def corpus() -> EmbeddedCorpus:
    """A recipe of three sections, a lead of one, three pages of a manual (one of two sections)."""
    vectors = torch.randn(40, DIM, generator=torch.Generator().manual_seed(1))

    def page(
        title: int, *sections: tuple[int, tuple[int, ...]], manual: str = "", kind: Kind = "howto"
    ) -> EmbeddedDocument:
        rows = tuple(EmbeddedSection(heading, sentences) for heading, sentences in sections)
        return EmbeddedDocument(((title,),), rows, manual, kind)

    documents = (
        page(0, (1, (2, 3)), (4, (5,)), (6, (7, 8, 9, 10, 11)), kind="recipe"),
        page(12, (12, (13, 14)), kind="lead"),
        page(15, (16, (17,)), (18, (19, 20)), manual="m"),
        page(21, (21, (22, 23)), manual="m"),
        page(24, (24, (25,)), manual="m"),
    )
    return EmbeddedCorpus(documents, tuple(f"text {n}" for n in range(40)), vectors, SPACE_ID)


class FakeEncoder:
    """Unit vectors near a direction that the text's first word decides."""

    space_id = SPACE_ID
    dim = DIM

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        return torch.stack([self._one(text) for text in sentences])

    def _one(self, text: str) -> Tensor:
        seeds = [int(hashlib.sha256(part.encode()).hexdigest()[:8], 16) for part in (text.split()[0], text)]
        base, own = (torch.randn(DIM, generator=torch.Generator().manual_seed(seed)) for seed in seeds)
        return F.normalize(base + 0.1 * own, dim=0)


@pytest.fixture(scope="session")
def corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty documents that all go the same way: Introduction, Steps, Next."""
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
                    "paragraphs": [[f"{name.lower()} {n} {i}" for i in range(1 + 2 * k)]],
                }
                for k, name in enumerate(("Introduction", "Steps", "Next"))
            ],
        }
        for n in range(40)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "documents.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    embed_corpus(folder, FakeEncoder())
    return folder
