"""The first step of a document: its prompt and goal as concepts, its language, its title, and the models in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from concepts.errors import InputError, ModelError, SpaceMismatchError
from concepts.languages.codes import ENGLISH
from flows.document.asked.options import NO_LIBRARY, SpokenPrompt, WritingOptions
from flows.document.asked.reading import read_prompt
from flows.document.asked.sizes import wanted_book
from flows.document.checks import check_vectors
from flows.document.job.job import Job
from flows.document.queries import is_planned
from flows.document.titles import (
    choose_title,
    is_title,
    plain_title,
    says_subject,
    split,
    takes_title,
)
from storage import (
    CardRef,
    DocumentRecord,
    PromptConcept,
    Role,
    SpaceRef,
)

if TYPE_CHECKING:
    from flows.document.engine import Engine
    from storage.records import Vector


def encode_prompt(job: Job) -> None:
    """Store prompt and goal as concepts, the title, and the models in use.

    Raises UsageError for a language that the space does not know, ModelError if the document was
    begun with other models, NonFiniteError.
    """
    document = job.store.get_document(job.document_id)
    engine = job.engine
    job.prepare("encode")
    check_same_space(document, engine.space)
    if is_planned(job):
        return
    job.prepare("plan")
    check_same_model("planner", document.planner, engine.planner)
    if job.store.get_prompt(document.id):
        return
    options = WritingOptions.from_params(document.params)
    engine.check_lang(document.lang)
    lang = options.prompt_lang or document.lang
    said = None if options.speech is None else _spoken(options.speech, engine.space)
    with job.timings.span("planning"):
        prompt = read_prompt(document).text
        if options.lang_of_prompt and not engine.tells_in(prompt, lang):
            document = replace(document, lang=ENGLISH)
        if said is not None:
            text = engine.render(said, document.lang, beam_size=options.beam_size)[0].text
            prompt = text if split(text, lang) else prompt
        parts = split(prompt, lang) if said is None else [prompt]
        texts: list[tuple[Role, str]] = [("prompt", text) for text in parts]
        if not texts:
            raise InputError("the prompt holds no word: write at least one")
        texts += [("goal", text) for text in split(options.goal or "", lang)]
        found = _encode(engine, [text for _, text in texts], lang, said)
    vectors = check_vectors(
        found, (len(texts), engine.space.dim), f"the prompt from space {engine.space.name}"
    )
    title = document.title or plain_title(prompt, lang)
    if document.title is None and said is None:
        title = _own_title(job, document, options, prompt, vectors[: len(parts)], lang) or title
        if lang != document.lang:
            title = engine.name_in(title, lang, document.lang) or title
    with job.store.fenced(job.lease, space=engine.space) as tx:
        tx.set_status("planning")
        tx.set_cards(planner=engine.planner)
        tx.set_lang(document.lang)
        if document.title is None:
            tx.set_title(title)
        tx.save_prompt(
            [
                PromptConcept(text=text, vector=vector, role=role)
                for (role, text), vector in zip(texts, vectors, strict=True)
            ]
        )


def _own_title(
    job: Job, document: DocumentRecord, options: WritingOptions, prompt: str, vectors: Vector, lang: str
) -> str:
    """Return a title that the prompt, with the concepts `vectors` (P, D), does not begin with; "" if it needs none."""
    # a book is found by the words that ask for it, and a text of the user's own is no text of the library
    is_named = wanted_book(document, options) == "wider" and says_subject(prompt)
    library = NO_LIBRARY if is_named or options.use or options.outline else options.library
    needs_voice = not is_title(prompt, lang)
    if not needs_voice and not takes_title(prompt, lang, library):
        return ""
    if needs_voice:
        job.prepare("decode")
    with job.timings.span("decoding" if needs_voice else "planning"):
        return choose_title(job.engine, prompt, vectors, lang, key=(document.seed,), library=library)


def _encode(engine: Engine, texts: Sequence[str], lang: str, said: Vector | None) -> Vector:
    """Return the concepts of `texts`; `said` (1, D), if there is a spoken prompt, is the first one's."""
    import numpy as np

    typed = texts if said is None else texts[1:]
    vectors = [] if said is None else [said]
    return np.concatenate([*vectors, engine.encode(typed, lang)] if typed else vectors)


def _spoken(speech: SpokenPrompt, space: SpaceRef) -> Vector:
    """Return the spoken prompt's vector as (1, D); raise SpaceMismatchError if it belongs to another space."""
    if speech.space != f"{space.name}@{space.checksum}":
        raise SpaceMismatchError(
            f"{speech.file} was encoded in the space {speech.space}, got {space}: start a new document"
        )
    return speech.unpack()[None]


def check_same_model(kind: str, stored: CardRef | None, given: CardRef) -> None:
    """Raise ModelError if a document was begun with another model: its text would be inconsistent."""
    if stored is not None and stored != given:
        raise ModelError(
            f"the document was begun with the {kind} {stored.name}@{stored.checksum}, "
            f"got {given.name}@{given.checksum}: name that model again, or start a new document"
        )


def check_same_space(document: DocumentRecord, space: SpaceRef) -> None:
    """Raise SpaceMismatchError if the stored vectors belong to another space than the models."""
    if document.space is not None and document.space != space:
        raise SpaceMismatchError(
            f"document {document.id} holds concepts of the space {document.space}, got the space {space}: "
            f"use {document.space.name}, or start a new document"
        )


def conditions(job: Job) -> tuple[Vector, Vector | None]:
    """Return the stored prompt (P, D) and the goal (D,), the mean of its sentences, or None."""
    import numpy as np

    stored = job.store.get_prompt(job.document_id)
    prompt = np.stack([concept.vector for concept in stored if concept.role == "prompt"])
    goal = [concept.vector for concept in stored if concept.role == "goal"]
    return prompt, np.mean(goal, axis=0, dtype=np.float32) if goal else None
