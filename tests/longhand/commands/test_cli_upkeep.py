"""`backup`, `restore` and `gc` as they are typed."""

from __future__ import annotations

import json
import time

import pytest

from storage import NewDocument, Store


def age(store: Store, days: float) -> None:
    """Let everything that is stored have been stored long ago."""
    from sqlalchemy import update

    from storage.database.tables import Attempt, Document, Outline

    then = time.time() - days * 86400
    with store._database.write() as connection:
        connection.execute(update(Document).values(updated_at=then, created_at=then))
        connection.execute(update(Outline).values(created_at=then))
        connection.execute(update(Attempt).values(started_at=then, finished_at=then))


def test_backup_rm_restore(run, store, tmp_path):
    run("write", "tea")
    shown = run("export", store.list_documents()[0].id, "--format", "md").stdout
    result = run("backup", str(tmp_path / "copy"))
    assert result.exit_code == 0
    assert f"backed up {store.location} to {tmp_path}/copy (" in result.stderr
    assert run("backup", str(tmp_path / "copy")).exit_code == 1
    assert run("rm", store.list_documents()[0].id, "--yes").exit_code == 0
    assert run("restore", str(tmp_path / "copy")).stderr.startswith("restored 1 document from ")
    (document,) = store.list_documents()
    assert run("export", document.id, "--format", "md").stdout == shown
    result = run("restore", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert "holds 1 document, which would be replaced: add --force" in result.stderr
    assert run("restore", str(tmp_path / "copy"), "--force").exit_code == 0


@pytest.mark.parametrize("kind", ["missing", "folder", "text"])
def test_what_is_no_backup_is_one_line(run, store, tmp_path, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("tea")
    result = run("restore", str(path))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert str(path) in result.stderr


def test_a_dead_holder_does_not_keep_a_restore_away(run, store, tmp_path):
    from flows.leases.owner import current_owner

    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    run("backup", str(tmp_path / "copy"))
    store.claim(document.id, "far/12345678:1:1", 60)
    result = run("restore", str(tmp_path / "copy"), "--force")
    assert result.exit_code == 1
    assert "being worked on" in result.stderr
    assert "longhand down" in result.stderr
    store.claim(document.id, current_owner().rpartition(":")[0] + ":1", 60, steal=True)
    assert run("restore", str(tmp_path / "copy"), "--force").exit_code == 0


def test_gc_says_what_goes_and_deletes_it(run, store):
    run("write", "tea")
    run("submit", "coffee")
    assert run("gc", "--older-than", "30d").stderr == "nothing is that old\n"
    age(store, 31)
    result = run("gc", "--older-than", "30d", "--dry-run")
    assert result.stderr.startswith("would delete 1 document, 6 sentences: ")
    assert len(store.list_documents()) == 2
    shown = json.loads(run("gc", "--older-than", "4w", "--dry-run", "--json").stdout)
    assert (shown["num_documents"], shown["num_concepts"], shown["dry_run"]) == (1, 6, True)
    assert run("gc", "--older-than", "30d", "--status", "failed,cancelled").stderr == "nothing is that old\n"
    lines = run("gc", "--older-than", "30d").stderr.splitlines()
    assert lines[0].startswith("deleted 1 document, 6 sentences: ")
    assert lines[1].startswith(f"{store.location}: ")
    assert [document.prompt for document in store.list_documents()] == ["coffee"]


USAGES = [
    ((), "--older-than"),
    (("--older-than", "30"), "--older-than is '30': give a number with s, m, h, d or w, such as 30d"),
    (("--older-than", "-1d"), "--older-than is '-1d'"),
    (("--older-than", "²d"), "--older-than is '²d'"),
    (
        ("--older-than", "1d", "--status", "queued"),
        "--status names 'queued': give any of done, failed, cancelled",
    ),
    (("--older-than", "1d", "--status", ""), "--status names ''"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGES)
def test_wrong_usage_of_gc(run, arguments, message):
    result = run("gc", *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
