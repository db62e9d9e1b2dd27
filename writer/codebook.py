"""Bringing written sentences back to the manifold: each is drawn towards a real sentence of the codebook.

The writer's concept is a mean over what could be said, and lies where no sentence lies. The nearest real
sentence says something of its kind in sound words; between the two the decoder still hears what was meant, and
speaks English. Among the near ones that is taken which is also near the prompt, suits its place and was not taken in
the section yet. What suits a place is said by the compass (writer/compass.py), and by what heading and sentence are
about (concepts/meaning.py), where the writer has them; then every code belongs to the section of the plan that it suits
best, so that no two sections say the same.

Legend: C codes, D concept dim, N leaves of the plan, O width of the compass, E meaning dim.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.codebook import build_codebook
from concepts.corpus.embed import load_embedded
from concepts.errors import InputError, ModelError
from concepts.meaning import Meaning, load_meaning
from concepts.normalizer import RobustNormalizer
from concepts.quantize import quantize
from concepts.release import read_part
from writer.compass import Compass

CODEBOOK_FILE = "codebook.safetensors"
"""Holds `codes` (C, D), raw, in eight bits, in a released writer that has a codebook."""
_MAX_CHARS = 90
"""About 20 pieces: what is longer comes back changed from a small space (docs/models.md)."""
_NUM_ROUNDS = 2
"""Rounds of k-means: a code needs to be a typical sentence, not the best one."""
_AIM_POOL = 300
"""Best codes among which those of a gist are chosen."""
_MAX_LIKENESS = 0.5
"""Largest cosine of two codes of one gist."""
MEANING_WEIGHT = 15.0
"""Nats for which a cosine of 1 counts, between what a heading and what a sentence is about."""
_TIE = 1e-4
"""How far a code's fit to one heading may lie below that to another and still be as good, for rounding."""


class SentenceCodebook:
    """Real sentences, normalized, and which of them suits a written one."""

    def __init__(
        self,
        raw_CD: Tensor,
        normalizer: RobustNormalizer,
        compass: Compass | None = None,
        meaning: tuple[Meaning, Tensor] | None = None,
    ) -> None:
        """`meaning`: what concepts are about, and what the codes are about (C, E)."""
        self.codes_CD = normalizer.normalize(raw_CD)
        self._normalizer = normalizer
        self._directions_CD = F.normalize(self.codes_CD, dim=1)
        self.compass = compass
        self._keys_CO = None if compass is None else compass.sentences(self.codes_CD)
        self.meaning = meaning
        self.meaning_weight = MEANING_WEIGHT

    @classmethod
    def load(cls, card: ModelCard, normalizer: RobustNormalizer) -> SentenceCodebook | None:
        """Return the codebook of a released writer, by its normalizer; None where it has none.

        Raises ModelError for a file that cannot be used, NonFiniteError for numbers that are none.
        """
        if (codes := read_codes(card)) is None:
            return None
        return cls(codes, normalizer, Compass.load(card), load_meaning(card, len(codes)))

    def suits(
        self,
        sentence_D: Tensor,
        prompt_D: Tensor,
        weight: float,
        taken: Collection[int],
        *,
        bonus_C: Tensor | None = None,
    ) -> int:
        """Return the code that suits a normalized sentence best, none of those `taken` (where others are left).

        By the cosine to the sentence, that to the first sentence of the prompt at `weight`, and `bonus_C`.
        """
        scores = self._directions_CD @ (
            F.normalize(sentence_D, dim=0) + weight * F.normalize(prompt_D, dim=0)
        )
        if bonus_C is not None:
            scores = scores + bonus_C
        if len(taken) < len(scores):
            scores[list(taken)] = -torch.inf
        return int(scores.argmax())

    def fit(self, prompt_D: Tensor, leads_ND: Tensor, before: Sequence[Tensor] = ()) -> Tensor | None:
        """Return how well each code goes (N, C, in nats) with places under each of the headings.

        By the compass, and by what heading and code are about. `before` are the sentences of the section so far. None
        with neither.
        """
        fits = [
            fit for fit in (self._led(prompt_D, leads_ND, before), self._about(leads_ND)) if fit is not None
        ]
        return sum(fits[1:], start=fits[0]) if fits else None

    def _led(self, prompt_D: Tensor, leads_ND: Tensor, before: Sequence[Tensor]) -> Tensor | None:
        """Return the compass' part of a fit (N, C)."""
        if self.compass is None or self._keys_CO is None:
            return None
        zero = torch.zeros_like(prompt_D)
        last = [*reversed(before[-2:]), zero, zero][:2]
        known_NKD = torch.stack([torch.stack((prompt_D, lead_D, *last)) for lead_D in leads_ND])
        place_N = torch.full((len(leads_ND),), len(before))
        return self.compass.fit(self.compass.places(known_NKD, place_N), self._keys_CO)

    def _about(self, leads_ND: Tensor) -> Tensor | None:
        """Return the part of a fit (N, C) that what headings and codes are about has."""
        if self.meaning is None:
            return None
        meaning, codes_CE = self.meaning
        about_NE: Tensor = meaning(self._normalizer.denormalize(leads_ND))
        return self.meaning_weight * about_NE @ codes_CE.T

    def shares(self, prompt_D: Tensor, leads_ND: Tensor) -> Tensor | None:
        """Return which codes are which leaf's to say (N, C): those that suit no other heading of the plan better."""
        fit_NC = self.fit(prompt_D, leads_ND)
        return None if fit_NC is None else fit_NC >= fit_NC.amax(dim=0) - _TIE  # equal headings share

    def aims(self, prompt_D: Tensor, leads_ND: Tensor, num: int, *, prompt_share: float) -> Tensor | None:
        """Return a gist (N, D) for each heading, the mean of `num` codes that suit it best; None with
        neither compass nor meaning.

        What suits the prompt as a heading of its own counts `prompt_share` of that: a heading such as "Options" tells
        little. No two of the codes say nearly the same: a recipe is not six ways to preheat an oven.
        """
        fit_NC = self.fit(prompt_D, torch.cat((leads_ND, prompt_D[None])))
        if fit_NC is None:
            return None
        both_NC = fit_NC[:-1] + prompt_share * fit_NC[-1]
        return torch.stack([self.codes_CD[self._diverse(fit_C, num)].mean(dim=0) for fit_C in both_NC])

    def _diverse(self, fit_C: Tensor, num: int) -> list[int]:
        """Return up to `num` codes of the best fit, no two of which say nearly the same."""
        chosen: list[int] = []
        for code in fit_C.topk(min(_AIM_POOL, len(fit_C))).indices.tolist():
            likeness = self._directions_CD[chosen] @ self._directions_CD[code]
            if not (likeness > _MAX_LIKENESS).any():
                chosen.append(code)
            if len(chosen) == num:
                break
        return chosen


def read_codes(card: ModelCard) -> Tensor | None:
    """Return the raw codebook (C, D) of a released writer; None where it has none.

    Raises ModelError for a file that cannot be used, NonFiniteError for numbers that are none.
    """

    def build(tensors: dict[str, Tensor]) -> tuple[Tensor, int]:
        codes = tensors["codes"]
        if codes.ndim != 2 or not len(codes):
            raise ModelError(f"its codes have the shape {tuple(codes.shape)}, expected (C, D)")
        return codes, codes.shape[1]

    return read_part(card, CODEBOOK_FILE, build)


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
