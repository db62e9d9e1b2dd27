"""Bringing written sentences back to the manifold: each is drawn towards a real sentence of the codebook.

The writer's concept is a mean over what could be said, and lies where no sentence lies. The nearest real
sentence says something of its kind in sound words; between the two the decoder still hears what was meant, and
speaks English. Among the near ones that is taken which also suits its place, by the compass (writer/compass.py) or,
where a writer has none, by nearness to the prompt, and which was not taken in the section yet. With a compass every
code belongs to the section of the plan that it suits best, so that no two sections say the same.

Legend: C codes, D concept dim, N leaves of the plan, O width of the compass.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from writer.compass import Compass

CODEBOOK_FILE = "codebook.safetensors"
"""Holds `codes` (C, D), raw, in eight bits, in a released writer that has a codebook."""
_MAX_CHARS = 90
"""About 20 pieces: what is longer comes back changed from a small space (docs/models.md)."""
_NUM_ROUNDS = 2
"""Rounds of k-means: a code needs to be a typical sentence, not the best one."""
_TIE = 1e-4
"""How far a code's fit to one heading may lie below that to another and still be as good, for rounding."""


class SentenceCodebook:
    """Real sentences, normalized, and which of them suits a written one."""

    def __init__(self, raw_CD: Tensor, normalizer: RobustNormalizer, compass: Compass | None = None) -> None:
        self.codes_CD = normalizer.normalize(raw_CD)
        self._directions_CD = F.normalize(self.codes_CD, dim=1)
        self.compass = compass
        self._keys_CO = None if compass is None else compass.sentences(self.codes_CD)

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
        return cls(codes, normalizer, Compass.load(card))

    def suits(
        self,
        sentence_D: Tensor,
        prompt_D: Tensor,
        weight: float,
        taken: Collection[int],
        *,
        fit_C: Tensor | None = None,
    ) -> int:
        """Return the code that suits a normalized sentence best, none of those `taken` (where others are left).

        By the cosine to the sentence and, at `weight`, by `fit_C` to its place, or where that is None by the cosine to
        the first sentence of the prompt.
        """
        scores = self._directions_CD @ F.normalize(sentence_D, dim=0)
        if fit_C is None:
            fit_C = self._directions_CD @ F.normalize(prompt_D, dim=0)
        scores = scores + weight * fit_C
        if len(taken) < len(scores):
            scores[list(taken)] = -torch.inf
        return int(scores.argmax())

    def fit(self, known: Sequence[Tensor | None], place: int) -> Tensor | None:
        """Return how well each code (C,) goes with what is known of a place (see `compass.KNOWN`), by the compass."""
        if self.compass is None or self._keys_CO is None:
            return None
        zero = torch.zeros(self.codes_CD.shape[1])
        known_KD = torch.stack([zero if concept is None else concept for concept in known])
        direction = self.compass.places(known_KD[None], torch.tensor([place]))
        return self.compass.fit(direction, self._keys_CO)[0]

    def shares(self, prompt_D: Tensor, leads_ND: Tensor) -> Tensor | None:
        """Return which codes are which leaf's to say (N, C): those that suit no other heading of the plan better."""
        fits = [self.fit((prompt_D, lead, None, None), 0) for lead in leads_ND]
        if self.compass is None:
            return None
        fit_NC = torch.stack([fit for fit in fits if fit is not None])
        return fit_NC >= fit_NC.amax(dim=0) - _TIE  # equal headings share


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
