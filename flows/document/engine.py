"""The models as the steps see them: numpy arrays in, numpy arrays out.

Shapes: D concept dim, P prompt sentences, N leaf items, S sentences. All vectors are float32 in the *raw* space.
`flows.models.engine.ModelEngine` is the engine that is used; tests bring their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from flows.document.options import DEFAULT_DRAWING, NO_LIBRARY, Drawing
from storage import BlockKind, CardRef, NewPlanItem, Note, SpaceRef, Stage

if TYPE_CHECKING:
    from storage.records import Vector

Work = Stage | Literal["encode", "translate"]
"""What models are loaded for: a stage, or what needs less than a whole one (a translation is of the stage `decode`)."""
Key = tuple[int | str, ...]
"""What seeds the draws of a voice."""
OnLoaded = Callable[[int, int], None]
"""Gets how many parts are loaded, and how many are to be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeafPlan:
    """What the writer may look at: the prompt, and the leaves of the outline in reading order."""

    prompt: Vector
    """(P, D)"""
    goal: Vector | None
    """(D,): the mean of the goal's sentences, as a gist is that of a section's; None: no goal."""
    paths: tuple[str, ...]
    leads: Vector
    """(N, D)"""
    gists: Vector
    """(N, D)"""
    num_sentences: tuple[int, ...]
    is_limit: bool = False
    """Whether no section may be longer than planned."""
    drawing: Drawing = DEFAULT_DRAWING
    """How the sections are drawn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """What the writer made of one leaf: (S, D), why it stopped, cosine of its mean with the gist."""

    path: str
    vectors: Vector
    stop_reason: str
    similarity: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SectionConcepts:
    """A written section that is to be said; vectors are raw."""

    here: int
    """Which of the outline's leaves it is, from 0."""
    vectors: Vector
    """All its sentences (S, D)."""
    places: tuple[int, ...]
    """Which of them lack a text, ascending."""
    key: Key
    """Seed of the document, the item's path, and the section's own seed where it is written again."""
    notes: tuple[Note, ...] = ()
    """What it may be written from, in English."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A concept that was said and the cosine of the text, encoded again, with it."""

    text: str
    score: float | None
    """None: nobody said it (a typed heading)."""
    block: BlockKind | None = None
    """The block that a sentence begins; None: it goes on in the block before it, or is a heading."""


OnSaid = Callable[[int, int, Text], None]
"""Gets the index of a section among those that are said, the place of a sentence in it, and the sentence."""


def nobody(*_: object) -> None:
    """Do nothing with what is told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteAsk:
    """What one document asks of `Engine.write`."""

    plan: LeafPlan
    paths: tuple[str, ...]
    seed: int


@dataclass(frozen=True, kw_only=True)
class NotesAsk:
    """What one document asks of `Engine.find_notes`."""

    title: str
    headings: tuple[str, ...]
    """Of all leaves of the outline, in reading order."""
    parts: tuple[str, ...]
    """Headings of the parts that the leaves stand in, "" for none."""
    lang: str
    """Language of the document, so of title and headings."""
    known: tuple[tuple[Note, ...] | None, ...]
    """Notes of sections that have theirs; None for those to look for."""
    library: str | None
    """Where they are looked for, as `WritingOptions.library`; None: in the space's own library."""


@dataclass(frozen=True, kw_only=True)
class OutlineAsk:
    """What one document asks of `Engine.find_outline`."""

    title: str
    prompt: str
    """What was typed, in `prompt_lang`, without the words that ask for a text."""
    typed: str
    """All that was typed: it may name a kind of text, such as an essay."""
    prompt_lang: str
    lang: str
    """Language of the document, so of title and headings."""
    num_items: int | None
    """Sections, or parts where `depth` is 2; None: as many as are known."""
    is_wish: bool
    """Whether `num_items` gives way where not as many are known."""
    depth: int
    library: str | None
    """As in `NotesAsk`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SayAsk:
    """What one document asks of `Engine.say`."""

    title: str
    headings: tuple[str, ...]
    """Of all leaves of the outline, in reading order."""
    sections: Sequence[SectionConcepts]
    lang: str
    """Language of the document, so of title, headings and what is said."""
    on_said: OnSaid = nobody
    """Told of each sentence as it is said, where the voice speaks the document's language; an engine need not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TitleAsk:
    """What one document asks of `Engine.say_title`."""

    prompt: str
    prompt_vector: Vector
    """(D,)"""
    key: Key
    prompt_lang: str
    lang: str
    """Language of the document, so of the title."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadingsAsk:
    """What one document asks of `Engine.say_headings`."""

    title: str
    title_vector: Vector
    """(D,)"""
    leads: Vector
    """(N, D): of the whole outline, in reading order."""
    known: tuple[str | None, ...]
    """Headings that are texts already; None for those to say."""
    key: Key
    lang: str
    """Language of the document, so of title, headings and what is said."""
    library: str | None = NO_LIBRARY
    """Whose headings are proposed, as in `NotesAsk`."""


class Engine(Protocol):
    """Models by what they do. Every result is a pure function of the arguments and the weights."""

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
        """Begin to load what these stages need, in the background; called once, before anything else.

        `on_loaded` is called in the background, too; an engine need not call it.
        """

    def prepare(self, stage: Work) -> None:
        """Wait until the models of one stage are loaded; raise ModelError where they cannot be."""

    def load_times(self) -> dict[str, float]:
        """Return the seconds that loading took, by part, as far as it is over."""

    def device_of(self, stage: Work) -> str:
        """Return where the models of a stage run, such as "cuda:1"; they are loaded."""

    def check_lang(self, lang: str) -> str:
        """Return the language code, or raise UsageError where neither space nor translator know it."""

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
        """Return the items of a new outline (lead, gist, planned length), in reading order."""

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
        """Return gist and planned length for given leads, as (path, (D,)) in reading order.

        `known` items, of an outline that was edited, have both already: the others are planned around them.
        """

    def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
        """Return an outline, path and heading, on a subject that the library knows; empty where it knows too little."""

    def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
        """Return the notes of all leaves: known ones as they are, others from the library, none twice."""

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """Return the sections named by `paths`, made in one batch."""

    def render(self, vectors: Vector, lang: str, *, beam_size: int) -> list[Text]:
        """Return the text of each vector (S, D) of speech, decoded in one batch by the space's own decoder."""

    def say(self, ask: SayAsk) -> list[list[Text]]:
        """Return the texts of each section's sentences that lack one; sections do not see each other's text."""

    def say_title(self, ask: TitleAsk) -> str:
        """Return a title for a prompt that is none: one line, perhaps empty."""

    def say_headings(self, ask: HeadingsAsk) -> list[Text]:
        """Return the headings that an outline lacks, in reading order, each said after those before it."""

    def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[Text]:
        """Return what texts say in `lang`, scored by how near the two are in meaning; "" stays "" without a score."""


class SharingEngine(Engine, Protocol):
    """An engine that also answers several documents by one call.

    No document sees another: each gets what it would alone, up to rounding.
    """

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        """Return what `write` would for each ask, all made in one batch."""

    def say_together(self, asks: Sequence[SayAsk]) -> list[list[list[Text]]]:
        """Return what `say` would for each ask, all said side by side."""
