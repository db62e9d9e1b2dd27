"""The order of a document's missing steps, from any state; the only place that knows it.

`steps_left` is a generator: do each step before asking for the next one, which is found by a query.
Plain functions, no Prefect: `flows.prefect.flow` runs each step as a task run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from concepts.languages.codes import language_name
from flows.document import queries, steps
from flows.document.job.job import Job

StepKind = Literal[
    "plan", "headings", "review", "planned", "notes", "write", "begin-decoding", "decode", "finish"
]
"""`review` and `planned` end a run after the outline; `begin-decoding` stores the units of a language."""


@dataclass(frozen=True)
class Step:
    """One step of a document; it commits its own results."""

    kind: StepKind
    name: str
    """For people, such as "write sections 3-6"."""
    do: Callable[[Job], None]
    unit_id: int | None = None
    lang: str | None = None
    """Language of decoded texts; None: the document's own."""


def steps_left(job: Job, translate_to: str | None = None) -> Iterator[Step]:
    """Yield a document's missing steps until it is done, then the steps of its translation into `translate_to`.

    A document for review, or for planning only, stops after its outline.
    """
    if job.store.get_document(job.document_id).status != "done":
        yield Step("plan", "plan", steps.plan_document)
        for unit_id in queries.pending_headings(job):
            yield Step("headings", "say headings", partial(steps.decode_unit, unit_id=unit_id), unit_id)
        if queries.awaits_review(job):
            yield Step("review", "wait for review", partial(steps.begin_stage, status="awaiting_review"))
            return
        if queries.is_plan_only(job):
            yield Step("planned", "stop after the plan", partial(steps.begin_stage, status="planned"))
            return
        if queries.lacks_notes(job):
            yield Step("notes", "gather notes", steps.gather_notes)
        yield from _sections_then_texts(job)
    if translate_to is not None:
        verb = f"translate to {language_name(translate_to)}"
        begin = partial(steps.begin_translation, lang=translate_to)
        yield Step("begin-decoding", f"begin to {verb}", begin, lang=translate_to)
        yield from _translations(job, translate_to, verb)


def _sections_then_texts(job: Job) -> Iterator[Step]:
    """Yield a step for each unit; a stage's first step also begins it and its last step also ends it."""
    begin = partial(steps.begin_stage, status="writing")
    sections = queries.pending_sections(job)
    for unit_id in sections:
        first = [begin] if unit_id == sections[0] else []
        last = [steps.begin_decoding] if unit_id == sections[-1] else []
        do = _in_turn([*first, partial(steps.write_unit, unit_id=unit_id), *last])
        yield Step("write", f"write {_sections(queries.paths_of_unit(job, unit_id))}", do, unit_id)
    if not sections:
        yield Step("begin-decoding", "begin decoding", _in_turn([begin, steps.begin_decoding]))
    texts = queries.pending_texts(job)
    for unit_id in texts:
        last = [steps.finish_document] if unit_id == texts[-1] else []
        do = _in_turn([partial(steps.decode_unit, unit_id=unit_id), *last])
        yield Step("decode", f"decode: {_texts_of(job, unit_id)}", do, unit_id)
    if not texts:
        yield Step("finish", "finish", steps.finish_document)


def _in_turn(actions: Sequence[Callable[[Job], None]]) -> Callable[[Job], None]:
    def do(job: Job) -> None:
        for action in actions:
            action(job)

    return do


def _translations(job: Job, lang: str, verb: str) -> Iterator[Step]:
    for unit_id in queries.pending_texts(job, lang):
        yield Step(
            "decode",
            f"{verb}: {_texts_of(job, unit_id)}",
            partial(steps.decode_unit, unit_id=unit_id),
            unit_id,
            lang,
        )


def _texts_of(job: Job, unit_id: int) -> str:
    unit = job.store.get_unit(job.document_id, unit_id)
    if "title" in unit.extra:
        return "title"
    return _sections(queries.paths_of_unit(job, unit_id)) if unit.concept_ids else "headings"


def _sections(paths: Sequence[str]) -> str:
    """Return a label for people: "section 3", "sections 3-6"."""
    if len(paths) < 2:
        return f"section {''.join(paths)}"
    return f"sections {paths[0]}-{paths[-1]}"
