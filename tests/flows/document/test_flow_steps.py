"""The steps without Prefect: what they store, and what they ask of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from concepts.blocks import Note
from concepts.errors import SpaceMismatchError, UsageError
from concepts.spelling import Corrected
from flows.document import queries, steps
from flows.document.asked.options import WritingOptions
from flows.document.asked.reading import read_prompt
from flows.document.engine import HeadingsAsk, NotesAsk, OutlineAsk, SayAsk, Text
from flows.errors import FlowError
from flows.run import check_translatable, is_translated
from longhand.outline.editing import rewrite_item
from storage import NewDocument, NewPlanItem, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine

Make = Callable[..., Any]


def test_a_document_is_written_from_end_to_end(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    run_steps(new_job(store, document_id))
    document = store.get_document(document_id)
    assert document.status == "done"
    assert document.title == "How to share a folder"
    assert document.planner is not None
    assert document.planner.name == "fake-planner"
    assert document.writer is not None
    exported = store.export_document(document_id)
    assert exported.num_missing == 0
    assert [section.path for section in exported.sections] == ["1", "2", "3"]
    assert all(section.heading and section.sentences for section in exported.sections)
    sections = {item.path: item.planned_length for item in store.get_outline(document_id).items}
    assert {s.path: len(s.sentences) for s in exported.sections} == sections


def test_units_are_fixed_groups(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, WritingOptions(sections=5, items_per_unit=2, texts_per_unit=4))
    run_steps(new_job(store, document_id))
    assert [len(unit.item_ids) for unit in store.get_units(document_id, "write")] == [2, 2, 1]
    decode = store.get_units(document_id, "decode", "eng_Latn")
    assert [len(unit.item_ids) for unit in decode[:1]] == [5]  # each is said after those before it
    sections = store.get_concepts(
        [i for unit in store.get_units(document_id, "write") for i in unit.item_ids]
    )
    owner = {i: item_id for item_id, own in sections.items() for i in own.concept_ids}
    owners = [[owner[i] for i in unit.concept_ids] for unit in decode[1:]]
    assert sum(len(set(ids)) for ids in owners) == 5  # every section in one unit, as a whole
    assert all(len(set(ids)) == 1 or len(ids) <= 4 for ids in owners)


def test_parts_get_sections_and_only_sections_are_written(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store, WritingOptions(sections=5, depth=2))
    run_steps(new_job(store, document_id))
    first, second = store.export_document(document_id).sections
    assert [child.path for child in first.children] == ["1.1", "1.2", "1.3"]
    assert not first.sentences
    assert first.heading
    assert all(child.sentences for child in second.children)


def test_typed_headings_are_kept_as_typed(store: Store, new_document: Make, new_job: Make) -> None:
    outline = (("1", "Before you begin"), ("2", "Share “it”"), ("2.2", "Again"), ("2.1", "First"))
    document_id = new_document(store, WritingOptions(outline=outline, goal="The folder is shared. It works."))
    engine = FakeEngine()
    run_steps(new_job(store, document_id, engine))
    items = store.get_outline(document_id).items
    assert [(item.path, item.heading) for item in items] == [
        ("1", "Before you begin"),
        ("2", "Share “it”"),
        ("2.1", "First"),
        ("2.2", "Again"),
    ]
    assert "plan" not in engine.calls
    assert store.get_outline(document_id).source == "user"
    assert [concept.role for concept in store.get_prompt(document_id)] == ["prompt", "goal", "goal"]
    headings = [r for r in store.get_renderings(document_id, "eng_Latn") if r.item_id is not None]
    assert {r.decoder for r in headings} == {"typed"}
    assert {r.score for r in headings} == {None}


def test_a_goal_changes_the_plan(store: Store, new_document: Make, new_job: Make, outcome: Make) -> None:
    found = []
    for goal in (None, "The folder is shared."):
        document_id = new_document(store, WritingOptions(sections=3, goal=goal))
        run_steps(new_job(store, document_id))
        found.append(outcome(store, document_id).vectors)
    assert found[0] != found[1]


@pytest.mark.parametrize("changes", [{"steps": 4}, {"guidance": 3.0}])
def test_how_to_draw_reaches_planner_and_writer(
    store: Store, new_document: Make, new_job: Make, outcome: Make, changes: dict[str, Any]
) -> None:
    found = []
    for options in (WritingOptions(sections=3), WritingOptions(sections=3, **changes)):
        document_id = new_document(store, options)
        run_steps(new_job(store, document_id))
        found.append(outcome(store, document_id).vectors["1"])
    # Lead, gist and sentences.
    assert all(own != other for own, other in zip(*found, strict=True))


def test_another_language_is_decoded_later(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    run_steps(job)
    steps.begin_translation(job, "deu_Latn")
    assert queries.count_texts(job, "deu_Latn")[0] == 0
    first, *rest = queries.pending_texts(job, "deu_Latn")
    steps.decode_unit(job, first)
    steps.begin_translation(job, "deu_Latn")  # as after a crash: the same units go on
    assert queries.pending_texts(job, "deu_Latn") == rest
    for unit_id in rest:
        steps.decode_unit(job, unit_id)
    done, total = queries.count_texts(job, "deu_Latn")
    assert done == total > 3
    assert is_translated(store, document_id, "deu_Latn")
    assert store.export_document(document_id, "deu_Latn").num_missing == 0
    assert store.get_document(document_id).status == "done"


def test_a_translation_says_what_the_text_of_the_document_says(
    store: Store, new_document: Make, new_job: Make
) -> None:
    class Listening(FakeEngine):
        """Notes what it is asked to say in German, and leaves one English sentence without a text."""

        def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[Text]:
            assert (source_lang, lang) == ("eng_Latn", "deu_Latn")
            asked.extend(texts)
            return super().translate(texts, source_lang, lang)

        def say(self, ask: SayAsk) -> list[list[Text]]:
            said = super().say(ask)
            said[-1][-1] = Text(text=" ", score=0.0)
            said[0][0] = replace(said[0][0], block="verse")
            return said

    asked: list[str] = []
    document_id = new_document(store)
    job = new_job(store, document_id, Listening())
    run_steps(job)
    texts = store.get_renderings(document_id, "eng_Latn")
    steps.begin_translation(job, "deu_Latn")
    for unit_id in queries.pending_texts(job, "deu_Latn"):
        steps.decode_unit(job, unit_id)
    name = str(store.get_document(document_id).title)
    assert sorted(asked) == sorted([*(r.text for r in texts), name]) and "" in asked
    german = store.get_renderings(document_id, "deu_Latn")
    assert [r.block for r in german] == [r.block for r in texts]
    assert {r.block for r in german if r.item_id is not None} == {None}
    assert {"paragraph", "step", "bullet"} & {r.block for r in german} and "verse" in {
        r.block for r in german
    }
    assert {r.decoder for r in german} == {"translated"}
    assert {r.decoder for r in texts} == {"fake-voice@1"}


def test_the_voice_reads_title_headings_and_seed(store: Store, new_document: Make, new_job: Make) -> None:
    """What it is asked for follows from the store alone; a section's own seed is in its key."""
    asked: list[SayAsk | HeadingsAsk] = []

    class Listening(FakeEngine):
        def say(self, ask: SayAsk) -> list[list[Text]]:
            asked.append(ask)
            return super().say(ask)

        def say_headings(self, ask: HeadingsAsk) -> list[Text]:
            asked.append(ask)
            return super().say_headings(ask)

    options = WritingOptions(sections=5, depth=2, texts_per_unit=8)
    document_id = new_document(store, options)
    job = new_job(store, document_id, Listening())
    run_steps(job)
    items = store.get_outline(document_id, vectors=True).items
    leaves = [item for item in items if item.is_leaf]
    first, *others = asked
    assert isinstance(first, HeadingsAsk) and first.known == (None,) * 7 and first.key == (7,)
    assert first.title == "How to share a folder" and first.lang == "eng_Latn"
    assert [bytes(lead) for lead in first.leads] == [
        bytes(item.lead) for item in items if item.lead is not None
    ]
    assert [bytes(first.title_vector)] == [bytes(v) for v in FakeEngine().encode([first.title], "eng_Latn")]
    says = [ask for ask in others if isinstance(ask, SayAsk)]
    assert len(says) == len(others) > 1
    assert {ask.headings for ask in says} == {tuple(item.heading for item in leaves)}
    sections = [section for ask in says for section in ask.sections]
    assert [section.here for section in sections] == [0, 1, 2, 3, 4]
    assert [section.key for section in sections] == [(7, item.path) for item in leaves]
    asked.clear()
    store.release(job.lease, "done")
    rewrite_item(store, document_id, leaves[1].path, seed=11)
    run_steps(new_job(store, document_id, Listening()))
    (ask,) = asked
    assert isinstance(ask, SayAsk) and [(s.here, s.key) for s in ask.sections] == [(1, (7, "1.2", 11))]


def test_new_headings_are_said_after_those_that_are_there(
    store: Store, new_document: Make, new_job: Make
) -> None:
    known: list[tuple[str | None, ...]] = []

    class Listening(FakeEngine):
        def say_headings(self, ask: HeadingsAsk) -> list[Text]:
            known.append(ask.known)
            return super().say_headings(ask)

    outline = (("1", "Before you begin"), ("2", "Share it"), ("3", "Stop"))
    document_id = new_document(store, WritingOptions(outline=outline))
    job = new_job(store, document_id, Listening())
    steps.plan_document(job)
    assert not known  # what is typed stays as it is typed
    with store.fenced(job.lease, space=job.engine.space) as tx:
        items = [
            NewPlanItem(path=i.path, lead=i.lead, gist=i.gist, planned_length=3, heading=h)
            for i, h in zip(
                store.get_outline(document_id, vectors=True).items,
                ("Before you begin", None, "Stop"),
                strict=True,
            )
        ]
        tx.create_outline(items, activate=True)
    steps.plan_document(job)
    for unit_id in queries.pending_headings(job):
        steps.decode_unit(job, unit_id)
    assert known == [("Before you begin", None, "Stop")]
    headings = [item.heading for item in store.get_outline(document_id).items]
    assert headings[0] == "Before you begin" and headings[1] and headings[2] == "Stop"


def test_what_cannot_be_translated(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    with pytest.raises(FlowError, match=f"not written yet .* longhand resume {document_id}"):
        check_translatable(store.get_document(document_id), "deu_Latn")
    run_steps(new_job(store, document_id))
    check_translatable(store.get_document(document_id), "deu_Latn")
    with pytest.raises(UsageError, match="is written in eng_Latn"):
        check_translatable(store.get_document(document_id), "eng_Latn")
    with pytest.raises(UsageError, match="does not know the language 'fra_Latn'"):
        steps.begin_translation(new_job(store, document_id, steal=True), "fra_Latn")
    with pytest.raises(SpaceMismatchError, match="use fake, or start a new document"):
        steps.begin_translation(new_job(store, document_id, FakeEngine(version="2"), steal=True), "deu_Latn")


def test_headings_and_title_in_another_language_are_translated(
    store: Store, new_document: Make, new_job: Make
) -> None:
    outline = (("1", "Der Teig"), ("2", "Backen"))
    options = WritingOptions(outline=outline, prompt_lang="deu_Latn", outline_lang="deu_Latn")
    document_id = new_document(store, options, prompt="Brot.")
    run_steps(new_job(store, document_id))
    document = store.get_document(document_id)
    assert document.title not in (None, "Brot")
    headings = [section.heading for section in store.export_document(document_id).sections]
    spoken = FakeEngine().translate(["Der Teig", "Backen"], "deu_Latn", "eng_Latn")
    assert headings == [text.text for text in spoken]
    english = WritingOptions(outline=outline, prompt_lang="deu_Latn", outline_lang="eng_Latn")
    document_id = new_document(store, english, prompt="Brot.")
    run_steps(new_job(store, document_id))
    assert [s.heading for s in store.export_document(document_id).sections] == ["Der Teig", "Backen"]


def test_a_prompt_is_read_without_typing_errors_and_stays_as_typed(
    store: Store, new_document: Make, new_job: Make
) -> None:
    asks: list[object] = []

    class Watched(FakeEngine):
        def find_outline(self, ask: OutlineAsk) -> list[tuple[str, str]]:
            asks.append(ask)
            return super().find_outline(ask)

        def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
            asks.append(ask)
            return super().find_notes(ask)

    prompt = "how to stop a dog puling"
    document_id = new_document(store, WritingOptions(), prompt=prompt)
    run_steps(new_job(store, document_id, Watched()))
    read = [ask.typed for ask in asks if isinstance(ask, OutlineAsk | NotesAsk)]
    assert read and set(read) == {"how to stop a dog pulling"}
    stored = store.get_document(document_id)
    assert (stored.prompt, stored.title) == (prompt, "How to stop a dog pulling")


@pytest.mark.parametrize(
    ("lang", "options"),
    [
        ("deu_Latn", WritingOptions()),
        ("eng_Latn", WritingOptions(prompt_lang="deu_Latn")),
        ("eng_Latn", WritingOptions(library="none")),
        ("eng_Latn", WritingOptions(outline=(("1", "Water"),))),
    ],
)
def test_other_prompts_are_read_as_typed(store: Store, lang: str, options: WritingOptions) -> None:
    new = NewDocument(prompt="a dog puling", lang=lang, params=options.to_params())
    assert read_prompt(store.create_document(new)) == Corrected("a dog puling")


@pytest.mark.parametrize(
    ("options", "tells", "lang"),
    [
        (WritingOptions(prompt_lang="deu_Latn", lang_of_prompt=True), True, "deu_Latn"),
        (WritingOptions(prompt_lang="deu_Latn", lang_of_prompt=True), False, "eng_Latn"),
        (WritingOptions(prompt_lang="deu_Latn"), False, "deu_Latn"),
    ],
)
def test_a_language_that_nobody_asked_for_is_english_where_the_library_does_not_tell_in_it(
    store: Store, new_job: Make, options: WritingOptions, tells: bool, lang: str
) -> None:
    class Telling(FakeEngine):
        def tells_in(self, prompt: str, lang: str) -> bool:
            assert (prompt, lang) == ("Tee kochen", "deu_Latn")
            return tells

        def name_in(self, title: str, source_lang: str, lang: str) -> str:
            assert (title, source_lang, lang) == ("Tee kochen", "deu_Latn", "eng_Latn")
            return "Brewing tea"

    new = NewDocument(prompt="Tee kochen", lang="deu_Latn", params=options.to_params())
    document_id = store.create_document(new).id
    run_steps(new_job(store, document_id, Telling()))
    stored = store.get_document(document_id)
    assert (stored.lang, stored.title) == (lang, "Brewing tea" if lang == "eng_Latn" else "Tee kochen")
    assert store.export_document(document_id, lang).num_missing == 0
    assert list(store.list_languages(document_id)) == [lang]
