"""Bringing written sentences back to the manifold: each is drawn towards a real sentence of the codebook.

The writer's concept is a mean over what could be said, and lies where no sentence lies. The nearest real
sentence says something of its kind in sound words; between the two the decoder still hears what was meant, and
speaks English. Among the near ones that is taken which is also near the prompt and was not taken in the section yet.

Legend: C codes, D concept dim.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.codebook import build_codebook
from concepts.corpus.embed import load_embedded
from concepts.errors import InputError, ModelError, NonFiniteError
from concepts.normalizer import RobustNormalizer
from concepts.quantize import quantize, read_tensors

CODEBOOK_FILE = "codebook.safetensors"
"""Holds `codes` (C, D), raw, in eight bits, in a released writer that has a codebook."""
_MAX_CHARS = 90
"""About 20 pieces: what is longer comes back changed from a small space (docs/models.md)."""
_NUM_ROUNDS = 2
"""Rounds of k-means: a code needs to be a typical sentence, not the best one."""


class SentenceCodebook:
    """Real sentences, normalized, and which of them suits a written one."""

    def __init__(self, raw_CD: Tensor, normalizer: RobustNormalizer) -> None:
        self.codes_CD = normalizer.normalize(raw_CD)
        self._directions_CD = F.normalize(self.codes_CD, dim=1)

    @classmethod
    def load(cls, card: ModelCard, normalizer: RobustNormalizer) -> SentenceCodebook | None:
        """Return the codebook of a released writer, by its normalizer; None where it has none.

        Raises ModelError for a file that cannot be used, NonFiniteError for numbers that are none.
        """
        if CODEBOOK_FILE not in card.files:
            return None
        path = card.path(CODEBOOK_FILE)
        try:
            codes = read_tensors(path)["codes"]
        except (OSError, KeyError, SafetensorError) as error:
            first = str(error).splitlines()[0]
            raise ModelError(
                f"{path} cannot be read ({first}); install Longhand again or train it anew"
            ) from error
        if codes.ndim != 2 or not len(codes) or codes.shape[1] != card.config["concept_dim"]:
            raise ModelError(
                f"{path} has codes of shape {tuple(codes.shape)}, expected (C, {card.config['concept_dim']}); "
                "train it anew"
            )
        if not torch.isfinite(codes).all():
            raise NonFiniteError(f"{path} holds NaN or infinity; install Longhand again or train it anew")
        return cls(codes, normalizer)

    def suits(self, sentence_D: Tensor, prompt_D: Tensor, weight: float, taken: Collection[int]) -> int:
        """Return the code that suits a normalized sentence best, none of those `taken` (where others are left).

        By the cosine to the sentence, and to the first sentence of the prompt at `weight`.
        """
        scores = self._directions_CD @ (
            F.normalize(sentence_D, dim=0) + weight * F.normalize(prompt_D, dim=0)
        )
        if len(taken) < len(scores):
            scores[list(taken)] = -torch.inf
        return int(scores.argmax())


def choose_sentences(corpus_dir: Path, space_id: str, size: int) -> Tensor:
    """Return the codebook (at most `size`, D), raw, of the training documents' sentences."""
    corpus = load_embedded(corpus_dir, space_id, "train")
    sentences = (row for d in corpus.documents for section in d.sections for row in section.sentences)
    rows = [row for row in sentences if is_sound(corpus.texts[row])]
    if not rows:
        raise InputError(f"{corpus_dir} has no short sentence to write by; import more documents")
    raw = corpus.vectors[rows]
    normalizer = RobustNormalizer(raw.shape[1])
    normalizer.fit(raw)
    codes, _ = build_codebook(normalizer.normalize(raw), size, num_rounds=_NUM_ROUNDS)
    return normalizer.denormalize(codes)


def is_sound(text: str) -> bool:
    """Return whether a sentence may be a code: short enough to be decoded well, and no fragment."""
    return len(text) <= _MAX_CHARS and (text[0].isupper() or text[0].isdigit()) and text.count('"') % 2 == 0


def codebook_tensors(codes_CD: Tensor) -> dict[str, Tensor]:
    """Return what `CODEBOOK_FILE` holds."""
    return quantize({"codes": codes_CD})
