"""Documents made of a given text: what is stored of it, what is written, and that a crash changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from concepts.errors import InputError
from concepts.given import GivenDocument, GivenSection
from flows.document import queries, steps
from flows.document.asked.options import WritingOptions
from flows.document.given import begun_blocks, blocks_of_rows, check_notes
from flows.document.planning import BASELINE_NOTE
from flows.prefect.api import PrefectApi
from flows.run import resume_document
from longhand.outline.draft_markdown import format_draft
from longhand.outline.drafts import SetHeading, SetLength
from longhand.outline.editing import edit_markdown, edit_outline, rewrite_item
from storage import BlockKind, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine
from tests.storage import fault_points

Make = Callable[..., Any]
DRIVER = Path(__file__).with_name("flow_driver.py")
SENTENCES = tuple(f"This is sentence number {n}." for n in range(30))
BREAD = GivenDocument(
    "Bread",
    "eng_Latn",
    (
        GivenSection("1", "Overview", SENTENCES[:2]),
        GivenSection("2", "The dough", ()),
        GivenSection("2.1", "Mixing", SENTENCES[2:5]),
        GivenSection("2.2", "Kneading", SENTENCES[5:9]),
        GivenSection("3", "Baking", SENTENCES[9:14]),
    ),
)
PLAIN = GivenDocument("Notes", "eng_Latn", (GivenSection("1", "", SENTENCES),))
KEEP = WritingOptions(use="keep", texts_per_unit=8)
SUMMARY = WritingOptions(use="summarize", sentences=6, items_per_unit=2, texts_per_unit=8)
EXPAND = WritingOptions(use="expand", depth=2, items_per_unit=2, texts_per_unit=8)


def texts_of(store: Store, document_id: str, version: int | None = None) -> dict[str, list[str]]:
    found = {}
    waiting = list(store.export_document(document_id, version=version).sections)
    while waiting:
        section = waiting.pop()
        found[section.path] = [sentence.text for sentence in section.sentences]
        waiting += section.children
    return found


@pytest.fixture
def made(store: Store, new_document: Make, new_job: Make) -> Callable[..., str]:
    """Return a function that makes a document of a text and runs it to its end."""

    def make(given: GivenDocument, options: WritingOptions, **changes: object) -> str:
        document_id = new_document(store, options, prompt=given.title, source=given.to_json(), **changes)
        job = new_job(store, document_id)
        run_steps(job)
        store.release(job.lease)
        assert store.get_document(document_id).status == "done"
        return document_id

    return make


def test_a_kept_document_comes_back_and_its_sections_can_be_written(
    store: Store, made: Make, new_job: Make
) -> None:
    document_id = made(BREAD, KEEP)
    assert texts_of(store, document_id) == {s.path: list(s.sentences) for s in BREAD.sections}
    items = {item.path: item for item in store.get_outline(document_id).items}
    assert {path: item.heading for path, item in items.items()} == {s.path: s.heading for s in BREAD.sections}
    assert {path: item.planned_length for path, item in items.items()} == {
        "1": 2,
        "2": 2,
        "2.1": 3,
        "2.2": 4,
        "3": 5,
    }
    assert {item.stop_reason for item in items.values() if item.is_leaf} == {"given"}
    rewrite_item(store, document_id, "2.1", seed=3)
    edit_outline(store, document_id, [SetHeading("3", "In the oven")])
    engine = FakeEngine()
    run_steps(new_job(store, document_id, engine, steal=True))
    assert engine.calls.count("write") == 2  # one batch with a seed of its own, one without
    after = texts_of(store, document_id)
    assert all(after[path] == list(s.sentences) for path, s in zip("1", BREAD.sections, strict=False))
    assert after["2.2"] == list(BREAD.sections[3].sentences)
    assert after["2.1"] != list(BREAD.sections[2].sentences)
    assert len(after["2.1"]) == 3
    assert after["3"] != list(BREAD.sections[4].sentences)
    assert texts_of(store, document_id, version=1)["3"] == list(BREAD.sections[4].sentences)


def test_a_kept_document_keeps_its_blocks(store: Store, made: Make) -> None:
    form: tuple[tuple[Any, int], ...] = (("paragraph", 1), ("step", 2), ("step", 1), ("note", 1))
    first = replace(BREAD.sections[-1], form=form)
    assert len(first.sentences) == 5
    document_id = made(replace(BREAD, sections=(*BREAD.sections[:-1], first)), KEEP)
    sections = store.export_document(document_id).sections
    assert [s.block for s in sections[-1].sentences] == ["paragraph", "step", None, "step", "paragraph"]
    assert {s.block for s in sections[0].sentences} == {None}  # of a text from before blocks had kinds


def test_a_text_without_headings_gets_sections(store: Store, made: Make) -> None:
    document_id = made(PLAIN, KEEP)
    texts = texts_of(store, document_id)
    assert len(texts) == 4  # one for about eight sentences
    assert [text for path in sorted(texts) for text in texts[path]] == list(SENTENCES)
    for item in store.get_outline(document_id).items:
        assert item.heading is not None
        assert f"{item.heading}." in texts[item.path]  # the most typical of its sentences


def test_a_text_in_another_language_is_decoded(store: Store, made: Make) -> None:
    given = replace(BREAD, lang="deu_Latn")
    document_id = made(given, replace(KEEP, prompt_lang="deu_Latn"), title=None)
    assert store.export_document(document_id, "deu_Latn").num_missing == 0
    own = texts_of(store, document_id)
    assert {path: len(text) for path, text in own.items()} == {
        s.path: len(s.sentences) for s in BREAD.sections
    }
    assert own["1"] != list(SENTENCES[:2])
    assert store.get_document(document_id).title != "Bread"


@pytest.mark.parametrize(
    ("num", "paths"), [(6, ["1", "2", "2.1", "2.2", "3"]), (3, ["1", "2", "3"]), (2, ["1", "2"])]
)
def test_a_summary_has_its_length_and_a_baseline(
    store: Store, made: Make, num: int, paths: list[str]
) -> None:
    document_id = made(BREAD, replace(SUMMARY, sentences=num))
    outline = store.get_outline(document_id)
    assert [item.path for item in outline.items] == paths
    assert sum(item.planned_length for item in outline.leaves()) == num
    assert sum(len(text) for text in texts_of(store, document_id).values()) == num
    baseline, summary = store.list_outlines(document_id)
    assert (baseline.note, summary.version) == (BASELINE_NOTE, outline.version)
    extracted = [text for texts in texts_of(store, document_id, version=1).values() for text in texts]
    assert len(extracted) == num
    assert set(extracted) <= set(BREAD.sentences)


def test_points_of_notes_become_sections(store: Store, made: Make) -> None:
    few = GivenDocument("Notes", "eng_Latn", (GivenSection("1", "", SENTENCES[:4]),))
    items = store.get_outline(made(few, replace(EXPAND, depth=1)), vectors=True).items
    assert [item.heading for item in items] == [text.removesuffix(".") for text in SENTENCES[:4]]
    engine = FakeEngine()
    for item, vector in zip(items, engine.encode(SENTENCES[:4], "eng_Latn"), strict=True):
        assert item.gist is not None
        assert (item.gist == vector).all()
    grouped = store.get_outline(made(PLAIN, replace(EXPAND, sections=5, depth=1))).items
    assert [item.path for item in grouped] == list("12345")
    bare = GivenSection("4", "Eating", ())
    under = store.get_outline(made(replace(BREAD, sections=(*BREAD.sections, bare)), EXPAND)).items
    assert [item.path for item in under] == [
        *("1", "1.1", "1.2", "2", "2.1", "2.2", "3", "3.1", "3.2", "3.3", "3.4", "3.5", "4")
    ]
    flat = store.get_outline(made(BREAD, replace(EXPAND, depth=1))).items
    assert [item.heading for item in flat] == ["Overview", "The dough", "Baking"]


@pytest.mark.parametrize(
    ("given", "sections", "depth", "reason"),
    [
        (BREAD, 2, 2, "leave --sections out"),
        (PLAIN, 31, 1, "have 30 points, too few for 31 sections: give --sections 1 to 30"),
        (PLAIN, None, 2, "make 34 sections, at most 20 are written"),
        (
            replace(BREAD, sections=(*BREAD.sections, GivenSection("3.1.1", "Deep", ("One.",)))),
            None,
            2,
            r"nested too deep \(level 3\)",
        ),
    ],
)
def test_notes_that_cannot_be_expanded(
    given: GivenDocument, sections: int | None, depth: int, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        check_notes(given, sections, depth, 20)


class Crash(BaseException):
    """Stands for the end of the process."""


def crash() -> None:
    raise Crash


@pytest.mark.parametrize("options", [KEEP, SUMMARY, EXPAND], ids=lambda options: options.use)
@pytest.mark.parametrize("point", ["finish_unit.after", "store_text.after", "commit_renderings.after"])
def test_a_broken_run_goes_on_to_the_same_document(
    options: WritingOptions,
    point: str,
    store: Store,
    new_document: Make,
    new_job: Make,
    outcome: Make,
    made: Make,
) -> None:
    calm = outcome(store, made(BREAD, options))
    document_id = new_document(store, options, prompt="Bread", source=BREAD.to_json())
    fault_points.arm(point, 1, crash)
    with pytest.raises(Crash):
        run_steps(new_job(store, document_id))
    fault_points.watch(None)
    run_steps(new_job(store, document_id, steal=True))
    assert outcome(store, document_id) == calm


def test_a_killed_summary_goes_on_to_the_same_document(
    url: str, new_url: Callable[[], str], store: Store, new_document: Make, new_job: Make, made: Make
) -> None:
    calm_id = made(BREAD, SUMMARY)
    with Store.open(new_url()) as other:
        document_id = new_document(other, SUMMARY, prompt="Bread", source=BREAD.to_json())
        process = subprocess.run(
            [sys.executable, str(DRIVER), other.url, document_id, "--steps"],
            env={**os.environ, fault_points.VARIABLE: "store_text.after:2"},
            capture_output=True,
            check=False,
        )
        assert process.returncode == -signal.SIGKILL, process.stderr
        run_steps(new_job(other, document_id))
        for version in (1, 2):
            assert texts_of(other, document_id, version) == texts_of(store, calm_id, version)
        assert len(other.list_outlines(document_id)) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning:prefect")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:docket")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_prefect_runs_it_without_the_writer(
    store: Store, url: str, new_document: Make, api: PrefectApi
) -> None:
    document_id = new_document(store, KEEP, prompt="Bread", source=BREAD.to_json())
    engine = FakeEngine()
    resume_document(url, document_id, engine=engine, prefect_api=api)
    assert set(engine.loading) == {"plan"}  # what is kept is not said again
    assert texts_of(store, document_id)["3"] == list(SENTENCES[9:14])


def test_a_translated_document_has_a_translated_title(store: Store, made: Make, new_job: Make) -> None:
    document_id = made(BREAD, KEEP, title="Bread")
    job = new_job(store, document_id, steal=True)

    def translate() -> str | None:
        steps.begin_translation(job, "deu_Latn")
        for unit_id in queries.pending_texts(job, "deu_Latn"):
            steps.decode_unit(job, unit_id)
        return store.export_document(document_id, "deu_Latn").title

    first = translate()
    assert first not in (None, "Bread")
    assert store.export_document(document_id).title == "Bread"
    num_attempts = len(store.get_attempts(document_id))
    assert translate() == first
    assert len(store.get_attempts(document_id)) == num_attempts
    with store.fenced(job.lease) as tx:
        tx.set_title("Loaves")
    assert store.export_document(document_id, "deu_Latn").title == "Loaves"
    assert translate() not in (first, "Loaves")


def test_a_section_longer_than_any_that_is_planned_may_stay(store: Store, made: Make) -> None:
    long = GivenSection("1", "Overview", tuple(f"This is sentence {n}." for n in range(60)))
    document_id = made(replace(BREAD, sections=(long, *BREAD.sections[1:])), KEEP)
    text = format_draft(store.get_outline(document_id), "Bread")
    edit_markdown(store, document_id, text.replace("Baking", "In the oven"))
    items = {item.path: item for item in store.get_outline(document_id).items}
    assert (items["1"].planned_length, items["1"].status, items["3"].status) == (60, "decoded", "pending")
    with pytest.raises(InputError, match="the length is 61: give 1 to 40 sentences"):
        edit_outline(store, document_id, [SetLength("1", 61)])


def test_given_text_of_an_older_version_is_no_garbage(store: Store, made: Make, new_job: Make) -> None:
    document_id = made(BREAD, KEEP)
    edit_outline(store, document_id, [SetHeading("3", "In the oven")])
    job = new_job(store, document_id, steal=True)
    run_steps(job)
    store.release(job.lease, "done")
    rewrite_item(store, document_id, "3", seed=9)
    job = new_job(store, document_id, steal=True)
    run_steps(job)
    store.release(job.lease, "done")
    # Versions 1 and 2 hold sentences that were given, which no model can say again.
    assert store.collect_garbage(-60.0, statuses=[], versions=True).num_versions == 0
    assert texts_of(store, document_id, version=1) == {s.path: list(s.sentences) for s in BREAD.sections}


def test_sentences_of_a_stanza_are_lines_also_where_a_section_begins_inside_it() -> None:
    form: tuple[tuple[BlockKind, int], ...] = (("paragraph", 2), ("verse", 3), ("verse", 2), ("note", 1))
    given = GivenDocument("Poem", "eng_Latn", (GivenSection("1", "", tuple("abcdefgh"), form),))
    begun = begun_blocks(given)
    assert begun == ("paragraph", None, "verse", None, None, "verse", None, "paragraph")
    assert blocks_of_rows(begun, range(8)) == list(begun)
    assert blocks_of_rows(begun, range(3, 7)) == ["verse", None, "verse", None]
    assert blocks_of_rows(begun, (1, 3, 6)) == [None, "verse", None]
    assert blocks_of_rows(begun, (2, 1)) == ["verse", "paragraph"]
    assert blocks_of_rows((None, None), (1,)) == [None]
