"""A loaded voice: writes a document's title, headings and sections.

voice = load_voice(None, space_id=codec.space_id, encode=lambda texts: codec.encode(texts, "eng_Latn"))
voice.say_sections([SectionSaying(...)])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from torch import Tensor

from writer.voice.decode import OnSaid, Rendering, Saying, SayOptions, Speaker
from writer.voice.text import (
    TITLE_MARK,
    UNKNOWN,
    Said,
    blank_prefix,
    blank_value,
    marked,
    outline_line,
    outline_prefix,
    section_prefix,
    title_prefix,
)


@dataclass(frozen=True, kw_only=True)
class SectionSaying:
    """A section for the voice to write."""

    title: str
    headings: tuple[str, ...]
    """All leaves' headings of the outline, in reading order."""
    here: int
    """Index of the section among them, from 0."""
    concepts: Tensor
    """Raw concepts of its sentences (S, D); zeros for a sentence without a concept."""
    key: tuple[int | str, ...]
    """Seeds the draws: document seed and path."""
    notes: tuple[Said, ...] = ()
    """Sentences to write it from, as in `Saying`."""


@dataclass(frozen=True, kw_only=True)
class HeadingsSaying:
    """The headings of an outline for the voice to write, in reading order."""

    title: str
    leads: Tensor
    """(N, D), raw."""
    title_concept: Tensor
    """(D,)"""
    known: tuple[str | None, ...]
    """Headings that have a text already; None for those to write."""
    key: tuple[int | str, ...]
    proposals: tuple[str, ...] = ()
    """Headings of similar documents, as further candidates."""
    worth: Callable[[list[str]], Tensor] | None = None
    """Function from N headings to how much a library knows about their sections (N,); None: no library."""


@dataclass(frozen=True, kw_only=True)
class SentenceSaying:
    """One sentence for the voice to write, after the written ones before it."""

    title: str
    headings: tuple[str, ...]
    """As in `SectionSaying`."""
    here: int
    before: tuple[Said, ...]
    """The section's sentences before it."""
    concept: Tensor
    """(D,), raw."""
    key: tuple[int | str, ...]
    """Seeds the draws."""
    notes: tuple[str, ...] = ()
    """As in `SectionSaying`."""


class Voice:
    """A language model that turns concepts into text."""

    def __init__(
        self,
        speaker: Speaker,
        *,
        name: str,
        checksum: str,
        options: SayOptions | None = None,
        places: str = "cpu",
    ) -> None:
        self._speaker = speaker
        self.name, self.checksum = name, checksum
        self.places = places
        """Its devices, such as "cuda:0" or "cuda:0, cpu"."""
        self.title_temperatures = (0.2, 0.4, 0.6)
        self.heading_temperatures = (0.3, 0.5, 0.7, 0.9)
        self.num_heading_proposals = 6
        self.heading_concept_weight = 0.25
        self.options = options or SayOptions()

    def say_sections(
        self,
        sections: Sequence[SectionSaying],
        on_said: OnSaid = lambda _section, _place, _said: None,
    ) -> list[list[Rendering]]:
        """Return the sentences of each section; sections are written in one batch and do not see each other's text.

        `on_said`: see `Speaker.say`.
        """
        sayings = [
            Saying(
                prefix=section_prefix(
                    section.title, section.headings, section.here, [note.text for note in section.notes]
                ),
                concepts=section.concepts,
                key=section.key,
                notes=section.notes,
            )
            for section in sections
        ]
        return self._speaker.say(sayings, self.options, on_said)

    def say_sentences(self, sentences: Sequence[SentenceSaying]) -> list[Rendering]:
        """Return the sentences, written in one batch; they do not see each other's text."""
        sayings = [
            Saying(
                prefix=section_prefix(asked.title, asked.headings, asked.here, asked.notes)
                + "".join(sign + text for sign, text in marked(asked.before)),
                concepts=asked.concept[None],
                key=asked.key,
                before=tuple(said.text for said in asked.before),
            )
            for asked in sentences
        ]
        return [said for (said,) in self._speaker.say(sayings, self.options)]

    def say_title(self, prompt: str, concept: Tensor, key: tuple[int | str, ...]) -> str:
        """Return a one-line title for a prompt; `concept` (D,) is the prompt's concept."""
        saying = Saying(
            prefix=title_prefix(prompt), concepts=concept[None], key=(*key, "title"), one_line=True
        )
        options = replace(self.options, temperatures=self.title_temperatures, max_tokens=20, num_proposals=0)
        ((said,),) = self._speaker.say([saying], options)
        return said.said.text.removeprefix(TITLE_MARK.strip()).strip()

    def weigh_facts(self, prompt: str, blanks: Sequence[str], facts: Sequence[str]) -> list[list[float]]:
        """Return the log odds (B, F), in nats, that a fact of the prompt is a blank's value, not that it is unknown."""
        values = [blank_value(fact) for fact in (*facts, UNKNOWN)]
        pairs = [(blank_prefix(prompt, blank), value) for blank in blanks for value in values]
        chances = iter(self._speaker.chances(pairs))
        rows = [list(islice(chances, len(values))) for _ in blanks]
        return [[chance - unknown for chance in own] for *own, unknown in rows]

    def say_headings(self, asked: HeadingsSaying) -> list[Rendering]:
        """Return all headings of an outline; known ones unchanged, with a score of 0.

        Each is written after the ones before it, close to its lead and the title and unlike the other headings.
        """
        options = replace(
            self.options,
            temperatures=self.heading_temperatures,
            max_tokens=16,
            num_proposals=self.num_heading_proposals,
            concept_weight=self.heading_concept_weight,
        )
        found: list[Rendering] = []
        prefix, place = outline_prefix(asked.title), 0
        while place < len(asked.known):
            heading = asked.known[place]
            if heading is not None:
                found.append(Rendering(Said(heading, "step"), 0.0))
                prefix += outline_line(place + 1, heading)
                place += 1
                continue
            end = next(
                (i for i in range(place, len(asked.known)) if asked.known[i] is not None), len(asked.known)
            )
            said_before = {rendering.said.text for rendering in found} | set(asked.known)
            saying = Saying(
                prefix=prefix,
                concepts=asked.leads[place:end],
                key=(*asked.key, "headings", place),
                one_line=True,
                before=tuple(rendering.said.text for rendering in found),
                near=asked.title_concept,
                near_weight=0.5,
                proposals=tuple(text for text in asked.proposals if text not in said_before),
                first_number=place + 1,
                worth=asked.worth,
            )
            (said,) = self._speaker.say([saying], options)
            for rendering in said:
                found.append(rendering)
                prefix += outline_line(len(found), rendering.said.text)
            place = end
        return found
