"""`outline`, `approve`, `rewrite` and `write --review` as commands: what is typed, said and kept."""

from __future__ import annotations

import json
import re
import stat
import sys
from pathlib import Path

import pytest

from storage import Store


def write(run, store: Store, *arguments: str) -> str:
    assert run("write", "tea", "--sections", "3", *arguments).exit_code == 0
    return store.list_documents(limit=1)[0].id


def headings(store: Store, document_id: str) -> list[str | None]:
    return [item.heading for item in store.get_outline(document_id).items]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets an editor: a shell script whose first argument is the file."""

    def set_(script: str) -> None:
        path = tmp_path / "my editor"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("VISUAL", f"'{path}' --wait")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return set_


def test_single_changes_name_the_numbers_that_are_shown(run, store):
    document_id = write(run, store)
    result = run(
        "outline", document_id, "--set", "3=Drinking it", "--drop", "1", "--move", "3", "1",
        "--add", "Milk?", "--after", "2", "--length", "2=8",
    )  # fmt: skip
    assert result.exit_code == 0
    assert headings(store, document_id) == ["Drinking it", "Heading 2", "Milk?"]
    assert "version 2 is in use, 3 to be written; go on with: longhand resume" in result.stderr
    assert "├─ 2 Heading 2 0 of 8 pending" in [" ".join(line.split()) for line in result.stdout.splitlines()]
    written = run("write", document_id)
    assert written.exit_code == 0
    assert [line for line in written.stdout.splitlines() if line[:2] == "##"] == [
        "## Drinking it", "## Heading 2", "## Milk?",
    ]  # fmt: skip


def test_a_change_that_needs_no_words_is_done_at_once(run, store):
    document_id = write(run, store)
    result = run("outline", document_id, "--move", "3", "1", "--json")
    assert json.loads(result.stdout)["version"] == 2
    assert f"nothing to be written; read it with: longhand show {document_id}" in result.stderr


def test_nothing_changed_is_said(run, store):
    document_id = write(run, store)
    result = run("outline", document_id, "--move", "1", "1")
    assert (result.exit_code, result.stderr) == (0, "nothing was changed: version 1 stays\n")


def test_the_editor_gets_markdown_and_its_file_goes(run, store, editor, tmp_path):
    document_id = write(run, store)
    editor('sed -i -e "s/Heading 2 /Boiling water /" -e "s/^# .*/# All about tea/" "$2"')
    result = run("outline", document_id, "--edit")
    assert result.exit_code == 0
    assert headings(store, document_id) == ["Heading 1", "Boiling water", "Heading 3"]
    assert store.get_document(document_id).title == "All about tea"
    assert "1 to be written" in result.stderr
    assert not list(tmp_path.glob("longhand-*.md"))


def test_a_wrong_edit_is_refused_and_what_was_typed_is_kept(run, store, editor):
    document_id = write(run, store)
    editor('echo "more words" >> "$2"')
    result = run("outline", document_id, "--edit")
    assert result.exit_code == 1
    kept, error = result.stderr.splitlines()
    found = re.search(r"mend it and run longhand outline (\w+) --from (\S+)$", kept)
    assert found is not None
    path = Path(found[2])
    text = path.read_text()
    line = text.splitlines().index("more words") + 1
    assert error == (
        f"longhand: {path.name}, line {line}: 'more words' is neither a heading nor a comment: "
        "begin a heading with ##"
    )
    assert len(store.list_outlines(document_id)) == 1
    path.write_text(text.replace("more words", "## More words"))
    assert run("outline", document_id, "--from", str(path)).exit_code == 0
    assert headings(store, document_id)[3] == "More words"


def test_an_edit_of_an_older_version_or_another_document(run, store, editor, tmp_path):
    first, second = write(run, store), write(run, store)
    editor(f'cp "$2" {tmp_path}/kept.md')
    assert run("outline", first, "--edit").exit_code == 0
    kept = str(tmp_path / "kept.md")
    result = run("outline", second, "--from", kept)
    assert (result.exit_code, f"is the outline of {first}, not of {second}" in result.stderr) == (1, True)
    run("outline", first, "--drop", "1")
    result = run("outline", first, "--from", kept)
    assert (result.exit_code, "was changed meanwhile: version 2 is in use" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "ended with 3: nothing was stored, the text is kept in "),
        (r'printf "\377" > "$2"', "cannot be read as UTF-8"),
    ],
)
def test_an_editor_that_fails(run, store, editor, script, message):
    document_id = write(run, store)
    editor(script)
    result = run("outline", document_id, "--edit")
    assert (result.exit_code, message in result.stderr, result.stderr.count("\n")) == (1, True, 1)


def test_what_is_typed_survives_ctrl_c_and_an_editor_that_does_not_wait(run, store, editor, monkeypatch):
    document_id = write(run, store)
    editor("true")
    result = run("outline", document_id, "--edit")
    assert result.exit_code == 0
    found = re.search(r"longhand outline (\w+) --from (\S+) ", result.stderr)
    assert found is not None
    kept = Path(found[2])
    kept.write_text(kept.read_text().replace("Heading 3", "Saved later"))
    assert run("outline", document_id, "--from", str(kept)).exit_code == 0
    assert headings(store, document_id)[2] == "Saved later"

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("longhand.outline.editors.subprocess.run", interrupt)
    result = run("outline", document_id, "--edit")
    assert result.exit_code == 1
    found = re.search(r"interrupted: nothing was stored, the text is kept in (\S+)$", result.stderr)
    assert found is not None
    assert "Saved later" in Path(found[1]).read_text()


def test_versions_are_listed_and_named(run, store):
    document_id = write(run, store)
    run("outline", document_id, "--drop", "1")
    run("outline", document_id, "--restore", "1")
    listed = run("outline", document_id, "--versions").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["VERSION", "1", "2"]
    assert ["in use" in line for line in listed] == [False, True, False]
    found = json.loads(run("outline", document_id, "--versions", "--json").stdout)
    assert [(version["version"], version["is_active"]) for version in found] == [(1, True), (2, False)]
    assert "outline   version 1 of 2" in run("show", document_id).stdout
    # The text before is that of the version that was in use, not of the one with the number before.
    assert "--restore 1" in run("rewrite", document_id, "--item", "2").stderr
    assert run("outline", document_id, "--versions", "--drop", "1").exit_code == 2


@pytest.mark.parametrize("value", ["no-such-editor --wait", "'open"])
def test_an_editor_that_is_not_there(run, store, monkeypatch, value):
    document_id = write(run, store)
    monkeypatch.setenv("VISUAL", value)
    result = run("outline", document_id, "--edit")
    assert (result.exit_code, "VISUAL" in result.stderr) == (2, True)


USAGES = [
    (("--edit", "--drop", "1"), "exclude each other"),
    (("--restore", "1", "--drop", "1"), "exclude each other"),
    (("--version", "1", "--drop", "1"), "--version only shows"),
    (("--approve",), "--approve goes with a change"),
    (("--after", "1"), "--after and --under say where --add goes"),
    (("--set", "New heading"), "--set is 'New heading': expected an item and a value"),
    (("--length", "3=many"), "--length is '3=many': expected a number of sentences"),
    (("--length", "3"), "--length is '3': expected an item and a value"),
    (("--move", "3"), "requires 2 arguments"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGES)
def test_wrong_usage(run, store, arguments, message):
    document_id = write(run, store)
    result = run("outline", document_id, *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert len(store.list_outlines(document_id)) == 1


def test_versions_are_shown_and_restored(run, store):
    document_id = write(run, store)
    before = run("export", document_id).stdout
    run("outline", document_id, "--drop", "2")
    assert "Heading 2" in run("outline", document_id, "--version", "1").stdout
    result = run("outline", document_id, "--restore", "1")
    assert "version 1 is in use, nothing to be written" in result.stderr
    assert run("export", document_id).stdout == before
    assert run("outline", document_id, "--restore", "7").exit_code == 1


def test_review_stops_after_the_plan_until_it_is_approved(run, store):
    result = run("write", "tea", "--review")
    assert result.exit_code == 0
    assert result.stdout.startswith("1. Heading 1")
    (document,) = store.list_documents()
    assert document.status == "awaiting_review"
    assert f"let it go on with: longhand approve {document.id}" in result.stderr
    assert f"longhand approve {document.id}" in run("show", document.id).stderr
    for command in ("resume", "write"):
        refused = run(command, document.id)
        assert (refused.exit_code, "waits for review" in refused.stderr) == (1, True)
    changed = run("outline", document.id, "--set", "1=Another")
    assert f"let it go on with: longhand approve {document.id}" in changed.stderr
    assert run("approve", document.id).exit_code == 0
    assert "## Another" in run("resume", document.id).stdout
    again = run("approve", document.id)
    assert (again.exit_code, "does not wait for review (status: done)" in again.stderr) == (1, True)


@pytest.mark.parametrize("change", [("--drop", "2"), ("--move", "1", "1")])
def test_a_change_may_approve(run, store, change):
    document_id = write(run, store, "--review")
    assert run("outline", document_id, *change, "--approve").exit_code == 0
    assert store.get_document(document_id).status == "queued"
    assert run("resume", document_id).exit_code == 0


def test_review_with_a_file_is_refused(run, store, tmp_path):
    result = run("write", "tea", "--review", "--out", str(tmp_path / "x.md"))
    assert (result.exit_code, "--review makes no text" in result.stderr) == (2, True)


def test_rewriting_prints_the_one_section(run, store):
    document_id = write(run, store)
    result = run("rewrite", document_id, "--item", "2", "--seed", "9")
    assert result.exit_code == 0
    assert result.stdout.startswith("## Heading 2\n\nSentence 1 is here.")
    assert "## Heading 3" not in result.stdout
    assert "item 2 again with seed 9: stored as version 2" in result.stderr
    assert f"longhand outline {document_id} --restore 1" in result.stderr
    assert store.get_outline(document_id).note == "item 2 again with seed 9"
    again = run("rewrite", document_id, "--item", "2", "--json")
    assert json.loads(again.stdout)["version"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--item", "9"), 1, "version 1 has no item 9: its sections are 1, 2, 3"),
        (("--item", "1", "--seed", "-1"), 2, "--seed is -1"),
        ((), 2, "Missing option '--item'"),
    ],
)
def test_rewriting_what_is_not_there(run, store, arguments, code, message):
    document_id = write(run, store)
    result = run("rewrite", document_id, *arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_options_of_a_new_document_do_not_go_with_a_stored_one(run, store):
    document_id = write(run, store)
    for options in (("--sections", "3"), ("--seed", "9"), ("--review",)):
        result = run("write", document_id, *options)
        assert (result.exit_code, "keeps its options" in result.stderr) == (2, True)
    assert len(store.list_documents()) == 1


@pytest.mark.parametrize("command", ["outline", "approve", "rewrite"])
def test_unknown_ids(run, command):
    result = run(command, "zzz", *(["--item", "1"] if command == "rewrite" else []))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_an_edit_without_its_comment_is_still_of_the_version_that_was_opened(run, store, editor, tmp_path):
    document_id = write(run, store)
    editor(
        'sed -i -e "/^<!--/,/-->/d" -e "s/Heading 3 /Drinking it /" "$2"\n'
        f'{sys.executable} -c "from storage import Store; from longhand.outline.drafts import Move; '
        "from longhand.outline.editing import edit_outline; "
        f"edit_outline(Store.open(), '{document_id}', [Move('3', '1')])\""
    )
    result = run("outline", document_id, "--edit")
    assert (result.exit_code, "was changed meanwhile" in result.stderr) == (1, True)
    assert headings(store, document_id) == ["Heading 3", "Heading 1", "Heading 2"]
    assert "Drinking it" in next(tmp_path.glob("longhand-*")).read_text()


def test_an_older_version_shows_what_is_written_of_it(run, store):
    document_id = write(run, store)
    run("outline", document_id, "--set", "2=Milk")
    shown = json.loads(run("outline", document_id, "--version", "1", "--json").stdout)
    assert [item["num_sentences"] for item in shown["items"]] == [3, 3, 3]


@pytest.mark.parametrize("number", [str(10**30), str(2**31)])
def test_a_version_that_no_database_can_hold_is_none(run, store, number):
    document_id = write(run, store)
    for command in (
        ("outline", document_id, "--version", number),
        ("outline", document_id, "--restore", number),
        ("export", document_id, "--version", number),
        ("diff", document_id, "--versions", "1", number),
    ):
        result = run(*command)
        assert (result.exit_code, f"no outline version {number}" in result.stderr) == (1, True), result.stderr


def test_very_long_numbers_and_very_deep_outlines_are_refused(run, store, tmp_path):
    document_id = write(run, store)
    many = "9" * 5000
    for arguments, code, message in (
        (("--length", f"3={many}"), 2, "expected a number of sentences"),
        (("--move", "3", many), 1, "there is no place 999"),
    ):
        result = run("outline", document_id, *arguments)
        assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    deep = tmp_path / "deep.md"
    deep.write_text("".join(f"{'#' * (n + 2)} Level {n}\n" for n in range(1200)))
    result = run("outline", document_id, "--from", str(deep))
    assert (result.exit_code, "at most 100 levels" in result.stderr) == (1, True)
