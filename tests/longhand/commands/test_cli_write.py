"""`write` and `resume`: what is printed where, what is stored, and how they end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from concepts.errors import ModelError, NonFiniteError, SpaceMismatchError, StorageError
from storage import Store

TEXT = """# How to share a folder

## Heading 1

Sentence 1 is here. Sentence 2 is here. Sentence 3 is here.

## Heading 2

Sentence 4 is here. Sentence 5 is here. Sentence 6 is here.
"""


def only_id(store: Store) -> str:
    (document,) = store.list_documents()
    return document.id


def test_the_document_alone_goes_to_stdout(run, store):
    result = run("write", "How to share a folder")
    assert result.exit_code == 0
    assert result.stdout == TEXT
    assert f"stored as {only_id(store)}" in result.stderr


def test_progress_and_outline_go_to_stderr_in_order(run):
    lines = run("write", "tea").stderr.splitlines()
    steps = ["planning", "1. Heading 1  (3 sentences)", "writing 1/2", "writing 2/2", "decoding 6/6"]
    positions = [lines.index(step) for step in steps]
    assert positions == sorted(positions)


def test_options_are_stored(run, store):
    arguments = ["--sections", "3", "--seed", "0", "--goal", "A calm evening", "--lang", "eng_Latn"]
    assert run("write", "tea", *arguments).exit_code == 0
    (document,) = store.list_documents()
    assert (document.seed, document.lang, document.status) == (0, "eng_Latn", "done")
    assert document.params["sections"] == 3
    assert document.params["goal"] == "A calm evening"


def test_one_word_is_a_good_prompt(run):
    assert run("write", "Tea").exit_code == 0


def test_json_holds_id_headings_and_sentences(run, store):
    shown = json.loads(run("write", "tea", "--json").stdout)
    assert shown["id"] == only_id(store)
    assert [section["heading"] for section in shown["sections"]] == ["Heading 1", "Heading 2"]
    assert shown["sections"][0]["sentences"][0] == {
        "ordinal": 0,
        "text": "Sentence 1 is here.",
        "score": 0.9,
        "block": None,
    }


def test_out_writes_a_file_and_nothing_to_stdout(run, tmp_path):
    result = run("write", "How to share a folder", "--out", str(tmp_path / "doc.md"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "doc.md").read_text() == TEXT


@pytest.mark.parametrize("command", ["write", "resume", "translate", "expand"])
def test_the_suffix_of_out_decides_the_format_and_an_unknown_one_is_refused(run, store, tmp_path, command):
    if command == "write":
        words = ["write", "tea"]
    elif command == "expand":
        (tmp_path / "notes.md").write_text("# Tea\n\n- Warm the pot\n- Wait a while\n")
        words = ["expand", str(tmp_path / "notes.md")]
    else:
        run("write", "tea", *(["--plan-only"] if command == "resume" else []))
        words = [command, only_id(store), *(["--lang", "eng_Latn"] if command == "translate" else [])]
    num_documents = len(store.list_documents())
    result = run(*words, "--out", str(tmp_path / "doc.odt"))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "ends with '.odt', which is no format of ours: name a file with one of .md, .json" in result.stderr
    assert len(store.list_documents()) == num_documents
    assert not (tmp_path / "doc.odt").exists()
    if command in ("write", "resume"):
        assert run(*words, "--out", str(tmp_path / "doc.docx")).exit_code == 0
        assert (tmp_path / "doc.docx").read_bytes()[:2] == b"PK"


def test_plan_only_prints_the_outline_and_resume_writes_it(run, store):
    result = run("write", "How to share a folder", "--plan-only")
    assert result.stdout == "1. Heading 1  (3 sentences)\n2. Heading 2  (3 sentences)\n"
    document = store.get_document(only_id(store))
    assert (document.status, document.params["plan_only"]) == ("planned", True)
    assert run("resume", only_id(store)).stdout == TEXT


def test_plan_only_as_json(run):
    shown = json.loads(run("write", "tea", "--plan-only", "--json").stdout)
    assert shown["status"] == "planned"
    assert [item["path"] for item in shown["items"]] == ["1", "2"]


def test_plan_only_with_out_is_refused(run, tmp_path):
    result = run("write", "tea", "--plan-only", "--out", str(tmp_path / "x.md"))
    assert result.exit_code == 2
    assert "--plan-only makes no text" in result.stderr


def test_own_outline_replaces_planning(run, tmp_path, store):
    (tmp_path / "plan.md").write_text("# Tea for all\n\n## Buying\n### Shops\n### Prices\n## Brewing\n")
    result = run("write", "tea", "--outline", str(tmp_path / "plan.md"))
    assert result.exit_code == 0
    found = [line for line in result.stdout.splitlines() if line.startswith("#")]
    assert found == ["# Tea for all", "## Buying", "### Shops", "### Prices", "## Brewing"]
    assert store.get_document(only_id(store)).params["depth"] == 2


def test_levels_below_the_depth_are_points(run, tmp_path, store):
    (tmp_path / "plan.md").write_text("- a\n  - b\n  - c\n")
    result = run("write", "tea", "--depth", "1", "--outline", str(tmp_path / "plan.md"))
    assert result.exit_code == 0
    params = store.get_document(only_id(store)).params
    assert (params["outline"], params["points"]) == ([["1", "a"]], [["1", ["b", "c"]]])


def test_sections_and_outline_exclude_each_other(run, tmp_path):
    (tmp_path / "plan.md").write_text("a\nb\n")
    result = run("write", "tea", "--sections", "2", "--outline", str(tmp_path / "plan.md"))
    assert result.exit_code == 2
    assert "leave --sections out" in result.stderr


def test_timings_go_to_stderr(run):
    result = run("write", "tea", "--timings")
    assert "write                    0.20 s" in result.stderr
    assert "in all" in result.stderr


@pytest.mark.parametrize("kind", ["starting", "planning", "outline", "writing", "decoding"])
def test_ctrl_c_keeps_what_is_stored_and_says_how_to_go_on(run, runner, store, kind):
    runner.fail_at = kind
    result = run("write", "How to share a folder")
    assert result.exit_code == 130
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last == f"longhand: interrupted; stored; go on with: longhand resume {only_id(store)}"
    runner.fail_at = None
    assert run("resume", only_id(store)).stdout == TEXT


@pytest.mark.parametrize(
    "error",
    [
        ModelError("writer-mini: model.safetensors has checksum aa, its card says bb"),
        SpaceMismatchError("the writer belongs to the space sonar-mini@1, these vectors to sonar-mini@2"),
        NonFiniteError("section 1 of writer-mini holds NaN"),
        StorageError("the disk that holds longhand.db is full"),
    ],
)
def test_errors_of_a_run_are_one_line_and_nothing_is_lost(run, runner, store, error):
    runner.fail_at, runner.error = "writing", error
    result = run("write", "tea")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"longhand: {error}"
    assert f"longhand resume {only_id(store)}" in result.stderr
    assert len(store.get_outline(only_id(store)).items) == 2
    assert "Traceback" not in result.stderr


def test_unexpected_errors_are_one_line_with_the_way_to_a_traceback(run, runner):
    runner.fail_at, runner.error = "writing", RuntimeError("odd\nthing")
    result = run("write", "tea")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last == "longhand: unexpected RuntimeError: odd thing (run again with --debug for a traceback)"


@pytest.mark.parametrize("arguments", [("--debug", "write", "tea"), ("write", "tea", "--debug")])
def test_debug_lets_the_traceback_through(run, runner, arguments):
    runner.fail_at, runner.error = "writing", RuntimeError("odd")
    with pytest.raises(RuntimeError, match="odd"):
        run(*arguments)


def test_resume_of_a_finished_document_is_refused(run, runner, store):
    run("write", "tea")
    result = run("resume", only_id(store))
    assert result.exit_code == 1
    assert f"{only_id(store)} is finished: longhand show {only_id(store)}" in result.stderr
    assert runner.num_runs == 1


def test_the_target_is_checked_before_anything_is_made(run, runner, store, tmp_path):
    result = run("write", "tea", "--out", str(tmp_path / "nowhere" / "doc.md"))
    assert result.exit_code == 1
    assert f"there is no folder {tmp_path / 'nowhere'}" in result.stderr
    assert runner.num_runs == 0
    assert not store.list_documents()


def test_a_full_disk_under_out_leaves_the_document_stored(run, store):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    result = run("write", "tea", "--out", "/dev/full")
    assert result.exit_code == 1
    assert "/dev/full cannot be written (No space left on device)" in result.stderr
    assert store.get_document(only_id(store)).status == "done"


def test_a_manual_of_parts_says_how_long_it_will_be(run):
    result = run("write", "Tea", "--depth", "2", "--sections", "4")
    assert "4 parts of about 7 sections: about 28 sections in all\n" in result.stderr
    found = run("write", "Tea", "--depth", "2").stderr
    assert "3 to 9 parts of about 7 sections: about 21 to 63 sections in all; --sections sets" in found
    assert "sections in all" not in run("write", "Tea", "--sections", "4").stderr


def test_a_prompt_far_from_all_that_is_known_is_said_in_one_line(run, monkeypatch):
    line = "this is far from what the planner has learnt; the outline may be astray"
    assert line not in run("write", "Tea").stderr
    monkeypatch.setattr("longhand.doing.reach.is_far", lambda store, document_id: True)
    assert run("write", "Tea").stderr.count(line) == 1


def test_where_a_document_is_from_is_said_once_its_notes_are_known(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes are looked for after the first event of writing."""
    line = "from the library, by sections: 'Tea' (2)"
    monkeypatch.setattr("longhand.doing.reach.describe_sources", lambda _store, _id: line)
    shown = run("write", "tea", "--sections", "2").stderr
    assert shown.count(line) == 1
    assert shown.rindex("writing") < shown.index(line)


def test_models_that_cannot_be_used_are_told_once(run, monkeypatch, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.json").write_text("{}")
    monkeypatch.setenv("LONGHAND_MODELS", os.pathsep.join((str(tmp_path), str(tmp_path / "absent"))))
    result = run("write", "Tea", "--plan-only")
    (note,) = [line for line in result.stderr.splitlines() if "left out" in line]
    assert result.exit_code == 0
    assert "broken/card.json cannot be read (it has no name)" in note
    assert note.endswith("; and 1 other, see longhand models")
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('"tea"\n"coffee"\n')
    for words in (("submit", "--file", str(prompts)), ("write", "Milk", "--plan-only")):
        monkeypatch.setenv("LONGHAND_MODELS", str(tmp_path / words[0]))
        assert (
            run(*words).stderr.count(f"LONGHAND_MODELS names {tmp_path / words[0]}, which is no folder") == 1
        )
