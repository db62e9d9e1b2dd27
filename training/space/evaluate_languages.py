"""Evaluating how language-independent a space is: encoding in one language, decoding in another, on held-out pairs.

All figures are on test sentences that no training pair or document contains. The same run evaluates the baselines of
peers.py: the nearest training sentence as a decoder, and another encoder's retrieval of translations.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from concepts.codecs.codec import BEAM_SIZE, Codec, ConceptCodec
from concepts.codecs.translation import Translator
from concepts.corpus.records import DOCUMENT_PAIRS, PROSE_KINDS
from concepts.corpus.split import Split, same_text
from concepts.errors import InputError, ModelError
from concepts.languages.codes import ENGLISH
from concepts.models.card import ModelCard
from concepts.space.extension import pieces_of
from training.corpus.store import iter_space_sentences, load_pairs
from training.space.evaluate import MAX_PIECES, evaluate_space, text_figures
from training.space.pairs import read_sentences
from training.space.peers import nearest_texts, peer_vectors, xsim_error

NUM_SENTENCES = 400
"""Round trips per language."""
NUM_DIRECTION = 200
"""Translations per direction."""
NUM_SEARCHED = 1_000
"""Candidate translations in retrieval, one of them correct."""
NUM_KNOWN = 10_000
"""Training sentences per language for the nearest-sentence baseline."""
_MIN_CHARS = 12
"""Shorter texts are labels; a word by itself has many translations."""

OnCount = Callable[[int, int], None]
OnNote = Callable[[str], None]


@dataclass(frozen=True)
class Held:
    """Pairs of a held-out split: English to its translations by language."""

    by_english: dict[str, dict[str, str]]

    def pairs(self, source: str, target: str, num: int) -> list[tuple[str, str]]:
        """Return at most `num` distinct (text in `source`, text in `target`), drawn with a fixed seed."""
        found = dict.fromkeys(
            (texts[source], texts[target])
            for texts in self.by_english.values()
            if source in texts and target in texts
        )
        rows = sorted(found)
        random.Random(0).shuffle(rows)
        return rows[:num]

    def short_pairs(self, card: ModelCard, source: str, target: str, num: int) -> list[tuple[str, str]]:
        """Return at most `num` pairs whose text in `source` is a sentence short enough for one concept."""
        rows = self.pairs(source, target, 10 * num)
        lengths = pieces_of(card, source).encode([a for a, _ in rows])
        return [
            row
            for row, ids in zip(rows, lengths, strict=True)
            if len(ids) <= MAX_PIECES and len(row[0]) >= _MIN_CHARS
        ][:num]

    def searched(self, lang: str, num: int) -> tuple[list[str], list[str]]:
        """Return at most `num` texts in `lang` and their English translations, for retrieval."""
        by_english: dict[str, str] = {}
        seen: set[str] = set()
        for text, meaning in self.pairs(lang, ENGLISH, len(self.by_english)):
            if len(meaning) >= _MIN_CHARS and text not in seen:
                seen.add(text)
                by_english[meaning] = text
        return list(by_english.values())[:num], list(by_english)[:num]


def evaluate_languages(
    corpus_dir: Path,
    codec: Codec,
    *,
    num_sentences: int = NUM_SENTENCES,
    num_direction: int = NUM_DIRECTION,
    num_searched: int = NUM_SEARCHED,
    num_known: int = NUM_KNOWN,
    on_progress: OnCount = lambda _done, _total: None,
    on_note: OnNote = lambda _: None,
) -> dict[str, float]:
    """Return figures for every language of the space besides English, and for every direction between two languages.

    `deu_Latn.bleu` and so on come from `evaluate_space`; `deu_Latn.nearest_bleu` is the nearest training sentence's;
    `eng_Latn>deu_Latn.bleu` and `.chrf` score translations as `longhand translate` makes them, `.first_bleu` greedy
    decoding from the concept alone, on sentences up to 25 pieces; also the figures of `evaluate_retrieval`.
    `on_progress` gets (done, total) of languages and directions, `on_note` a line for each omission. Empty if the space
    and the corpus's test pairs have no language in common.
    """
    langs = _paired(corpus_dir, codec)
    if not langs:
        return {}
    held = read_held(corpus_dir, langs)
    directions = [d for d in permutations((ENGLISH, *langs), 2) if held.pairs(*d, 1)]
    total, done = len(langs) + len(directions), 0
    figures: dict[str, float] = {}
    known = {lang: _known(corpus_dir, codec, lang, num_known) for lang in (ENGLISH, *langs)}
    for lang in langs:
        try:
            found = evaluate_space(
                corpus_dir,
                codec,
                lang=lang,
                num_sentences=num_sentences,
                known=known[lang],
            )
        except InputError as error:  # pairs but no documents
            on_note(str(error))
            found = {}
        figures |= {f"{lang}.{name}": value for name, value in found.items()}
        figures |= _retrieval(held, codec, lang, num_searched, on_note)
        done += 1
        on_progress(done, total)
    for source, target in directions:
        rows = held.short_pairs(codec.card, source, target, num_direction)
        done += 1
        if rows:
            vectors = codec.encode([a for a, _ in rows], source)
            wanted = [b for _, b in rows]
            texts = [a for a, _ in rows]
            said = Translator(codec).translate(texts, source, target, beam_size=BEAM_SIZE)
            scores = text_figures(wanted, said)
            name = f"{source}>{target}"
            figures[f"{name}.first_bleu"] = text_figures(wanted, codec.decode(vectors, target))["bleu"]
            figures |= {f"{name}.{key}": scores[key] for key in ("bleu", "chrf")}
            if (pool := known.get(target)) is not None:
                near = nearest_texts(vectors, pool[1], pool[0])
                figures[f"{name}.nearest_bleu"] = text_figures(wanted, near)["bleu"]
        on_progress(done, total)
    return figures


def evaluate_retrieval(
    corpus_dir: Path,
    codec: ConceptCodec,
    *,
    num_searched: int = NUM_SEARCHED,
    on_progress: OnCount = lambda _done, _total: None,
    on_note: OnNote = lambda _: None,
) -> dict[str, float]:
    """Return retrieval figures: finding a text's English translation by its concept, for every other language.

    `deu_Latn.xsim_error` is the share (%) of sentences to which a wrong English sentence is nearest,
    `deu_Latn.peer_xsim_error` the same for the peer, `deu_Latn.pair_cosine` the mean cosine of a text and its English.
    `on_progress` gets (done, total) of languages. Empty if the space and the corpus's test pairs have no language in
    common.
    """
    langs = _paired(corpus_dir, codec)
    if not langs:
        return {}
    held = read_held(corpus_dir, langs)
    figures: dict[str, float] = {}
    for done, lang in enumerate(langs, start=1):
        figures |= _retrieval(held, codec, lang, num_searched, on_note)
        on_progress(done, len(langs))
    return figures


def _paired(corpus_dir: Path, codec: ConceptCodec) -> list[str]:
    """Return the space's languages for which the corpus has test pairs with English."""
    paired = {pair.lang_b for pair in load_pairs(corpus_dir, split="test", kinds=DOCUMENT_PAIRS)}
    return [lang for lang in codec.langs if lang in paired] if ENGLISH in codec.langs else []


def read_held(corpus_dir: Path, langs: Sequence[str], split: Split = "test") -> Held:
    """Return the pairs of a split neither side of which occurs in a training pair (`same_text`)."""
    trained: set[tuple[str, str]] = set()
    for pair in load_pairs(corpus_dir, split="train"):
        trained |= {(pair.lang_a, same_text(pair.text_a)), (pair.lang_b, same_text(pair.text_b))}
    by_english: dict[str, dict[str, str]] = {}
    for sentence in read_sentences(corpus_dir, split, langs):
        sides = {(ENGLISH, same_text(sentence.english)), (sentence.lang, same_text(sentence.text))}
        if not sides & trained:
            texts = by_english.setdefault(sentence.english, {ENGLISH: sentence.english})
            texts[sentence.lang] = sentence.text
    return Held(by_english)


def _known(corpus_dir: Path, codec: Codec, lang: str, num: int) -> tuple[list[str], Tensor] | None:
    texts = sorted(
        {text for text, _ in iter_space_sentences(corpus_dir, "train", (lang,), kinds=PROSE_KINDS)}
    )
    if not texts:
        return None
    random.Random(0).shuffle(texts)
    chosen = sorted(texts[:num], key=len)  # by length: little padding
    return chosen, codec.encode(chosen, lang)


def _retrieval(held: Held, codec: ConceptCodec, lang: str, num: int, on_note: OnNote) -> dict[str, float]:
    texts, english = held.searched(lang, num)
    if len(texts) < 2:
        return {}
    own, known = codec.encode(texts, lang), codec.encode(english, ENGLISH)
    figures = {
        f"{lang}.xsim_error": xsim_error(own, known),
        f"{lang}.pair_cosine": float(F.cosine_similarity(own, known, dim=1).mean()),
        f"{lang}.xsim_sentences": float(len(texts)),
    }
    try:
        figures[f"{lang}.peer_xsim_error"] = xsim_error(peer_vectors(texts), peer_vectors(english))
    except ModelError as error:
        on_note(str(error))
    return figures
