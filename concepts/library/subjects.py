"""The subject of a long prompt, as the title of a library's document.

A prompt of several sentences tells mostly of the asker: age, money, a deadline. Its concept alone finds documents on
these. Its words tell more: documents are ranked by the concept, and by the share of the prompt's words that they have,
rare ones counting more (inverse document frequency, Spärck Jones 1972). What the best have in common tells the subject
again (relevance feedback, Rocchio 1971): a compost heap, not the bin for one.

Legend: N passages, M documents, K names of a document (title and prompt), D concept dim.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.blanks import child_of, is_other_child
from concepts.library.cases import has_far_number
from concepts.library.encode import Encode
from concepts.library.library import Library, Passage, is_cases
from concepts.library.outline import TELLING, find_candidates, is_thin, named_by, of_kind
from concepts.library.words import asks_for_titled, has_unasked_kind, is_of_kind, kinds_of, stems
from concepts.texts import IRREPLACEABLE

NUM_BY_NAME, NUM_BY_SECTION, NUM_READ = 50, 50, 40
"""Documents whose names, or sections, are nearest; of these so many are read."""
NAME_WEIGHT, TELLING_WEIGHT, SAID_WEIGHT = 0.42, 0.58, 0.97
"""Weights of the cosine of a document's name, of its nearest sections, and of the share of the prompt's words that it
has. Fitted on the 60 dev prompts of `benchmarks/library/long_prompts.jsonl`."""
NUM_COMMON, COMMON_WEIGHT = 5, 0.3
"""Documents whose mean name is compared with each one's name, and the weight of that cosine."""
THIN_WEIGHT, OTHER_KIND_WEIGHT = 0.03, 0.2
"""What a document loses if it is thin, or if it lacks the requested kind of text or is of one that nobody asked for."""
LONG_WISH = 8
"""A request of so many words names its subject; for "a short poem I can frame" the whole prompt is searched."""
LEAST_WORTH = 0.9
"""A document that is worth less is not on the subject."""


def find_title(library: Library, encode: Encode, prompt: str, asked: str = "") -> str:
    """Return the title of the document on the subject of a prompt, "" if the library has none.

    `asked` names the requested kind of text, "a letter to my landlord", if the prompt says so. Where that has titles of
    its own, such as a story, the title is that of the nearest text of that kind.
    """
    if asks_for_titled(wish := asked if asks_for_titled(asked) else prompt):
        names = [wish if len(wish.split()) >= LONG_WISH else prompt]
        found = find_candidates(library, encode, names, wish)
        return found[0].passages[0].title if found and found[0].is_of_kind and found[0].is_near else ""
    title, worth = nearest_title(library, encode, prompt, asked)
    return title if worth >= LEAST_WORTH else ""


def nearest_title(library: Library, encode: Encode, prompt: str, asked: str = "") -> tuple[str, float]:
    """Return the title of the document that is nearest to a long prompt's subject, and what it is worth; see above."""
    if not len(library):
        return "", float("-inf")
    about = F.normalize(encode([prompt])[0], dim=0)
    sections_N = library.likeness(about[None], about, title_weight=0.0)[0]
    said = stems(prompt)
    kinds = kinds_of(asked) or kinds_of(prompt) & IRREPLACEABLE
    numbers = _near(library, about, sections_N, said, prompt, kinds)
    if not numbers:
        return "", float("-inf")
    places = [list(library.places_of(m)) for m in numbers]
    telling_M = torch.stack([_telling(sections_N[own]) for own in places])
    names = [text for m in numbers for text in _names(library, m)]
    names_MKD = F.normalize(encode(names), dim=1).reshape(len(numbers), 2, -1)
    named_M = (names_MKD @ about).amax(dim=1)
    weights = {stem: _rarity(library, stem) for stem in said}
    worth = NAME_WEIGHT * named_M + TELLING_WEIGHT * telling_M
    for k, (m, own) in enumerate(zip(numbers, places, strict=True)):
        passages = [library.passages[n] for n in own]
        entry = library.entries[m]
        is_other_kind = bool(kinds) and not is_of_kind(entry.title, entry.prompt, kinds)
        is_unasked = not library.is_own and has_unasked_kind(entry.title, entry.prompt, kinds)
        worth[k] += SAID_WEIGHT * _share(weights, passages)
        worth[k] -= OTHER_KIND_WEIGHT * (is_other_kind or is_unasked)
        worth[k] -= THIN_WEIGHT * (not library.is_own and is_thin(passages))
    top = worth.topk(min(NUM_COMMON, len(numbers))).indices
    common = F.normalize(F.normalize(names_MKD[top].mean(dim=1), dim=1).mean(dim=0), dim=0)
    worth += COMMON_WEIGHT * (names_MKD @ common).amax(dim=1)
    best = int(worth.argmax())
    return library.titles[numbers[best]], float(worth[best])


def _near(
    library: Library,
    about: Tensor,
    sections_N: Tensor,
    said: Collection[str],
    prompt: str,
    kinds: frozenset[str],
) -> list[int]:
    """Return the documents to read: those whose names and sections are nearest to a subject."""
    named_M = library.document_likeness(about)
    by_section = sections_N.topk(min(NUM_BY_SECTION, len(sections_N))).indices
    numbers = {int(m) for m in named_M.topk(min(NUM_BY_NAME, len(named_M))).indices}
    numbers |= {*library.owner[by_section].tolist(), *named_by(library, said)}
    numbers |= set(of_kind(library, named_M, kinds & IRREPLACEABLE))
    child = child_of(prompt)
    fit = [
        m
        for m in sorted(numbers)
        if named_M[m] > -1  # is not hidden
        and not is_cases(library.titles[m])
        and not has_far_number(library.titles[m], prompt)
        and not is_other_child(library.children[m], child)
    ]
    nearness = [
        NAME_WEIGHT * float(named_M[m])
        + TELLING_WEIGHT * float(_telling(sections_N[list(library.places_of(m))]))
        for m in fit
    ]
    order = sorted(range(len(fit)), key=lambda k: -nearness[k])[:NUM_READ]
    return [fit[k] for k in order]


def _names(library: Library, document: int) -> tuple[str, str]:
    entry = library.entries[document]
    return entry.title, entry.prompt or entry.title


def _telling(likeness_P: Tensor) -> Tensor:
    return likeness_P.topk(min(TELLING, len(likeness_P))).values.mean()


def _rarity(library: Library, stem: str) -> float:
    """Return how rare a word is in the names of a library's documents, in nats."""
    return math.log((1 + len(library.titles)) / (1 + len(library.named_with(stem.rstrip("i")))))


def _share(weights: dict[str, float], passages: Iterable[Passage]) -> float:
    """Return the share, by weight, of words that a document has."""
    texts = [text for p in passages for text in (p.title, p.prompt, p.heading, *p.sentences)]
    has = stems(" ".join(texts))
    return sum(weights[stem] for stem in weights if stem in has) / max(1e-6, sum(weights.values()))
