"""How well a linear map predicts the next sentence's concept: planner and writer depend on such predictability.

A ridge regression (Hoerl and Kennard 1970) from the concepts of title, heading and previous sentence to the next
sentence's is fitted on training documents. On test documents its prediction must find the true next sentence among 64,
the others drawn from all test documents. A space whose vectors encode letters instead of meaning does badly.

Legend: N positions, F features (three concepts and a one), D concept dim.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codecs.codec import ConceptCodec
from concepts.corpus.records import PLANNED_KINDS, Document
from concepts.corpus.split import Split
from concepts.languages.codes import ENGLISH
from training.corpus.store import load_documents

NUM_CHOICES = 64
"""Candidate sentences, one of them the true one."""
NUM_TRAIN, NUM_TEST = 8_000, 1_000
"""Positions for fitting and for evaluating the map."""
_PER_DOCUMENT = 6
"""Most positions from one document, so that long manuals do not dominate."""
_RIDGE = 0.1
"""Ridge penalty: added to the diagonal of the features' covariance, as a share of the diagonal's mean."""
_CHUNK = 2_000


@dataclass(frozen=True)
class Position:
    """A sentence with its predecessor in the same section."""

    title: str
    heading: str
    previous: str
    following: str

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """All four, in this order."""
        return self.title, self.heading, self.previous, self.following


def evaluate_next_sentence(
    corpus_dir: Path,
    codec: ConceptCodec,
    *,
    num_train: int = NUM_TRAIN,
    num_test: int = NUM_TEST,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Return `next_of_64`, the share (%) of positions whose next sentence is found among 64, and `next_variance`.

    The latter is the share of the next sentences' variance, on test documents, that the map explains. `on_progress`
    gets (done, total) of encoded texts. Empty, with a line to `on_note`, if the corpus has too few English documents.
    """
    train = read_positions(corpus_dir, "train", num_train)
    test = read_positions(corpus_dir, "test", num_test)
    if len(train) < 2 or len(test) < NUM_CHOICES:
        on_note(
            f"{corpus_dir} has too few English documents to look for the next sentence among {NUM_CHOICES}"
        )
        return {}
    distinct = sorted({text for position in (*train, *test) for text in position.texts}, key=len)
    rows = {text: row for row, text in enumerate(distinct)}
    vectors = torch.empty(len(distinct), codec.dim)
    for first in range(0, len(distinct), _CHUNK):
        chunk = distinct[first : first + _CHUNK]
        vectors[first : first + len(chunk)] = codec.encode(chunk, ENGLISH)
        on_progress(first + len(chunk), len(distinct))

    def concepts(positions: list[Position]) -> tuple[Tensor, Tensor]:
        found = torch.stack([vectors[[rows[text] for text in position.texts]] for position in positions])
        return found[:, :3].flatten(1), found[:, 3]

    weights = fit_ridge(*concepts(train))
    known, following = concepts(test)
    predicted = predict_ridge(weights, known)
    left = (following - predicted).square().sum()
    mean = concepts(train)[1].mean(dim=0)
    return {
        "next_of_64": 100 * share_found(predicted - mean, following - mean),
        "next_variance": float(1 - left / (following - mean).square().sum()),
        "next_positions": float(len(test)),
    }


def read_positions(corpus_dir: Path, split: Split, num: int) -> list[Position]:
    """Return at most `num` positions from a split's English documents, randomly drawn with a fixed seed."""
    documents = load_documents(corpus_dir, lang=ENGLISH, split=split, kinds=PLANNED_KINDS)
    rng = random.Random(0)
    found: list[Position] = []
    for document in documents:
        own = list(_positions(document))
        found += rng.sample(own, min(_PER_DOCUMENT, len(own)))
    rng.shuffle(found)
    return found[:num]


def _positions(document: Document) -> Iterator[Position]:
    for section in document.sections:
        sentences = [sentence for sentence in section.sentences if sentence.strip()]
        heading = section.heading if section.heading.strip() else document.title
        for previous, following in pairwise(sentences):
            yield Position(document.title, heading, previous, following)


def fit_ridge(known_NF: Tensor, following_ND: Tensor) -> Tensor:
    """Return the ridge regression (F + 1, D) of `following_ND` on `known_NF`; its last row is the constant."""
    features = _with_one(known_NF)
    covariance = features.T @ features / len(features)
    penalty = _RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    penalty[-1, -1] = 1e-9  # no penalty on the constant
    weights: Tensor = torch.linalg.solve(
        covariance + penalty, features.T @ following_ND.double() / len(features)
    )
    return weights


def predict_ridge(weights_FD: Tensor, known_NF: Tensor) -> Tensor:
    """Return the regression's predictions for `known_NF` (N, D)."""
    return (_with_one(known_NF) @ weights_FD).float()


def _with_one(known_NF: Tensor) -> Tensor:
    return F.pad(known_NF.double(), (0, 1), value=1.0)


def share_found(predicted_ND: Tensor, following_ND: Tensor, *, num_choices: int = NUM_CHOICES) -> float:
    """Return the share of rows whose own `following` is nearest by cosine among `num_choices` of them.

    The others are drawn from the other rows with a fixed seed; ties count as wrong.
    """
    cosine = F.normalize(predicted_ND, dim=1) @ F.normalize(following_ND, dim=1).T
    own = cosine.diagonal()
    generator = torch.Generator().manual_seed(0)
    num_rows = len(cosine)
    hits = 0
    for row in range(num_rows):
        others = torch.randperm(num_rows - 1, generator=generator)[: num_choices - 1]
        others = others + (others >= row).long()  # never the row itself
        hits += bool(own[row] > cosine[row, others].max())
    return hits / num_rows
