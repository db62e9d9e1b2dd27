"""Outlines from a library: sections of its documents on a subject, in reading order.

Maximal marginal relevance chooses the sections (Carbonell and Goldstein 1998); where the nearest document alone has
more than were asked for, facility location does (Lin and Bilmes 2011, "A Class of Submodular Functions for Document
Summarization"). Sections are ordered by their relative position in their own documents.

Legend: C candidate sections, D concept dim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.blanks import child_of, is_other_child
from concepts.library.cases import Cases, add_cases, find_cases
from concepts.library.encode import Encode
from concepts.library.headings import may_head
from concepts.library.level import is_simple, reading_grade
from concepts.library.library import Library, Passage, is_cases
from concepts.library.names import Names, Naming
from concepts.library.notes import FEWEST_WHOLE
from concepts.library.words import has_unasked_kind, is_of_kind, kinds_of
from concepts.library.words import stems as stems_of
from concepts.texts import IRREPLACEABLE, TITLED

NUM_BY_TITLE, NUM_BY_SECTION = 30, 60
"""Documents examined closely: the nearest by title or prompt, and the documents of the nearest sections."""
TELLING = 3
"""Nearest sections of a document whose mean cosine measures how near it is to a title."""
LEAST_LIKENESS = 0.36
"""How near to the title the best document must be, about a cosine."""
LEAST_OF_KIND = 0.25
"""The same for a document of a requested kind that no other text stands in for: a story set elsewhere is still one."""
ON_SUBJECT = 0.5
"""Below this likeness no document was useful to a reader who graded what leads: a new one has its title."""
SAME_SUBJECT = 0.63
"""At or above this likeness most documents are on the subject itself, below it many are on a neighbouring one."""
NAME_WEIGHT = 0.635
"""Weight of the cosine of a document's title or prompt; its nearest sections get the rest. This weight and the next two
were fitted on pairs of documents that a reader graded (`benchmarks/library/graded_prompts.jsonl`)."""
UNSAID_WEIGHT = 0.115
"""Likeness that a document loses if it has none of the title's words."""
OTHER_KIND_WEIGHT = 0.07
"""Likeness that a document loses if its name lacks the requested kind of text, such as a letter."""
IRREPLACEABLE_WEIGHT = 0.2
"""The same for kinds that no other text stands in for, such as a story."""
UNASKED_KIND_WEIGHT = 0.1
"""Likeness that a document loses if it is of a kind that helps nobody who did not ask for one, such as a poem."""
OTHER_CHILD_WEIGHT = 0.07
"""Likeness that a story for a daughter loses where one for a son was asked for, and the other way round."""
THIN_WEIGHT = 0.04
"""Likeness that a document loses beside others if it is thin; as with the kind of text, its likeness itself stays."""
NARROWER_WEIGHT = 0.05
"""Likeness that a document loses if it is on something with a name, and no name was asked for: a week in Lisbon, for a
week away."""
LEVEL_WEIGHT = 0.02
"""Likeness that a document loses for each school grade that it is off the level."""
SIMPLE_GRADE, GENERAL_GRADE = 5.0, 8.0
"""A document is off the level if a simple one was asked for and it is harder; or if none was, it calls itself simple
and it is easier. Where a simple one was asked for, thin ones are welcome."""
THIN_WORDS, THIN_SENTENCE = 520, 11.0
"""A document of fewer words, or fewer words a sentence, is thin."""
NARROWER = 0.6
"""Below this likeness the particulars of a prompt lead to documents on them instead of on its subject: the subject that
has such cases counts as a name of the document, too."""
NUM_OF_KIND, NUM_LOOKED_AT = 20, 3000
"""Documents of a requested kind that no other text stands in for, among the nearest by title or prompt."""
NUM_BY_WORDS, COMMON_SHARE = 40, 0.015
"""Documents examined because their title or prompt shares rare words with the title; at most this share of all
documents has a rare word."""
WITHIN = 0.12
"""How far other documents, and sections, may fall below the best document's likeness."""
MOST_DOCUMENTS = 6
WIDELY_WITHIN, WIDELY_MOST_DOCUMENTS = 0.4, 30
"""The same limits where those above give fewer sections than were asked for."""
FEWEST, MOST = 4, 11
"""Number of sections of an outline if nobody asked for a number."""
ENOUGH = 5
"""With this many sections the nearest document needs no other: mixed sections of two documents read badly."""
_SAME, _SAME_TEXT = 0.6, 0.75
"""Two sections are duplicates if the cosine of their headings, or of their texts' beginnings, is larger."""
_BEGINNING = 300
"""Characters of a text that are encoded to compare it."""
WORTH_WEIGHT = 0.5
"""Weight of a section's worth when a few sections must represent a document."""
_BETWEEN = 0.15
"""Sections of other documents stay this far from the start and from the end of the outline (a share of it)."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """Features of a document's likeness to the names of a new one; each is the mean over these names."""

    named: float
    """Cosine of the document's own title or prompt, the greater."""
    telling: float
    """Mean cosine of its nearest sections' subjects."""
    unsaid: float
    """Share of the name's content words that the document lacks."""

    @property
    def likeness(self) -> float:
        """About a cosine."""
        return NAME_WEIGHT * self.named + (1.0 - NAME_WEIGHT) * self.telling - UNSAID_WEIGHT * self.unsaid


@dataclass(frozen=True)
class Candidate:
    """A document that may be on the subject."""

    passages: tuple[Passage, ...]
    nearness_P: Tensor
    """Cosine of each passage's subject with the title."""
    features: Features
    is_of_kind: bool | None = None
    """Whether it is of the requested kind of text; None: none was requested."""
    is_irreplaceable: bool = False
    """Whether that kind is one that no other text stands in for."""
    is_thin: bool = False
    """Whether it has few words, or short sentences, and is no letter or story that was asked for."""
    is_of_other_child: bool = False
    """Whether it is for a girl and one for a boy was asked for, or the other way round."""
    off_level: float = 0.0
    """By how many school grades it is too hard or too easy to read."""
    is_of_unasked_kind: bool = False
    """Whether it is a text such as a job advertisement that nobody asked for."""
    is_narrower: bool = False
    """Whether it is on something that has a name and the request is not."""

    @property
    def likeness(self) -> float:
        """Return how near the document is, about a cosine."""
        return self.features.likeness

    @property
    def least(self) -> float:
        """Return how near the document must be to lead an outline."""
        return LEAST_OF_KIND if self.is_of_kind and self.is_irreplaceable else LEAST_LIKENESS

    @property
    def is_near(self) -> bool:
        """Return whether the document may lead an outline."""
        return self.likeness >= self.least


def find_outline(
    library: Library,
    encode: Encode,
    names: Sequence[str],
    num_sections: int | None = None,
    *,
    typed: str = "",
    is_wish: bool = False,
) -> list[str]:
    """Return the headings of an outline, empty where the library knows too little of the subject.

    `names` are names of the document, such as its title and the prompt; `typed` may name a kind of text that `names`
    do not, such as an essay. With `num_sections` the outline has exactly that many sections or none. With `is_wish` it
    may have fewer: those of the nearest document, if these are enough or it is of the requested kind of text; and
    the cases that `typed` tells are among them.
    """
    candidates = find_candidates(library, encode, names, typed)
    closely = _known(candidates, WITHIN, MOST_DOCUMENTS)
    if not closely:
        return []
    if num_sections is not None and not is_wish:
        called = " ".join(names)
        found = _outline(closely, called, encode, num_sections, WITHIN)
        widely = _known(candidates, WIDELY_WITHIN, WIDELY_MOST_DOCUMENTS)
        return found or _outline(widely, called, encode, num_sections, WIDELY_WITHIN)
    cases = find_cases(library, encode, names, typed) if is_wish else None
    closely = _of_cases(library, encode, names, typed, cases, closely)
    found = _wished(closely, " ".join(names), encode, num_sections)
    named, leading = "\n".join((*names, typed)), closely[0].passages[0].title
    return add_cases(encode, cases, found, num_sections, named=named, leading=leading) if found else found


def find_leading(
    library: Library, encode: Encode, names: Sequence[str], typed: str = "", *, below: float = ON_SUBJECT
) -> str:
    """Return the title of the document that leads the outline of a document with these names, if its likeness is less
    than `below`; "" if it is not, or none leads. Below `ON_SUBJECT` it stands in for one on the subject."""
    closely = _known(find_candidates(library, encode, names, typed), WITHIN, MOST_DOCUMENTS)
    if not closely or closely[0].likeness >= below:
        return ""
    closely = _of_cases(library, encode, names, typed, find_cases(library, encode, names, typed), closely)
    return closely[0].passages[0].title if closely[0].likeness < below else ""


def _of_cases(
    library: Library,
    encode: Encode,
    names: Sequence[str],
    typed: str,
    cases: Cases | None,
    closely: list[Candidate],
) -> list[Candidate]:
    """Return the near documents where the subject of particular cases is a name, too, if that is needed."""
    if cases is None or closely[0].likeness >= NARROWER:
        return closely
    candidates = find_candidates(library, encode, [*names, cases.subject], typed)
    return _known(candidates, WITHIN, MOST_DOCUMENTS) or closely


def _wished(closely: Sequence[Candidate], called: str, encode: Encode, num_sections: int | None) -> list[str]:
    """Return the headings of an outline of at most about `num_sections` from near documents; see `find_outline`."""
    leading = closely[0]
    num_leading = min(sum(are_fit(leading, called)), MOST)
    if leading.is_of_kind and num_leading:
        # a letter that goes on with sections of another one is no letter
        return _outline([leading], called, encode, min(num_sections or MOST, num_leading), WITHIN)
    if num_leading >= ENOUGH:
        # a longer text on the subject would be welcome, but sections of two documents read badly together
        num_sections = min(num_sections or MOST, num_leading)
    found = _outline(closely, called, encode, num_sections, WITHIN)
    return found or _outline(closely, called, encode, None, WITHIN)


def _outline(
    known: Sequence[Candidate], called: str, encode: Encode, num_sections: int | None, within: float
) -> list[str]:
    """Return the headings of an outline from `known` documents (nearest first); see `find_outline`."""
    passages = [passage for document in known for passage in document.passages]
    worth_C = torch.cat([(d.nearness_P + d.likeness) / 2 for d in known]) if known else torch.zeros(0)
    positions = [place for d in known for place in _positions(d, is_leading=d is known[0])]
    is_fit_C = torch.tensor([is_fit for document in known for is_fit in are_fit(document, called)])
    if is_fit_C.sum() < (num_sections or FEWEST):
        return []
    worth_C = worth_C.masked_fill(~is_fit_C, float("-inf"))
    # the nearest document leads: its sections come first, whatever they are worth
    is_other_C = torch.arange(len(passages)) >= len(known[0].passages)
    num_leading = min(int((is_fit_C & ~is_other_C).sum()), MOST)
    is_weak_C = is_other_C & (worth_C < worth_C.max() - within)
    worth_C = (worth_C + 2.0 * ~is_other_C).masked_fill(is_weak_C, float("-inf"))
    cosines_CC, same_CC = _compare(encode, passages)
    if num_sections is not None and num_sections < num_leading:
        chosen = represent(worth_C.masked_fill(is_other_C, float("-inf")), cosines_CC, num_sections)
    else:
        same_CC &= is_other_C | is_other_C[:, None]
        chosen = spread(worth_C, same_CC, num_sections or max(num_leading, ENOUGH))
    headings = [passage.heading for passage in passages]
    if len(chosen) < (num_sections or FEWEST):
        return []
    return [headings[c] for c in sorted(chosen, key=lambda c: positions[c])]


def find_candidates(
    library: Library, encode: Encode, names: Sequence[str], typed: str = ""
) -> list[Candidate]:
    """Return the documents that may be on the subject of a document with these names, nearest first.

    `typed` may name a kind of text.
    """
    if not len(library):
        return []
    names = list(dict.fromkeys(names))
    abouts = encode(names)
    sections = [library.likeness(about[None], about, title_weight=0.0)[0] for about in abouts]
    words = [stems_of(name) for name in names]
    kinds = kinds_of("\n".join((*names, typed)))
    numbers: set[int] = set()
    for about, likeness_N, stems in zip(abouts, sections, words, strict=True):
        likeness_M = library.document_likeness(about)
        by_title = likeness_M.topk(min(NUM_BY_TITLE, len(likeness_M))).indices.tolist()
        by_section = likeness_N.topk(min(NUM_BY_SECTION, len(library))).indices.tolist()
        numbers |= {m for m in [*by_title, *named_by(library, stems)] if likeness_M[m] >= 0}
        numbers |= {int(library.owner[n]) for n in by_section if likeness_N[n] >= 0}
        numbers |= set(of_kind(library, likeness_M, kinds & IRREPLACEABLE))
    called = " ".join(names)
    child = child_of("\n".join((*names, typed)))
    wants_simple = any(map(is_simple, (*names, typed)))
    if not library.is_own:
        numbers = {m for m in numbers if not is_cases(library.titles[m])}
    asked_names = Names(called)
    namings = {m: _naming_of(library, m, asked_names, kinds) for m in sorted(numbers)}
    places = [list(library.places_of(m)) for m, naming in namings.items() if naming != "other"]
    if not places:
        return []
    firsts = [library.passages[own[0]] for own in places]
    texts = [text for first in firsts for text in (first.title, first.prompt or first.title)]
    texts_BN = F.normalize(encode(texts), dim=1) @ F.normalize(abouts, dim=1).T
    named_MN = texts_BN.reshape(len(places), 2, len(abouts)).max(dim=1).values
    found = []
    for own, named_N in zip(places, named_MN, strict=True):
        passages = tuple(library.passages[n] for n in own)
        said = _said(passages)
        features = [
            _features(likeness_N[own], float(named), stems, said)
            for stems, likeness_N, named in zip(words, sections, named_N, strict=True)
        ]
        nearness_P = torch.stack([likeness_N[own] for likeness_N in sections]).mean(dim=0)
        of_this_kind = is_of_kind(passages[0].title, passages[0].prompt, kinds) if kinds else None
        is_short_form = of_this_kind and not kinds.isdisjoint(IRREPLACEABLE)  # a poem or letter is short
        thin = not (library.is_own or wants_simple or is_short_form) and is_thin(passages)
        off_level = 0.0 if library.is_own else _off_level(passages, wants_simple=wants_simple)
        of_other = is_other_child(library.children[library.owner[own[0]]], child)
        found.append(
            Candidate(
                passages,
                nearness_P,
                _mean(features),
                of_this_kind,
                not kinds.isdisjoint(IRREPLACEABLE),
                thin,
                of_other,
                off_level,
                not library.is_own and has_unasked_kind(passages[0].title, passages[0].prompt, kinds),
                namings[int(library.owner[own[0]])] == "narrower",
            )
        )
    return sorted(found, key=lambda found: _loss(found) - found.likeness)


def _naming_of(library: Library, document: int, names: Names, kinds: frozenset[str]) -> Naming:
    entry = library.entries[document]
    # a story has names of its own, and who names documents wants them used
    is_free = library.is_own or is_of_kind(entry.title, entry.prompt, kinds & TITLED)
    return "same" if is_free else names.naming(entry.title, entry.prompt)


def of_kind(library: Library, likeness_M: Tensor, kinds: frozenset[str]) -> list[int]:
    """Return the nearest documents of one of the given kinds."""
    if not kinds:
        return []
    nearest = likeness_M.topk(min(NUM_LOOKED_AT, len(likeness_M))).indices.tolist()
    known = ((m, library.entries[m]) for m in nearest if likeness_M[m] >= 0)
    own = (m for m, entry in known if is_of_kind(entry.title, entry.prompt, kinds))
    return list(islice(own, NUM_OF_KIND))


def _loss(candidate: Candidate) -> float:
    weight = IRREPLACEABLE_WEIGHT if candidate.is_irreplaceable else OTHER_KIND_WEIGHT
    of_kind = weight * (candidate.is_of_kind is False)
    of_kind += UNASKED_KIND_WEIGHT * candidate.is_of_unasked_kind
    of_kind += OTHER_CHILD_WEIGHT * candidate.is_of_other_child
    narrower = NARROWER_WEIGHT * candidate.is_narrower
    return of_kind + narrower + THIN_WEIGHT * candidate.is_thin + LEVEL_WEIGHT * candidate.off_level


def _off_level(passages: Sequence[Passage], *, wants_simple: bool) -> float:
    if not wants_simple and not is_simple(passages[0].title):
        return 0.0
    grade = reading_grade([text for passage in passages for text in passage.sentences])
    return max(0.0, grade - SIMPLE_GRADE if wants_simple else GENERAL_GRADE - grade)


def is_thin(passages: Sequence[Passage]) -> bool:
    """Return whether a document has few words, or short sentences."""
    texts = [text for passage in passages for text in passage.sentences]
    num_words = sum(text.count(" ") + 1 for text in texts)
    return num_words < THIN_WORDS or num_words < THIN_SENTENCE * len(texts)


def _mean(features: Sequence[Features]) -> Features:
    num = len(features)
    return Features(
        named=sum(f.named for f in features) / num,
        telling=sum(f.telling for f in features) / num,
        unsaid=sum(f.unsaid for f in features) / num,
    )


def named_by(library: Library, stems: Collection[str]) -> list[int]:
    """Return the documents whose titles or prompts have the most of the rare stems."""
    counts: Counter[int] = Counter()
    for stem in sorted(stems):
        found = library.named_with(stem.rstrip("i"))  # the stem of "library" is "librari"
        if len(found) <= COMMON_SHARE * len(library.titles):
            counts.update(found)
    return [m for m, _ in counts.most_common(NUM_BY_WORDS)]


def _known(candidates: Sequence[Candidate], within: float, most: int) -> list[Candidate]:
    """Return the candidates that are on the subject; none where the best one is not."""
    if not candidates:
        return []
    if not candidates[0].is_near:
        return []
    least = candidates[0].likeness - within
    return [candidate for candidate in candidates if candidate.likeness >= max(least, candidate.least)][:most]


def _said(passages: Sequence[Passage]) -> set[str]:
    """Return the stems of a document's content words."""
    texts = [text for passage in passages for text in (passage.heading, *passage.sentences)]
    return stems_of(" ".join((passages[0].title, passages[0].prompt, *texts)))


def _features(nearness_P: Tensor, named: float, stems: Collection[str], said: Collection[str]) -> Features:
    """Return a document's features for one name, whose content words have the stems `stems`."""
    telling = float(nearness_P.topk(min(TELLING, len(nearness_P))).values.mean())
    unsaid = 1.0 - len(set(stems).intersection(said)) / len(stems) if stems else 0.0
    return Features(named=named, telling=telling, unsaid=unsaid)


def are_fit(document: Candidate, called: str) -> list[bool]:
    """Return which passages can be sections of a document named `called`."""
    if document.likeness >= SAME_SUBJECT:  # what it names belongs to the subject
        called = " ".join((called, *(passage.heading for passage in document.passages)))
    return [may_head(p.heading, called) and len(p.sentences) >= FEWEST_WHOLE for p in document.passages]


def _positions(document: Candidate, *, is_leading: bool) -> list[float]:
    """Return where the sections of a document stand in the new one, from 0 to 1."""
    last = max(1, len(document.passages) - 1)
    places = [n / last for n in range(len(document.passages))]
    return places if is_leading else [_BETWEEN + place * (1 - 2 * _BETWEEN) for place in places]


def _compare(encode: Encode, passages: Sequence[Passage]) -> tuple[Tensor, Tensor]:
    """Return the cosines of the sections' texts (C, C), and which pairs of sections (C, C) are duplicates."""
    headings = F.normalize(encode([passage.heading for passage in passages]), dim=1)
    texts = F.normalize(encode([" ".join(passage.sentences)[:_BEGINNING] for passage in passages]), dim=1)
    cosines_CC = texts @ texts.T
    return cosines_CC, (headings @ headings.T > _SAME) | (cosines_CC > _SAME_TEXT)


def spread(worth_C: Tensor, same_CC: Tensor, most: int) -> list[int]:
    """Return the best sections, without duplicates."""
    chosen: list[int] = []
    is_left = worth_C.isfinite()
    while len(chosen) < most and is_left.any():
        best = int(worth_C.masked_fill(~is_left, float("-inf")).argmax())
        chosen.append(best)
        is_left &= ~same_CC[best]
        is_left[best] = False
    return chosen


def represent(worth_C: Tensor, cosines_CC: Tensor, most: int) -> list[int]:
    """Return the first section of a document, which sums it up, and the sections that best represent the rest.

    Greedy facility location: each step adds the section that most raises the similarity of all sections to the chosen
    ones; between two alike, the one of greater worth. Sections of worth minus infinity do not count.
    """
    counts_C = worth_C.isfinite()
    chosen = [int(counts_C.nonzero()[0])] if most > 0 and counts_C.any() else []
    while len(chosen) < min(most, int(counts_C.sum())):
        nearest_C = cosines_CC[chosen].max(dim=0).values
        gains_C = (torch.maximum(cosines_CC, nearest_C) - nearest_C)[:, counts_C].sum(dim=1)
        gains_C += WORTH_WEIGHT * worth_C
        gains_C[chosen] = float("-inf")
        chosen.append(int(gains_C.argmax()))
    return chosen
