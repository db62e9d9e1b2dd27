"""The engine of this repository's models: numpy arrays in and out. Only it knows torch.

Shapes: D concept dim, P prompt sentences, N leaf items, S sentences. All vectors are float32 in the *raw* space.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from concepts.languages.codes import ENGLISH
from flows.document.asked.options import DEFAULT_DRAWING, NO_LIBRARY, Drawing
from flows.document.engine import (
    HeadingsAsk,
    LeafPlan,
    NotesAsk,
    OutlineAsk,
    SayAsk,
    Section,
    Text,
    TitleAsk,
    WriteAsk,
    nobody,
)
from flows.document.noted import is_passage
from flows.models.arrays import to_array, to_goal, to_tensor, to_writing_plan
from flows.models.translating import TranslatingModels
from storage import NewPlanItem, Note

if TYPE_CHECKING:
    from torch import Tensor

    from planner import PlannedItem, Planner
    from storage.records import Vector
    from writer import Writer
    from writer.voice.decode import Rendering
    from writer.voice.text import Said


class ModelEngine(TranslatingModels):
    """The models of this repository; see `flows.document.engine.Engine`."""

    def as_query(self, vectors: Vector, lang: str) -> Vector:
        """Return query vectors for the concepts `vectors` (N, D) of texts in `lang`."""
        codec = self._codec.result()
        return to_array(codec.as_query(to_tensor(vectors), lang if lang in codec.langs else ENGLISH))

    def plan(
        self,
        prompt: Vector,
        *,
        goal: Vector | None,
        num_sections: int | None,
        depth: int,
        seed: int,
        drawing: Drawing = DEFAULT_DRAWING,
    ) -> list[NewPlanItem]:
        """Plan with the outline model."""
        items = self._planner_for(drawing).plan(
            to_tensor(prompt), goal=to_goal(goal), num_sections=num_sections, depth=depth, seed=seed
        )
        return _new_items(items)

    def fill(
        self,
        prompt: Vector,
        leads: Sequence[tuple[str, Vector]],
        *,
        goal: Vector | None,
        seed: int,
        known: Sequence[NewPlanItem] = (),
        drawing: Drawing = DEFAULT_DRAWING,
    ) -> list[NewPlanItem]:
        """Predict gists and lengths of given leads with the outline model."""
        given = [(path, to_tensor(lead)) for path, lead in leads]
        planned = {
            item.path: (to_tensor(item.gist), item.planned_length) for item in known if item.gist is not None
        }
        items = self._planner_for(drawing).fill(
            to_tensor(prompt), given, goal=to_goal(goal), seed=seed, known=planned
        )
        return _new_items(items)

    def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
        """Find sections of documents like the title, or documents on parts of it."""
        from concepts.library.outline import find_outline
        from concepts.library.parts import find_digest, find_parts

        (title,) = self._in_english([ask.title], ask.lang)
        (prompt,) = self._in_english([ask.prompt], ask.prompt_lang, is_preferred=ask.prompt_lang == ask.lang)
        library, encode, names = self._library(ask.library), self._encode_english, (title, prompt)
        if ask.depth == 1:
            typed = ask.typed if ask.prompt_lang == ENGLISH else ""
            headings = []
            if ask.is_wish:
                headings = find_digest(library, encode, names, ask.num_items, typed=typed)
            headings = headings or find_outline(
                library, encode, names, ask.num_items, typed=typed, is_wish=ask.is_wish
            )
            found = [(str(n), heading) for n, heading in enumerate(headings, 1)]
        else:
            found = []
            parts = find_parts(
                library,
                encode,
                names,
                ask.num_items,
                num_words=ask.num_words,
                is_wish=ask.is_wish,
                book=ask.book,
            )
            for n, part in enumerate(parts, 1):
                found.append((str(n), part.heading))
                found += [(f"{n}.{k}", heading) for k, heading in enumerate(part.sections, 1)]
        texts = self._from_english([Text(text=heading, score=None) for _, heading in found], ask.lang)
        return [(path, text.text.strip()) for (path, _), text in zip(found, texts, strict=True)]

    def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
        """Find notes by the concepts of title and headings."""
        from concepts.library.notes import find_notes

        named = [part for part in dict.fromkeys(ask.parts) if part]
        title, *texts = self._in_english([ask.title, *named, *ask.headings], ask.lang)
        english_of = {"": ""} | dict(zip(named, texts, strict=False))
        found = find_notes(
            self._library(ask.library),
            self._encode_english,
            title,
            texts[len(named) :],
            prompt=ask.typed,
            parts=[english_of[part] for part in ask.parts],
            wanted=[known is None for known in ask.known],
            taken=[note.text for known in ask.known for note in known or ()],
        )
        found = self._filled(found, ask.typed)
        return [tuple(own) if known is None else known for own, known in zip(found, ask.known, strict=True)]

    def _filled(self, found: list[list[Note]], prompt: str) -> list[list[Note]]:
        """Return notes whose blanks are filled by the facts of a prompt, as far as the voice is sure of them."""
        from concepts.blanks import assign, blanks_of, facts_of, fill, takes

        facts = facts_of(prompt)
        named = blanks_of(note.text for own in found for note in own)
        values: dict[str, str] = {}
        if blanks := [blank for blank in named if any(takes(blank, fact) for fact in facts)]:
            self.prepare("decode")
            odds = self._voice.result().weigh_facts(prompt, blanks, [fact.text for fact in facts])
            values = assign(blanks, facts, odds)
        return [[replace(note, text=fill(note.text, values)) for note in own] for own in found]

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """Write with the concept diffusion model."""
        (sections,) = self.write_together([WriteAsk(plan=plan, paths=tuple(paths), seed=seed)])
        return sections

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        """Write the sections of several plans side by side."""
        from writer import WritingTask

        found: list[list[Section]] = [[] for _ in asks]
        # Documents with other drawing options get their own batch.
        for drawing in dict.fromkeys(ask.plan.drawing for ask in asks):
            places = [place for place, ask in enumerate(asks) if ask.plan.drawing == drawing]
            tasks = [WritingTask(to_writing_plan(asks[p].plan), asks[p].paths, asks[p].seed) for p in places]
            written = self._writer_for(drawing).write_together(tasks)
            for place, sections in zip(places, written, strict=True):
                found[place] = [
                    Section(
                        path=section.path,
                        vectors=to_array(section.vectors),
                        stop_reason=section.stop_reason,
                        similarity=float(section.similarity),
                    )
                    for section in sections
                ]
        return found

    def _planner_for(self, drawing: Drawing) -> Planner:
        """Return the planner with a document's drawing options."""
        planner = self._planner.result()
        return planner.with_options(replace(planner.options, **drawing.changes()))  # type: ignore[arg-type]

    def _writer_for(self, drawing: Drawing) -> Writer:
        """Return the writer with a document's drawing options."""
        writer = self._writer.result()
        return writer.with_options(replace(writer.options, **drawing.changes()))  # type: ignore[arg-type]

    def say(self, ask: SayAsk) -> list[list[Text]]:
        """Say all sections side by side."""
        (texts,) = self.say_together([ask])
        return texts

    def say_together(self, asks: Sequence[SayAsk]) -> list[list[list[Text]]]:
        """Say the sections of several documents side by side."""
        from writer.voice.voice import SectionSaying

        sayings, listeners = [], []
        for ask in asks:
            listeners += [_listener(ask, index) for index in range(len(ask.sections))]
            title, *headings = self._in_english([ask.title, *ask.headings], ask.lang)
            sayings += [
                SectionSaying(
                    title=title,
                    headings=tuple(headings),
                    here=section.here,
                    concepts=to_tensor(section.vectors),
                    key=section.key,
                    notes=_said(section.notes),
                )
                for section in ask.sections
            ]

        def tell(number: int, place: int, said: Rendering) -> None:
            listeners[number](place, said)

        found = iter(self._voice.result().say_sections(sayings, tell))
        answers = []
        for ask in asks:
            rows = [
                [rows[place] for place in section.places]
                for section, rows in zip(ask.sections, islice(found, len(ask.sections)), strict=True)
            ]
            texts = iter(self._from_english([_text(row) for section in rows for row in section], ask.lang))
            answers.append([list(islice(texts, len(section))) for section in rows])
        return answers

    def find_title(self, ask: TitleAsk) -> str:
        """Find the title of the library's document on the prompt's subject, or of the one that stands in for it."""
        from concepts.library.outline import ON_SUBJECT, find_leading
        from concepts.library.subjects import find_title

        library, encode = self._library(ask.library), self._encode_english
        if ask.names:
            names = self._in_english(ask.names, ask.prompt_lang)
            typed = ask.prompt if ask.prompt_lang == ENGLISH else ""
            below = math.inf if ask.is_needed else ON_SUBJECT
            title = find_leading(library, encode, names, typed, below=below)
        else:
            (prompt,) = self._in_english([ask.prompt], ask.prompt_lang)
            title = find_title(library, encode, prompt, ask.asked)
        if not title:
            return ""
        (found,) = self._from_english([Text(text=title, score=None)], ask.lang)
        return found.text

    def say_title(self, ask: TitleAsk) -> str:
        """Say a title for the prompt."""
        (prompt,) = self._in_english([ask.prompt], ask.prompt_lang)
        title = self._voice.result().say_title(prompt, to_tensor(ask.prompt_vector), ask.key)
        if not title:
            return ""
        (found,) = self._from_english([Text(text=title, score=None)], ask.lang)
        return found.text

    def say_headings(self, ask: HeadingsAsk) -> list[Text]:
        """Say an outline's missing headings, with the other headings as context."""
        from writer.voice.voice import HeadingsSaying

        given = [place for place, heading in enumerate(ask.known) if heading is not None]
        title, *headings = self._in_english(
            [ask.title, *(ask.known[place] or "" for place in given)], ask.lang
        )
        heading_at = dict(zip(given, headings, strict=True))
        proposals: list[str] = []
        worth: Callable[[list[str]], Tensor] | None = None
        if ask.library != NO_LIBRARY:
            from concepts.library.headings import how_covered, like_headings

            library = self._library(ask.library)
            proposals = like_headings(library, self._encode_english, title)
            worth = how_covered(library, self._encode_english, title)
        said = self._voice.result().say_headings(
            HeadingsSaying(
                title=title,
                leads=to_tensor(ask.leads),
                title_concept=to_tensor(ask.title_vector),
                known=tuple(heading_at.get(place) for place in range(len(ask.known))),
                key=ask.key,
                proposals=tuple(proposals),
                worth=worth,
            )
        )
        # A heading is no list item, though a voice says it as one.
        texts = [replace(_text(row), block=None) for place, row in enumerate(said) if place not in heading_at]
        return self._from_english(texts, ask.lang)


def _said(notes: Sequence[Note]) -> tuple[Said, ...]:
    """Return notes as the voice's context; the notes of a whole passage keep their blocks."""
    from writer.voice.text import Said

    whole = is_passage(notes)
    return tuple(
        Said(note.text, note.block if note.begins or not whole else None, note.begins) for note in notes
    )


def _listener(ask: SayAsk, index: int) -> Callable[[int, Rendering], None]:
    """Return a callback that passes on one section's missing sentences as they are said."""
    if ask.lang != ENGLISH or ask.on_said is nobody:
        return nobody
    places = frozenset(ask.sections[index].places)

    def tell(place: int, said: Rendering) -> None:
        if place in places:
            ask.on_said(index, place, _text(said))

    return tell


def _text(rendering: Rendering) -> Text:
    said = rendering.said
    return Text(text=said.text, score=float(rendering.score), block=said.block)


def _new_items(items: Sequence[PlannedItem]) -> list[NewPlanItem]:
    return [
        NewPlanItem(
            path=item.path,
            lead=to_array(item.lead),
            gist=to_array(item.gist),
            planned_length=item.num_sentences,
        )
        for item in items
    ]
