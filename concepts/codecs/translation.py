"""Translation through a small SONAR's space: sentence by sentence, each from its concept and from its English.

A decoder that has learnt a language from few pairs reads the English words beside the concept. Its beam search is twice
as wide as asked for, the beams are reranked by encoding them again (reranking.py), and the numbers are copied from the
English (numbers.py). English itself is decoded from the concept alone.

Legend: N texts, D concept dim.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codecs.codec import BEAM_SIZE, Codec
from concepts.codecs.numbers import keep_numbers
from concepts.codecs.reranking import WIDER, rerank
from concepts.languages import ENGLISH

SPACE = "sonar-mini"
"""The default space to translate through."""


class Translator:
    """Translates between the languages of a space that has a decoder."""

    def __init__(self, codec: Codec) -> None:
        """`codec`: of any space with a decoder, including real SONAR."""
        self._codec = codec
        self.langs = codec.langs

    @classmethod
    def load(cls, device: torch.device | None = None) -> Translator:
        """Load the translator that ships; raises ModelError where its files are missing or damaged."""
        return cls(Codec.load(SPACE, device=device))

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str, *, beam_size: int = BEAM_SIZE
    ) -> list[str]:
        """Return `texts` in `target_lang`, one by one; empty ones stay empty.

        Sentences beyond the encoder's length are cut there. Raises UsageError for a language that is not in `langs`.
        """
        self._codec.check_lang(source_lang)
        self._codec.check_lang(target_lang)
        found = [text.strip() for text in texts]
        rows = [row for row, text in enumerate(found) if text]
        if source_lang == target_lang or not rows:
            return found
        told = [found[row] for row in rows]
        english = told if source_lang == ENGLISH else None
        said = self.say(
            self._codec.encode(told, source_lang), target_lang, english=english, beam_size=beam_size
        )
        for row, text in zip(rows, said, strict=True):
            found[row] = text
        return found

    def say(
        self,
        vectors: Tensor,
        lang: str,
        *,
        english: Sequence[str] | None = None,
        beam_size: int = BEAM_SIZE,
    ) -> list[str]:
        """Return raw concepts (N, D) of the space as texts in `lang`.

        `english` are the concepts' English texts; an empty one is decoded first, and so are all if it is None.
        """
        # The norm of a mean-pooled concept falls with the number of words: sorting makes batches alike in length.
        order = torch.argsort(vectors.norm(dim=1), descending=True, stable=True)
        drafts = None if english is None else [english[row].strip() for row in order.tolist()]
        said = self._say(vectors[order], lang, drafts, beam_size)
        back = torch.argsort(order)
        return [said[row] for row in back.tolist()]

    def _say(self, vectors: Tensor, lang: str, drafts: list[str] | None, beam_size: int) -> list[str]:
        codec = self._codec
        if not len(vectors):
            return []
        if not codec.is_extension(lang):
            return codec.decode(vectors, lang, beam_size=beam_size)
        drafts = self._drafts(vectors, drafts, beam_size) if codec.reads_draft(lang) else None
        if beam_size > 1:
            beams = codec.beams(vectors, lang, WIDER * beam_size, drafts)
            said = rerank(vectors, beams, lambda texts: codec.encode(texts, lang))
        else:
            said = [found[0].text for found in codec.beams(vectors, lang, beam_size, drafts)]
        return said if drafts is None else list(map(keep_numbers, said, drafts))

    def _drafts(self, vectors: Tensor, known: list[str] | None, beam_size: int) -> list[str]:
        drafts = [""] * len(vectors) if known is None else list(known)
        unknown = [row for row, text in enumerate(drafts) if not text]
        if unknown:
            said = self._codec.decode(vectors[unknown], ENGLISH, beam_size=beam_size)
            for row, text in zip(unknown, said, strict=True):
                drafts[row] = text
        return drafts

    def score(self, a: Sequence[str], lang_a: str, b: Sequence[str], lang_b: str) -> list[float]:
        """Return the cosine of the concepts of `a` and `b`, row by row; 0 where one of the texts is empty."""
        rows = [row for row, pair in enumerate(zip(a, b, strict=True)) if all(text.strip() for text in pair)]
        scores = [0.0] * len(a)
        if rows:
            one = self._codec.encode([a[row] for row in rows], lang_a)
            other = self._codec.encode([b[row] for row in rows], lang_b)
            for row, cosine in zip(rows, F.cosine_similarity(one, other, dim=1).tolist(), strict=True):
                scores[row] = round(cosine, 6)
        return scores
