"""One device for several documents: one thread at a time calls the models, which are loaded once.

A worker's documents overlap: one reads and stores while another computes. Without `together` they never share a
batch: a matrix product may round differently in a batch of another size (the library chooses a kernel for each
shape and device), and a document must come out the same whatever runs beside it.
`benchmarks/bench_batching.py` measures whether results differ on a machine, `bench_together.py` what sharing saves.

With `together`, one call writes or says sections of all documents that wait for it (`flows.device`). Prompts,
outlines and headings are still made for each document alone, since everything else follows from them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from concepts.models.card import DEFAULT_NAMES
from flows.device import Device, Kind
from flows.document.engine import (
    HeadingsAsk,
    LeafPlan,
    NotesAsk,
    OnLoaded,
    OutlineAsk,
    SayAsk,
    Section,
    SharingEngine,
    Text,
    TitleAsk,
    Work,
    WriteAsk,
    nobody,
)
from flows.models.engine import ModelEngine
from storage import CardRef, DocumentRecord, NewPlanItem, Note, SpaceRef

if TYPE_CHECKING:
    from storage.records import Vector

P = ParamSpec("P")
R = TypeVar("R")
NUM_ENGINES = 2
"""Sets of models kept in memory; documents with other models replace them in turn."""


class SharedEngine:
    """An `Engine` whose models serve one thread at a time, or several in one call."""

    def __init__(self, engine: SharingEngine, device: Device, *, together: bool = False) -> None:
        """`together`: whether documents may share calls."""
        self._engine = engine
        self._device = device
        self._together = together

    @property
    def space(self) -> SpaceRef:
        """The engine's."""
        return self._engine.space

    @property
    def planner(self) -> CardRef:
        """The engine's."""
        return self._engine.planner

    @property
    def writer(self) -> CardRef:
        """The engine's."""
        return self._engine.writer

    @property
    def voice(self) -> CardRef:
        """The engine's."""
        return self._engine.voice

    def start_loading(self, stages: Sequence[Work], on_loaded: OnLoaded = nobody) -> None:
        """As the engine."""
        self._engine.start_loading(stages, on_loaded)

    def prepare(self, stage: Work) -> None:
        """As the engine."""
        self._engine.prepare(stage)

    def load_times(self) -> dict[str, float]:
        """As the engine."""
        return self._engine.load_times()

    def device_of(self, stage: Work) -> str:
        """As the engine."""
        return self._engine.device_of(stage)

    def check_lang(self, lang: str) -> str:
        """As the engine."""
        return self._engine.check_lang(lang)

    def _turn(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return self._device.call(lambda: work(*args, **kwargs))

    # Arguments as the engine's.

    def encode(self, *args: Any) -> Vector:
        """As the engine, in turn."""
        return self._turn(self._engine.encode, *args)

    def plan(self, *args: Any, **kwargs: Any) -> list[NewPlanItem]:
        """As the engine, in turn."""
        return self._turn(self._engine.plan, *args, **kwargs)

    def fill(self, *args: Any, **kwargs: Any) -> list[NewPlanItem]:
        """As the engine, in turn."""
        return self._turn(self._engine.fill, *args, **kwargs)

    def render(self, *args: Any, **kwargs: Any) -> list[Text]:
        """As the engine, in turn."""
        return self._turn(self._engine.render, *args, **kwargs)

    def find_title(self, ask: TitleAsk) -> str:
        """As the engine, in turn."""
        return self._turn(self._engine.find_title, ask)

    def say_title(self, ask: TitleAsk) -> str:
        """As the engine, in turn."""
        return self._turn(self._engine.say_title, ask)

    def say_headings(self, ask: HeadingsAsk) -> list[Text]:
        """As the engine, in turn."""
        return self._turn(self._engine.say_headings, ask)

    def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
        """As the engine, in turn."""
        return self._turn(self._engine.find_outline, ask)

    def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
        """As the engine, in turn."""
        return self._turn(self._engine.find_notes, ask)

    def tells_in(self, prompt: str, lang: str) -> bool:
        """As the engine, in turn."""
        return self._turn(self._engine.tells_in, prompt, lang)

    def name_in(self, title: str, source_lang: str, lang: str) -> str:
        """As the engine, in turn."""
        return self._turn(self._engine.name_in, title, source_lang, lang)

    def translate(self, *args: Any) -> list[Text]:
        """As the engine, in turn."""
        return self._turn(self._engine.translate, *args)

    def write(self, plan: LeafPlan, paths: Sequence[str], *, seed: int) -> list[Section]:
        """As the engine, in turn; together with other documents' sections."""
        engine = self._engine
        return self._device.ask(
            WriteAsk(plan=plan, paths=tuple(paths), seed=seed),
            lambda ask: engine.write(ask.plan, ask.paths, seed=ask.seed),
            num_rows=len(paths),
            kind=Kind((engine, "write"), engine.write_together) if self._together else None,
        )

    def say(self, ask: SayAsk) -> list[list[Text]]:
        """As the engine, in turn; together with other documents' sections."""
        engine = self._engine
        return self._device.ask(
            ask,
            engine.say,
            num_rows=len(ask.sections),
            kind=Kind((engine, "say"), engine.say_together) if self._together else None,
        )


ModelNames = tuple[str | None, str | None, str | None, str | None]
"""Names of the space, the planner, the writer and the voice, as `ModelEngine` takes them."""
SHIPPED: ModelNames = (None, None, None, None)


def make_engine(names: ModelNames) -> SharingEngine:
    """Return the real engine for four models."""
    space, planner, writer, voice = names
    return ModelEngine(space=space, planner=planner, writer=writer, voice=voice)


def names_for(document: DocumentRecord) -> ModelNames:
    """Return the models that a document names or was begun with; `SHIPPED`: the ones that ship."""
    names = ModelEngine.names_for(document)
    is_default = all(name in (None, DEFAULT_NAMES.get(kind)) for kind, name in names.items())
    return SHIPPED if is_default else (names["space"], names["planner"], names["writer"], names["voice"])


class SharedModels:
    """Hands out engines by a document's models; the last used ones stay loaded."""

    def __init__(
        self,
        make: Callable[[ModelNames], SharingEngine] = make_engine,
        *,
        stages: Sequence[Work] = ("plan", "decode", "write"),
        together: bool = False,
    ) -> None:
        """`make` returns a new engine, `stages` are the stages that it loads, in this order.

        `together`: documents share model calls, which may round differently from calls for one document.
        """
        self._make = make
        self._stages = tuple(stages)
        self._together = together
        self._engines: OrderedDict[ModelNames, SharedEngine] = OrderedDict()
        self._finding = threading.Lock()
        self.device = Device()
        """The device that all engines share."""

    def load_default(self) -> None:
        """Load the models of new documents and wait for them.

        Raises ModelError if they cannot be loaded: better once here than for every claimed document.
        """
        engine = self._find(SHIPPED)
        for stage in self._stages:
            engine.prepare(stage)

    def engine_for(self, document: DocumentRecord) -> SharedEngine:
        """Return the engine for a document; its models load in the background."""
        return self._find(names_for(document))

    def _find(self, names: ModelNames) -> SharedEngine:
        with self._finding:  # the documents of a batch ask at the same time
            if names in self._engines:
                self._engines.move_to_end(names)
                return self._engines[names]
            engine = SharedEngine(self._make(names), self.device, together=self._together)
            engine.start_loading(self._stages)
            self._engines[names] = engine
            while len(self._engines) > NUM_ENGINES:
                self._engines.popitem(last=False)
            return engine
