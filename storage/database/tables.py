"""The tables. A change here needs a migration in `storage/migrations` (a test compares the two).

Document ids are texts that people type; all other ids are numbers that only programs see. Wide columns come last, so
that SQLite reads a row's short columns without touching its vectors.

A table is named like one of its rows. The tables belong to SQLAlchemy Core instead of mapped classes, since importing
its ORM costs every command a tenth of a second.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
# SQLite numbers rows by itself only if the key is an INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")
METADATA = MetaData(naming_convention=NAMES)


class _Document(TypedColumns):
    id: Named[str] = Column(Text, primary_key=True)
    status: Named[str] = Column(Text)
    epoch: Named[int] = Column(BigInteger)
    owner: Named[str | None] = Column(Text)
    lease_until: Named[float | None]
    lang: Named[str] = Column(Text)
    seed: Named[int] = Column(BigInteger)
    priority: Named[int]
    created_at: Named[float]
    updated_at: Named[float]
    # No foreign key: it would close a circle with `outlines`, and outlines are never deleted alone.
    active_outline_id: Named[int | None] = Column(BigInteger)
    space_card: Named[str | None] = Column(Text)
    space_checksum: Named[str | None] = Column(Text)
    space_dim: Named[int | None]
    planner_card: Named[str | None] = Column(Text)
    planner_checksum: Named[str | None] = Column(Text)
    writer_card: Named[str | None] = Column(Text)
    writer_checksum: Named[str | None] = Column(Text)
    idempotency_key: Named[str | None] = Column(Text)
    flow_run_id: Named[str | None] = Column(Text)
    title: Named[str | None] = Column(Text)
    error: Named[str | None] = Column(Text)
    params: Named[dict[str, object]] = Column(JSON)
    prompt: Named[str] = Column(Text)


Document = Table(
    "documents",
    METADATA,
    _Document,
    UniqueConstraint("idempotency_key"),
    Index(None, "status", "priority", "created_at"),
    Index(None, "created_at"),
    # Helpers often query the documents of their lease holder.
    Index(None, "owner"),
)


class _PromptConceptRow(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    document_id: Named[str] = Column(Text, ForeignKey("documents.id", ondelete="CASCADE"))
    role: Named[str] = Column(Text)
    ordinal: Named[int]
    text: Named[str] = Column(Text)
    vector: Named[bytes]


PromptConceptRow = Table(
    "prompt_concepts", METADATA, _PromptConceptRow, UniqueConstraint("document_id", "role", "ordinal")
)


class _SourceRow(TypedColumns):
    """Separate from `documents`: a text may be long, and lists of documents do not need it."""

    document_id: Named[str] = Column(Text, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    content: Named[dict[str, object]] = Column(JSON)


SourceRow = Table("sources", METADATA, _SourceRow)


class _TitleRow(TypedColumns):
    document_id: Named[str] = Column(Text, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    lang: Named[str] = Column(Text, primary_key=True)
    text: Named[str] = Column(Text)


TitleRow = Table("titles", METADATA, _TitleRow)


class _Outline(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    document_id: Named[str] = Column(Text, ForeignKey("documents.id", ondelete="CASCADE"))
    version: Named[int]
    source: Named[str] = Column(Text)
    created_at: Named[float]
    note: Named[str | None] = Column(Text)


Outline = Table("outlines", METADATA, _Outline, UniqueConstraint("document_id", "version"))


class _PlanItem(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    outline_id: Named[int] = Column(Number, ForeignKey("outlines.id", ondelete="CASCADE"))
    path: Named[str] = Column(Text)
    parent_path: Named[str | None] = Column(Text)
    depth: Named[int]
    ordinal: Named[int]
    is_leaf: Named[bool]
    status: Named[str] = Column(Text)
    planned_length: Named[int]
    unit: Named[int | None]
    stop_reason: Named[str | None] = Column(Text)
    similarity: Named[float | None]
    content_hash: Named[str] = Column(Text)
    heading: Named[str | None] = Column(Text)
    lead: Named[bytes | None]
    gist: Named[bytes | None]
    # Id of the first ancestor, in an older version; no foreign key, see above.
    lineage: Named[int | None] = Column(BigInteger)
    # NULL if nobody has looked for notes.
    notes: Named[list[dict[str, object]] | None] = Column(JSON(none_as_null=True))


PlanItem = Table(
    "plan_items",
    METADATA,
    _PlanItem,
    UniqueConstraint("outline_id", "path"),
    # Answers the progress of a list of documents without reading a single item.
    Index(None, "outline_id", "is_leaf", "status"),
)


class _Concept(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    plan_item_id: Named[int] = Column(Number, ForeignKey("plan_items.id", ondelete="CASCADE"))
    ordinal: Named[int]
    vector: Named[bytes]


Concept = Table("concepts", METADATA, _Concept, UniqueConstraint("plan_item_id", "ordinal"))


class _Rendering(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    concept_id: Named[int | None] = Column(Number, ForeignKey("concepts.id", ondelete="CASCADE"))
    plan_item_id: Named[int | None] = Column(Number, ForeignKey("plan_items.id", ondelete="CASCADE"))
    lang: Named[str] = Column(Text)
    score: Named[float | None]
    decoder: Named[str | None] = Column(Text)
    text: Named[str] = Column(Text)
    # The block that a sentence begins; NULL if it continues the previous block, and for headings.
    block: Named[str | None] = Column(Text)


Rendering = Table(
    "renderings",
    METADATA,
    _Rendering,
    UniqueConstraint("concept_id", "lang"),
    UniqueConstraint("plan_item_id", "lang"),
    CheckConstraint("(concept_id IS NULL) <> (plan_item_id IS NULL)", name="one_owner"),
)


class _Unit(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    document_id: Named[str] = Column(Text, ForeignKey("documents.id", ondelete="CASCADE"))
    outline_id: Named[int] = Column(Number, ForeignKey("outlines.id", ondelete="CASCADE"))
    stage: Named[str] = Column(Text)
    # Empty, not NULL, for a stage without a language: NULLs would not collide in the unique key.
    lang: Named[str] = Column(Text)
    ordinal: Named[int]
    status: Named[str] = Column(Text)
    payload: Named[dict[str, object]] = Column(JSON)
    # The process that took the unit, in which epoch of the document, and until when that counts.
    taken_by: Named[str | None] = Column(Text)
    taken_epoch: Named[int | None] = Column(BigInteger)
    taken_until: Named[float | None]


Unit = Table(
    "units",
    METADATA,
    _Unit,
    UniqueConstraint("outline_id", "stage", "lang", "ordinal"),
    Index(None, "document_id"),
)


class _Attempt(TypedColumns):
    id: Named[int] = Column(Number, primary_key=True)
    document_id: Named[str] = Column(Text, ForeignKey("documents.id", ondelete="CASCADE"))
    unit_id: Named[int | None] = Column(Number, ForeignKey("units.id", ondelete="SET NULL"))
    stage: Named[str] = Column(Text)
    epoch: Named[int] = Column(BigInteger)
    owner: Named[str] = Column(Text)
    started_at: Named[float]
    finished_at: Named[float | None]
    outcome: Named[str] = Column(Text)
    error: Named[str | None] = Column(Text)
    timing: Named[dict[str, object]] = Column(JSON)


Attempt = Table(
    "attempts",
    METADATA,
    _Attempt,
    Index(None, "document_id"),
    Index(None, "unit_id"),
    # Finds recent attempts without reading older ones.
    Index(None, "finished_at"),
)
