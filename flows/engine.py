"""The models as the steps see them: numpy arrays in, numpy arrays out; and the real ones, loaded aside.

Shapes: D concept dim, P prompt sentences, N leaf items, S sentences. All vectors are float32 in the
*raw* concept space. Only `ModelEngine` knows torch; tests bring an `Engine` of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from concepts.card import find_name_in_space
from concepts.errors import ModelError
from flows.options import WritingOptions
from storage import CardRef, DocumentRecord, NewPlanItem, SpaceRef, Stage

if TYPE_CHECKING:
    from torch import Tensor

    from concepts.codec import ConceptCodec
    from planner import PlannedItem, Planner
    from storage.records import Vector
    from writer import Writer, WritingPlan
    from writer.decoding import Rendering

T = TypeVar("T")
Part = Literal["space", "planner", "writer"]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """What the writer made of one leaf: (S, D), why it stopped, cosine of its mean with the gist."""

    path: str
    vectors: Vector
    stop_reason: str
    similarity: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SectionConcepts:
    """A written section that is to be decoded; vectors are raw."""

    heading: Vector
    """(D,)"""
    gist: Vector
    """(D,)"""
    vectors: Vector
    """All its sentences (S, D)."""
    places: tuple[int, ...]
    """Which of them lack a text, ascending."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A decoded concept and the cosine of the re-encoded text with it."""

    text: str
    score: float | None
    """None: nobody decoded it (a typed heading)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteAsk:
    """What one document asks of `Engine.write`."""

    plan: LeafPlan
    paths: tuple[str, ...]
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SayAsk:
    """What one document asks of `Engine.say`."""

    sections: Sequence[SectionConcepts]
    prompt: Vector
    """(P, D)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class RenderAsk:
    """What one document asks of `Engine.render`."""

    vectors: Vector
    """(S, D)"""
    english: Sequence[str] | None
    """Texts of these in English, see `Engine.render`."""


class Engine(Protocol):
    """Models by what they do. Every result is a pure function of the arguments and the weights."""

    @property
    def space(self) -> SpaceRef:
        """The concept space of all three models."""

    @property
    def planner(self) -> CardRef:
        """The planner's identity."""

    @property
    def writer(self) -> CardRef:
        """The writer's identity."""

    def start_loading(self, stages: Sequence[Stage]) -> None:
        """Begin to load what these stages need, in the background; called once, before anything else."""

    def prepare(self, stage: Stage) -> None:
        """Wait until the models of one stage are loaded; raise ModelError where they cannot be."""

    def load_times(self) -> dict[str, float]:
        """Return the seconds that loading took, by part, as far as it is over."""

    def check_lang(self, lang: str) -> str:
        """Return the language code, or raise UsageError where the space does not know it."""

    def encode(self, sentences: Sequence[str], lang: str) -> Vector:
        """Return the vectors (S, D) of sentences."""

    def plan(
        self, prompt: Vector, *, goal: Vector | None, num_sections: int | None, depth: int, seed: int
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
    ) -> list[NewPlanItem]:
        """Return gist and planned length for given leads, as (path, (D,)) in reading order.

        `known` items, of an outline that was edited, have both already: the others are planned around them.
        """

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """Return the sections named by `paths`, made in one batch."""

    def render(
        self,
        vectors: Vector,
        lang: str,
        *,
        beam_size: int,
        translates: bool = False,
        english: Sequence[str] | None = None,
    ) -> list[Text]:
        """Return the text of each vector (S, D), decoded in one batch.

        `translates`: the vectors are those of texts in another language or of speech; no text in `lang` lies there.
        `english`: these texts, where they are English and known; "" for one that is not.
        """

    def say(
        self, sections: Sequence[SectionConcepts], prompt: Vector, lang: str, *, beam_size: int
    ) -> list[list[Text]]:
        """Return the texts of each section's wanted sentences, decoded in the light of what stands around them.

        `prompt` (P, D) holds the prompt's sentences. Sections do not see each other.
        """


class SharingEngine(Engine, Protocol):
    """An engine that also answers several documents by one call.

    No document sees another: each gets what it would alone, up to rounding.
    """

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        """Return what `write` would for each ask, all made in one batch."""

    def render_together(
        self, asks: Sequence[RenderAsk], lang: str, *, beam_size: int, translates: bool = False
    ) -> list[list[Text]]:
        """Return what `render` would for each ask, all decoded in one batch."""

    def say_together(self, asks: Sequence[SayAsk], lang: str, *, beam_size: int) -> list[list[list[Text]]]:
        """Return what `say` would for each ask, all decoded side by side."""


NEEDS: dict[Stage, tuple[Part, ...]] = {
    "plan": ("space", "planner", "writer"),
    "write": ("space", "writer"),
    "decode": ("space",),
}


class MissingWriter(ModelError):
    """A space has no writer: its documents can be planned, and no more."""


class ModelEngine:
    """The models of this repository, loaded one after the other in a background thread."""

    def __init__(
        self,
        *,
        space: str | None = None,
        planner: str | None = None,
        writer: str | None = None,
        device: str | None = None,
    ) -> None:
        """Name the cards or folders; None: the ones that ship. `device`: of the space, None: accelerate's."""
        self._names = {"space": space, "planner": planner, "writer": writer}
        self._device = device
        self._codec: Future[ConceptCodec] = Future()
        self._planner: Future[Planner] = Future()
        self._writer: Future[Writer] = Future()
        self._load_times: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._begun: set[Part] = set()
        """Parts that are loaded, or will be."""

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

    def start_loading(self, stages: Sequence[Stage]) -> None:
        """Load the parts that `stages` need, in that order; a second call does nothing."""
        if self._thread is None:
            parts = tuple(dict.fromkeys(part for stage in stages for part in NEEDS[stage]))
            self._begun.update(parts)
            # A daemon: Ctrl-C must not wait for gigabytes of weights.
            self._thread = threading.Thread(target=self._load, args=(parts,), name="models", daemon=True)
            self._thread.start()

    def _load(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if part == "space":
                self._timed("space", self._codec, self._load_codec)
            elif part == "planner":
                self._timed("planner", self._planner, self._load_planner)
            else:
                self._timed("writer", self._writer, self._load_writer)

    def _timed(self, part: Part, future: Future[T], load: Callable[[], T]) -> None:
        started = time.perf_counter()
        try:
            loaded = load()
        except BaseException as error:  # noqa: BLE001  # raised where the model is asked for
            future.set_exception(error)
        else:
            self._load_times[part] = time.perf_counter() - started
            future.set_result(loaded)

    def _load_codec(self) -> ConceptCodec:
        import torch
        from accelerate import PartialState

        from concepts.codec import load_codec

        device = PartialState().device if self._device is None else torch.device(self._device)
        return load_codec(self._names["space"], device=device)

    def _load_planner(self) -> Planner:
        space_id = self._codec.result().space_id
        from planner import Planner

        return Planner.load(
            self._names["planner"] or find_name_in_space("planner", space_id), space_id=space_id
        )

    def _load_writer(self) -> Writer:
        space_id = self._codec.result().space_id
        from writer import Writer

        name = self._names["writer"]
        if name is None:
            try:
                name = find_name_in_space("writer", space_id)
            except ModelError as error:
                raise MissingWriter(str(error)) from error
        return Writer.load(name, space_id=space_id)

    def prepare(self, stage: Stage) -> None:
        """Wait for the parts of one stage and raise what went wrong while they loaded."""
        assert self._thread is not None, "start_loading was not called"
        # Nobody foresaw that these are needed; to wait for what is never loaded would last for ever.
        missing = [part for part in NEEDS[stage] if part not in self._begun]
        self._begun.update(missing)
        self._load(missing)
        if "space" in NEEDS[stage]:
            self._codec.result()
        if "planner" in NEEDS[stage]:
            self._planner.result()
        if "writer" in NEEDS[stage] and stage != "plan":  # a plan can do without, see _aimed
            self._writer.result()

    def load_times(self) -> dict[str, float]:
        """Return the seconds that each part took to load; the space's hold the import of torch."""
        return dict(self._load_times)

    def check_lang(self, lang: str) -> str:
        """Ask the codec."""
        return self._codec.result().check_lang(lang)

    def encode(self, sentences: Sequence[str], lang: str) -> Vector:
        """Encode with the codec."""
        return _array(self._codec.result().encode(sentences, lang))

    def as_query(self, vectors: Vector, lang: str) -> Vector:
        """Return query vectors (N, D) for the concepts `vectors` of texts in `lang`."""
        return _array(self._codec.result().as_query(_tensor(vectors), lang))

    def plan(
        self, prompt: Vector, *, goal: Vector | None, num_sections: int | None, depth: int, seed: int
    ) -> list[NewPlanItem]:
        """Plan with the outline model."""
        items = self._planner.result().plan(
            _tensor(prompt), goal=_goal(goal), num_sections=num_sections, depth=depth, seed=seed
        )
        return _new_items(self._aimed(prompt, items))

    def _aimed(
        self, prompt: Vector, items: Sequence[PlannedItem], known: Collection[str] = ()
    ) -> list[PlannedItem]:
        """Return planned items with the gists that the writer's codebook says, but for those of `known` paths.

        As the planner drew them where the space has no writer, or that says none: a plan needs neither. A
        writer that cannot be used is raised here: the plan that it would have changed must not be stored.
        """
        import torch

        try:
            writer = self._writer.result()
        except MissingWriter:
            return list(items)
        aims = writer.aim(_tensor(prompt), torch.stack([item.lead for item in items]))
        if aims is None:
            return list(items)
        return [
            item if item.path in known else replace(item, gist=aim)
            for item, aim in zip(items, aims, strict=True)
        ]

    def fill(
        self,
        prompt: Vector,
        leads: Sequence[tuple[str, Vector]],
        *,
        goal: Vector | None,
        seed: int,
        known: Sequence[NewPlanItem] = (),
    ) -> list[NewPlanItem]:
        """Let the outline model say gist and length of given leads."""
        given = [(path, _tensor(lead)) for path, lead in leads]
        planned = {
            item.path: (_tensor(item.gist), item.planned_length) for item in known if item.gist is not None
        }
        items = self._planner.result().fill(
            _tensor(prompt), given, goal=_goal(goal), seed=seed, known=planned
        )
        return _new_items(self._aimed(prompt, items, planned))

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """Write with the concept diffusion model."""
        (sections,) = self.write_together([WriteAsk(plan=plan, paths=tuple(paths), seed=seed)])
        return sections

    def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
        """Write the sections of several plans side by side."""
        from writer import WritingTask

        tasks = [WritingTask(_writing_plan(ask.plan), ask.paths, ask.seed) for ask in asks]
        return [
            [
                Section(
                    path=section.path,
                    vectors=_array(section.vectors),
                    stop_reason=section.stop_reason,
                    similarity=float(section.similarity),
                )
                for section in sections
            ]
            for sections in self._writer.result().write_together(tasks)
        ]

    def render(
        self,
        vectors: Vector,
        lang: str,
        *,
        beam_size: int,
        translates: bool = False,
        english: Sequence[str] | None = None,
    ) -> list[Text]:
        """Decode, or translate, and score."""
        from concepts.codec import Codec
        from concepts.translation import Translator
        from writer.decoding import render, score

        codec, concepts = self._codec.result(), _tensor(vectors)
        if translates and isinstance(codec, Codec):
            said = Translator(codec).say(concepts, lang, english=english, beam_size=beam_size)
            return _texts(score(codec, said, concepts, lang))
        return _texts(render(codec, concepts, lang, beam_size=beam_size))

    def render_together(
        self, asks: Sequence[RenderAsk], lang: str, *, beam_size: int, translates: bool = False
    ) -> list[list[Text]]:
        """Decode, or translate, and score all asks as one."""
        import numpy as np

        vectors = np.concatenate([ask.vectors for ask in asks])
        english = None
        if any(ask.english is not None for ask in asks):
            english = [text for ask in asks for text in ask.english or [""] * len(ask.vectors)]
        texts = iter(self.render(vectors, lang, beam_size=beam_size, translates=translates, english=english))
        return [list(islice(texts, len(ask.vectors))) for ask in asks]

    def say(
        self, sections: Sequence[SectionConcepts], prompt: Vector, lang: str, *, beam_size: int
    ) -> list[list[Text]]:
        """Decode the wanted sentences of all sections."""
        (texts,) = self.say_together([SayAsk(sections=sections, prompt=prompt)], lang, beam_size=beam_size)
        return texts

    def say_together(self, asks: Sequence[SayAsk], lang: str, *, beam_size: int) -> list[list[list[Text]]]:
        """Decode the sections of several documents in one batch."""
        import numpy as np

        wanted = [s.vectors[list(s.places)] for ask in asks for s in ask.sections]
        texts = iter(self.render(np.concatenate(wanted), lang, beam_size=beam_size))
        return [[list(islice(texts, len(s.places))) for s in ask.sections] for ask in asks]


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


def _texts(renderings: Sequence[Rendering]) -> list[Text]:
    return [Text(text=rendering.text, score=float(rendering.score)) for rendering in renderings]


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
