"""A deterministic engine without models: vectors from hashes, texts from vectors, faults on demand.

Everything depends on the whole batch and on the seed, so that a redo with another composition, order
or seed gives another document and a test sees it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from concepts.errors import UsageError
from flows.document.asked.options import DEFAULT_DRAWING, Drawing
from flows.document.engine import (
    HeadingsAsk,
    LeafPlan,
    NotesAsk,
    OnLoaded,
    OutlineAsk,
    SayAsk,
    Section,
    Text,
    TitleAsk,
    Work,
    WriteAsk,
    nobody,
)
from storage import BlockKind, CardRef, NewPlanItem, Note, SpaceRef

DIM = 8
Vector = NDArray[np.float32]
BLOCKS: tuple[BlockKind | None, ...] = ("paragraph", "step", "bullet", None)
WORDS = ("share", "folder", "network", "open", "press", "select", "user", "name", "click", "window", "menu")


def hashed(*parts: object) -> np.random.Generator:
    """Return random numbers that follow from the parts (arrays count by their bytes)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        digest.update(b"|")
    return np.random.default_rng(int.from_bytes(digest.digest()[:8], "little"))


def vectors(shape: tuple[int, ...], *parts: object) -> Vector:
    """Return a float32 array that follows from the parts."""
    return hashed(*parts).standard_normal(shape).astype(np.float32)


def drawn(drawing: Drawing) -> tuple[object, ...]:
    """Return what a way of drawing adds to the parts of a vector: nothing, where it is the models' own."""
    return tuple(drawing.changes().items())


class FakeEngine:
    """A `SharingEngine` for tests and for `benchmarks/faults/fault_fuzz.py`."""

    def __init__(
        self, *, delay_s: float = 0.0, before: Callable[[str, int], None] | None = None, version: str = "1"
    ) -> None:
        """`delay_s` per call of a model; `before(method, n)` runs ahead of the n-th call (from 1) of one.

        `version` goes into the identity of all models.
        """
        self.space = SpaceRef(name="fake", checksum=f"space{version}", dim=DIM)
        self.planner = CardRef(name="fake-planner", checksum=version)
        self.writer = CardRef(name="fake-writer", checksum=version)
        self.voice = CardRef(name="fake-voice", checksum=version)
        self.calls: list[str] = []
        self.loading: tuple[Work, ...] = ()
        self.outline: list[str] = []
        self.book: list[str] = []
        """Headings of a book's chapters."""
        """Headings that the library knows."""
        self.spoil: dict[str, float] = {}
        """Method name to the value (NaN, infinity) that replaces the first number of its vectors."""
        self._delay_s = delay_s
        self._before = before

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self._before is not None:
            self._before(method, self.calls.count(method))
        time.sleep(self._delay_s)

    def _spoiled(self, method: str, array: Vector) -> Vector:
        if method in self.spoil and array.size:
            array = array.copy()
            array.flat[0] = self.spoil[method]
        return array

    def start_loading(self, stages: Sequence[Work], on_loaded: OnLoaded = nobody) -> None:
        self.loading = tuple(stages)

    def prepare(self, stage: Work) -> None:
        assert stage in ("encode", "translate", *self.loading), f"{stage} was not loaded"

    def load_times(self) -> dict[str, float]:
        return {"space": 0.0}

    def device_of(self, stage: Work) -> str:
        return f"fake-{stage}"

    def check_lang(self, lang: str) -> str:
        if lang not in ("eng_Latn", "deu_Latn"):
            raise UsageError(f"the space fake does not know the language {lang!r}; try eng_Latn")
        return lang

    def encode(self, sentences: Sequence[str], lang: str) -> Vector:
        self._called("encode")
        found = [vectors((DIM,), sentence, lang) for sentence in sentences]
        return self._spoiled("encode", np.stack(found))

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
        self._called("plan")
        count = 6 if num_sections is None else num_sections
        if depth == 1:
            paths = [str(n + 1) for n in range(count)]
        else:
            paths = [f"{n // 3 + 1}.{n % 3 + 1}" for n in range(count)]
            paths += sorted({path.partition(".")[0] for path in paths})
        return [
            NewPlanItem(
                path=path,
                lead=self._spoiled(
                    "plan", vectors((DIM,), "lead", prompt, goal, seed, path, *drawn(drawing))
                ),
                gist=vectors((DIM,), "gist", prompt, goal, seed, path, *drawn(drawing)),
                planned_length=int(hashed("length", seed, path).integers(2, 6)),
            )
            for path in paths
        ]

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
        self._called("fill")
        planned = {item.path: item for item in known}
        around = [part for item in known for part in (item.path, item.gist)]
        return [
            planned.get(path)
            or NewPlanItem(
                path=path,
                lead=lead,
                gist=vectors((DIM,), prompt, goal, seed, lead, *around, *drawn(drawing)),
                planned_length=3,
            )
            for path, lead in leads
        ]

    def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
        self._called("find_notes")
        return [
            own
            if own is not None
            else tuple(
                Note(
                    text=_sentence(ask.title, ask.headings, ask.known, place, n).text,
                    title=f"Known {place}",
                    heading=heading,
                    score=0.5,
                )
                for n in range(place % 3)
            )
            for place, (heading, own) in enumerate(zip(ask.headings, ask.known, strict=True))
        ]

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        self._called("write")
        return self._written(plan, paths, seed)

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        self._called("write_together")
        return [self._written(ask.plan, ask.paths, ask.seed) for ask in asks]

    def _written(self, plan: LeafPlan, paths: Sequence[str], seed: int) -> list[Section]:
        batch = (plan.prompt, plan.goal, plan.leads, plan.gists, plan.num_sentences, tuple(paths), seed)
        batch += drawn(plan.drawing)
        found = []
        for path in paths:
            length = plan.num_sentences[plan.paths.index(path)]
            made = self._spoiled("write", vectors((length, DIM), path, *batch))
            found.append(Section(path=path, vectors=made, stop_reason="length", similarity=0.5))
        return found

    def render(self, vectors: Vector, lang: str, *, beam_size: int) -> list[Text]:
        self._called("render")
        return [_sentence(row, vectors, lang, beam_size) for row in vectors]

    def say(self, ask: SayAsk) -> list[list[Text]]:
        self._called("say")
        found = _said(ask)
        for index, (section, texts) in enumerate(zip(ask.sections, found, strict=True)):
            for place, text in zip(section.places, texts, strict=True):
                ask.on_said(index, place, text)
        return found

    def say_together(self, asks: Sequence[SayAsk]) -> list[list[list[Text]]]:
        self._called("say_together")
        return [_said(ask) for ask in asks]

    def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
        headings = self.book if ask.book else self.outline
        if ask.num_items not in (None, len(headings)) and not ask.is_wish:
            return []
        parts = [(str(n), heading) for n, heading in enumerate(headings, 1)]
        below = [(f"{n}.1", f"{heading} in short") for n, heading in parts if ask.depth == 2]
        return sorted([*parts, *below])

    def find_title(self, ask: TitleAsk) -> str:
        self._called("find_title")
        return ""

    def say_title(self, ask: TitleAsk) -> str:
        self._called("say_title")
        return _sentence(ask.prompt_vector, ask.prompt, ask.key, ask.prompt_lang, ask.lang).text

    def say_headings(self, ask: HeadingsAsk) -> list[Text]:
        self._called("say_headings")
        headings: list[str] = []
        found: list[Text] = []
        for place, heading in enumerate(ask.known):
            if heading is None:
                rest = (ask.known[place:], ask.title, ask.title_vector, ask.key, ask.lang)
                found.append(replace(_sentence(ask.leads, place, *headings, *rest), block=None))
                heading = found[-1].text
            headings.append(heading)
        return found

    def tells_in(self, prompt: str, lang: str) -> bool:
        return True

    def name_in(self, title: str, source_lang: str, lang: str) -> str:
        (text,) = self.translate([title], source_lang, lang)
        return text.text

    def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[Text]:
        self._called("translate")
        return [
            replace(_sentence(text, *texts, source_lang, lang), block=None)
            if text
            else Text(text="", score=None)
            for text in texts
        ]


def _said(ask: SayAsk) -> list[list[Text]]:
    batch = [part for s in ask.sections for part in (s.here, s.vectors, s.places, s.key, s.notes)]
    batch += [ask.title, ask.headings, ask.lang]
    return [
        [_sentence(s.vectors[place], place, s.key, *batch, is_first=place == 0) for place in s.places]
        for s in ask.sections
    ]


def _sentence(*parts: object, is_first: bool = False) -> Text:
    """Return words that follow from the parts; the first sentence of a section begins a block."""
    numbers = hashed(*parts)
    drawn = numbers.integers(0, len(WORDS), size=6)
    block = BLOCKS[numbers.integers(0, 3 if is_first else 4)]
    return Text(text=" ".join(WORDS[n] for n in drawn).capitalize() + ".", score=0.9, block=block)
