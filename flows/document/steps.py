"""The steps of writing: one unit of sections, one unit of texts, the end. Plain functions over ids.

A step reads its unit from the store, calls the engine, checks the result and commits it in one
transaction; if the unit is done already it does nothing. A redo has the same members, order and
seed, so it gives the same bytes, up to rounding where documents share model calls (`flows.models.sharing`).

In the document's own language a unit of headings holds all missing headings, and a unit of sentences whole
sections: the voice says both. In another language each unit is a translation of these texts.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from concepts.counting import counted
from concepts.errors import ModelError
from concepts.languages.codes import ENGLISH
from flows.document.asked.options import WritingOptions
from flows.document.asked.reading import read_prompt
from flows.document.checks import check_paths, check_vectors
from flows.document.engine import HeadingsAsk, LeafPlan, NotesAsk, SayAsk, SectionConcepts, Text
from flows.document.job.events import Said
from flows.document.job.job import Attempt, Job, attempt, take
from flows.document.noted import FEWEST_PROSE, is_passage, note_vectors, place_notes
from flows.document.planning import grouped, plan_document
from flows.document.points import cover_points, heading_with_points, place_points, point_vectors, points_of
from flows.document.prompting import check_same_model, check_same_space, conditions
from flows.document.queries import pending_sections
from flows.document.titles import title_of
from flows.errors import FlowError
from storage import (
    DocumentRecord,
    DocumentStatus,
    ItemConcepts,
    NewRendering,
    Note,
    OutlineRecord,
    UnitRecord,
    UnitSpec,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.records import Vector

__all__ = [
    "begin_decoding",
    "begin_stage",
    "begin_translation",
    "decode_unit",
    "finish_document",
    "gather_notes",
    "note_flow_run",
    "plan_decoding",
    "plan_document",
    "write_unit",
]

TYPED, TRANSLATED = "typed", "translated"
"""Decoder names for texts that no voice said: typed headings, and all texts of a second language."""


def begin_stage(job: Job, status: DocumentStatus) -> None:
    """Set the status of a stage and clear an earlier error."""
    writer = None
    if status == "writing" and pending_sections(job):
        job.prepare("write")
        writer = job.engine.writer
        check_same_model("writer", job.store.get_document(job.document_id).writer, writer)
    with job.store.fenced(job.lease) as tx:
        tx.set_status(status)
        tx.set_cards(writer=writer)


def begin_decoding(job: Job) -> None:
    """Set the status and store units for all texts missing in the document's language."""
    begin_stage(job, "decoding")
    plan_decoding(job)


def write_unit(job: Job, unit_id: int) -> None:
    """Write all sections of one unit in one batch and store their concepts.

    If another process works on the unit, see `flows.document.job.job.take`. Raises LostLease, and ModelError
    (NonFiniteError) if the writer's result is invalid.
    """
    unit = job.store.get_unit(job.document_id, unit_id)
    if unit.status == "done":
        return
    document = job.store.get_document(job.document_id)
    engine = job.engine
    outline = job.store.get_outline(document.id, vectors=True)
    path_of = {item.id: item.path for item in outline.items}
    paths = [path_of[item_id] for item_id in unit.item_ids]
    plan = leaf_plan(job, outline)
    # A section that is rewritten with another seed carries that seed.
    seed = int(str(unit.extra.get("seed", document.seed)))
    if (trial := take(job, "write", unit.id)) is None:
        return
    options = WritingOptions.from_params(document.params)
    points = points_of(options, outline, document.lang)
    notes = job.store.get_notes(document.id)
    again = seed if "seed" in unit.extra else None
    # a length that the user gave is kept; an edited outline gives all lengths
    is_free = outline.version == 1
    named = {path for path, _ in options.lengths}
    is_open = is_free and options.length is None
    with attempt(trial):
        with trial.model():
            sections = engine.write(plan, paths, seed=seed)
            told = [point_vectors(engine, options, document.lang, points.get(i, ())) for i in unit.item_ids]
            known = [note_vectors(engine, notes.get(i, ())) for i in unit.item_ids]
        who = f"writer {engine.writer.name}"
        check_paths([section.path for section in sections], paths, who)
        sections = [
            replace(
                section,
                vectors=place_points(section.vectors, own)
                if len(own)
                else place_notes(
                    section.vectors,
                    vectors,
                    notes.get(item_id, ()),
                    seed=again,
                    least_room=_least_room(notes.get(item_id, ()))
                    if is_open and section.path not in named
                    else 1,
                    is_filled=again is None and (not is_free or section.path in named),
                ),
            )
            for section, own, vectors, item_id in zip(sections, told, known, unit.item_ids, strict=True)
        ]
        written = [
            ItemConcepts(
                item_id=item_id,
                vectors=check_vectors(
                    section.vectors, (None, engine.space.dim), f"section {section.path} from {who}"
                ),
                stop_reason=section.stop_reason,
                similarity=section.similarity,
            )
            for item_id, section in zip(unit.item_ids, sections, strict=True)
        ]
        with job.store.fenced(job.lease, space=engine.space) as tx:
            if tx.commit_concepts(unit.id, written):
                trial.done(tx)


def _least_room(notes: Sequence[Note]) -> int | None:
    """Return the least room of a section, in sentences, if the user gave no length; None: room for all its notes."""
    return None if is_passage(notes) else FEWEST_PROSE


def gather_notes(job: Job) -> None:
    """Find and store notes for the sections that have none yet; see `flows.document.queries.lacks_notes`."""
    document = job.store.get_document(job.document_id)
    outline = job.store.get_outline(document.id)
    options = WritingOptions.from_params(document.params)
    points = points_of(options, outline, document.lang)
    leaves = outline.leaves()
    known = job.store.get_notes(document.id)
    job.prepare("encode")
    with job.timings.span("planning"):
        found = job.engine.find_notes(
            NotesAsk(
                title=title_of(document),
                headings=tuple(
                    heading_with_points(item.heading or "", points.get(item.id, ())) for item in leaves
                ),
                parts=tuple(outline.part_of(item) for item in leaves),
                lang=document.lang,
                known=tuple(known.get(item.id) for item in leaves),
                typed=read_prompt(document).text if (options.prompt_lang or document.lang) == ENGLISH else "",
                library=options.library,
            )
        )
    if len(found) != len(leaves):
        raise ModelError(f"the library gave notes for {len(found)} of {counted(len(leaves), 'section')}")
    with job.store.fenced(job.lease) as tx:
        tx.set_notes({item.id: notes for item, notes in zip(leaves, found, strict=True)})


def leaf_plan(job: Job, outline: OutlineRecord) -> LeafPlan:
    """Return the writer's input, from the store alone: the same in the first run and in a redo."""
    import numpy as np

    prompt, goal = conditions(job)
    options = WritingOptions.from_params(job.store.get_document(job.document_id).params)
    leaves = outline.leaves()
    dim = prompt.shape[1]

    def stack(name: str) -> Vector:
        rows = [
            check_vectors(getattr(leaf, name), (dim,), f"the {name} of item {leaf.path}") for leaf in leaves
        ]
        return np.stack(rows)

    return LeafPlan(
        prompt=prompt,
        goal=goal,
        paths=tuple(leaf.path for leaf in leaves),
        leads=stack("lead"),
        gists=stack("gist"),
        num_sentences=tuple(leaf.planned_length for leaf in leaves),
        is_limit=options.use == "summarize",
        drawing=options.drawing,
    )


def begin_translation(job: Job, lang: str) -> None:
    """Store the units of a second language.

    Raises UsageError for a language that the space does not know, SpaceMismatchError if the stored
    concepts belong to another space than the models.
    """
    job.prepare("translate")
    check_same_space(job.store.get_document(job.document_id), job.engine.space)
    plan_decoding(job, lang)


def plan_decoding(job: Job, lang: str | None = None) -> None:
    """Store units for all texts missing in `lang` (None: the document's) that no pending unit holds."""
    document = job.store.get_document(job.document_id)
    lang = document.lang if lang is None else job.engine.check_lang(lang)
    size = WritingOptions.from_params(document.params).texts_per_unit
    pending = job.store.pending_units(document.id, "decode", lang)
    held_items = {i for unit in pending for i in unit.item_ids}
    held_concepts = {i for unit in pending for i in unit.concept_ids}
    todo = job.store.get_undecoded(document.id, lang)
    specs = [
        UnitSpec(item_ids=ids) for ids in grouped([i for i in todo.item_ids if i not in held_items], size)
    ]
    concepts = [i for i in todo.concept_ids if i not in held_concepts]
    # In the document's own language each sentence is said after the previous one: sections stay whole.
    groups = _whole_sections(job, concepts, size) if lang == document.lang else grouped(concepts, size)
    specs += [UnitSpec(concept_ids=ids) for ids in groups]
    has_title = job.store.get_title(document.id, lang) is not None or any(
        unit.extra.get("title") == document.title for unit in pending
    )
    if lang != document.lang and document.title and not has_title:
        specs.append(UnitSpec(extra={"title": document.title}))
    if specs:
        with job.store.fenced(job.lease) as tx:
            tx.plan_units("decode", specs, lang=lang, first_ordinal=None)


def _whole_sections(job: Job, concept_ids: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Return concepts, in reading order, in groups of whole sections of about `size` sentences."""
    owner = job.store.get_owners(concept_ids)
    groups: list[tuple[int, ...]] = []
    for _, members in groupby(concept_ids, key=owner.__getitem__):
        own = tuple(members)
        if groups and len(groups[-1]) + len(own) <= size:
            groups[-1] += own
        else:
            groups.append(own)
    return groups


def decode_unit(job: Job, unit_id: int) -> None:
    """Say or translate all texts of one unit in one batch; store them with their scores and blocks.

    If another process works on the unit, see `flows.document.job.job.take`. Raises LostLease, and ModelError if
    a model returned the wrong number of texts.
    """
    unit = job.store.get_unit(job.document_id, unit_id)
    if unit.status == "done":
        return
    document = job.store.get_document(job.document_id)
    if "title" in unit.extra:
        _translate_title(job, unit, document)
        return
    if (trial := take(job, "decode", unit.id)) is None:
        return
    with attempt(trial):
        if unit.extra.get("typed"):
            texts, decoder = _typed_headings(job, unit), TYPED
        elif unit.lang != document.lang:
            texts, decoder = _translate(job, unit, document.lang, trial), TRANSLATED
        elif (source_lang := _given_lang(job, unit, document)) is not None:
            texts, decoder = _translate(job, unit, source_lang, trial), TRANSLATED
        else:
            texts = (_say_sections if unit.concept_ids else _say_headings)(job, unit, document, trial)
            decoder = f"{job.engine.voice.name}@{job.engine.voice.checksum}"
        wanted = len(unit.item_ids) + len(unit.concept_ids)
        if len(texts) != wanted:
            raise ModelError(
                f"{decoder.partition('@')[0]} gave {counted(len(texts), 'text')} for {counted(wanted, 'concept')}: "
                "the model and this version of Longhand do not fit"
            )
        owners: list[dict[str, int]] = [{"item_id": i} for i in unit.item_ids]
        owners += [{"concept_id": i} for i in unit.concept_ids]
        renderings = [
            NewRendering(text=text.text.strip(), score=text.score, block=text.block, **owner)
            for text, owner in zip(texts, owners, strict=True)
        ]
        with job.store.fenced(job.lease) as tx:
            if tx.commit_renderings(unit.id, renderings, decoder=decoder):
                trial.done(tx, num_sentences=len(unit.concept_ids))


def _typed_headings(job: Job, unit: UnitRecord) -> list[Text]:
    heading_of = {item.id: item.heading or "" for item in job.store.get_outline(job.document_id).items}
    return [Text(text=heading_of[item_id], score=None) for item_id in unit.item_ids]


def _say_headings(job: Job, unit: UnitRecord, document: DocumentRecord, trial: Attempt) -> list[Text]:
    """Return the headings of a unit's items, said with all other headings of the outline as context."""
    import numpy as np

    engine, dim = job.engine, job.engine.space.dim
    items = job.store.get_outline(document.id, vectors=True).items
    lacking = set(unit.item_ids)
    leads = [check_vectors(item.lead, (dim,), f"the lead of item {item.path}") for item in items]
    title = title_of(document)
    with trial.model():
        found = engine.say_headings(
            HeadingsAsk(
                title=title,
                title_vector=check_vectors(engine.encode([title], document.lang), (1, dim), "the title")[0],
                leads=np.stack(leads),
                # An item outside `lacking` counts as known, even with an empty heading.
                known=tuple(None if item.id in lacking else item.heading or "" for item in items),
                key=(document.seed,),
                lang=document.lang,
                library=WritingOptions.from_params(document.params).library,
            )
        )
    order = [item.id for item in items if item.id in lacking]
    text_of = dict(zip(order, found, strict=False))
    return [text_of[item_id] for item_id in unit.item_ids if item_id in text_of]


def _say_sections(job: Job, unit: UnitRecord, document: DocumentRecord, trial: Attempt) -> list[Text]:
    """Return the sentences of a unit's sections, all sections side by side."""
    outline = job.store.get_outline(document.id, vectors=True)
    options = WritingOptions.from_params(document.params)
    points = points_of(options, outline, document.lang)
    leaves = outline.leaves()
    sections = _sections_of(job, unit, document, outline)

    def on_said(index: int, ordinal: int, text: Text) -> None:
        leaf = leaves[sections[index].here]
        # Sentences of a section with points are not final: a missing point replaces one of them.
        if leaf.id not in points:
            said = Said(path=leaf.path, ordinal=ordinal, text=text.text.strip(), block=text.block)
            job.on_said(said)

    ask = SayAsk(
        title=title_of(document),
        headings=tuple(heading_with_points(item.heading or "", points.get(item.id, ())) for item in leaves),
        sections=sections,
        lang=document.lang,
        on_said=on_said,
    )
    with trial.model():
        said = job.engine.say(ask)
        said = [
            cover_points(
                texts,
                section.vectors[list(section.places)],
                own := points.get(leaves[section.here].id, ()),
                point_vectors(job.engine, options, document.lang, own),
            )
            for texts, section in zip(said, ask.sections, strict=True)
        ]
    return [text for section in said for text in section]


def _sections_of(
    job: Job, unit: UnitRecord, document: DocumentRecord, outline: OutlineRecord
) -> list[SectionConcepts]:
    """Return the sections of a decode unit's sentences, in the unit's order, each with all its concepts."""
    wanted = set(unit.concept_ids)
    found: list[SectionConcepts] = []
    order: list[int] = []
    notes = job.store.get_notes(document.id)
    stored = job.store.get_concepts(sorted(set(job.store.get_owners(unit.concept_ids).values())))
    # A section that is rewritten with another seed is also said with that seed.
    seed_of = {
        item_id: int(str(written.extra["seed"]))
        for written in job.store.get_units(document.id, "write")
        if "seed" in written.extra
        for item_id in written.item_ids
    }
    for here, item in enumerate(outline.leaves()):
        own = stored.get(item.id)
        places = () if own is None else tuple(n for n, i in enumerate(own.concept_ids) if i in wanted)
        if own is None or not places:
            continue
        order += [own.concept_ids[place] for place in places]
        key = (document.seed, item.path)
        found.append(
            SectionConcepts(
                here=here,
                vectors=check_vectors(
                    own.vectors, (None, job.engine.space.dim), f"the sentences of item {item.path}"
                ),
                places=places,
                key=(*key, seed_of[item.id]) if item.id in seed_of else key,
                notes=notes.get(item.id, ()),
            )
        )
    if tuple(order) != unit.concept_ids:
        raise FlowError(
            f"unit {unit.id} of document {job.document_id} holds sentences that the outline no longer has: "
            f"run `longhand resume {job.document_id}`"
        )
    return found


def _given_lang(job: Job, unit: UnitRecord, document: DocumentRecord) -> str | None:
    """Return the given text's language if it holds all sentences of a unit, else None."""
    source = job.store.get_source(document.id) if unit.concept_ids else None
    if source is None or source["lang"] == document.lang:
        return None
    lang = str(source["lang"])
    given = {r.concept_id for r in job.store.get_renderings(document.id, lang)}
    return lang if given >= set(unit.concept_ids) else None


def _translate(job: Job, unit: UnitRecord, source_lang: str, trial: Attempt) -> list[Text]:
    """Return translations of the texts of `source_lang` into the unit's language, in the same blocks."""
    found = job.store.get_renderings(job.document_id, source_lang)
    of_item = {r.item_id: r for r in found if r.item_id is not None}
    of_concept = {r.concept_id: r for r in found if r.concept_id is not None}
    own = [of_item.get(i) for i in unit.item_ids] + [of_concept.get(i) for i in unit.concept_ids]
    with trial.model("translate"):
        texts = job.engine.translate(
            ["" if r is None else r.text.strip() for r in own], source_lang, unit.lang
        )
    return [replace(text, block=None if r is None else r.block) for text, r in zip(texts, own, strict=False)]


def _translate_title(job: Job, unit: UnitRecord, document: DocumentRecord) -> None:
    """Store the title in the unit's language."""
    if (trial := take(job, "decode", unit.id)) is None:
        return
    with attempt(trial):
        with trial.model("translate"):
            (text,) = job.engine.translate([str(unit.extra["title"])], document.lang, unit.lang)
        with job.store.fenced(job.lease) as tx:
            if tx.commit_title(unit.id, text.text.strip()):
                trial.done(tx)


def finish_document(job: Job) -> None:
    """Set a document to done; raise FlowError if something is still missing."""
    document = job.store.get_document(job.document_id)
    todo = job.store.get_undecoded(document.id, document.lang)
    left = document.progress.num_items - document.progress.num_written
    if left or todo.item_ids or todo.concept_ids:
        raise FlowError(
            f"document {document.id} still lacks {counted(left, 'section')}, "
            f"{counted(len(todo.item_ids), 'heading')} and "
            f"{counted(len(todo.concept_ids), 'sentence')}: run `longhand resume {document.id}`"
        )
    with job.store.fenced(job.lease) as tx:
        tx.set_status("done")


def note_flow_run(job: Job, flow_run_id: str) -> None:
    """Store the id of the Prefect flow run that works on the document."""
    with job.store.fenced(job.lease) as tx:
        tx.set_flow_run(flow_run_id)
