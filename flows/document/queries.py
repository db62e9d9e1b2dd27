"""The flow's queries to the store between two units, as functions of the job like the steps that write."""

from __future__ import annotations

from concepts.counting import counted
from flows.document.asked.options import NO_LIBRARY, WritingOptions
from flows.document.job.job import Job
from storage import UnitRecord, UnitStatus


def pending_headings(job: Job) -> list[int]:
    """Return the ids of pending decode units in the document's language that hold no sentence."""
    return [unit.id for unit in _decode_units(job, "pending") if not unit.concept_ids]


def pending_texts(job: Job, lang: str | None = None) -> list[int]:
    """Return the ids of all pending decode units in `lang` (None: the document's), by ordinal."""
    return [unit.id for unit in _decode_units(job, "pending", lang)]


def pending_sections(job: Job) -> list[int]:
    """Return the ids of the pending write units, by ordinal."""
    return [unit.id for unit in job.store.pending_units(job.document_id, "write")]


def paths_of_unit(job: Job, unit_id: int) -> list[str]:
    """Return the paths of the sections that a unit writes, or whose sentences it decodes, in reading order."""
    unit = job.store.get_unit(job.document_id, unit_id)
    ids = set(unit.item_ids) | set(job.store.get_owners(unit.concept_ids).values())
    return [item.path for item in job.store.get_outline(job.document_id).items if item.id in ids]


def count_sections(job: Job) -> tuple[int, int]:
    """Return how many leaf sections are written, and how many there are."""
    progress = job.store.get_document(job.document_id).progress
    return progress.num_written, progress.num_items


def count_texts(job: Job, lang: str | None = None) -> tuple[int, int]:
    """Return how many headings and sentences are decoded in `lang`, and how many the units hold."""
    found = _decode_units(job, None, lang)
    units = [(unit.status, len(unit.item_ids) + len(unit.concept_ids)) for unit in found]
    return sum(size for status, size in units if status == "done"), sum(size for _, size in units)


def _decode_units(job: Job, status: UnitStatus | None, lang: str | None = None) -> tuple[UnitRecord, ...]:
    return job.store.get_units(job.document_id, "decode", lang or job.lang, status=status)


def outline_markdown(job: Job) -> str:
    """Return the outline as a Markdown list under the document's title."""
    document = job.store.get_document(job.document_id)
    lines = [f"# {document.title or document.prompt}", ""]
    for item in job.store.get_outline(document.id).items:
        length = f" ({counted(item.planned_length, 'sentence')})" if item.is_leaf else ""
        lines.append(f"{'  ' * (item.depth - 1)}- {item.path} {item.heading or ''}{length}")
    return "\n".join(lines) + "\n"


def is_planned(job: Job) -> bool:
    """Return whether the items of the active outline are stored."""
    document = job.store.get_document(job.document_id)
    return document.active_outline_id is not None and job.store.next_unit(document.id, "plan") is None


def is_given(job: Job) -> bool:
    """Return whether the document's text is given and only needs to be stored."""
    return WritingOptions.from_params(job.store.get_document(job.document_id).params).use == "keep"


def is_kept(job: Job) -> bool:
    """Return whether all texts were given, in the document's language, so that nothing needs decoding."""
    source = job.store.get_source(job.document_id) if is_given(job) else None
    return source is not None and source["lang"] == job.store.get_document(job.document_id).lang


def lacks_notes(job: Job) -> bool:
    """Return whether unwritten sections have no notes because nobody has looked for any.

    A given text, or its summary, uses its own sentences.
    """
    document = job.store.get_document(job.document_id)
    options = WritingOptions.from_params(document.params)
    if options.library == NO_LIBRARY or options.use in ("keep", "summarize"):
        return False
    known = job.store.get_notes(document.id)
    leaves = job.store.get_outline(document.id).leaves()
    return any(item.status == "pending" and item.id not in known for item in leaves)


def awaits_review(job: Job) -> bool:
    """Return whether the outline needs approval before it is written."""
    return WritingOptions.from_params(job.store.get_document(job.document_id).params).review


def is_plan_only(job: Job) -> bool:
    """Return whether to stop after the outline for now."""
    return WritingOptions.from_params(job.store.get_document(job.document_id).params).plan_only
