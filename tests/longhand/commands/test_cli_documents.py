"""`ls`, `show`, `outline`, `export`, `rm`, `--version`: stored documents read and removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from concepts.errors import InputError, StorageError
from storage import NewDocument, Store


def write(run, store: Store, *arguments: str) -> str:
    assert run("write", "How to share a folder", *arguments).exit_code == 0
    return store.list_documents(limit=1)[0].id


def test_an_empty_list_says_how_to_begin(run):
    result = run("ls")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "longhand write" in result.stderr
    assert run("ls", "--json").stdout == "[]\n"


def test_the_list_has_one_line_a_document(run, store):
    document_id = write(run, store)
    header, line = run("ls").stdout.splitlines()
    assert header.split() == ["ID", "STATUS", "SECTIONS", "CREATED", "TITLE"]
    assert line.startswith(f"{document_id}  done")
    assert "2/2" in line
    assert line.rstrip().endswith("How to share a folder")


def test_markup_in_a_title_is_shown_as_it_is(run, store):
    store.create_document(NewDocument(prompt="[bold]Tea[/bold] :smile: [/]", lang="eng_Latn"))
    assert "[bold]Tea[/bold] :smile: [/]" in run("ls").stdout


def test_the_list_filters_and_limits(run, store):
    write(run, store)
    store.create_document(NewDocument(prompt="queued one", lang="eng_Latn"))
    assert [d["status"] for d in json.loads(run("ls", "--json", "--status", "done").stdout)] == ["done"]
    assert [d["status"] for d in json.loads(run("ls", "--json", "--limit", "1").stdout)] == ["queued"]
    assert run("ls", "--limit", "0").exit_code == 2


def test_the_list_is_found_by_words_language_and_time_and_is_sorted(run, store):
    for prompt, lang in (
        ("share a Folder", "eng_Latn"),
        ("Brot", "deu_Latn"),
        ("a folder to share", "eng_Latn"),
    ):
        store.create_document(NewDocument(prompt=prompt, lang=lang))

    def listed(*arguments: str) -> list[str]:
        return [d["prompt"] for d in json.loads(run("ls", "--json", *arguments).stdout)]

    assert listed("folder", "share") == ["a folder to share", "share a Folder"]
    assert listed("--lang", "french") == []
    assert listed("--lang", "deu_Latn") == listed("--lang", "german") == ["Brot"]
    assert listed("--sort", "title") == ["a folder to share", "Brot", "share a Folder"]
    assert len(listed("--since", "1h")) == len(listed("--until", "2999-01-01")) == 3
    assert listed("--until", "1h") == listed("--since", "2999-01-01T10:00") == []
    assert "longhand ls lists all" in run("ls", "tea").stderr
    store.pause_document(store.list_documents(text="share a folder")[-1].id)
    assert listed("--sort", "updated")[0] == "share a Folder"
    assert listed("--sort", "status")[0] == "share a Folder"
    for arguments, message in (
        (("--since", "yesterday"), "give a date such as 2026-11-28"),
        (("--sort", "name"), "--sort"),
        (("--lang", "germn"), "deu_Latn"),
    ):
        result = run("ls", *arguments)
        assert (result.exit_code, message in result.stderr, result.stderr.count("\n")) == (2, True, 1)


def test_times_in_json_are_iso_8601(run, store):
    document_id = write(run, store)
    document = store.get_document(document_id)
    (listed,) = json.loads(run("ls", "--json").stdout)
    made = datetime.fromisoformat(listed["created_at"])
    assert made.tzinfo is not None
    assert made.timestamp() == pytest.approx(document.created_at, abs=1e-3)
    assert listed["lease_until"] is None
    lease = store.claim(store.create_document(NewDocument(prompt="tea", lang="eng_Latn")).id, "someone", 60)
    store.record_attempt(lease, "write", started_at=0.5, finished_at=86400.0, outcome="done")
    (attempt,) = json.loads(run("show", lease.document_id, "--json").stdout)["attempts"]
    assert (attempt["started_at"], attempt["finished_at"]) == (
        "1970-01-01T00:00:00.500+00:00",
        "1970-01-02T00:00:00.000+00:00",
    )
    status = json.loads(run("status", "--json").stdout)
    assert datetime.fromisoformat(status["oldest_lease"]["lease_until"]) > made
    (version,) = json.loads(run("outline", document_id, "--versions", "--json").stdout)
    assert datetime.fromisoformat(version["created_at"]) <= datetime.now(UTC)


def test_several_documents_are_resumed_one_after_the_other(run, store, runner):
    ids = [store.create_document(NewDocument(prompt=f"tea {n}", lang="eng_Latn")).id for n in range(4)]
    for document_id in ids[1:]:
        store.pause_document(document_id)
    result = run("resume", ids[1], ids[2], ids[1])
    assert (result.exit_code, result.stdout.split()) == (0, [ids[1], ids[2]])
    assert "2 of 2" in result.stderr
    assert run("resume", ids[3], "--out", "a.md", ids[0]).exit_code == 2
    assert store.get_document(ids[3]).status == "paused"
    # What waits for a worker has not stopped.
    assert run("resume", "--all").exit_code == 0
    assert [store.get_document(document_id).status for document_id in ids] == ["queued", *["done"] * 3]
    assert run("resume", "--all").exit_code == 1
    result = run("resume", ids[0], ids[1])
    assert (result.exit_code, "is finished" in result.stderr) == (1, True)
    assert run("resume").exit_code == run("resume", ids[0], "--all").exit_code == 2


def test_one_that_fails_does_not_keep_others_from_being_resumed(run, store, runner):
    ids = [store.create_document(NewDocument(prompt=f"tea {n}", lang="eng_Latn")).id for n in range(2)]
    runner.fail_at, runner.error = "writing", InputError("no tea")
    result = run("resume", "--status", "queued")
    assert (result.exit_code, result.stderr.count("no tea"), runner.num_runs) == (1, 2, 2)
    assert all(document_id in result.stderr for document_id in ids)


def test_several_documents_are_queued_again(run, store):
    ids = [store.create_document(NewDocument(prompt=f"tea {n}", lang="eng_Latn")).id for n in range(2)]
    for document_id in ids:
        store.pause_document(document_id)
    result = run("resume", "--status", "paused", "--queue")
    assert result.exit_code == 0 and all(document_id in result.stderr for document_id in ids)
    assert [store.get_document(document_id).status for document_id in ids] == ["queued", "queued"]
    assert run("resume", "--status", "paused", "--queue").exit_code == 1


def test_documents_in_a_status_are_exported(run, store, tmp_path):
    document_id = write(run, store)
    store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    assert run("export", "--status", "done", "--out-dir", str(tmp_path / "a")).exit_code == 0
    assert [path.name.startswith(document_id) for path in (tmp_path / "a").iterdir()] == [True]
    assert run("export", "--status", "done").stdout.startswith("# How to share a folder")
    result = run("export", "--status", "queued", "--out-dir", str(tmp_path / "b"))
    assert (result.exit_code, "left out" in result.stderr) == (0, True)
    assert run("export", "--status", "failed", "--out-dir", str(tmp_path / "c")).exit_code == 1
    assert run("export", document_id, "--status", "done").exit_code == 2


def test_a_stage_without_a_living_holder_is_interrupted(run, store):
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    lease = store.claim(document.id, "someone", 60)
    with store.fenced(lease) as tx:
        tx.set_status("planning")
    assert "interrupted" not in run("ls").stdout
    store.release(lease)
    assert "interrupted (planning)" in run("ls").stdout
    assert f"longhand resume {document.id}" in run("show", document.id).stderr


def test_show_has_facts_and_text(run, store):
    document_id = write(run, store, "--seed", "3")
    result = run("show", document_id)
    assert f"id        {document_id}\n" in result.stdout
    assert "status    done\n" in result.stdout
    assert "seed      3\n" in result.stdout
    assert "\n## Heading 1\n\nSentence 1 is here." in result.stdout
    assert result.stderr == ""


def test_show_as_json(run, store):
    document_id = write(run, store)
    shown = json.loads(run("show", document_id, "--json").stdout)
    assert (shown["id"], shown["status"], shown["num_missing"]) == (document_id, "done", 0)
    assert shown["progress"] == {"num_items": 2, "num_written": 2, "num_decoded": 2}
    assert shown["languages"] == {"eng_Latn": 6}
    assert shown["sections"][1]["heading"] == "Heading 2"


def test_a_prefix_is_enough(run, store):
    document_id = write(run, store)
    assert document_id in run("show", document_id[:5]).stdout


def test_the_outline_as_a_tree(run, store):
    document_id = write(run, store)
    lines = run("outline", document_id).stdout.splitlines()
    assert lines[0].split("  ")[0] == "How to share a folder"
    assert lines[0].split()[-5:] == ["SENTENCES", "STATUS", "STOPPED", "BY", "SIMILARITY"]
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "├─ 1 Heading 1 3 of 3 decoded end 0.50",
        "└─ 2 Heading 2 3 of 3 decoded end 0.50",
    ]


def test_a_narrow_window_cuts_no_number(monkeypatch, capsys):
    from longhand.outline import trees
    from longhand.showing import terminal

    monkeypatch.setattr(terminal, "WIDTH_WITHOUT_TERMINAL", 72)
    row = {"heading": "A heading of many words that do not fit", "is_leaf": True, "planned_length": 4}
    row |= {"num_sentences": None, "status": "pending", "stop_reason": None, "similarity": None}
    paths = ("1", "2", "2.1", "2.1.1", "2.2", "3")
    trees.print_outline("Title", [row | {"path": path} for path in paths])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 72
    shown = [line for line in lines if "0 of 4" in line]
    assert [line.split(" A")[0].rstrip() for line in shown] == [
        *("├─ 1", "├─ 2", "│  ├─ 2.1", "│  │  └─ 2.1.1", "│  └─ 2.2", "└─ 3")
    ]
    # A narrower one leaves out columns, and headings are not broken into syllables.
    monkeypatch.setattr(terminal, "WIDTH_WITHOUT_TERMINAL", 50)
    trees.print_outline("Title", [row | {"path": path} for path in paths])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 50
    assert lines[0].split() == ["Title", "SENTENCES", "STATUS"]
    assert [" ".join(line.split()) for line in lines[1:3]] == [
        "├─ 1 A heading of many words 0 of 4 pending",
        "that do not fit",
    ]
    terminal.print_table(("ID", "TITLE"), [("2q7w5rfpf0bk", "word " * 30)], flexible="TITLE")
    assert capsys.readouterr().out.splitlines()[1].startswith("2q7w5rfpf0bk  word ")


def test_the_outline_as_json(run, store):
    document_id = write(run, store)
    shown = json.loads(run("outline", document_id, "--json").stdout)
    assert (shown["id"], shown["version"], shown["source"]) == (document_id, 1, "model")
    assert shown["items"][0] == {
        "path": "1",
        "heading": "Heading 1",
        "is_leaf": True,
        "planned_length": 3,
        "num_sentences": 3,
        "status": "decoded",
        "stop_reason": "end",
        "similarity": 0.5,
    }


def test_an_unknown_version_of_an_outline(run, store):
    result = run("outline", write(run, store), "--version", "9")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_export_prints_what_write_printed(run, store):
    written = run("write", "tea").stdout
    document_id = store.list_documents()[0].id
    assert run("export", document_id).stdout == written


def test_export_to_a_file_as_json(run, store, tmp_path):
    document_id = write(run, store)
    path = tmp_path / "doc.json"
    assert run("export", document_id, "--format", "json", "--out", str(path)).exit_code == 0
    exported = json.loads(path.read_text())
    assert (exported["format"], exported["id"]) == ("longhand.document/2", document_id)
    assert exported["sections"][0]["sentences"][0]["text"] == "Sentence 1 is here."
    moment = datetime.fromisoformat(exported["updated_at"])
    assert moment.timestamp() == pytest.approx(store.get_document(document_id).updated_at, abs=0.001)


def test_a_dash_is_stdout_and_a_name_without_suffix_is_told(run, store, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    document_id = write(run, store)
    printed = run("export", document_id).stdout
    assert run("export", document_id, "--out", "-").stdout == printed
    assert run("write", "tea", "--out", "-").stdout.startswith("# ")
    assert not list((tmp_path / "here").iterdir())
    told = run("export", document_id, "--out", "tea").stderr
    assert "wrote tea as md: its name has no suffix" in told
    assert (tmp_path / "here" / "tea").read_text() == printed


def test_export_of_a_plan_says_what_is_missing(run, store):
    document_id = write(run, store, "--plan-only")
    result = run("export", document_id)
    assert result.stdout.count("<!-- this section is not written yet -->") == 2


def test_export_without_an_outline(run, store):
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    result = run("export", document.id)
    assert result.exit_code == 1
    assert f"longhand resume {document.id}" in result.stderr


def test_export_to_an_unwritable_target(run, store, tmp_path):
    document_id = write(run, store)
    for target, message in [
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "doc.md", "there is no folder"),
        ("/dev/full", "No space left on device"),
    ]:
        result = run("export", document_id, "--out", str(target))
        assert result.exit_code == 1
        assert message in result.stderr
        assert result.stderr.count("\n") == 1


def test_rm_asks_only_in_a_terminal(run, store):
    document_id = write(run, store)
    result = run("rm", document_id)
    assert result.exit_code == 2
    assert f"longhand rm {document_id} --yes" in result.stderr
    assert run("rm", document_id, "--yes").exit_code == 0
    assert not store.list_documents()


def test_version_and_help(run):
    from longhand import __version__

    assert run("--version").stdout == f"longhand {__version__}\n"
    assert "write" in run().stdout
    assert "--outline" in run("write", "--help").stdout


def test_models_and_doctor_as_json(run, monkeypatch):
    from longhand.doing import diagnosis

    monkeypatch.setattr(diagnosis, "_device", lambda: iter([diagnosis.Finding("device", True, "CPU")]))
    assert isinstance(json.loads(run("models", "--json").stdout), list)
    result = run("doctor", "--json")
    shown = json.loads(result.stdout)
    assert result.exit_code == (0 if shown["is_ok"] else 1)
    found = {finding["name"]: finding for finding in shown["findings"]}
    for name in ("python", "rooms", "device", "database", "schema", "disk", "search", "punkt"):
        assert found[name]["is_ok"], found[name]


def test_doctor_names_what_search_by_meaning_lacks(run, store, monkeypatch):
    from longhand.doing import diagnosis

    def refuse(store: Store) -> str:
        raise StorageError("search by meaning needs pgvector")

    monkeypatch.setattr(Store, "check_can_search", refuse)
    for other in ("_versions", "_device", "_libsndfile", "_weights", "_fetched", "_published"):
        monkeypatch.setattr(diagnosis, other, _nothing)
    result = run("doctor")
    assert (result.exit_code, "longhand: search: search by meaning needs pgvector\n" in result.stderr) == (
        1,
        True,
    )


def _nothing() -> Iterator[object]:
    yield from ()


def test_rm_takes_several_ids_a_status_or_all(run, store):
    ids = [store.create_document(NewDocument(prompt=f"tea {n}", lang="eng_Latn")).id for n in range(4)]
    result = run("rm", ids[0], ids[1], ids[0], "--yes")
    assert (result.exit_code, result.stderr.count("deleted ")) == (0, 2)
    result = run("rm", ids[2], "nothing", "--yes")
    assert (result.exit_code, len(store.list_documents())) == (1, 2)
    assert "no document has the id 'nothing'" in result.stderr
    assert run("rm", "--status", "done", "--yes").exit_code == 1
    result = run("rm", "--all")
    assert (result.exit_code, "longhand rm --all --yes" in result.stderr) == (2, True)
    assert len(store.list_documents()) == 2
    for words in (
        ["rm", "--yes"],
        ["rm", ids[2], "--all", "--yes"],
        ["rm", "--all", "--status", "done", "--yes"],
    ):
        result = run(*words)
        assert (result.exit_code, "which documents?" in result.stderr) == (2, True)
    assert run("rm", "--status", "queued", "--yes").exit_code == 0
    assert not store.list_documents()


def test_rm_leaves_what_somebody_works_on_and_deletes_the_others(run, store):
    held, _ = (store.create_document(NewDocument(prompt="tea", lang="eng_Latn")).id for _ in range(2))
    store.claim(held, "somebody else", 60)
    result = run("rm", "--all", "--yes")
    assert result.exit_code == 1
    assert "left: " in result.stderr and "deleted " in result.stderr
    assert [document.id for document in store.list_documents()] == [held]
