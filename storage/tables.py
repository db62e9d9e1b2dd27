"""The tables. A change here needs a migration in `storage/migrations` (a test compares the two).

Ids of documents are texts that people type; all other ids are numbers that only programs see. Wide
columns stand last: SQLite then reads a row's short columns without touching its vectors.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
# SQLite numbers rows by itself only where the key is an INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {str: Text, float: Double, bytes: LargeBinary}  # noqa: RUF012 (SQLAlchemy's name)


class Document(Base):
    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("idempotency_key"),
        Index(None, "status", "priority", "created_at"),
        Index(None, "created_at"),
        # Those who share a holder's documents look often for what it holds.
        Index(None, "owner"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    epoch: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str | None]
    lease_until: Mapped[float | None]
    lang: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    priority: Mapped[int]
    created_at: Mapped[float]
    updated_at: Mapped[float]
    # No foreign key: it would close a circle with `outlines`, and outlines are never deleted alone.
    active_outline_id: Mapped[int | None] = mapped_column(BigInteger)
    space_card: Mapped[str | None]
    space_checksum: Mapped[str | None]
    space_dim: Mapped[int | None]
    planner_card: Mapped[str | None]
    planner_checksum: Mapped[str | None]
    writer_card: Mapped[str | None]
    writer_checksum: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    flow_run_id: Mapped[str | None]
    title: Mapped[str | None]
    error: Mapped[str | None]
    params: Mapped[dict[str, object]] = mapped_column(JSON)
    prompt: Mapped[str]


class PromptConceptRow(Base):
    __tablename__ = "prompt_concepts"
    __table_args__ = (UniqueConstraint("document_id", "role", "ordinal"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    role: Mapped[str]
    ordinal: Mapped[int]
    text: Mapped[str]
    vector: Mapped[bytes]


class SourceRow(Base):
    """Apart from `documents`: a text may be long, and whoever lists documents does not want it."""

    __tablename__ = "sources"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[dict[str, object]] = mapped_column(JSON)


class TitleRow(Base):
    __tablename__ = "titles"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    lang: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


class Outline(Base):
    __tablename__ = "outlines"
    __table_args__ = (UniqueConstraint("document_id", "version"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    version: Mapped[int]
    source: Mapped[str]
    created_at: Mapped[float]
    note: Mapped[str | None]


class PlanItem(Base):
    __tablename__ = "plan_items"
    __table_args__ = (
        UniqueConstraint("outline_id", "path"),
        # Answers the progress of a list of documents without reading a single item.
        Index(None, "outline_id", "is_leaf", "status"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    outline_id: Mapped[int] = mapped_column(ForeignKey("outlines.id", ondelete="CASCADE"))
    path: Mapped[str]
    parent_path: Mapped[str | None]
    depth: Mapped[int]
    ordinal: Mapped[int]
    is_leaf: Mapped[bool]
    status: Mapped[str]
    planned_length: Mapped[int]
    unit: Mapped[int | None]
    stop_reason: Mapped[str | None]
    similarity: Mapped[float | None]
    content_hash: Mapped[str]
    heading: Mapped[str | None]
    lead: Mapped[bytes | None]
    gist: Mapped[bytes | None]
    # Id of the first item, in an older version, that this one comes from; no foreign key, see above.
    lineage: Mapped[int | None] = mapped_column(BigInteger)


class Concept(Base):
    __tablename__ = "concepts"
    __table_args__ = (UniqueConstraint("plan_item_id", "ordinal"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    plan_item_id: Mapped[int] = mapped_column(ForeignKey("plan_items.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    vector: Mapped[bytes]


class Rendering(Base):
    __tablename__ = "renderings"
    __table_args__ = (
        UniqueConstraint("concept_id", "lang"),
        UniqueConstraint("plan_item_id", "lang"),
        CheckConstraint("(concept_id IS NULL) <> (plan_item_id IS NULL)", name="one_owner"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    concept_id: Mapped[int | None] = mapped_column(ForeignKey("concepts.id", ondelete="CASCADE"))
    plan_item_id: Mapped[int | None] = mapped_column(ForeignKey("plan_items.id", ondelete="CASCADE"))
    lang: Mapped[str]
    score: Mapped[float | None]
    decoder: Mapped[str | None]
    text: Mapped[str]


class Unit(Base):
    __tablename__ = "units"
    __table_args__ = (UniqueConstraint("outline_id", "stage", "lang", "ordinal"), Index(None, "document_id"))

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    outline_id: Mapped[int] = mapped_column(ForeignKey("outlines.id", ondelete="CASCADE"))
    stage: Mapped[str]
    # Empty, not NULL, where a stage has no language: NULLs would not collide in the unique key.
    lang: Mapped[str]
    ordinal: Mapped[int]
    status: Mapped[str]
    payload: Mapped[dict[str, object]] = mapped_column(JSON)
    # Which process is at it, by which epoch of the document, and until when others believe that.
    taken_by: Mapped[str | None]
    taken_epoch: Mapped[int | None] = mapped_column(BigInteger)
    taken_until: Mapped[float | None]


class Attempt(Base):
    __tablename__ = "attempts"
    # The last index answers what was done lately without reading older attempts.
    __table_args__ = (Index(None, "document_id"), Index(None, "unit_id"), Index(None, "finished_at"))

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id", ondelete="SET NULL"))
    stage: Mapped[str]
    epoch: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str]
    started_at: Mapped[float]
    finished_at: Mapped[float | None]
    outcome: Mapped[str]
    error: Mapped[str | None]
    timing: Mapped[dict[str, object]] = mapped_column(JSON)
