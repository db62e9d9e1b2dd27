"""The steps without Prefect: what they store, what they refuse, and that a crash anywhere changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import fault_points
import pytest
from flow_fakes import FakeEngine, Vector
from step_runner import run_steps

from concepts.errors import InputError, LostLease, ModelError, NonFiniteError, SpaceMismatchError, UsageError
from flows.document import queries, steps
from flows.document.engine import HeadingsAsk, SayAsk, Text, TitleAsk
from flows.document.options import WritingOptions
from flows.document.planning import derive_title, encode_prompt
from flows.document.sizes import told_size
from flows.document.titles import recased, titles_in, unwished
from flows.errors import FlowError
from flows.run import check_translatable, is_translated
from longhand.outline.editing import rewrite_item
from storage import CardRef, NewPlanItem, Store

Make = Callable[..., Any]


class Crash(BaseException):
    """Stands for the end of the process."""


def crash() -> None:
    raise Crash


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
    assert {"paragraph", "step", "bullet"} & {r.block for r in german}
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


def test_a_crash_at_any_commit_changes_nothing(
    url: str,
    new_url: Callable[[], str],
    new_document: Make,
    new_job: Make,
    outcome: Make,
    states_of: Make,
) -> None:
    with Store.open(url) as store:
        document_id = new_document(store)
        states = states_of(url, lambda: run_steps(new_job(store, document_id)))
        calm = outcome(store, document_id)
    assert len(states) > 15
    for number, state in enumerate(states):
        with Store.open(state) as store:
            run_steps(new_job(store, document_id, steal=True))
            assert outcome(store, document_id) == calm, f"behind commit {number}"


def test_a_store_that_a_crash_was_raised_in_is_of_use(
    new_url: Callable[[], str], new_document: Make, new_job: Make, outcome: Make
) -> None:
    with Store.open(new_url()) as store:
        document_id = new_document(store)
        run_steps(new_job(store, document_id))
        calm = outcome(store, document_id)
    for number in range(4, 100, 16):
        with Store.open(new_url()) as store:
            document_id = new_document(store)
            job = new_job(store, document_id)
            fault_points.arm("commit.before", number, crash)
            with pytest.raises(Crash):
                run_steps(job)
            fault_points.watch(None)
            run_steps(new_job(store, document_id, steal=True))
            assert outcome(store, document_id) == calm, f"before commit {number}"


@pytest.mark.parametrize("method", ["encode", "plan", "write", "say_headings", "say"])
def test_a_crash_inside_a_model_redoes_one_unit(
    store: Store,
    new_url: Callable[[], str],
    new_document: Make,
    new_job: Make,
    outcome: Make,
    method: str,
) -> None:
    def fail(called: str, number: int) -> None:
        if called == method and number == 1 + (method in ("write", "say")):
            raise Crash

    with Store.open(new_url()) as calm_store:
        calm_id = new_document(calm_store)
        run_steps(new_job(calm_store, calm_id))
        calm = outcome(calm_store, calm_id)
    document_id = new_document(store)
    with pytest.raises(Crash):
        run_steps(new_job(store, document_id, FakeEngine(before=fail)))
    run_steps(new_job(store, document_id, steal=True))
    assert outcome(store, document_id) == calm
    attempts = [a for a in store.get_attempts(document_id) if a.unit_id is not None]
    redone = [a.outcome for a in attempts].count("started") - calm.num_done
    assert redone == (0 if method == "encode" else 1)


def test_a_stale_holder_gets_lost_lease_and_writes_nothing(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store)
    taken = False

    def take(method: str, number: int) -> None:
        nonlocal taken
        if method == "write" and not taken:
            taken = True
            store.claim(document_id, "another", 60, steal=True)

    with pytest.raises(LostLease, match="taken over by another"):
        run_steps(new_job(store, document_id, FakeEngine(before=take)))
    assert store.get_document(document_id).progress.num_written == 0
    assert [a.outcome for a in store.get_attempts(document_id) if a.stage == "write"] == ["started"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("encode", "the prompt from space fake"),
        ("plan", "the lead of item 1 from planner fake-planner"),
        ("write", "section 1 from writer fake-writer"),
    ],
)
def test_numbers_that_are_none_are_never_stored(
    store: Store, new_document: Make, new_job: Make, method: str, words: str, value: float
) -> None:
    document_id = new_document(store)
    engine = FakeEngine()
    engine.spoil[method] = value
    with pytest.raises(NonFiniteError, match=f"{words} holds NaN or an infinity: .*longhand doctor"):
        run_steps(new_job(store, document_id, engine))
    assert store.get_document(document_id).progress.num_written == 0
    failed = [a for a in store.get_attempts(document_id) if a.outcome == "failed"]
    assert len(failed) == (0 if method == "encode" else 1)


def test_other_models_than_at_the_start_are_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    steps.plan_document(new_job(store, document_id))
    job = new_job(store, document_id, steal=True)
    steps.begin_stage(job, "writing")
    job.engine.writer = CardRef(name="fake-writer", checksum="2")
    with pytest.raises(ModelError, match="begun with the writer fake-writer@1, got fake-writer@2: name"):
        steps.begin_stage(job, "writing")
    engine = FakeEngine(version="2")
    with pytest.raises(SpaceMismatchError, match="holds concepts of the space fake"):
        steps.plan_document(new_job(store, document_id, engine, steal=True))


def test_another_planner_is_refused_while_planning(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    encode_prompt(job)
    job.engine.planner = CardRef(name="fake-planner", checksum="2")
    with pytest.raises(ModelError, match="begun with the planner fake-planner@1, got fake-planner@2: name"):
        steps.plan_document(job)


def test_an_unknown_language_is_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, lang="xyz_Latn")
    with pytest.raises(UsageError, match="does not know the language 'xyz_Latn'"):
        steps.plan_document(new_job(store, document_id))


def test_a_prompt_without_words_is_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, prompt="\u200b\u200d")
    with pytest.raises(InputError, match="the prompt holds no word"):
        steps.plan_document(new_job(store, document_id))


def test_a_model_that_answers_for_other_items_is_refused(
    store: Store, new_document: Make, new_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    steps.plan_document(job)
    write = FakeEngine.write
    monkeypatch.setattr(
        FakeEngine, "write", lambda self, plan, paths, seed: write(self, plan, paths[:1], seed=seed)
    )
    with pytest.raises(ModelError, match="answered for the items 1, asked were 1, 2"):
        steps.write_unit(job, queries.pending_sections(job)[0])


def test_finishing_early_says_what_is_missing(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    steps.plan_document(job)
    with pytest.raises(Exception, match="still lacks 3 sections, 3 headings and 0 sentences"):
        steps.finish_document(job)


def test_sections_are_as_long_as_was_asked_for(store: Store, new_document: Make, new_job: Make) -> None:
    planned: list[list[int]] = []
    for length in (None, "short", "medium", "long"):
        document_id = new_document(store, WritingOptions(sections=6, depth=2, length=length))
        steps.plan_document(new_job(store, document_id))
        items = store.get_outline(document_id).items
        planned.append([item.planned_length for item in items if item.is_leaf])
    as_planned, short, medium, long = planned
    assert set(short) <= {3, 4} and set(medium) <= set(range(5, 9)) and set(long) <= set(range(9, 15))
    for scaled in (short, medium, long):
        order = sorted(range(6), key=lambda place: as_planned[place])
        assert [scaled[place] for place in order] == sorted(scaled)
        assert min(scaled) < max(scaled)
    with pytest.raises(UsageError, match="length is 'epic': expected one of short, medium, long"):
        WritingOptions(length="epic")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Tea", "Tea"),
        ("How to brew tea.  And more.", "How to brew tea"),
        ("Why tea?", "Why tea?"),
        ("And then...", "And then..."),
        ("word " * 39, "word " * 22 + "word..."),
    ],
)
def test_the_title_is_the_first_sentence(prompt: str, title: str) -> None:
    assert derive_title(prompt, "eng_Latn") == title


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("HOW TO BREW TEA", "How to brew tea"),
        ("how do i brew tea", "How do I brew tea"),
        ("what caused the irish potato famine", "What caused the Irish potato famine"),
        ("three days in lisbon, i'm vegan", "Three days in Lisbon, I'm vegan"),
        ("SPRING IN JAPAN", "Spring in Japan"),
        ("the eu's laws on pet's food", "The eu's laws on pet's food"),
        ("WHAT CAN I DO?", "What can I do?"),
        ("iPhone repair", "iPhone repair"),
        ("NASA", "NASA"),
        ("tea", "Tea"),
        ("Why is the sky  blue?", "Why is the sky blue?"),
        ("how does my TV work", "How does my TV work"),
        ("茶 と 水 の 話", "茶 と 水 の 話"),
    ],
)
def test_a_prompt_all_in_one_case_is_set_as_a_sentence(prompt: str, title: str) -> None:
    assert recased(prompt, "eng_Latn") == title


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("Please write me a guide to green tea", "Guide to green tea"),
        ("I'd like a simple weekly meal plan", "Simple weekly meal plan"),
        ("please write something about bees", "Bees"),
        (
            "Could you write something that helps parents get a toddler to sleep",
            "Helping parents get a toddler to sleep",
        ),
        ("Write an essay about war", "War"),
        ("Please write a short article on why we sleep", "Why we sleep"),
        ("Write a report on war", "Report on war"),
        ("Write a letter of complaint", "Letter of complaint"),
        ("write a thank you note to my teacher", "Thank you note to my teacher"),
        ("need an essay on why we sleep", "Why we sleep"),
        ("I want a will", "Will"),
        ("Write me a very long and thorough introduction to tea", "Introduction to tea"),
        ("Explain how tea is made", "How tea is made"),
        ("Please describe to me the Moon", "The Moon"),
        ("Explain yourself", "Explain yourself"),
        ("Want a will?", "Want a will?"),
        ("Write a will", "Write a will"),
        ("Write a novel in a year", "Write a novel in a year"),
        ("I need to lose weight", "I need to lose weight"),
        ("Make a bird house", "Make a bird house"),
        ("Give feedback", "Give feedback"),
        ("Can you freeze milk?", "Can you freeze milk?"),
        ("Write me a guide to making something on a lathe", "Guide to making something on a lathe"),
    ],
)
def test_a_title_is_no_request(prompt: str, subject: str) -> None:
    assert unwished(prompt, "eng_Latn") == subject
    assert unwished(prompt, "deu_Latn") == prompt


@pytest.mark.parametrize(
    ("prompt", "num_sections", "rest"),
    [
        ("The fall of Rome for GCSE, about 1500 words", 14, "The fall of Rome for GCSE"),
        ("Write a 400-word essay on tea", 5, "Write an essay on tea"),
        ("In 300 words: why cats purr", 4, "why cats purr"),
        ("write 600 words about dogs", 8, "write something about dogs"),
        ("An article of about 700 words about bees", 9, "An article about bees"),
        ("A report of 2 pages on the Moon", 10, "A report on the Moon"),
        ("Bread (around 800 words)", 10, "Bread"),
        ("Guide to Rome in ten chapters", 10, "Guide to Rome"),
        ("A course in English, 6 units, with exercises", 6, "A course in English, with exercises"),
        ("How to learn about 500 words a week", None, "How to learn about 500 words a week"),
        ("How to read some 300 pages a day", None, "How to read some 300 pages a day"),
        ("Explain frost in 20 words", None, "Explain frost in 20 words"),
        ("10 words to avoid in a cover letter", None, "10 words to avoid in a cover letter"),
        ("The 1,000 words that learners need", None, "The 1,000 words that learners need"),
        ("A trip with three parts of the family", None, "A trip with three parts of the family"),
    ],
)
def test_a_prompt_may_say_how_long_its_document_is(prompt: str, num_sections: int | None, rest: str) -> None:
    found = told_size(prompt, "eng_Latn")
    assert (found.num_sections, found.rest) == (num_sections, rest)
    assert told_size(prompt, "deu_Latn").num_sections is None


@pytest.mark.parametrize(
    ("prompt", "num_parts"),
    [
        ("A comprehensive guide to beekeeping", None),
        ("the complete beginner's guide to sewing", None),
        ("a detailed history of Japan", None),
        ("Write me a book about whales", None),
        ("Everything you need to know about wine", None),
        ("Write a handbook for new teachers", None),
        ("Rome in ten chapters", 10),
        ("A course on drawing, 8 lessons", 8),
        ("A complete guide to buying a house in 5,000 words", None),
    ],
)
def test_a_prompt_may_ask_for_a_book(prompt: str, num_parts: int | None) -> None:
    found = told_size(prompt, "eng_Latn")
    assert (found.is_book, found.num_parts) == (True, num_parts)
    assert not told_size(prompt, "deu_Latn").is_book


@pytest.mark.parametrize(
    ("prompt", "num_words"),
    [
        ("A complete guide to buying a house in 5,000 words", 5000),
        ("The French Revolution, about 2000 words", 2000),
        ("A report of 20 pages on the Moon", 8000),
        ("A report of 2 pages on the Moon", None),
        ("A complete guide to tea", None),
    ],
)
def test_a_prompt_may_ask_for_more_words_than_a_document_has(prompt: str, num_words: int | None) -> None:
    assert told_size(prompt, "eng_Latn").num_words == num_words


@pytest.mark.parametrize(
    "prompt",
    [
        "A guide to beekeeping",
        "How to book a flight",
        "a complete guide to tea in 800 words",
        "Sorting my books about war",
        "Review of a book that I liked",
        "A full breakfast",
        "Rome in ten sections",
        "How to write 2,000 words a day",
        "The French Revolution, about 2000 words",
    ],
)
def test_other_prompts_ask_for_no_book(prompt: str) -> None:
    assert not told_size(prompt, "eng_Latn").is_book


def test_a_book_is_written_where_the_library_has_one(store: Store, new_document: Make, new_job: Make) -> None:
    def headings(prompt: str, options: WritingOptions, book: tuple[str, ...] = ("Rise", "Fall")) -> list[str]:
        document_id = new_document(store, options, prompt=prompt)
        engine = FakeEngine()
        engine.outline, engine.book = ["One", "Two", "Three"], list(book)
        run_steps(new_job(store, document_id, engine))
        return [item.heading or "" for item in store.get_outline(document_id).items]

    chapters = ["Rise", "Rise in short", "Fall", "Fall in short"]
    sections = ["One", "Two", "Three"]
    assert headings("A complete history of Rome", WritingOptions()) == chapters
    assert headings("A complete history of Rome", WritingOptions(), ()) == sections
    assert headings("The history of Rome in 1,800 words", WritingOptions()) == chapters
    assert headings("The history of Rome in 1,700 words", WritingOptions()) == sections
    assert headings("A history of Rome", WritingOptions()) == sections
    assert headings("A complete history of Rome", WritingOptions(depth=1)) == sections
    assert headings("A complete history of Rome", WritingOptions(sections=3)) == sections


def test_a_length_in_the_prompt_gives_way_to_what_is_known_and_to_options(
    store: Store, new_document: Make, new_job: Make
) -> None:
    def planned(prompt: str, options: WritingOptions, outline: tuple[str, ...]) -> tuple[int, str | None]:
        document_id = new_document(store, options, prompt=prompt)
        engine = FakeEngine()
        engine.outline = list(outline)
        run_steps(new_job(store, document_id, engine))
        return len(store.get_outline(document_id).leaves()), store.get_document(document_id).title

    known = ("One", "Two", "Three")
    assert planned("Rome in five chapters", WritingOptions(), ()) == (5, "Rome")
    assert planned("Rome in five chapters", WritingOptions(), known) == (3, "Rome")
    assert planned("Rome in five chapters", WritingOptions(sections=2), ()) == (2, "Rome")


LONG = (
    "We have a balcony that faces north. What can we grow there? Please write a guide about plants for shade."
)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("Plants for a balcony with shade", True),
        ("Meeting the neighbors", False),
        ("Plants for shade. And a balcony.", False),
        (" ", False),
    ],
)
def test_a_long_prompt_gets_a_title_of_its_own_words(
    store: Store, new_document: Make, new_job: Make, said: str, counts: bool
) -> None:
    asked: list[TitleAsk] = []

    class Naming(FakeEngine):
        def say_title(self, ask: TitleAsk) -> str:
            asked.append(ask)
            return said

        def encode(self, sentences: Sequence[str], lang: str) -> Vector:
            # what was said is nearest to anything
            rows = super().encode(sentences, lang)
            if said in sentences:
                rows[sentences.index(said)] = asked[0].prompt_vector
            return rows

    document_id = new_document(store, prompt=LONG, seed=5)
    job = new_job(store, document_id, Naming())
    encode_prompt(job)
    title = store.get_document(document_id).title
    assert title == said if counts else title in titles_in(LONG, "eng_Latn")
    (ask,) = asked
    assert (ask.prompt, ask.key, ask.lang) == (LONG, (5,), "eng_Latn")
    encode_prompt(job)
    assert len(asked) == 1  # a title that is stored is not said again


def test_what_stands_before_a_colon_is_a_title() -> None:
    prompt = "Sun, wind and water power compared: cost, reliability and impact on the landscape of the coast"
    assert titles_in(prompt, "eng_Latn")[0] == "Sun, wind and water power compared"


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        (
            "Write a comprehensive guide to bees for beginners, from choosing the first hive to the harvest",
            "Comprehensive guide to bees for beginners",
        ),
        (
            "write me a very long and thorough textbook style introduction to statistics for nurses, at least 20 pages",
            "Introduction to statistics for nurses",
        ),
        (
            "a full length account of lighthouses around the world - how they were built, who kept them, and why",
            "A full length account of lighthouses around the world",
        ),
    ],
)
def test_the_title_of_a_detailed_request_is_its_subject(prompt: str, title: str) -> None:
    assert titles_in(prompt, "eng_Latn") == [title]


def test_a_title_is_not_cut_after_its_colon() -> None:
    prompt = "A meal plan for a family of four: two kids aged 6 and 9, one of them allergic to nuts"
    assert titles_in(prompt, "eng_Latn") == ["A meal plan for a family of four"]
