"""The steps before writing: encode the prompt (prompting.py), plan the outline, store the units.

Each step stores its result in one transaction and does nothing if the result is stored already, so all
steps may be called again after any crash. Plain functions: no Prefect here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from concepts.errors import InputError, ModelError, StorageError
from concepts.given import GivenDocument
from concepts.segment import normalize_text
from concepts.texts import BookNeed
from flows.document.asked.options import LENGTHS, NO_LIBRARY, Length, Use, WritingOptions
from flows.document.asked.reading import read_prompt
from flows.document.asked.sizes import asked_size, told_size, wanted_book
from flows.document.checks import check_paths, check_vectors
from flows.document.engine import OutlineAsk
from flows.document.given import (
    begun_blocks,
    blocks_of_rows,
    encode_given,
    plan_expansion,
    plan_kept,
    plan_summary,
)
from flows.document.job.job import Job, attempt, take
from flows.document.points import point_gists, with_room
from flows.document.prompting import conditions, encode_prompt
from flows.document.titles import (
    names_of,
    title_of,
)
from storage import (
    DocumentRecord,
    ItemText,
    NewPlanItem,
    PlanItemRecord,
    UnitRecord,
    UnitSpec,
)

if TYPE_CHECKING:
    pass

T = TypeVar("T")
BASELINE_NOTE = "the most typical sentences of the document"
NOTES: dict[Use, str] = {
    "keep": "the document as it was given",
    "summarize": "the summary",
    "expand": "the points of the notes",
}
"""Notes of outline versions made from a given text."""


def plan_document(job: Job) -> None:
    """Plan a document until its outline and all units known by then are stored."""
    encode_prompt(job)
    plan_outline(job)
    plan_units(job)


def plan_outline(job: Job) -> None:
    """Store the outline's items: planned, from the user's headings with planned gist and length, or from a given
    text."""
    document = job.store.get_document(job.document_id)
    options = WritingOptions.from_params(document.params)
    if document.active_outline_id is None:
        extra: dict[str, object] = {"seed": document.seed}
        with job.store.fenced(job.lease) as tx:
            if options.use == "summarize":
                # The version before the summary: shown, compared and restored like any other.
                extra["baseline"] = tx.create_outline(source="user", note=BASELINE_NOTE, activate=False)
            tx.create_outline(
                source="user" if options.outline or options.use else "model",
                note=None if options.use is None else NOTES[options.use],
            )
            tx.plan_units("plan", [UnitSpec(extra=extra)])
    unit = job.store.next_unit(document.id, "plan")
    if unit is None:
        return
    if unit.extra.get("fill"):
        fill_edited(job, unit)
        return
    if options.use is not None:
        _plan_given(job, document, options, unit)
        return
    if (trial := take(job, "plan", unit.id)) is None:
        return
    with attempt(trial):
        with trial.model():
            items = _fill(job, document, options) if options.outline else _plan(job, document, options)
        items = with_room(scale_lengths(items, options.length), options)
        items = check_items(items, job.engine.space.dim, f"planner {job.engine.planner.name}")
        with job.store.fenced(job.lease, space=job.engine.space) as tx:
            tx.add_plan_items(items, unit_id=unit.id)
            trial.done(tx)


def _plan_given(job: Job, document: DocumentRecord, options: WritingOptions, unit: UnitRecord) -> None:
    """Store the plan of a given text: items, and the sentences that are a section's text already."""
    source = job.store.get_source(document.id)
    if source is None:
        raise StorageError(f"document {document.id} lacks the text that it was given: restore a backup")
    engine, given = job.engine, GivenDocument.from_json(source)
    if (trial := take(job, "plan", unit.id)) is None:
        return
    with attempt(trial):
        with trial.model():
            vectors = encode_given(engine, given)
            if options.use == "keep":
                plan = plan_kept(engine, given, vectors, document.lang)
            elif options.use == "summarize":
                assert options.sentences is not None, "the options check it"
                plan = plan_summary(engine, given, vectors, options.sentences, document.lang)
            else:
                prompt, goal = conditions(job)
                plan = plan_expansion(
                    engine,
                    given,
                    vectors,
                    options,
                    document.lang,
                    prompt=prompt,
                    goal=goal,
                    seed=document.seed,
                )
        items = plan.items if options.use != "expand" else scale_lengths(plan.items, options.length)
        items = check_items(items, engine.space.dim, f"planner {engine.planner.name}")
        sentences, begun = given.sentences, begun_blocks(given)

        def texts(rows_of: Mapping[str, Sequence[int]], ids: Mapping[str, int]) -> list[ItemText]:
            return [
                ItemText(
                    item_id=ids[path],
                    vectors=vectors[list(rows)],
                    texts=tuple(sentences[row] for row in rows),
                    blocks=tuple(blocks_of_rows(begun, rows)),
                )
                for path, rows in rows_of.items()
            ]

        with job.store.fenced(job.lease, space=engine.space) as tx:
            if not tx.finish_unit(unit.id):
                return
            tx.store_text(texts(plan.texts, tx.add_plan_items(items)), lang=given.lang)
            baseline = unit.extra.get("baseline")
            if baseline is not None:
                ids = tx.add_plan_items(items, outline_id=int(str(baseline)))
                tx.store_text(texts(plan.extracts, ids), lang=given.lang)
            trial.done(tx)


def _plan(job: Job, document: DocumentRecord, options: WritingOptions) -> list[NewPlanItem]:
    prompt, goal = conditions(job)
    num_items, depth = asked_size(document, options)
    outline: tuple[tuple[str, str], ...] = ()
    if (book := wanted_book(document, options)) is not None:
        num_parts, _ = asked_size(document, replace(options, depth=2))
        outline = _known_outline(job, document, options, num_parts, 2, book=book)
    if outline or (outline := _known_outline(job, document, options, num_items, depth)):
        return _fill(job, document, replace(options, outline=outline, outline_lang=document.lang))
    return job.engine.plan(
        prompt,
        goal=goal,
        num_sections=num_items,
        depth=depth,
        seed=document.seed,
        drawing=options.drawing,
    )


def _known_outline(
    job: Job,
    document: DocumentRecord,
    options: WritingOptions,
    num_items: int | None,
    depth: int,
    *,
    book: BookNeed | None = None,
) -> tuple[tuple[str, str], ...]:
    """Return an outline from the library for a subject that it knows; an empty one for other subjects."""
    if options.library == NO_LIBRARY or options.speech is not None:
        return ()
    lang = options.prompt_lang or document.lang
    prompt = read_prompt(document).text
    size = told_size(prompt, lang)
    names = names_of(prompt, lang, title_of(document))
    found = job.engine.find_outline(
        OutlineAsk(
            title=names[0],
            prompt=names[-1],
            typed=prompt,
            prompt_lang=lang,
            lang=document.lang,
            num_items=num_items,
            is_wish=options.sections is None,
            depth=depth,
            book=book,
            num_words=size.num_words if depth == 2 else None,
            library=options.library,
        )
    )
    return tuple(found) if all(normalize_text(heading) for _, heading in found) else ()


def _fill(job: Job, document: DocumentRecord, options: WritingOptions) -> list[NewPlanItem]:
    prompt, goal = conditions(job)
    engine = job.engine
    given = sorted(options.outline, key=lambda entry: reading_order(entry[0]))
    lang = options.outline_lang or options.prompt_lang or document.lang
    names = [normalize_text(heading) for _, heading in given]
    for (path, typed), name in zip(given, names, strict=True):
        if not name:
            raise InputError(
                f"heading {path} of the outline ({typed!r}) holds no word: write one, or remove it"
            )
    leads = check_vectors(
        engine.encode(names, lang),
        (len(given), engine.space.dim),
        f"the outline from space {engine.space.name}",
    )
    paths = [path for path, _ in given]
    headings: list[str | None] = [heading.strip() for _, heading in given]
    if lang != document.lang:
        # If a translation is empty, the heading is decoded from its concept, like a planned one.
        headings = [text.text.strip() or None for text in engine.translate(names, lang, document.lang)]
    filled = engine.fill(
        prompt,
        list(zip(paths, leads, strict=True)),
        goal=goal,
        seed=document.seed,
        drawing=options.drawing,
    )
    check_paths([item.path for item in filled], paths, f"planner {engine.planner.name}")
    gists = point_gists(engine, options, lang)
    return [
        NewPlanItem(
            path=path,
            lead=lead,
            gist=gists.get(path, item.gist),
            heading=heading,
            planned_length=item.planned_length,
        )
        for path, heading, lead, item in zip(paths, headings, leads, filled, strict=True)
    ]


def fill_edited(job: Job, unit: UnitRecord) -> None:
    """Encode the new headings of an edited outline, and plan gists and lengths of the changed items.

    The planner sees the whole new outline; unchanged items stay as they are.
    """
    document = job.store.get_document(job.document_id)
    stored = job.store.get_outline(document.id, vectors=True).items
    engine = job.engine
    who = f"planner {engine.planner.name}"
    if (trial := take(job, "plan", unit.id)) is None:
        return
    with attempt(trial):
        with trial.model():
            items = _with_leads(job, stored, document.lang)
            prompt, goal = conditions(job)
            leads = [(item.path, item.lead) for item in items if item.lead is not None]
            known = [
                NewPlanItem(
                    path=item.path, lead=item.lead, gist=item.gist, planned_length=item.planned_length
                )
                for item in items
                if item.id not in unit.item_ids
            ]
            drawing = WritingOptions.from_params(document.params).drawing
            filled = engine.fill(prompt, leads, goal=goal, seed=document.seed, known=known, drawing=drawing)
        check_paths([item.path for item in filled], [item.path for item in items], who)
        changed = [
            NewPlanItem(
                path=item.path,
                lead=item.lead,
                # A part that became a section keeps its gist and only needs a length.
                gist=new.gist if item.gist is None else item.gist,
                planned_length=item.planned_length or new.planned_length,
            )
            for item, new in zip(items, filled, strict=True)
            if item.id in unit.item_ids
        ]
        changed = check_items(changed, engine.space.dim, who)
        with job.store.fenced(job.lease, space=engine.space) as tx:
            tx.fill_plan_items(unit.id, changed)
            trial.done(tx)


def _with_leads(job: Job, items: Sequence[PlanItemRecord], lang: str) -> list[PlanItemRecord]:
    """Return the items, with the encoded heading as lead if they have none."""
    engine = job.engine
    bare = [item for item in items if item.lead is None]
    if not bare:
        return list(items)
    leads = check_vectors(
        engine.encode([normalize_text(item.heading or "") for item in bare], lang),
        (len(bare), engine.space.dim),
        f"the outline from space {engine.space.name}",
    )
    lead_of = {item.id: lead for item, lead in zip(bare, leads, strict=True)}
    return [replace(item, lead=lead_of.get(item.id, item.lead)) for item in items]


def scale_lengths(items: Sequence[NewPlanItem], length: Length | None) -> list[NewPlanItem]:
    """Return items with lengths scaled to the requested `length`; their order by length stays as planned."""
    if length is None:
        return list(items)
    fewest, most = LENGTHS[length]
    parents = {item.path.rpartition(".")[0] for item in items}
    planned = [item.planned_length for item in items if item.path not in parents]
    shortest, longest = min(planned, default=0), max(planned, default=0)

    def scaled(num: int) -> int:
        share = (num - shortest) / (longest - shortest) if longest > shortest else 0.5
        return fewest + round(share * (most - fewest))

    return [
        item if item.path in parents else replace(item, planned_length=scaled(item.planned_length))
        for item in items
    ]


def check_items(items: Sequence[NewPlanItem], dim: int, who: str) -> list[NewPlanItem]:
    """Return the items in reading order; raise ModelError if one is invalid."""
    if not items:
        raise ModelError(f"{who} planned nothing: try another seed, or name the number of sections")
    for item in items:
        check_vectors(item.lead, (dim,), f"the lead of item {item.path} from {who}")
        check_vectors(item.gist, (dim,), f"the gist of item {item.path} from {who}")
    return sorted(items, key=lambda item: reading_order(item.path))


def reading_order(path: str) -> tuple[int, ...]:
    """Return the sort key of a path: `2.10` comes after `2.9`."""
    return tuple(int(number) for number in path.split("."))


def plan_units(job: Job) -> None:
    """Store units for the active outline's headings and leaves that have none yet: to decode and to write.

    Works for new and for edited outlines.
    """
    document = job.store.get_document(job.document_id)
    options = WritingOptions.from_params(document.params)
    outline = job.store.get_outline(document.id)
    pending = job.store.pending_units(document.id, "decode", document.lang)
    held = {item_id for unit in pending for item_id in unit.item_ids}
    typed = {item.id for item in outline.items if item.heading is not None}
    nameless = [i for i in job.store.get_undecoded(document.id, document.lang).item_ids if i not in held]
    # A typed heading is kept as it is; it gets a rendering so that all headings have one.
    headings = [
        UnitSpec(item_ids=ids, extra={"typed": True})
        for ids in grouped([i for i in nameless if i in typed], options.texts_per_unit)
    ]
    # Each heading is said after the ones before it: all missing headings form one unit.
    if unsaid := tuple(i for i in nameless if i not in typed):
        headings.append(UnitSpec(item_ids=unsaid, extra={"typed": False}))
    unwritten = [item.id for item in outline.leaves() if item.status == "pending" and item.unit is None]
    sections = [UnitSpec(item_ids=ids) for ids in grouped(unwritten, options.items_per_unit)]
    if not headings and not sections:
        return
    with job.store.fenced(job.lease) as tx:
        tx.plan_units("decode", headings, lang=document.lang, first_ordinal=None)
        tx.plan_units("write", sections, first_ordinal=None)


def grouped(values: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """Return `values` in groups of `size`, the last one perhaps smaller."""
    return [tuple(values[start : start + size]) for start in range(0, len(values), size)]
