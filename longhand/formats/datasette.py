"""Datasette's metadata for a SQLite store: descriptions of tables and columns, and labels for foreign keys.

`datasette longhand.db --metadata metadata.json` then shows document titles for references, facets, and a few
frequent queries. This module never opens the database.
"""

from __future__ import annotations

import json

_VECTOR = "float32 numbers, little-endian, in the raw concept space"

_TABLES: dict[str, dict[str, object]] = {
    "documents": {
        "description": "One row a document: what was asked, how far it is, and with which models.",
        "label_column": "prompt",
        "facets": ["status", "lang", "writer_card"],
        "sort_desc": "created_at",
        "columns": {
            "epoch": "Grows with every change of owner; a writer with an older one may write nothing",
            "lease_until": "Epoch seconds until which the owner's right to write lasts",
            "active_outline_id": "The outline version (outlines.id) that is written, decoded and exported",
            "created_at": "Epoch seconds",
            "updated_at": "Epoch seconds",
            "params": "What was asked, as JSON",
        },
    },
    "prompt_concepts": {
        "description": "The sentences of the prompt, and of the goal, with their vectors.",
        "label_column": "text",
        "columns": {"vector": _VECTOR},
    },
    "sources": {
        "description": "The text that a document was made of, where it was not only a prompt.",
        "columns": {"content": "Title, language and sections with their sentences, as JSON"},
    },
    "titles": {
        "description": "The titles of documents in the languages that they were translated into.",
        "label_column": "text",
        "facets": ["lang"],
    },
    "outlines": {
        "description": "One row a version of a document's plan.",
        "label_column": "version",
        "facets": ["source"],
        "sort_desc": "created_at",
        "columns": {"source": "model: planned; user: edited", "created_at": "Epoch seconds"},
    },
    "plan_items": {
        "description": "The items of an outline, a tree by path: 2.1 is the first item under 2.",
        "label_column": "heading",
        "facets": ["status", "stop_reason"],
        "columns": {
            "is_leaf": "1: is written; 0: only holds others",
            "planned_length": "Sentences",
            "similarity": "Cosine of the written section's mean and the planned gist, both from the document's centre",
            "stop_reason": "Why the writer ended the section",
            "notes": "Sentences of a library that the section is written from, as JSON",
            "content_hash": "Items with the same hash keep their text when the outline is edited",
            "lead": f"The concept that decodes to the heading: {_VECTOR}",
            "gist": f"The mean of the planned section, never decoded: {_VECTOR}",
        },
    },
    "concepts": {
        "description": "One row a written sentence, before it is text.",
        "label_column": "id",
        "columns": {"ordinal": "Its place in the item, from 0", "vector": _VECTOR},
    },
    "renderings": {
        "description": "The text of a sentence (concept_id) or of a heading (plan_item_id) in one language.",
        "label_column": "text",
        "facets": ["lang", "decoder", "block"],
        "columns": {
            "score": "Round-trip similarity: the text encoded again, against its concept",
            "block": "What the sentence begins: paragraph, step, bullet or verse; empty where it goes on",
        },
    },
    "units": {
        "description": "Fixed groups of work, written down before they run.",
        "label_column": "ordinal",
        "facets": ["stage", "status"],
        "columns": {"payload": "The ids of its items and concepts, as JSON"},
    },
    "attempts": {
        "description": "Every try at a stage or unit; rows are only added.",
        "label_column": "stage",
        "facets": ["stage", "outcome"],
        "sort_desc": "started_at",
        "columns": {
            "started_at": "Epoch seconds",
            "finished_at": "Epoch seconds",
            "timing": "Seconds by name, as JSON",
        },
    },
    "alembic_version": {"hidden": True},
}

_QUERIES: dict[str, dict[str, str]] = {
    "text": {
        "title": "The text of a document, one sentence a row",
        "sql": """
            with recursive read(outline_id, path, place, rest) as (
                select p.outline_id, p.path, '', p.path || '.'
                from documents d
                join plan_items p on p.outline_id = d.active_outline_id
                where d.id = :document
                union all
                select outline_id, path,
                       place || substr('000000' || substr(rest, 1, instr(rest, '.') - 1), -6),
                       substr(rest, instr(rest, '.') + 1)
                from read
                where rest <> ''
            )
            select p.path, p.heading, c.ordinal, r.lang, r.block, r.text, round(r.score, 3) as score
            from read
            join plan_items p on p.outline_id = read.outline_id and p.path = read.path
            join concepts c on c.plan_item_id = p.id
            left join renderings r on r.concept_id = c.id
            where read.rest = ''
            order by read.place, c.ordinal, r.lang
        """,
    },
    "weakest": {
        "title": "The sentences whose text says their concept least",
        "sql": """
            select d.id as document, d.prompt, p.path, p.heading, r.lang, round(r.score, 3) as score, r.text
            from renderings r
            join concepts c on r.concept_id = c.id
            join plan_items p on c.plan_item_id = p.id
            join documents d on p.outline_id = d.active_outline_id
            where r.score is not null
            order by r.score
            limit 200
        """,
    },
    "time": {
        "title": "Seconds by document and stage",
        "sql": """
            select document_id as document, stage, count(*) as attempts,
                   round(sum(finished_at - started_at), 1) as seconds,
                   sum(outcome <> 'done') as failures
            from attempts
            where finished_at is not null
            group by document_id, stage
            order by document_id desc, stage
        """,
    },
}


def to_metadata(database: str) -> str:
    """Return the metadata as JSON; `database` is the file's name without its suffix."""
    queries = {
        name: {"title": query["title"], "sql": _dedent(query["sql"])} for name, query in _QUERIES.items()
    }
    metadata = {
        "title": "Longhand",
        "description": "Documents, outlines, concepts and their texts",
        "databases": {database: {"tables": _TABLES, "queries": queries}},
    }
    return json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"


def _dedent(sql: str) -> str:
    from textwrap import dedent

    return dedent(sql).strip()
