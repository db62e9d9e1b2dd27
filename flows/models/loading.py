"""Loading this repository's models one after the other in a background thread."""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self

from concepts.languages.codes import ENGLISH
from concepts.models.card import find_name_in_space
from flows.document.asked.options import NO_LIBRARY, WritingOptions
from flows.document.engine import OnLoaded, Work, nobody
from storage import CardRef, DocumentRecord, SpaceRef

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from concepts.codecs.codec import ConceptCodec
    from concepts.codecs.translation import Translator
    from concepts.library.library import Library
    from concepts.library.stored import Libraries
    from planner import Planner
    from writer import Writer
    from writer.voice.voice import Voice

LAST_PART_S = 30.0
"""Longest wait, when the process ends, for a model that is still loading."""
Part = Literal["space", "planner", "writer", "voice", "translator"]
NEEDS: dict[Work, tuple[Part, ...]] = {
    "encode": ("space",),
    "plan": ("space", "planner"),
    "write": ("space", "writer"),
    "decode": ("space", "voice"),
    "translate": ("space", "translator"),
}


class LoadedModels:
    """A document's models; the first use of each waits until it is loaded."""

    def __init__(
        self,
        *,
        space: str | None = None,
        planner: str | None = None,
        writer: str | None = None,
        voice: str | None = None,
        device: str | None = None,
    ) -> None:
        """Take names or folders of the models; None: the ones that ship. `device`: for all; None: accelerate's."""
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
        """Future and loader of each part."""
        self.most_alike = math.inf
        self.is_measured = False
        """Settings of libraries loaded later; see `concepts.library.library.Library`."""
        self._libraries: Libraries | None = None
        self._load_times: dict[str, float] = {}
        self._on_loaded: OnLoaded = nobody
        self._thread: threading.Thread | None = None
        self._begun: set[Part] = set()
        """Parts that are loaded or queued for loading."""
        self._beginning = threading.Lock()
        self._is_over = False
        """Whether the process is ending, so that no further part needs loading."""

    @classmethod
    def for_document(cls, document: DocumentRecord) -> Self:
        """Return the engine with the models that a document names or was begun with, else the shipped ones."""
        return cls(**cls.names_for(document))

    @staticmethod
    def names_for(document: DocumentRecord) -> dict[Part, str | None]:
        """Return the names of a document's models; None if it neither names a model nor has one yet."""
        asked = WritingOptions.from_params(document.params)
        return {
            # A folder from the options comes before a stored name.
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
        """Load no further part; wait for the current one if the interpreter ends under it, since C++ would abort.

        The interpreter stops its main thread before it calls exit handlers. A command that calls them itself then ends
        at once (longhand/cli.py): nothing aborts, and nobody waits after Ctrl-C.
        """
        self._is_over = True
        if self._thread is not None and not threading.main_thread().is_alive():
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
            except BaseException as error:  # noqa: BLE001  # raised where the model is used
                future.set_exception(error)
            else:
                self._load_times[part] = time.perf_counter() - started
                future.set_result(loaded)
        if parts:
            self._tell_loaded()

    def _tell_loaded(self) -> None:
        """Report how many parts are loaded; ignore a listener's errors."""
        with suppress(Exception):
            self._on_loaded(len(self._load_times), len(self._begun))

    def _device(self) -> torch.device:
        import torch

        from concepts.neural.devices import device_of_process

        return device_of_process() if self._device_name is None else torch.device(self._device_name)

    def device_of(self, stage: Work) -> str:
        """Return accelerate's device; for a voice's work, the devices of its base model."""
        return self._voice.result().places if stage == "decode" else str(self._device())

    def _load_codec(self) -> ConceptCodec:
        from concepts.codecs.spaces import load_codec

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
        from writer.voice.base import load_voice
        from writer.voice.placement import Placement

        return load_voice(
            self._names["voice"],
            space_id=codec.space_id,
            encode=self._encode_english,
            placement=Placement(device=self._device()),
        )

    def _load_translator(self) -> Translator:
        from concepts.codecs.translation import Translator

        return Translator.load(self._codec.result().device)

    def prepare(self, stage: Work) -> None:
        """Wait for the parts of one stage and raise their loading errors."""
        assert self._thread is not None, "start_loading was not called"
        self._begin(NEEDS[stage])
        for part in NEEDS[stage]:
            self._parts[part][0].result()

    def _begin(self, parts: Sequence[Part]) -> None:
        """Start loading the `parts` that are not queued yet: waiting for them would otherwise last for ever."""
        with self._beginning:
            missing = [part for part in parts if part not in self._begun]
            self._begun.update(missing)
        self._load(missing)

    def _translates(self) -> Translator:
        """Return the translator, which is loaded at the first text in another language than English."""
        self._begin(["translator"])
        return self._translator.result()

    def load_times(self) -> dict[str, float]:
        """Return each part's loading time in seconds; the space's includes the import of torch."""
        return dict(self._load_times)

    def _library(self, name: str | None) -> Library:
        """Return a library, which is loaded at its first use."""
        from concepts.library.stored import Libraries

        with self._beginning:
            if self._libraries is None:
                space_id = self._codec.result().space_id
                self._libraries = Libraries(
                    space_id,
                    self._encode_english,
                    most_alike=self.most_alike,
                    is_measured=self.is_measured,
                )
        return self._libraries.get(None if name == NO_LIBRARY else name)

    def _encode_english(self, texts: list[str]) -> Tensor:
        return self._codec.result().encode(texts, ENGLISH)


def _split(model_id: str) -> dict[str, str]:
    name, _, checksum = model_id.partition("@")
    return {"name": name, "checksum": checksum}
