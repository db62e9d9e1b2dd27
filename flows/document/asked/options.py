"""A document's options, stored in its `params`, so that a resume needs no arguments."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from concepts.errors import InputError, UsageError
from flows.document.asked.wishes import WISHES

if TYPE_CHECKING:
    from storage.records import Vector

ITEMS_PER_UNIT = 4
"""Sections written in one batch: few, to lose little in a crash; enough to batch well."""
TEXTS_PER_UNIT = 64
"""Sentences said or translated in one batch, whole sections side by side: a larger unit takes fewer, wider calls of the
voice, but a crash loses more work."""
Length = Literal["short", "medium", "long"]
LENGTHS: dict[Length, tuple[int, int]] = {"short": (3, 4), "medium": (5, 8), "long": (9, 14)}
"""Fewest and most sentences planned for a section."""
Use = Literal["keep", "summarize", "expand"]
USES: tuple[Use, ...] = get_args(Use)
_PATH = re.compile(r"[1-9]\d*(\.[1-9]\d*)*")


@dataclass(frozen=True, kw_only=True)
class SpokenPrompt:
    """A spoken prompt: its concept, without a text. The sound itself is not kept."""

    file: str
    """Name of the audio file, for people."""
    space: str
    """Id of the vector's space."""
    vector: str
    """The raw concept (D,), float32 little-endian, in base64."""

    @classmethod
    def pack(cls, file: str, space: str, vector: Vector) -> SpokenPrompt:
        """Return the spoken prompt that stores a vector (D,)."""
        return cls(file=file, space=space, vector=base64.b64encode(vector.astype("<f4").tobytes()).decode())

    def unpack(self) -> Vector:
        """Return the vector (D,)."""
        import numpy as np

        return np.frombuffer(base64.b64decode(self.vector), dtype="<f4").astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How planner and writer draw by diffusion."""

    steps: int | None = None
    """Diffusion steps of an item or a block; None: each model's own number."""
    guidance: float | None = None
    """Strength of classifier-free guidance, 1 is none; None: each model's own."""

    def changes(self) -> dict[str, int | float]:
        """Return the changes to a model's own options, by the names that planner and writer use."""
        asked = {"num_steps": self.steps, "guidance_scale": self.guidance}
        return {name: value for name, value in asked.items() if value is not None}


NO_LIBRARY = "none"
"""Stands for a library's name to switch look-ups off."""

DEFAULT_DRAWING = Drawing()
"""Each model's own options."""


@dataclass(frozen=True, kw_only=True)
class WritingOptions:
    """The wishes of one document; `to_params` and `from_params` are each other's inverse."""

    sections: int | None = None
    """Number of items of the first level; None: the planner decides. Ignored where `outline` is given."""
    depth: int | None = None
    """1: sections; 2: parts, each with sections; None: parts if the prompt asks for a book that the library has."""
    length: Length | None = None
    """How long sections are, see `LENGTHS`; None: as long as the planner plans them."""
    goal: str | None = None
    """What the document should lead to."""
    outline: tuple[tuple[str, str], ...] = ()
    """The user's own headings as (path, heading), for instance ("2.1", "Mixing"); empty: plan."""
    points: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Points that sections of `outline` must make, by path; see `flows.document.points`."""
    lengths: tuple[tuple[str, int], ...] = ()
    """Requested lengths of sections of `outline`, in sentences, by path; the planner chooses the others."""
    prompt_lang: str | None = None
    """Language of prompt and goal; None: the document's."""
    lang_of_prompt: bool = False
    """Whether the document has its language only from its prompt: it is English where the library does not tell of the
    subject in that language."""
    outline_lang: str | None = None
    """Language of the user's own headings; None: the prompt's."""
    space: str | None = None
    """Name or folder of the concept space; None: the one that ships."""
    planner: str | None = None
    """Name or folder of the planner; None: the space's own, see `flows.models`."""
    writer: str | None = None
    """Name or folder of the writer; None: the space's own."""
    voice: str | None = None
    """Name or folder of the voice, or of a language model to use without an adapter; None: the space's own."""
    library: str | None = None
    """Name or folder of the library that supplies notes; `NO_LIBRARY`: none; None: the one that ships."""
    steps: int | None = None
    """Diffusion steps of planner and writer; None: each model's own."""
    guidance: float | None = None
    """Classifier-free guidance of planner and writer, 1 is none; None: each model's own."""
    speech: SpokenPrompt | None = None
    """A spoken prompt instead of a written one."""
    beam_size: int = 4
    """Beams of the space's own decoder, which decodes a spoken prompt; 1 is greedy."""
    use: Use | None = None
    """What to make from the given text (`Store.get_source`): its own outline and text, a summary, or a longer
    document; None: there is only a prompt."""
    sentences: int | None = None
    """Length of a summary."""
    review: bool = False
    """Whether the outline still needs approval before it is written."""
    plan_only: bool = False
    """Whether runs stop after the outline; a resume resets this."""
    items_per_unit: int = ITEMS_PER_UNIT
    texts_per_unit: int = TEXTS_PER_UNIT

    def __post_init__(self) -> None:
        if self.use is not None and self.use not in USES:
            raise UsageError(f"use is {self.use!r}: expected one of {', '.join(USES)}")
        if self.length is not None and self.length not in LENGTHS:
            raise UsageError(f"length is {self.length!r}: expected one of {', '.join(LENGTHS)}")
        if (self.use == "summarize") != (self.sentences is not None):
            raise UsageError("a summary, and only that, has a number of sentences")
        WISHES["steps"].check(self.steps)
        WISHES["guidance"].check(self.guidance)
        for name in ("sections", "depth", "sentences", "beam_size", "items_per_unit", "texts_per_unit"):
            value = getattr(self, name)
            optional = name in ("sections", "depth", "sentences") and value is None
            if not optional and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise UsageError(f"{name.replace('_', ' ')} is {value!r}: expected a whole number from 1")
        paths = [path for path, _ in self.outline]
        for path, heading in self.outline:
            if _PATH.fullmatch(path) is None or not heading.strip():
                raise InputError(
                    f"outline entry {path!r} ({heading!r}): expected a path like 2.1 and a heading"
                )
            parent = path.rpartition(".")[0]
            if paths.count(path) > 1 or (parent and parent not in paths):
                raise InputError(f"outline entry {path!r} occurs twice, or under a part that is not there")

    @property
    def drawing(self) -> Drawing:
        """Drawing options of planner and writer."""
        return Drawing(steps=self.steps, guidance=self.guidance)

    def to_params(self) -> dict[str, object]:
        """Return the JSON object for `NewDocument.params`."""
        params: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return params

    @classmethod
    def from_params(cls, params: Mapping[str, object]) -> WritingOptions:
        """Return the options stored in a document; other keys are ignored, missing ones are defaults."""
        known = {name: params[name] for name in cls.__dataclass_fields__ if name in params}
        if "outline" in known:
            entries = cast("list[list[str]]", known["outline"] or [])
            known["outline"] = tuple((str(path), str(heading)) for path, heading in entries)
        points = cast("list[tuple[str, list[str]]]", known.get("points") or [])
        known["points"] = tuple((str(path), tuple(map(str, texts))) for path, texts in points)
        lengths = cast("list[tuple[str, int]]", known.get("lengths") or [])
        known["lengths"] = tuple((str(path), int(length)) for path, length in lengths)
        if known.get("speech") is not None:
            known["speech"] = SpokenPrompt(**cast("dict[str, str]", known["speech"]))
        return cls(**known)  # type: ignore[arg-type]  # __post_init__ checks the values
