"""`translate`, `show --lang` and the languages of prompts: what is decoded, detected and refused."""

from __future__ import annotations

import json

import pytest

from concepts.errors import NonFiniteError
from storage import SpaceRef, Store

TWO = ("eng_Latn", "deu_Latn")
GERMAN = """# Dokument

## Titel 1

Satz 1. Satz 2. Satz 3.

## Titel 2

Satz 4. Satz 5. Satz 6.
"""


@pytest.fixture
def two_languages(monkeypatch):
    monkeypatch.setattr("longhand.asking.requests.known_languages", lambda space=None: TWO)


@pytest.fixture
def written(run, store: Store) -> str:
    assert run("write", "tea").exit_code == 0
    (document,) = store.list_documents()
    return document.id


def test_a_translation_is_stored_beside_the_original(run, runner, store, written, two_languages):
    result = run("translate", written, "--lang", "deu_Latn")
    assert (result.exit_code, result.stdout) == (0, GERMAN)
    assert f"longhand show {written} --lang deu_Latn" in result.stderr
    assert "decoding 8/8" in result.stderr
    assert GERMAN in run("show", written, "--lang", "deu_Latn").stdout
    assert "language  eng_Latn\nalso in   deu_Latn\n" in run("show", written).stdout
    assert run("export", written, "--lang", "deu_Latn").stdout == GERMAN
    assert "Sentence 1 is here." in run("show", written).stdout
    assert store.get_document(written).status == "done"


def test_a_folder_in_one_language_leaves_out_what_is_not_in_it(
    run, store, written, two_languages, tmp_path
) -> None:
    assert run("translate", written, "--lang", "deu_Latn").exit_code == 0
    others = []
    for _ in range(2):
        assert run("write", "milk").exit_code == 0
        others.append(store.list_documents(limit=1)[0].id)
    folder, wish = tmp_path / "german", ("--lang", "deu_Latn")
    result = run("export", "--all", "--out-dir", str(folder), *wish)
    assert (result.exit_code, [path.read_text() for path in folder.iterdir()]) == (0, [GERMAN])
    for other in others:
        assert f"left out: {other} has no text in 'deu_Latn'" in result.stderr
    named = run("export", written, others[0], "--out-dir", str(tmp_path / "b"), *wish)
    assert (named.exit_code, (tmp_path / "b").exists()) == (2, False)
    by_name = run("export", "--all", "--out-dir", str(tmp_path / "name"), "--lang", "german")
    assert by_name.exit_code == 0
    assert [p.name for p in (tmp_path / "name").iterdir()] == [p.name for p in folder.iterdir()]
    unknown = run("export", "--all", "--out-dir", str(tmp_path / "b"), "--lang", "germn")
    assert (unknown.exit_code, (tmp_path / "b").exists()) == (2, False)
    assert "--lang is 'germn': expected a language such as eng_Latn or German" in unknown.stderr


def test_a_version_that_is_not_in_use_is_to_be_restored_before_it_is_decoded(
    run, runner, store, written, two_languages
) -> None:
    assert run("rewrite", written, "--item", "1").exit_code == 0
    assert run("translate", written, "--lang", "deu_Latn").exit_code == 0
    old = run("export", written, "--version", "1", "--lang", "deu_Latn")
    restore = f"longhand outline {written} --restore 1"
    assert f"not decoded yet: {restore}, then longhand translate {written} --lang deu_Latn" in old.stderr
    assert run("outline", written, "--restore", "1").exit_code == 0
    assert run("translate", written, "--lang", "deu_Latn").exit_code == 0
    assert "not decoded" not in run("export", written, "--version", "1", "--lang", "deu_Latn").stderr
    runner.fail_at = "decoding"
    assert run("rewrite", written, "--item", "2").exit_code == 130
    assert run("outline", written, "--restore", "2").exit_code == 0
    undecoded = run("export", written, "--version", "3").stderr
    assert f"{restore[:-1]}3, then longhand resume {written}\n" in undecoded
    runner.fail_at = None
    assert run("outline", written, "--restore", "3").exit_code == 0
    assert run("resume", written).exit_code == 0
    assert "not decoded" not in run("export", written, "--version", "3").stderr


def test_a_translation_that_is_there_costs_no_model(run, runner, written, two_languages):
    run("translate", written, "--lang", "deu_Latn")
    num_runs = runner.num_runs
    assert run("translate", written, "--lang", "deu_Latn").stdout == GERMAN
    assert runner.num_runs == num_runs


def test_an_interrupted_translation_says_how_to_go_on(run, runner, store, written, two_languages):
    runner.fail_at = "decoding"
    result = run("translate", written, "--lang", "deu_Latn")
    assert result.exit_code == 130
    assert f"go on with: longhand translate {written} --lang deu_Latn" in result.stderr
    runner.error = NonFiniteError("a concept holds NaN")
    assert run("translate", written, "--lang", "deu_Latn").exit_code == 1
    runner.fail_at = None
    assert run("translate", written, "--lang", "deu_Latn").stdout == GERMAN


def test_a_space_of_one_language_refuses(run, runner, written, monkeypatch):
    monkeypatch.setattr("longhand.asking.requests.known_languages", lambda space=None: ("eng_Latn",))
    num_runs = runner.num_runs
    result = run("translate", written, "--lang", "deu_Latn")
    assert result.exit_code == 2
    assert (
        "knows only eng_Latn: for another language, write the document in a space that has it"
        in result.stderr
    )
    assert runner.num_runs == num_runs


@pytest.mark.parametrize("typed", ["German", "de", "deutsch", "deu_latn", "de-AT", "deu", "DE"])
def test_other_names_of_a_language_are_taken(run, runner, store, written, two_languages, typed):
    result = run("translate", written, "--lang", typed)
    assert (result.exit_code, result.stdout) == (0, GERMAN)
    assert ("took de-AT for deu_Latn (German)\n" in result.stderr) == (typed == "de-AT")
    assert f"longhand show {written} --lang deu_Latn" in result.stderr
    assert set(store.list_languages(written)) == {"eng_Latn", "deu_Latn"}
    num_runs = runner.num_runs
    assert run("translate", written, "--lang", "deu_Latn").stdout == GERMAN
    assert runner.num_runs == num_runs
    for command in ("show", "export"):
        assert GERMAN in run(command, written, "--lang", typed).stdout


def test_a_misspelt_language_is_refused_with_the_one_that_is_meant(run, written, two_languages):
    result = run("translate", written, "--lang", "germn")
    assert (result.exit_code, result.stderr) == (
        2,
        "longhand: unknown language 'germn': did you mean deu_Latn?\n",
    )


def test_a_prompt_in_another_language_is_a_document_in_it_with_its_title(run, store, two_languages):
    result = run("submit", "Wie man ein Hochbeet baut")
    (document,) = store.list_documents()
    assert (document.lang, document.params["prompt_lang"]) == ("deu_Latn", "deu_Latn")
    assert (
        result.stderr.count(
            "reads as German: the document is in German where the library tells of the subject in German, else"
        )
        == 1
    )
    run("submit", "Wie man ein Hochbeet baut", "--lang", "English", "--prompt-lang", "german")
    named = run("submit", "Wie man ein Hochbeet baut", "--prompt-lang", "de")
    assert "the prompt is in German: the document is in German where" in named.stderr
    run("submit", "Wie man ein Hochbeet baut", "--lang", "eng")
    run("submit", "Werner Heisenberg")
    found = [(d.lang, d.params["prompt_lang"]) for d in store.list_documents()]
    assert found[1:4] == [("eng_Latn", "deu_Latn"), ("deu_Latn", "deu_Latn"), ("eng_Latn", "deu_Latn")]
    assert found[0][0] == "eng_Latn"


def test_the_same_language_under_two_names_is_the_same_document(run, store, two_languages, tmp_path):
    rows = [{"prompt": "Tea", "lang": lang, "prompt_lang": lang} for lang in ("de", "German", "deu_Latn")]
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert run("submit", "--file", str(path), "--seed", "7").exit_code == 0
    assert run("submit", "Tea", "--lang", "Deutsch", "--prompt-lang", "DE").exit_code == 0
    documents = store.list_documents()
    assert len(documents) == 4
    assert {(d.prompt, d.lang, str(sorted(d.params.items()))) for d in documents} == {
        ("Tea", "deu_Latn", str(sorted(documents[0].params.items())))
    }
    first = run("submit", "Milk", "--lang", "de", "--idempotency-key", "k").stdout
    assert run("submit", "Milk", "--lang", "deu_Latn", "--idempotency-key", "k").stdout == first


def test_its_own_language_and_an_unwritten_document_are_refused(run, store, written, two_languages):
    assert "is written in eng_Latn" in run("translate", written, "--lang", "eng_Latn").stderr
    run("write", "coffee", "--plan-only")
    planned = next(d.id for d in store.list_documents() if d.status == "planned")
    result = run("translate", planned, "--lang", "deu_Latn")
    assert result.exit_code == 1
    assert (
        f"is not written yet (status: planned): finish it first with longhand resume {planned}"
        in result.stderr
    )


def test_a_language_without_text_cannot_be_shown(run, written):
    result = run("show", written, "--lang", "deu_Latn")
    assert result.exit_code == 2
    assert f"is decoded in eng_Latn; longhand translate {written} --lang CODE adds one" in result.stderr


def test_the_prompts_language_is_detected_among_those_of_the_space(run, store, two_languages, tmp_path):
    (tmp_path / "plan.md").write_text("- Die Zutaten und der Teig\n- Wie man das Brot im Ofen backt\n")
    run("write", "How to bake bread", "--outline", str(tmp_path / "plan.md"))
    run("write", "Wie man einen Ordner mit anderen Benutzern teilt")
    run("write", "Brot", "--prompt-lang", "deu_Latn")
    found = [(d.params["prompt_lang"], d.params["outline_lang"]) for d in reversed(store.list_documents())]
    assert found == [("eng_Latn", "deu_Latn"), ("deu_Latn", None), ("deu_Latn", "deu_Latn")]


def test_where_there_is_one_language_another_is_refused(run, store, monkeypatch):
    monkeypatch.setattr("longhand.asking.requests.known_languages", lambda space=None: ("eng_Latn",))
    result = run("write", "Wie man einen Ordner teilt")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "the prompt reads as German, the space knows English" in result.stderr
    assert not store.list_documents()
    assert run("write", "Wie man einen Ordner teilt", "--prompt-lang", "eng_Latn").exit_code == 0


def test_models_that_are_not_installed_are_refused_before_anything_is_stored(run, store):
    for option in ("--space", "--planner", "--writer"):
        result = run("write", "tea", option, "nowhere")
        assert result.exit_code == 1
        assert f"no {option[2:]} named 'nowhere'" in result.stderr
    assert not store.list_documents()


def test_the_space_of_the_document_decides(run, store, monkeypatch, written):
    asked = []
    monkeypatch.setattr(
        "longhand.asking.requests.known_languages", lambda space=None: asked.append(space) or TWO
    )
    run("translate", written, "--lang", "deu_Latn")
    space = store.get_document(written).space
    assert isinstance(space, SpaceRef) and asked == [space.name]


def test_what_a_change_left_untranslated_is_translated_by_the_command_named(run, store, two_languages):
    assert run("write", "tea").exit_code == 0
    (document,) = store.list_documents()
    assert run("translate", document.id, "--lang", "deu_Latn").exit_code == 0
    assert run("outline", document.id, "--set", "2=Milk").exit_code == 0
    assert run("resume", document.id).exit_code == 0
    said = run("export", document.id, "--lang", "deu_Latn").stderr
    assert f"sentences are not decoded yet: longhand translate {document.id} --lang deu_Latn" in said
    assert run("translate", document.id, "--lang", "deu_Latn").exit_code == 0
    assert run("export", document.id, "--lang", "deu_Latn").stderr == ""
    result = run("export", document.id, "--version", "1", "--lang", "klingon")
    assert (result.exit_code, "expected a language such as eng_Latn" in result.stderr) == (2, True)
