"""Bad input to every command: one clear line, the right exit code, nothing stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from storage import Store

PROMPTS = [
    ("", "the prompt is empty"),
    (" \n\t ", "the prompt holds only blanks"),
    ("😀🎉", "the prompt holds only emoji"),
    ("1️⃣2️⃣", "the prompt holds only emoji"),
    ("?!... --", "the prompt holds only symbols"),
    ("x" * 100_000, "the prompt has 100,000 characters, at most 10,000"),
    ("tea\x00time", "the prompt holds the control character U+0000 (character 4)"),
    ("\x7fELF\x02\x01", "the prompt holds the control character U+007F (character 1)"),
    (b"t\xff\xfe".decode("utf-8", "surrogateescape"), "the prompt is not UTF-8 text (character 2)"),
]


@pytest.mark.parametrize(("prompt", "message"), PROMPTS)
def test_prompts_that_cannot_be_used(run, store, prompt, message):
    result = run("write", "--", prompt)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"longhand: {message}")
    assert result.stderr.count("\n") == 1
    assert not store.list_documents()


def test_a_goal_is_checked_like_a_prompt(run):
    result = run("write", "tea", "--goal", "🎉")
    assert result.exit_code == 1
    assert "the goal holds only emoji" in result.stderr


USAGES = [
    (("--sections", "0"), "--sections is 0: give a number from 1 to 200"),
    (("--sections", "-3"), "--sections is -3"),
    (("--sections", "10000"), "--sections is 10000"),
    (("--sections", "two"), "should be a valid integer"),
    (("--depth", "3"), "--depth is 3: give 1 (sections) or 2"),
    (("--depth", "0"), "--depth is 0"),
    (("--seed", "-1"), "--seed is -1: give a whole number from 0"),
    (("--seed", str(2**63)), f"--seed is {2**63}"),
    (("--lang", "englsh"), "unknown language 'englsh': did you mean eng_Latn?"),
    (("--prompt-lang", "germn"), "unknown language 'germn': did you mean deu_Latn?"),
    (("--lang", "eng_Latin"), "did you mean eng_Latn?"),
    (("--lang", "xx"), "unknown language 'xx': known are eng_Latn"),
    (("--prompt-lang", "xx"), "unknown language 'xx'"),
    (("--secions", "3"), "No such option"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGES)
def test_options_out_of_range(run, store, arguments, message):
    result = run("write", "tea", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not store.list_documents()


OUTLINES = [
    (b"", "plan.md is empty: write one heading a line"),
    (b" \n\n", "plan.md is empty"),
    (b"\x89PNG\r\n\x1a\n\x00", "plan.md cannot be read: it is binary data, not text"),
    (
        b"Tea\n\x81\x8d\x8f\n",
        "plan.md cannot be read: it is not UTF-8 text (line 2); it may be ",
    ),
    (b"Tea\nA\x00B\n", "plan.md cannot be read: it is binary data, not text"),
    (b"Tea\nA\x07B\n", "plan.md, line 2 holds the control character U+0007 (character 2)"),
    (b"## A {#1 length=99}\n## B\n", "plan.md, line 1: the length is 99: give 1 to 40 sentences"),
    (b"# A\n" + b"- point\n" * 41 + b"# B\n", "plan.md, line 1: 'A' has 41 points below it"),
    (b"```\n# code\n```\n", "plan.md holds no headings"),
    (b"# A\n#\n# C\n", "plan.md, line 2: the heading has no text"),
    (b"- A\n- ***\n", "plan.md, line 2: the heading '***' holds no word"),
    (b"- A\n- " + b"x" * 300, "plan.md, line 2: the heading has 300 characters, at most 200"),
    (b"".join(b"- item %d\n" % n for n in range(300)), "plan.md, line 201: more than 200 headings"),
    (b"x" * 1_000_001, "plan.md is larger than 1,000,000 bytes"),
]


@pytest.mark.parametrize(("content", "message"), OUTLINES)
def test_outline_files_that_cannot_be_used(run, store, tmp_path, content, message):
    path = tmp_path / "plan.md"
    path.write_bytes(content)
    result = run("write", "tea", "--outline", str(path))
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not store.list_documents()


def test_a_missing_outline_file_and_a_folder(run, tmp_path):
    assert (
        f"there is no file {tmp_path / 'no.md'}"
        in run("write", "t", "--outline", str(tmp_path / "no.md")).stderr
    )
    assert f"{tmp_path} is a folder" in run("write", "t", "--outline", str(tmp_path)).stderr


@pytest.mark.parametrize("command", ["show", "outline", "export", "resume", "rm"])
def test_unknown_ids(run, command):
    result = run(command, "zzz", *(["--yes"] if command == "rm" else []))
    assert result.exit_code == 1
    assert "zzz" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "outline", "export", "resume", "rm"])
def test_ambiguous_ids_name_the_candidates(run, store, command):
    for _ in range(2):
        run("write", "tea")
    first, second = (document.id for document in store.list_documents())
    # Ids of the same few seconds begin alike.
    result = run(command, first[:3], *(["--yes"] if command == "rm" else []))
    assert result.exit_code == 1
    assert first in result.stderr
    assert second in result.stderr
    assert len(store.list_documents()) == 2


def test_unknown_formats_and_statuses(run, store):
    run("write", "tea")
    (document,) = store.list_documents()
    result = run("export", document.id, "--format", "mb")
    assert (result.exit_code, "did you mean md?" in result.stderr) == (2, True)
    result = run("ls", "--status", "finished")
    assert (result.exit_code, "known are queued" in result.stderr) == (2, True)


def test_unknown_languages_of_an_export(run, store):
    run("write", "tea")
    (document,) = store.list_documents()
    result = run("export", document.id, "--lang", "deu_Latn")
    assert result.exit_code == 2
    assert "it is decoded in eng_Latn" in result.stderr


def test_unknown_commands_name_the_near_one(run):
    result = run("wrote", "tea")
    assert result.exit_code == 2
    assert "write" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_argument(run):
    result = run("approve")
    assert result.exit_code == 2
    assert "Missing argument 'ID" in result.stderr
    assert "longhand approve --help" in result.stderr


def test_neither_a_prompt_nor_speech(run):
    result = run("write")
    assert result.exit_code == 2
    assert result.stderr == "longhand: give either a prompt in words or --speech FILE: one of the two\n"


def set_database(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("LONGHAND_DATABASE_URL", f"sqlite:///{path}")


def test_a_file_that_is_no_database(run, tmp_path, monkeypatch):
    path = tmp_path / "notes.txt"
    path.write_text("just some notes, long enough to be read as a header " * 40)
    set_database(monkeypatch, path)
    result = run("ls")
    assert result.exit_code == 1
    assert "is not a Longhand database" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_foreign_database(run, tmp_path, monkeypatch):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    set_database(monkeypatch, path)
    result = run("write", "tea")
    assert result.exit_code == 1
    assert "it holds the table 'bookmarks'" in result.stderr


def test_a_newer_schema(run, database):
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = 'lh9999'")
    connection.commit()
    connection.close()
    result = run("write", "tea")
    assert result.exit_code == 1
    assert "newer Longhand" in result.stderr


def test_a_locked_database(run, database, monkeypatch):
    monkeypatch.setenv("LONGHAND_BUSY_TIMEOUT_S", "0.1")
    connection = sqlite3.connect(database)
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = run("write", "tea")
    finally:
        connection.close()
    assert result.exit_code == 1
    assert "locked for more than 0.1 s" in result.stderr


def test_a_database_in_a_missing_folder(run, tmp_path, monkeypatch):
    set_database(monkeypatch, tmp_path / "no" / "l.db")
    result = run("ls")
    assert result.exit_code == 1
    assert "mkdir -p" in result.stderr


def test_rm_of_a_document_that_someone_holds(run, store: Store):
    run("write", "tea", "--plan-only")
    (document,) = store.list_documents()
    store.claim(document.id, "another", 60)
    result = run("rm", document.id, "--yes")
    assert result.exit_code == 1
    assert "another" in result.stderr
    assert run("rm", document.id, "--yes", "--force").exit_code == 0


@pytest.mark.parametrize("kind", ["space", "planner", "writer"])
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_training_and_evaluation_without_a_corpus(run, tmp_path, command, kind):
    out = ["--out", str(tmp_path / "run")] if command == "train" else []
    result = run(command, kind, "--corpus", str(tmp_path / "none"), *out)
    assert result.exit_code == 1
    assert str(tmp_path / "none") in result.stderr
    assert result.stderr.count("\n") == 1


def test_training_of_an_unknown_model_preset_or_number_of_steps(run, tmp_path):
    common = ["--corpus", str(tmp_path), "--out", str(tmp_path / "run")]
    assert "did you mean planner?" in run("train", "planer", *common).stderr
    assert "known are mini, tiny" in run("train", "space", *common, "--preset", "huge").stderr
    assert "--steps is 0" in run("train", "space", *common, "--steps", "0").stderr


def test_import_of_nothing(run, tmp_path):
    result = run("corpus", "import", str(tmp_path / "no"), "--out", str(tmp_path / "corpus"))
    assert result.exit_code == 1
    assert "no such file or folder" in result.stderr


@pytest.mark.parametrize("group", ["corpus", "schedules"])
def test_a_group_without_a_command_is_one_line(run, group):
    result = run(group)
    assert result.exit_code == 2
    assert result.stderr == f"longhand: Missing command (see longhand {group} --help)\n"


def test_ctrl_c_while_a_command_is_imported(run, monkeypatch):
    from longhand import app

    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "import_module", interrupt)
    result = run("ls")
    assert (result.exit_code, result.stderr) == (130, "longhand: interrupted\n")


def test_a_limit_no_database_counts_to_and_an_id_that_is_no_text(run, store):
    result = run("ls", "--limit", str(10**30))
    assert (result.exit_code, result.stderr.startswith("longhand: --limit is 1000")) == (2, True)
    result = run("show", b"\xff".decode("utf-8", "surrogateescape"))
    assert (result.exit_code, result.stderr.count("\n"), "unexpected" in result.stderr) == (1, 1, False)
