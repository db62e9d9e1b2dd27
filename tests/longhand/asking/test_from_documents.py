"""`plan --from`, `summarize` and `expand`: what they print and store, and every refusal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import longhand
from storage import Store
from tests.longhand.asking.step_runner import StepRunner

TEA = """# Making tea

Tea is old.

## Boil the water

Fill the kettle with water. Put it on the stove.

## Serve

Pour the tea into cups. Add milk. Serve it hot.
"""
NOTES = "# Sharing\n\n- Choose the folder.\n- Give users permission.\n- Open it from another computer.\n"


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> StepRunner:
    fake = StepRunner()
    monkeypatch.setattr("longhand.doing.running.make_runner", lambda: fake)
    return fake


@pytest.fixture
def tea(tmp_path: Path) -> Path:
    path = tmp_path / "tea.md"
    path.write_text(TEA)
    return path


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    return path


def the_document(store: Store) -> str:
    (document,) = store.list_documents()
    return document.id


def test_plan_stores_a_document_that_show_gives_back(run, store: Store, tea: Path) -> None:
    result = run("plan", "--from", str(tea))
    assert (result.exit_code, result.stdout) == (
        0,
        "1. Overview  (1 sentence)\n2. Boil the water  (2 sentences)\n3. Serve  (3 sentences)\n",
    )
    document_id = the_document(store)
    assert f"longhand outline {document_id} --edit" in result.stderr
    exported = run("export", document_id).stdout
    assert exported == TEA.replace("Tea is old", "## Overview\n\nTea is old")
    assert exported in run("show", document_id).stdout
    rows = json.loads(run("outline", document_id, "--json").stdout)["items"]
    assert [row["stop_reason"] for row in rows] == ["given"] * 3
    edited = run("outline", document_id, "--set", "3=Drink")
    assert "1 to be written" in edited.stderr
    assert run("write", document_id).exit_code == 0
    assert "Put it on the stove." in run("show", document_id).stdout
    assert run("rewrite", document_id, "--item", "2").exit_code == 0
    assert "Put it on the stove." not in run("show", document_id).stdout


def test_what_waits_for_review_is_not_written_again(run, store: Store, tea: Path) -> None:
    document_id = json.loads(run("plan", "--from", str(tea), "--review", "--json").stdout)["id"]
    before, text = store.get_document(document_id), store.export_document(document_id)
    result = run("rewrite", document_id, "--item", "1")
    said = f"{document_id} waits for review: see longhand outline {document_id}, then longhand approve"
    assert (result.exit_code, said in result.stderr) == (1, True)
    with longhand.open() as lh, pytest.raises(longhand.LonghandError, match="waits for review"):
        lh.get(document_id).rewrite("1")
    after = store.get_document(document_id)
    assert (after.status, after.active_outline_id) == ("awaiting_review", before.active_outline_id)
    assert store.export_document(document_id).sections == text.sections


def test_plan_with_review_title_and_json(run, store: Store, tea: Path) -> None:
    result = run("plan", "--from", str(tea), "--title", "Tea for two", "--review", "--json")
    found = json.loads(result.stdout)
    assert (found["status"], len(found["items"])) == ("awaiting_review", 3)
    assert store.get_document(found["id"]).title == "Tea for two"
    assert run("approve", found["id"]).exit_code == 0
    assert run("resume", found["id"]).exit_code == 0
    assert store.get_document(found["id"]).status == "done"


def test_summarize_prints_both_and_keeps_both(run, store: Store, tea: Path, tmp_path: Path) -> None:
    result = run("summarize", str(tea), "--sentences", "3")
    assert result.exit_code == 0
    head, written, extracted = result.stdout.split("\n## ")
    assert head == "# Making tea\n"
    assert written.startswith("Summary (3 sentences)\n")
    assert extracted.startswith("Extract: the most typical sentences (3 sentences)\n")
    assert "Tea is old." in extracted
    document_id = the_document(store)
    assert "Tea is old." in run("export", document_id, "--version", "1").stdout
    assert "Tea is old." not in run("export", document_id).stdout
    assert [o.note for o in store.list_outlines(document_id)] == [
        "the most typical sentences of the document",
        "the summary",
    ]
    as_json = json.loads(run("summarize", str(tea), "--json").stdout)
    assert set(as_json) == {"id", "written", "extractive"}
    out = tmp_path / "summary.md"
    assert run("summarize", str(tea), "--sentences", "3", "--out", str(out)).stdout == ""
    assert out.read_text() == result.stdout


def test_expand_writes_a_section_for_each_point(run, notes: Path, monkeypatch) -> None:
    result = run("expand", str(notes))
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith("#")] == [
        "# Sharing",
        "## Choose the folder",
        "## Give users permission",
        "## Open it from another computer",
    ]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NOTES.encode())))
    assert run("expand", "-").stdout == result.stdout
    grouped = run("expand", str(notes), "--sections", "2", "--depth", "2", "--title", "Sharing").stdout
    assert sum(line.startswith("## ") for line in grouped.splitlines()) == 2
    assert sum(line.startswith("### ") for line in grouped.splitlines()) in (2, 3)
    review = run("expand", str(notes), "--review")
    assert "longhand approve" in review.stderr


def test_the_same_from_python(runner, tea: Path, notes: Path) -> None:
    with longhand.open() as lh:
        doc = lh.plan_from(tea)
        assert (doc.status, [item.heading for item in doc.outline]) == (
            "done",
            ["Overview", "Boil the water", "Serve"],
        )
        doc.rewrite("2")
        assert "Put it on the stove." not in doc.markdown()
        assert "Put it on the stove." in doc.markdown(version=1)
        summary = lh.summarize(tea, sentences=3)
        assert summary.extract is not None
        assert summary.extract.sections[0].sentences[0].text == "Tea is old."
        assert doc.extract is None
        assert len(lh.expand(notes, goal="Everybody can read it.").outline) == 3


@pytest.mark.parametrize("command", [("plan", "--from"), ("summarize",), ("expand",)], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("nowhere.md", None, "there is no file"),
        ("empty.md", b"", "is empty"),
        ("blank.txt", b" \n", "is empty"),
        ("binary.txt", b"text\0", "binary data"),
        ("latin.txt", b"caf\x81\x8d", "not UTF-8 text"),
        ("slides.pdf", b"%PDF", "expected .md, .html, .docx or .txt"),
        ("signs.txt", b"... !!!", "no sentence with a word"),
        ("italiano.md", b"L'acqua viene bollita sul fornello e poi si beve lentamente.", "reads as Italian"),
        ("long.txt", b"One more thing to say. " * 5001, "at most 5,000 are read"),
        ("many.md", b"".join(b"# Part %d\n\nText is here.\n\n" % n for n in range(1001)), "at most 1,000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_are_no_document(run, store, tmp_path, command, name, data, reason) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    result = run(*command, str(path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr
    assert store.list_documents() == ()


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("plan",), 2, "Missing option '--from'"),
        (("plan", "--from", "{folder}"), 1, "is a folder"),
        (("plan", "--from", "{tea}", "--lang", "xx"), 2, "unknown language"),
        (("plan", "--from", "{tea}", "--prompt-lang", "germn"), 2, "unknown language"),
        (("plan", "--from", "{tea}", "--title", "🍞"), 1, "the title holds only emoji"),
        (("plan", "--from", "{tea}", "--space", "nowhere"), 1, "nowhere"),
        (("summarize", "{tea}", "--sentences", "0"), 2, "give a number from 1 to 5"),
        (("summarize", "{tea}", "--sentences", "6"), 2, "give a number from 1 to 5"),
        (("summarize", "{one}"), 1, "nothing to summarize"),
        (("summarize", "{tea}", "--out", "{folder}"), 1, "is a folder"),
        (("summarize", "{tea}", "--out", "{folder}/x.docx"), 2, "a summary beside its extract is Markdown"),
        (("expand", "{tea}", "--sections", "2"), 1, "leave --sections out"),
        (("expand", "{one}", "--sections", "2"), 1, "have 1 point, too few for 2 sections"),
        (("summarize", "{bare}"), 1, "holds headings and no text"),
        (("expand", "{notes}", "--depth", "3"), 2, "--depth is 3"),
        (("expand", "{notes}", "--sections", "0"), 2, "--sections is 0"),
        (("expand", "{notes}", "--goal", " "), 1, "the goal holds only blanks"),
        (("expand", "{notes}", "--review", "--out", "{folder}/x.md"), 2, "--review makes no text"),
    ],
)
def test_wishes_that_cannot_be_met(run, store, tmp_path, tea, notes, arguments, code, reason) -> None:
    (tmp_path / "one.txt").write_text("There is one sentence.")
    (tmp_path / "bare.md").write_text("# Title\n\n## A\n\n## B\n")
    places = {"folder": tmp_path, "tea": tea, "notes": notes}
    places |= {name: tmp_path / f"{name}{suffix}" for name, suffix in (("one", ".txt"), ("bare", ".md"))}
    result = run(*(argument.format(**places) for argument in arguments))
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr
    assert store.list_documents() == ()
