"""The models as the steps see them: numpy arrays in, numpy arrays out; and the real ones, loaded aside.

Shapes: D concept dim, P prompt sentences, N leaf items, S sentences. All vectors are float32 in the
*raw* concept space. Only `ModelEngine` knows torch; tests bring an `Engine` of their own.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol

from concepts.card import find_name_in_space
from concepts.space.config import ENGLISH
from flows.document.noted import is_passage
from flows.document.options import DEFAULT_DRAWING, NO_LIBRARY, Drawing, WritingOptions
from storage import BlockKind, CardRef, DocumentRecord, NewPlanItem, NoteRecord, SpaceRef, Stage

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from concepts.codec import ConceptCodec
    from concepts.library.library import Library
    from concepts.library.stored import Libraries
    from concepts.translation import Translator
    from planner import PlannedItem, Planner
    from storage.records import Vector
    from writer import Writer, WritingPlan
    from writer.voice.decode import Rendering
    from writer.voice.text import Said
    from writer.voice.voice import Voice

LAST_PART_S = 30.0
"""Longest wait, at the end of a process, for a model that is still being loaded."""
Part = Literal["space", "planner", "writer", "voice", "translator"]
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
    notes: tuple[NoteRecord, ...] = ()
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
    known: tuple[tuple[NoteRecord, ...] | None, ...]
    """Notes of sections that have theirs; None for those to look for."""
    library: str | None
    """Where they are looked for, as `WritingOptions.library`; None: in the space's own library."""


@dataclass(frozen=True, kw_only=True)
class OutlineAsk:
    """What one document asks of `Engine.find_outline`."""

    title: str
    prompt: str
    """What was typed, in `prompt_lang`."""
    prompt_lang: str
    lang: str
    """Language of the document, so of title and headings."""
    num_items: int | None
    """Sections, or parts where `depth` is 2; None: as many as are known."""
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

    def find_notes(self, ask: NotesAsk) -> list[tuple[NoteRecord, ...]]:
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


NEEDS: dict[Work, tuple[Part, ...]] = {
    "encode": ("space",),
    "plan": ("space", "planner"),
    "write": ("space", "writer"),
    "decode": ("space", "voice"),
    "translate": ("space", "translator"),
}


class ModelEngine:
    """The models of this repository, loaded one after the other in a background thread."""

    def __init__(
        self,
        *,
        space: str | None = None,
        planner: str | None = None,
        writer: str | None = None,
        voice: str | None = None,
        device: str | None = None,
    ) -> None:
        """Name the cards or folders; None: the ones that ship. `device`: of all models, None: accelerate's."""
        self._names = {"space": space, "planner": planner, "writer": writer, "voice": voice}
        self._device_name = device
        self._codec: Future[ConceptCodec] = Future()
        self._planner: Future[Planner] = Future()
        self._writer: Future[Writer] = Future()
        self._voice: Future[Voice] = Future()
        self._translator: Future[Translator] = Future()
        self._parts: dict[Part, tuple[Future[Any], Callable[[], Any]]] = {
            "space": (self._codec, self._load_codec),
            "planner": (self._planner, self._load_planner),
            "writer": (self._writer, self._load_writer),
            "voice": (self._voice, self._load_voice),
            "translator": (self._translator, self._load_translator),
        }
        """What a part becomes, and what loads it."""
        self.most_alike = math.inf
        """Of the libraries that will be loaded; see `concepts.library.library.Library.most_alike`."""
        self._libraries: Libraries | None = None
        self._load_times: dict[str, float] = {}
        self._on_loaded: OnLoaded = nobody
        self._thread: threading.Thread | None = None
        self._begun: set[Part] = set()
        """Parts that are loaded, or will be."""
        self._beginning = threading.Lock()
        self._is_over = False
        """Whether the process ends, so that what is not loaded yet is not needed."""

    @classmethod
    def for_document(cls, document: DocumentRecord) -> ModelEngine:
        """Return the engine that a stored document asks for or was begun with, else the shipped models."""
        return cls(**cls.names_for(document))

    @staticmethod
    def names_for(document: DocumentRecord) -> dict[Part, str | None]:
        """Return the names of a document's models; None where it neither asks for one nor has one yet."""
        asked = WritingOptions.from_params(document.params)
        return {
            # A folder that was named is asked before a name that was stored.
            "space": asked.space or (None if document.space is None else document.space.name),
            "planner": asked.planner or (None if document.planner is None else document.planner.name),
            "writer": asked.writer or (None if document.writer is None else document.writer.name),
            "voice": asked.voice,
        }

    @property
    def space(self) -> SpaceRef:
        """The identity of the codec's space."""
        codec = self._codec.result()
        return SpaceRef(**_split(codec.space_id), dim=codec.dim)

    @property
    def planner(self) -> CardRef:
        """The planner's card."""
        return CardRef(**_split(self._planner.result().card.model_id))

    @property
    def writer(self) -> CardRef:
        """The writer's card."""
        return CardRef(**_split(self._writer.result().card.model_id))

    @property
    def voice(self) -> CardRef:
        """The voice's name and checksum."""
        voice = self._voice.result()
        return CardRef(name=voice.name, checksum=voice.checksum)

    def start_loading(self, stages: Sequence[Work], on_loaded: OnLoaded = nobody) -> None:
        """Load the parts that `stages` need, in that order; a second call does nothing."""
        if self._thread is None:
            self._on_loaded = on_loaded
            parts = tuple(dict.fromkeys(part for stage in stages for part in NEEDS[stage]))
            self._begun.update(parts)
            # A daemon: Ctrl-C must not wait for gigabytes of weights.
            self._thread = threading.Thread(target=self._load, args=(parts,), name="models", daemon=True)
            self._thread.start()
            atexit.register(self._stop_loading)

    def _stop_loading(self) -> None:
        """Load no further part, and wait for the one at hand: a thread that ends inside C++ aborts the process."""
        self._is_over = True
        if self._thread is not None:
            self._thread.join(LAST_PART_S)

    def _load(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if self._is_over:
                return
            self._tell_loaded()
            future, load = self._parts[part]
            started = time.perf_counter()
            try:
                loaded = load()
            except BaseException as error:  # noqa: BLE001  # raised where the model is asked for
                future.set_exception(error)
            else:
                self._load_times[part] = time.perf_counter() - started
                future.set_result(loaded)
        if parts:
            self._tell_loaded()

    def _tell_loaded(self) -> None:
        """Say how many parts are loaded; what a listener raises is no fault of a model."""
        with suppress(Exception):
            self._on_loaded(len(self._load_times), len(self._begun))

    def _device(self) -> torch.device:
        import torch

        from concepts.devices import device_of_process

        return device_of_process() if self._device_name is None else torch.device(self._device_name)

    def device_of(self, stage: Work) -> str:
        """Return accelerate's device; for what a voice says, the devices on which its base model lies."""
        return self._voice.result().places if stage == "decode" else str(self._device())

    def _load_codec(self) -> ConceptCodec:
        from concepts.codec import load_codec

        return load_codec(self._names["space"], device=self._device())

    def _load_planner(self) -> Planner:
        space_id = self._codec.result().space_id
        from planner import Planner

        return Planner.load(
            self._names["planner"] or find_name_in_space("planner", space_id),
            space_id=space_id,
            device=self._device(),
        )

    def _load_writer(self) -> Writer:
        space_id = self._codec.result().space_id
        from writer import Writer

        return Writer.load(
            self._names["writer"] or find_name_in_space("writer", space_id),
            space_id=space_id,
            device=self._device(),
        )

    def _load_voice(self) -> Voice:
        codec = self._codec.result()
        from writer.voice.placement import Placement
        from writer.voice.voice import Voice

        return Voice.load(
            self._names["voice"],
            space_id=codec.space_id,
            encode=self._encode_english,
            placement=Placement(device=self._device()),
        )

    def _load_translator(self) -> Translator:
        from concepts.translation import Translator

        return Translator.load(self._codec.result().device)

    def prepare(self, stage: Work) -> None:
        """Wait for the parts of one stage and raise what went wrong while they loaded."""
        assert self._thread is not None, "start_loading was not called"
        self._begin(NEEDS[stage])
        for part in NEEDS[stage]:
            self._parts[part][0].result()

    def _begin(self, parts: Sequence[Part]) -> None:
        """Load those of `parts` that nobody foresaw: to wait for what is never loaded would last for ever."""
        with self._beginning:
            missing = [part for part in parts if part not in self._begun]
            self._begun.update(missing)
        self._load(missing)

    def _translates(self) -> Translator:
        """Return the translator, which is loaded where another language than English is first met."""
        self._begin(["translator"])
        return self._translator.result()

    def load_times(self) -> dict[str, float]:
        """Return the seconds that each part took to load; the space's hold the import of torch."""
        return dict(self._load_times)

    def check_lang(self, lang: str) -> str:
        """Ask the codec, then the translator, which knows the languages of texts that are not English."""
        codec = self._codec.result()
        if lang in codec.langs or lang in self._translates().langs:
            return lang
        return codec.check_lang(lang)

    def encode(self, sentences: Sequence[str], lang: str) -> Vector:
        """Encode with the codec; in a language that its encoder does not know, what the sentences say in English."""
        codec = self._codec.result()
        if lang not in codec.langs and sentences:
            sentences, lang = self._translates().translate(list(sentences), lang, ENGLISH), ENGLISH
        return _array(codec.encode(sentences, lang))

    def as_query(self, vectors: Vector, lang: str) -> Vector:
        """Return query vectors for the concepts `vectors` (N, D) of texts in `lang`."""
        codec = self._codec.result()
        return _array(codec.as_query(_tensor(vectors), lang if lang in codec.langs else ENGLISH))

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
            _tensor(prompt), goal=_goal(goal), num_sections=num_sections, depth=depth, seed=seed
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
        """Let the outline model say gist and length of given leads."""
        given = [(path, _tensor(lead)) for path, lead in leads]
        planned = {
            item.path: (_tensor(item.gist), item.planned_length) for item in known if item.gist is not None
        }
        items = self._planner_for(drawing).fill(
            _tensor(prompt), given, goal=_goal(goal), seed=seed, known=planned
        )
        return _new_items(items)

    def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
        """Look for sections of documents like the title, or for documents that are parts of it."""
        from concepts.library.outline import find_outline
        from concepts.library.parts import find_parts

        (title,) = self._in_english([ask.title], ask.lang)
        (prompt,) = self._in_english([ask.prompt], ask.prompt_lang)
        library, encode, names = self._library(ask.library), self._encode_english, (title, prompt)
        if ask.depth == 1:
            headings = find_outline(library, encode, names, ask.num_items)
            found = [(str(n), heading) for n, heading in enumerate(headings, 1)]
        else:
            found = []
            for n, part in enumerate(find_parts(library, encode, names, ask.num_items), 1):
                found.append((str(n), part.heading))
                found += [(f"{n}.{k}", heading) for k, heading in enumerate(part.sections, 1)]
        texts = self._from_english([Text(text=heading, score=None) for _, heading in found], ask.lang)
        return [(path, text.text.strip()) for (path, _), text in zip(found, texts, strict=True)]

    def find_notes(self, ask: NotesAsk) -> list[tuple[NoteRecord, ...]]:
        """Look for notes by the concepts of title and headings."""
        from concepts.library.notes import find_notes

        named = [part for part in dict.fromkeys(ask.parts) if part]
        title, *texts = self._in_english([ask.title, *named, *ask.headings], ask.lang)
        english_of = {"": ""} | dict(zip(named, texts, strict=False))
        found = find_notes(
            self._library(ask.library),
            self._encode_english,
            title,
            texts[len(named) :],
            parts=[english_of[part] for part in ask.parts],
            wanted=[known is None for known in ask.known],
            taken=[note.text for known in ask.known for note in known or ()],
        )
        return [
            tuple(NoteRecord(**asdict(note)) for note in own) if known is None else known
            for own, known in zip(found, ask.known, strict=True)
        ]

    def _library(self, name: str | None) -> Library:
        """Return a library, which is loaded where it is first asked for."""
        from concepts.library.stored import Libraries

        with self._beginning:
            if self._libraries is None:
                space_id = self._codec.result().space_id
                self._libraries = Libraries(space_id, self._encode_english, self.most_alike)
        return self._libraries.get(None if name == NO_LIBRARY else name)

    def _encode_english(self, texts: list[str]) -> Tensor:
        return self._codec.result().encode(texts, ENGLISH)

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """Write with the concept diffusion model."""
        (sections,) = self.write_together([WriteAsk(plan=plan, paths=tuple(paths), seed=seed)])
        return sections

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        """Write the sections of several plans side by side."""
        from writer import WritingTask

        found: list[list[Section]] = [[] for _ in asks]
        # Documents that are drawn in another way have a batch of their own.
        for drawing in dict.fromkeys(ask.plan.drawing for ask in asks):
            places = [place for place, ask in enumerate(asks) if ask.plan.drawing == drawing]
            tasks = [WritingTask(_writing_plan(asks[p].plan), asks[p].paths, asks[p].seed) for p in places]
            written = self._writer_for(drawing).write_together(tasks)
            for place, sections in zip(places, written, strict=True):
                found[place] = [
                    Section(
                        path=section.path,
                        vectors=_array(section.vectors),
                        stop_reason=section.stop_reason,
                        similarity=float(section.similarity),
                    )
                    for section in sections
                ]
        return found

    def _planner_for(self, drawing: Drawing) -> Planner:
        """Return the planner that draws as a document asks for."""
        planner = self._planner.result()
        return planner.with_options(replace(planner.options, **drawing.changes()))  # type: ignore[arg-type]

    def _writer_for(self, drawing: Drawing) -> Writer:
        """Return the writer that draws as a document asks for."""
        writer = self._writer.result()
        return writer.with_options(replace(writer.options, **drawing.changes()))  # type: ignore[arg-type]

    def render(self, vectors: Vector, lang: str, *, beam_size: int) -> list[Text]:
        """Decode and score with the codec."""
        from writer.decoding import render

        found = render(self._codec.result(), _tensor(vectors), lang, beam_size=beam_size)
        return [Text(text=rendering.text, score=float(rendering.score)) for rendering in found]

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
                    concepts=_tensor(section.vectors),
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

    def say_title(self, ask: TitleAsk) -> str:
        """Say a title in the light of the prompt."""
        (prompt,) = self._in_english([ask.prompt], ask.prompt_lang)
        title = self._voice.result().say_title(prompt, _tensor(ask.prompt_vector), ask.key)
        if not title:
            return ""
        (found,) = self._from_english([Text(text=title, score=None)], ask.lang)
        return found.text

    def say_headings(self, ask: HeadingsAsk) -> list[Text]:
        """Say what an outline lacks, knowing the other headings."""
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
                leads=_tensor(ask.leads),
                title_concept=_tensor(ask.title_vector),
                known=tuple(heading_at.get(place) for place in range(len(ask.known))),
                key=ask.key,
                proposals=tuple(proposals),
                worth=worth,
            )
        )
        # A heading is no list item, though a voice says it as one.
        texts = [replace(_text(row), block=None) for place, row in enumerate(said) if place not in heading_at]
        return self._from_english(texts, ask.lang)

    def _in_english(self, texts: Sequence[str], lang: str) -> list[str]:
        """Return texts as the voice reads them: it knows English."""
        if lang == ENGLISH:
            return list(texts)
        return [text.text for text in self._translated(texts, lang, ENGLISH)]

    def _from_english(self, texts: Sequence[Text], lang: str) -> list[Text]:
        """Return what a voice said in the document's language; scores stay those of what was said."""
        if lang == ENGLISH:
            return list(texts)
        found = self._translated([text.text for text in texts], ENGLISH, lang)
        return [replace(text, text=other.text) for text, other in zip(texts, found, strict=True)]

    def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[Text]:
        """Translate and score, both with the translator."""
        return self._translated(texts, source_lang, lang, scored=True)

    def _translated(
        self, texts: Sequence[str], source_lang: str, lang: str, *, scored: bool = False
    ) -> list[Text]:
        """Return texts in `lang`; what the translator does not know is left to the space's own decoder."""
        found = [Text(text="", score=None)] * len(texts)
        places = [place for place, text in enumerate(texts) if text.strip()]
        if not places:
            return found
        asked = [texts[place] for place in places]
        translator = self._translates()
        if {source_lang, lang} <= set(translator.langs):
            said = translator.translate(asked, source_lang, lang)
            scores: Sequence[float | None] = [None] * len(said)
            if scored:
                scores = translator.score(asked, source_lang, said, lang)
            answers = [Text(text=text, score=score) for text, score in zip(said, scores, strict=True)]
        else:
            answers = self.render(self.encode(asked, source_lang), lang, beam_size=WritingOptions.beam_size)
        for place, answer in zip(places, answers, strict=True):
            found[place] = answer
        return found


def _said(notes: Sequence[NoteRecord]) -> tuple[Said, ...]:
    """Return notes as what is said: those of a passage that was taken whole in its own blocks."""
    from writer.voice.text import Said

    whole = is_passage(notes)
    return tuple(
        Said(note.text, note.block if note.begins or not whole else None, note.begins) for note in notes
    )


def _listener(ask: SayAsk, index: int) -> Callable[[int, Rendering], None]:
    """Return what tells whoever asks of the sentences of one section that lack a text."""
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


def _writing_plan(plan: LeafPlan) -> WritingPlan:
    from writer import WritingPlan

    return WritingPlan(
        prompt=_tensor(plan.prompt),
        goal=_goal(plan.goal),
        paths=plan.paths,
        leads=_tensor(plan.leads),
        gists=_tensor(plan.gists),
        num_sentences=plan.num_sentences,
        is_limit=plan.is_limit,
    )


def _new_items(items: Sequence[PlannedItem]) -> list[NewPlanItem]:
    return [
        NewPlanItem(
            path=item.path,
            lead=_array(item.lead),
            gist=_array(item.gist),
            planned_length=item.num_sentences,
        )
        for item in items
    ]


def _split(model_id: str) -> dict[str, str]:
    name, _, checksum = model_id.partition("@")
    return {"name": name, "checksum": checksum}


def _tensor(array: Vector) -> Tensor:
    import torch

    # A copy: arrays read from the store may be read-only, which torch warns about.
    return torch.tensor(array, dtype=torch.float32)


def _goal(goal: Vector | None) -> Tensor | None:
    return None if goal is None else _tensor(goal)


def _array(tensor: Tensor) -> Vector:
    import torch

    array: Vector = tensor.detach().to("cpu", torch.float32).numpy()
    return array
