"""The models as the steps see them: numpy arrays in, numpy arrays out.

Shapes: D concept dim, P prompt sentences, N leaf items, S sentences. All vectors are float32 in the *raw* space.
`flows.models.engine.ModelEngine` is the engine that is used; tests bring their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from flows.document.asked.options import DEFAULT_DRAWING, NO_LIBRARY, Drawing
from storage import BlockKind, CardRef, NewPlanItem, Note, SpaceRef, Stage

if TYPE_CHECKING:
    from concepts.texts import BookNeed
    from storage.records import Vector

Work = Stage | Literal["encode", "translate"]
"""Work that models are loaded for: a whole stage, or only a part of its models (translating belongs to `decode`)."""
Key = tuple[int | str, ...]
"""Seed of a voice's draws."""
OnLoaded = Callable[[int, int], None]
"""Gets the number of loaded parts and the number of all parts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeafPlan:
    """The writer's input: the prompt, and the leaves of the outline in reading order."""

    prompt: Vector
    """(P, D)"""
    goal: Vector | None
    """(D,): the mean of the goal's sentences, as a gist is the mean of its section's; None: no goal."""
    paths: tuple[str, ...]
    leads: Vector
    """(N, D)"""
    gists: Vector
    """(N, D)"""
    num_sentences: tuple[int, ...]
    is_limit: bool = False
    """Whether the planned lengths are upper limits."""
    drawing: Drawing = DEFAULT_DRAWING
    """How the sections are drawn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """The writer's section for one leaf: (S, D), stop reason, cosine of its mean with the gist."""

    path: str
    vectors: Vector
    stop_reason: str
    similarity: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SectionConcepts:
    """A written section for the voice to say; vectors are raw."""

    here: int
    """Index of its leaf in the outline, from 0."""
    vectors: Vector
    """All its sentences (S, D)."""
    places: tuple[int, ...]
    """Indices of the sentences that lack a text, ascending."""
    key: Key
    """Seed of the document, the item's path, and the section's own seed if it is rewritten."""
    notes: tuple[Note, ...] = ()
    """Notes to write it from, in English."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """The text of a concept, and the cosine of the re-encoded text with the concept."""

    text: str
    score: float | None
    """None: the text was not decoded (a typed heading)."""
    block: BlockKind | None = None
    """The block that a sentence begins; None: it continues the previous block, or is a heading."""


OnSaid = Callable[[int, int, Text], None]
"""Gets a section's index in the call, a sentence's place in the section, and the sentence."""


def nobody(*_: object) -> None:
    """Ignore all arguments."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteAsk:
    """One document's request to `Engine.write`."""

    plan: LeafPlan
    paths: tuple[str, ...]
    seed: int


@dataclass(frozen=True, kw_only=True)
class NotesAsk:
    """One document's request to `Engine.find_notes`."""

    title: str
    headings: tuple[str, ...]
    """Of all leaves of the outline, in reading order."""
    parts: tuple[str, ...]
    """Headings of the leaves' parts, "" for none."""
    lang: str
    """Language of the document, so of title and headings."""
    known: tuple[tuple[Note, ...] | None, ...]
    """Notes of sections that have some already; None: to be found."""
    typed: str
    """The prompt, if it is English: another name of the document, whose names, dates and numbers fill blanks of the
    notes, such as "[order number]"."""
    library: str | None
    """Library to search, as `WritingOptions.library`; None: the space's own."""


@dataclass(frozen=True, kw_only=True)
class OutlineAsk:
    """One document's request to `Engine.find_outline`."""

    title: str
    prompt: str
    """The prompt, in `prompt_lang`, without the words that ask for a text."""
    typed: str
    """The whole prompt: it may name a kind of text, such as an essay."""
    prompt_lang: str
    lang: str
    """Language of the document, so of title and headings."""
    num_items: int | None
    """Sections, or parts if `depth` is 2; None: as many as the library has."""
    is_wish: bool
    """Whether fewer than `num_items` will do if the library has no more."""
    depth: int
    num_words: int | None
    """At depth 2: about how many words the parts should have together; None: as many as they have."""
    book: BookNeed | None
    """Which book of the library the parts must come from; None: they may also be any documents near the subject."""
    library: str | None
    """As in `NotesAsk`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SayAsk:
    """One document's request to `Engine.say`."""

    title: str
    headings: tuple[str, ...]
    """Of all leaves of the outline, in reading order."""
    sections: Sequence[SectionConcepts]
    lang: str
    """Language of the document, so of title, headings and what is said."""
    on_said: OnSaid = nobody
    """Gets each sentence as it is said, if the voice speaks the document's language; an engine need not call it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TitleAsk:
    """One document's request to `Engine.say_title` and `Engine.find_title`."""

    prompt: str
    prompt_vector: Vector
    """(D,)"""
    key: Key
    prompt_lang: str
    lang: str
    """Language of the document, so of the title."""
    asked: str
    """The text that the prompt asks for, "a letter to my landlord", if it is English and says so."""
    library: str | None
    """As in `NotesAsk`."""
    names: tuple[str, ...] = ()
    """Names of the document, if the prompt tells its subject."""
    is_needed: bool = False
    """Whether the prompt is no title. If it is one, that of a document on its very subject is not wanted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadingsAsk:
    """One document's request to `Engine.say_headings`."""

    title: str
    title_vector: Vector
    """(D,)"""
    leads: Vector
    """(N, D): of the whole outline, in reading order."""
    known: tuple[str | None, ...]
    """Headings that have a text already; None: to be said."""
    key: Key
    lang: str
    """Language of the document, so of title, headings and what is said."""
    library: str | None = NO_LIBRARY
    """Library that proposes headings, as in `NotesAsk`."""


class Engine(Protocol):
    """The models' functions. Every result is a pure function of the arguments and the weights."""

    @property
    def space(self) -> SpaceRef:
        """The concept space of all models."""

    @property
    def planner(self) -> CardRef:
        """The planner's identity."""

    @property
    def writer(self) -> CardRef:
        """The writer's identity."""

    @property
    def voice(self) -> CardRef:
        """The voice's identity."""

    def start_loading(self, stages: Sequence[Work], on_loaded: OnLoaded = nobody) -> None:
        """Start loading the models of these stages in the background; called once, before anything else.

        `on_loaded` is called in a background thread; an engine need not call it.
        """

    def prepare(self, stage: Work) -> None:
        """Wait until the models of one stage are loaded; raise ModelError if that fails."""

    def load_times(self) -> dict[str, float]:
        """Return the loading time in seconds of each part that is loaded."""

    def device_of(self, stage: Work) -> str:
        """Return the device of a stage's models, such as "cuda:1"; they must be loaded."""

    def check_lang(self, lang: str) -> str:
        """Return the language code; raise UsageError if neither space nor translator know it."""

    def encode(self, sentences: Sequence[str], lang: str) -> Vector:
        """Return the vectors (S, D) of sentences."""

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
        """Return a new outline's items (lead, gist, planned length) in reading order."""

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
        """Return gists and planned lengths for `leads`, given as (path, (D,)) in reading order.

        `known` items, of an edited outline, have both already: the others are planned around them.
        """

    def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
        """Return an outline from the library as (path, heading); empty if it knows too little of the subject."""

    def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
        """Return the notes of all leaves: known ones unchanged, others from the library, none twice."""

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """Return the sections at `paths`, written in one batch."""

    def render(self, vectors: Vector, lang: str, *, beam_size: int) -> list[Text]:
        """Return the text of each vector (S, D) of speech, decoded in one batch by the space's own decoder."""

    def say(self, ask: SayAsk) -> list[list[Text]]:
        """Return the missing texts of each section's sentences; sections do not see each other's text."""

    def find_title(self, ask: TitleAsk) -> str:
        """Return the title of the library's document on a long prompt's subject, in `ask.lang`; "" if there is none."""

    def say_title(self, ask: TitleAsk) -> str:
        """Return a title, one line, perhaps empty, for a prompt that is too long to be one."""

    def say_headings(self, ask: HeadingsAsk) -> list[Text]:
        """Return an outline's missing headings in reading order, each said after the ones before it."""

    def tells_in(self, prompt: str, lang: str) -> bool:
        """Return whether the library that ships has, in `lang`, a document on the subject of a prompt in `lang`."""

    def name_in(self, title: str, source_lang: str, lang: str) -> str:
        """Return a title in `lang`: that of the library's document on its subject, else a translation, perhaps ""."""

    def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[Text]:
        """Return translations into `lang`, scored by their similarity in meaning; "" stays "" without a score."""


class SharingEngine(Engine, Protocol):
    """An engine that can also answer several documents in one call.

    No document sees another: each gets the result it would get alone, up to rounding.
    """

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        """Return `write`'s result for each ask, all in one batch."""

    def say_together(self, asks: Sequence[SayAsk]) -> list[list[list[Text]]]:
        """Return `say`'s result for each ask, all decoded side by side."""
