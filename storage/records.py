"""The store's plain frozen values; this module knows no SQL.

Vectors are float32 arrays in the *raw* concept space: (D,) for one concept, (S, D) for the S sentences of an item.
Times are epoch seconds. Values that hold arrays compare by identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from concepts.blocks import BLOCK_KINDS, BlockKind
from concepts.errors import InputError, StorageError
from storage.texts import check_json, check_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]

JsonObject: TypeAlias = Mapping[str, object]
"""A JSON object; values that JSON cannot hold raise StorageError."""

DocumentStatus = Literal[
    "queued",
    "planning",
    "planned",
    "awaiting_review",
    "writing",
    "decoding",
    "done",
    "failed",
    "paused",
    "cancelled",
]
ItemStatus = Literal["pending", "written", "decoded"]
UnitStatus = Literal["pending", "done"]
Stage = Literal["plan", "write", "decode"]
Source = Literal["model", "user"]
Role = Literal["prompt", "goal"]
Place = Literal["plan", "sentences"]
Way = Literal["meaning", "words"]
"""How a search finds texts."""
Sort = Literal["created", "updated", "title", "status"]
"""Order of listed documents: times newest first, words in alphabetical order."""

DOCUMENT_STATUSES: tuple[DocumentStatus, ...] = get_args(DocumentStatus)
SORTS: tuple[Sort, ...] = get_args(Sort)
STAGES: tuple[Stage, ...] = get_args(Stage)
PLACES: tuple[Place, ...] = get_args(Place)
WAYS: tuple[Way, ...] = get_args(Way)
FINAL: tuple[DocumentStatus, ...] = ("done", "failed", "cancelled")
"""Final statuses: no worker takes such a document, and no user needs to act."""


def check_block(block: str | None) -> BlockKind | None:
    """Return the kind of a block; raise StorageError for an unknown one."""
    if block is not None and block not in BLOCK_KINDS:
        raise StorageError(f"no block is a {block!r}: expected one of {', '.join(BLOCK_KINDS)}, or None")
    return block


@dataclass(frozen=True, kw_only=True)
class CardRef:
    """The identity of a model that made a document."""

    name: str
    checksum: str


@dataclass(frozen=True, kw_only=True)
class SpaceRef:
    """The identity of a concept space; vectors of two different spaces never mix."""

    name: str
    checksum: str
    dim: int
    """Length of one vector."""

    def __str__(self) -> str:
        return f"{self.name} ({self.dim}-d, {self.checksum[:12]})"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Leaf items of the active outline: how many are known, written (or further) and decoded."""

    num_items: int = 0
    num_written: int = 0
    num_decoded: int = 0


@dataclass(frozen=True, kw_only=True)
class NewDocument:
    """A document to be queued."""

    prompt: str
    lang: str
    """Language of the document, as the space's code (`eng_Latn`)."""
    seed: int = 0
    title: str | None = None
    params: JsonObject = field(default_factory=dict)
    """Options: sections, depth, goal, mode, temperature ..."""
    space: SpaceRef | None = None
    """None: set by the first transaction that names a space."""
    planner: CardRef | None = None
    writer: CardRef | None = None
    idempotency_key: str | None = None
    """A second document with the same key is not created: the first one is returned."""
    priority: int = 0
    """Higher is claimed first."""
    flow_run_id: str | None = None
    source: JsonObject | None = None
    """The text that the document is made from; None: there is only the prompt."""

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InputError("the prompt is empty: write at least one sentence about the document")
        check_text("the prompt", self.prompt)
        check_text("the title", self.title or "")
        check_json("the parameters of the document", self.params)
        check_json("the given text", self.source or {})
        if not -(2**63) <= self.seed < 2**63:
            raise InputError(f"the seed {self.seed} does not fit 64 bits: take a number below 2**63")


@dataclass(frozen=True, kw_only=True)
class DocumentRecord:
    """One stored document with its progress."""

    id: str
    prompt: str
    title: str | None
    lang: str
    params: JsonObject
    seed: int
    space: SpaceRef | None
    planner: CardRef | None
    writer: CardRef | None
    status: DocumentStatus
    epoch: int
    owner: str | None
    lease_until: float | None
    error: str | None
    idempotency_key: str | None
    flow_run_id: str | None
    priority: int
    created_at: float
    updated_at: float
    active_outline_id: int | None
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A filter for documents; None does not filter."""

    status: Sequence[DocumentStatus] | None = None
    """Any of these."""
    lang: str | None = None
    """The document's own language."""
    text: str | None = None
    """Words that must all occur in the title, or in the prompt of an untitled document, ignoring case."""
    since: float | None = None
    """Earliest time of creation, inclusive; epoch seconds."""
    until: float | None = None
    """Latest time of creation, exclusive; epoch seconds."""

    def __post_init__(self) -> None:
        check_text("the text that is looked for", self.text or "")


@dataclass(frozen=True)
class Lease:
    """The right to write to one document, until another process claims it (the epoch then grows)."""

    document_id: str
    owner: str
    epoch: int
    lease_until: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PromptConcept:
    """One sentence of the prompt, or of the goal, with its vector (D,)."""

    text: str
    vector: Vector
    role: Role = "prompt"


@dataclass(frozen=True, kw_only=True, eq=False)
class NewPlanItem:
    """One item of an outline; its path is its place: `2.1` is the first child of `2`."""

    path: str
    lead: Vector | None = None
    """(D,), raw: the concept that decodes to the heading."""
    gist: Vector | None = None
    """(D,), raw: the mean of the section; a conditioner, never decoded."""
    heading: str | None = None
    planned_length: int = 0
    """Number of sentences."""
    is_leaf: bool = True
    """Leaves are written. An item that gets children stops being a leaf by itself."""
    content_hash: str | None = None
    """None: `storage.content_hash` of lead, gist, planned length (and heading where there is no lead)."""
    lineage: int | None = None
    """`PlanItemRecord.origin` of its predecessor in the edited version; None: it is new."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanItemRecord:
    """One stored item; lead and gist are None unless it was read with its vectors."""

    id: int
    outline_id: int
    path: str
    parent_path: str | None
    depth: int
    """1 for a top item."""
    ordinal: int
    """Last number of the path."""
    lead: Vector | None
    gist: Vector | None
    heading: str | None
    planned_length: int
    content_hash: str
    status: ItemStatus
    stop_reason: str | None
    is_leaf: bool
    unit: int | None
    """Ordinal of the write unit that holds the item."""
    similarity: float | None
    lineage: int | None = None
    """Id of its first ancestor, in an older version; None: it is itself the first."""

    @property
    def origin(self) -> int:
        """Id shared by all versions of an item."""
        return self.id if self.lineage is None else self.lineage


@dataclass(frozen=True, kw_only=True, eq=False)
class OutlineRecord:
    """One version of a document's plan, its items in reading order."""

    id: int
    document_id: str
    version: int
    source: Source
    note: str | None
    created_at: float
    items: tuple[PlanItemRecord, ...]

    def children(self, path: str | None = None) -> tuple[PlanItemRecord, ...]:
        """Return the items under `path` (None: the top items), in order."""
        return tuple(item for item in self.items if item.parent_path == path)

    def leaves(self) -> tuple[PlanItemRecord, ...]:
        """Return the leaves, which are written, in reading order."""
        return tuple(item for item in self.items if item.is_leaf)

    def part_of(self, item: PlanItemRecord) -> str:
        """Return the heading of an item's part, "" if it is in none."""
        return next((other.heading or "" for other in self.items if other.path == item.parent_path), "")


@dataclass(frozen=True, kw_only=True)
class UnitSpec:
    """A fixed group of items and concepts, stored before it runs."""

    item_ids: tuple[int, ...] = ()
    concept_ids: tuple[int, ...] = ()
    extra: JsonObject = field(default_factory=dict)
    """Other values that a redo needs to give the same result."""


@dataclass(frozen=True, kw_only=True)
class UnitRecord:
    """One stored unit."""

    id: int
    document_id: str
    outline_id: int
    stage: Stage
    lang: str
    """Empty for stages without a language."""
    ordinal: int
    status: UnitStatus
    item_ids: tuple[int, ...]
    concept_ids: tuple[int, ...]
    extra: JsonObject


@dataclass(frozen=True, kw_only=True)
class OpenUnit:
    """A unit of a held document that is not written or decoded yet."""

    id: int
    stage: Stage
    taken_by: str | None
    """The process that works on it; None: any process may take it."""
    lease: Lease
    """The holder's lease, under which results are written."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemConcepts:
    """The sentences written for one item: (S, D), raw; S may be 0."""

    item_id: int
    vectors: Vector
    stop_reason: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemText:
    """Given sentences of one item: texts, and their concepts (S, D), raw."""

    item_id: int
    vectors: Vector
    texts: tuple[str, ...]
    blocks: tuple[BlockKind | None, ...] = ()
    """The block that each sentence begins, see `NewRendering.block`; empty: unknown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredConcepts:
    """The stored sentences of one item: ids and vectors (S, D) in the same order."""

    item_id: int
    concept_ids: tuple[int, ...]
    vectors: Vector


@dataclass(frozen=True, kw_only=True)
class NewRendering:
    """The text of one concept, or of one item's heading: set exactly one of the two ids."""

    text: str
    concept_id: int | None = None
    item_id: int | None = None
    score: float | None = None
    """Round-trip similarity."""
    block: BlockKind | None = None
    """The block that a sentence begins; None: it continues the previous block, or is a heading."""

    def __post_init__(self) -> None:
        assert (self.concept_id is None) != (self.item_id is None), "a rendering has one owner"
        check_block(self.block)


@dataclass(frozen=True, kw_only=True)
class RenderingRecord:
    """One stored rendering; `item_id` is set for headings only, `concept_id` for sentences only."""

    concept_id: int | None
    item_id: int | None
    lang: str
    text: str
    score: float | None
    decoder: str | None
    block: BlockKind | None = None
    """See `NewRendering.block`."""


@dataclass(frozen=True, kw_only=True)
class Undecoded:
    """Headings and sentences of the active outline without a text in one language, in reading order."""

    item_ids: tuple[int, ...]
    """Items with a lead and no heading in that language."""
    concept_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class AttemptRecord:
    """One attempt at a step; attempts are only ever added."""

    id: int
    document_id: str
    stage: str
    unit_id: int | None
    epoch: int
    owner: str
    started_at: float
    finished_at: float | None
    outcome: str
    error: str | None
    timing: JsonObject
