"""Redraw a stored item's lead and sentences, and decode them at several diffusion steps.

Nothing is stored. Each draw has the seed, batch and plan of the stored one, so that its last step equals the stored
vector; anything else is an error, and nothing is shown.

Shapes: T diffusion steps, N drafts, D concept dim. All vectors are float32 in the raw concept space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from concepts.errors import InputError, ModelError
from concepts.segment import normalize_text
from flows.document.asked.options import DEFAULT_DRAWING, Drawing, WritingOptions
from flows.document.asked.sizes import asked_size
from flows.document.engine import Engine, HeadingsAsk, Key, LeafPlan, Text
from flows.document.job.job import Job
from flows.document.noted import note_vectors
from flows.document.prompting import check_same_model, check_same_space, conditions
from flows.document.steps import leaf_plan
from flows.document.titles import title_of
from storage import BlockKind, CardRef, DocumentRecord, Lease, OutlineRecord, PlanItemRecord, Store

if TYPE_CHECKING:
    from storage.records import Vector

LEAST_COSINE = 0.999
"""Least cosine of a redrawn vector with the stored one: another processor rounds differently."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """A model's estimates of concepts at each diffusion step, from noise to the end."""

    times: tuple[float, ...]
    """Diffusion time of each step: 1 is pure noise."""
    vectors: Vector
    """(T, D) for a lead, (T, S, D) for a section's sentences; the last step is the draw itself."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DraftsAsk:
    """Drafts of a section's sentences to decode, each after the stored text before its sentence."""

    title: str
    headings: tuple[str, ...]
    """Of all leaves of the outline, in reading order."""
    here: int
    """Index of the section among them, from 0."""
    texts: tuple[tuple[str, BlockKind | None], ...]
    """The section's stored sentences, and the block that each begins."""
    places: tuple[int, ...]
    """Index of each draft's sentence."""
    vectors: Vector
    """(N, D)"""
    notes: tuple[str, ...]
    """The section's notes."""
    key: Key
    lang: str
    """Language of the document, so of title, headings and texts."""


class RefiningEngine(Engine, Protocol):
    """An engine that also shows the steps of a draw."""

    def refine_plan(
        self,
        prompt: Vector,
        *,
        goal: Vector | None,
        num_sections: int | None,
        depth: int,
        seed: int,
        drawing: Drawing = DEFAULT_DRAWING,
    ) -> list[Steps]:
        """Return the steps of each lead that `plan` draws for the same arguments."""

    def refine_section(self, plan: LeafPlan, paths: Sequence[str], path: str, *, seed: int) -> Steps:
        """Return the steps of section `path`, one of `paths` that `write` draws for the same arguments."""

    def say_drafts(self, ask: DraftsAsk) -> list[Text]:
        """Return the text of each draft."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A concept at one diffusion step, and the voice's text for it."""

    step: int
    """From 1."""
    time: float
    """Diffusion time: 1 is pure noise."""
    similarity: float
    """Cosine to the stored concept."""
    text: str
    """At the last step, the document's text."""


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """An item's drafts from noise to the stored result."""

    path: str
    num_plan_steps: int
    """Diffusion steps of the planner."""
    num_write_steps: int
    """Diffusion steps of the writer; 0 for a part, which has no sentences."""
    heading: tuple[Draft, ...]
    sentences: tuple[tuple[Draft, ...], ...]
    """Drafts of each sentence of the section."""


def refine_item(
    store: Store, document: DocumentRecord, path: str, engine: RefiningEngine, *, num_drafts: int
) -> Refinement:
    """Return an item's heading and sentences at `num_drafts` steps (at least 2; fewer if a draw has fewer).

    Raises InputError if the item does not exist, is not written, or has a given heading; ModelError (or
    SpaceMismatchError) if the document was written with other models.
    """
    item = find_drawn_item(store, document, path)
    job = _reader(store, document, engine)
    check_same_space(document, engine.space)
    check_same_model("planner", document.planner, engine.planner)
    outline = store.get_outline(document.id, vectors=True)
    lead, num_plan_steps = _refine_lead(job, document, outline, item, num_drafts)
    if not item.is_leaf:
        return Refinement(
            path=path, num_plan_steps=num_plan_steps, num_write_steps=0, heading=lead, sentences=()
        )
    check_same_model("writer", document.writer, engine.writer)
    sentences, num_write_steps = _refine_sentences(job, document, outline, item, num_drafts)
    return Refinement(
        path=path,
        num_plan_steps=num_plan_steps,
        num_write_steps=num_write_steps,
        heading=lead,
        sentences=sentences,
    )


def find_drawn_item(store: Store, document: DocumentRecord, path: str) -> PlanItemRecord:
    """Return an item of the active outline that models planned and wrote, as far as the store can tell.

    Raises InputError if it does not exist, is not written yet, or has a given heading.
    """
    options = WritingOptions.from_params(document.params)
    items = () if document.active_outline_id is None else store.get_outline(document.id, vectors=True).items
    item = next((item for item in items if item.path == path), None)
    if item is None:
        there = ", ".join(item.path for item in items[:12])
        raise InputError(
            f"{document.id} has no item {path}: " + (f"it has {there}" if items else "nothing is planned yet")
        )
    if options.outline or options.use or not _is_planned(store, document, item):
        raise InputError(
            f"the heading of item {path} of {document.id} was given, not drawn: there are no steps to show"
        )
    below = [
        leaf for leaf in items if leaf.is_leaf and (leaf.path == path or leaf.path.startswith(f"{path}."))
    ]
    if any(leaf.status != "decoded" for leaf in below):
        raise InputError(f"item {path} of {document.id} is not written yet: longhand resume {document.id}")
    return item


def _is_planned(store: Store, document: DocumentRecord, item: PlanItemRecord) -> bool:
    """Return whether the planner drew the lead of an item, in any version."""
    import numpy as np

    return item.lead is not None and any(
        other.lead is not None and np.array_equal(other.lead, item.lead)
        for outline in store.list_outlines(document.id)
        if outline.source == "model"
        for other in store.get_outline(document.id, outline.version, vectors=True).items
    )


def _reader(store: Store, document: DocumentRecord, engine: Engine) -> Job:
    """Return a job for reading only: it holds no lease, so the store refuses its writes."""
    return Job(store, Lease(document.id, "reader", -1, 0.0), engine)


def _refine_lead(
    job: Job, document: DocumentRecord, outline: OutlineRecord, item: PlanItemRecord, num_drafts: int
) -> tuple[tuple[Draft, ...], int]:
    import numpy as np

    engine, options = _refining(job), WritingOptions.from_params(document.params)
    place = next(n for n, other in enumerate(outline.items) if other.path == item.path)
    stored = outline.items[place].lead
    assert stored is not None, "a planned item has a lead"
    heading = normalize_text(outline.items[place].heading or "")
    if heading and _is_same(engine.encode([heading], document.lang)[0], stored):
        raise InputError(
            f"the heading of item {item.path} of {document.id} is the library's, not drawn: there are no steps to "
            "show; `longhand write --library none` draws all"
        )
    prompt, goal = conditions(job)
    num_sections, depth = asked_size(document, options)
    drawn = engine.refine_plan(
        prompt,
        goal=goal,
        num_sections=num_sections,
        depth=depth,
        seed=document.seed,
        drawing=options.drawing,
    )
    # An edit may have moved the item: find it by its lead.
    steps = next((steps for steps in drawn if _is_same(steps.vectors[-1], stored)), None)
    if steps is None:
        raise _not_the_draw(document, item, "planner")
    known = [other.heading or "" for other in outline.items]
    chosen = choose_steps(len(steps.times), num_drafts)
    title = title_of(document)
    leads = np.stack([np.zeros_like(stored) if other.lead is None else other.lead for other in outline.items])
    texts = []
    for step in chosen[:-1]:
        leads[place] = steps.vectors[step]
        ask = HeadingsAsk(
            title=title,
            title_vector=engine.encode([title], document.lang)[0],
            leads=leads,
            known=(*known[:place], None, *known[place + 1 :]),
            key=(document.seed,),
            lang=document.lang,
        )
        (said,) = engine.say_headings(ask)
        texts.append(said.text)
    return _drafts(steps.times, steps.vectors, chosen, [*texts, known[place]]), len(steps.times)


def _refine_sentences(
    job: Job, document: DocumentRecord, outline: OutlineRecord, item: PlanItemRecord, num_drafts: int
) -> tuple[tuple[tuple[Draft, ...], ...], int]:
    import numpy as np

    engine = _refining(job)
    own = job.store.get_concepts([item.id])[item.id]
    notes = job.store.get_notes(document.id).get(item.id, ())
    num_known = _num_known(own.vectors, note_vectors(job.engine, notes))
    if num_known == len(own.vectors):
        raise InputError(
            f"item {item.path} of {document.id} is made of notes, which nothing drew: there are no steps to show; "
            "`longhand write --library none` draws all"
        )
    steps = _drawn_section(job, document, item, own.vectors, num_known)
    if steps is None:
        raise _not_the_draw(document, item, "writer")
    said = {r.concept_id: r for r in job.store.get_renderings(document.id, document.lang)}
    stored = [said[concept_id] for concept_id in own.concept_ids]
    voice = f"{engine.voice.name}@{engine.voice.checksum}"
    for decoder in {r.decoder for r in stored} - {voice, None}:
        name, _, checksum = str(decoder).partition("@")
        check_same_model("voice", CardRef(name=name, checksum=checksum), engine.voice)
    chosen = choose_steps(len(steps.times), num_drafts)
    leaves = outline.leaves()
    drawn = range(num_known, len(stored))
    places = [place for place in drawn for _ in chosen[:-1]]
    texts = iter(
        engine.say_drafts(
            DraftsAsk(
                title=title_of(document),
                headings=tuple(leaf.heading or "" for leaf in leaves),
                here=next(n for n, leaf in enumerate(leaves) if leaf.id == item.id),
                texts=tuple((r.text, r.block) for r in stored),
                places=tuple(places),
                vectors=np.stack([steps.vectors[step, n] for n in drawn for step in chosen[:-1]])
                if places
                else np.zeros((0, engine.space.dim), np.float32),
                notes=tuple(note.text for note in notes),
                key=(document.seed, item.path),
                lang=document.lang,
            )
        )
    )
    return tuple(
        _drafts(
            steps.times,
            steps.vectors[:, n],
            chosen if n in drawn else chosen[-1:],
            [*(next(texts).text for _ in chosen[:-1] if n in drawn), stored[n].text],
        )
        for n in range(len(stored))
    ), len(steps.times)


def _num_known(stored_SD: Vector, notes_ND: Vector) -> int:
    """Return how many concepts of its notes a section begins with."""
    num = 0
    for vector in stored_SD:
        if not any(_is_same(note, vector) for note in notes_ND):
            break
        num += 1
    return num


def _drawn_section(
    job: Job, document: DocumentRecord, item: PlanItemRecord, stored: Vector, num_known: int
) -> Steps | None:
    """Return the steps of the draw behind `stored` (S, D), except its first `num_known` vectors.

    None if no version's plan reproduces it.

    A section that later edits left alone was written under an older version's plan.
    """
    import numpy as np

    engine, store = _refining(job), job.store
    for version in reversed(store.list_outlines(document.id)):
        outline = store.get_outline(document.id, version.version, vectors=True)
        concepts = store.get_concepts([leaf.id for leaf in outline.leaves()])
        same = {i for i, own in concepts.items() if np.array_equal(own.vectors, stored)}
        for unit in store.get_units(document.id, "write", status="done", outline_id=outline.id):
            found = next((i for i in unit.item_ids if i in same), None)
            if found is None:
                continue
            path_of = {leaf.id: leaf.path for leaf in outline.leaves()}
            steps = engine.refine_section(
                leaf_plan(job, outline),
                [path_of[i] for i in unit.item_ids],
                path_of[found],
                seed=int(str(unit.extra.get("seed", document.seed))),
            )
            if steps.vectors.shape[1:] == stored.shape and _is_same(
                steps.vectors[-1][num_known:], stored[num_known:]
            ):
                return steps
    return None


def choose_steps(num_steps: int, num_drafts: int) -> list[int]:
    """Return at most `num_drafts` steps, from 0, evenly spread, always with the last one."""
    if num_drafts < 2 or num_steps < 2:
        return [num_steps - 1]
    num = min(num_drafts, num_steps)
    return [round(n * (num_steps - 1) / (num - 1)) for n in range(num)]


def _drafts(
    times: Sequence[float], vectors: Vector, chosen: Sequence[int], texts: Sequence[str]
) -> tuple[Draft, ...]:
    import numpy as np

    end = vectors[-1]

    def similarity(vector: Vector) -> float:
        size = float(np.linalg.norm(vector) * np.linalg.norm(end))
        return float(vector @ end) / size if size else 0.0

    return tuple(
        Draft(
            step=step + 1,
            time=round(times[step], 6),
            similarity=round(similarity(vectors[step]), 6),
            text=text,
        )
        for step, text in zip(chosen, texts, strict=True)
    )


def _is_same(drawn: Vector, stored: Vector) -> bool:
    """Return whether vectors (..., D) are the stored ones up to rounding."""
    import numpy as np

    if drawn.shape != stored.shape:
        return False
    sizes = np.linalg.norm(drawn, axis=-1) * np.linalg.norm(stored, axis=-1)
    return bool(np.all((drawn * stored).sum(axis=-1) >= LEAST_COSINE * sizes))


def _not_the_draw(document: DocumentRecord, item: PlanItemRecord, who: str) -> ModelError:
    return ModelError(
        f"the {who} does not draw item {item.path} of {document.id} again as it is stored: it was made by another "
        "version of Longhand, or changed since"
    )


def _refining(job: Job) -> RefiningEngine:
    return job.engine  # type: ignore[return-value]  # `refine_item` puts it there
