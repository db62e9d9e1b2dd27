"""A given file becomes an outline with its own text: headings, nesting, languages, and every refusal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import docx
import numpy as np
import pytest

from concepts.errors import InputError
from concepts.given import MAX_SENTENCES, GivenDocument, read_given
from concepts.topics import extract, medoid, share_out, split_topics

LANGS = ("eng_Latn",)
NESTED = """# Bread

Bread is old. It is good.

## The dough

Weigh the flour.

### Kneading

Knead it. Wait.

### Nothing

## Baking

### In the oven

Bake it.
"""
PLACES = [
    ("1", "Overview", 2),
    ("2", "The dough", 0),
    ("2.1", "Overview", 1),
    ("2.2", "Kneading", 2),
    ("3", "Baking", 0),
    ("3.1", "In the oven", 1),
]


def word_file(path: Path) -> None:
    document = docx.Document()
    for line in NESTED.split("\n\n"):
        marks, _, text = line.strip().partition(" ")
        if marks and set(marks) == {"#"}:
            document.add_heading(text, len(marks) - 1)  # python-docx: level 0 is the title
        else:
            document.add_paragraph(line.strip())
    document.save(str(path))


def test_markdown_html_and_word_give_the_same_outline(tmp_path: Path) -> None:
    from markdown_it import MarkdownIt

    (tmp_path / "bread.md").write_text(NESTED)
    (tmp_path / "bread.html").write_text(f"<html><body>{MarkdownIt().render(NESTED)}</body></html>")
    word_file(tmp_path / "bread.docx")
    for name in ("bread.md", "bread.html", "bread.docx"):
        found = read_given(tmp_path / name, LANGS)
        assert found.title == "Bread"
        assert [(s.path, s.heading, len(s.sentences)) for s in found.sections] == PLACES


def test_lists_and_notes_keep_their_form(tmp_path: Path) -> None:
    text = "# Bread\n\nDo this. Now.\n\n1. Mix.\n\n   Well.\n2. Bake.\n\nNote: It is hot.\n"
    (tmp_path / "bread.md").write_text(text)
    document = read_given(tmp_path / "bread.md", LANGS)
    (section,) = document.sections
    assert [(block.kind, block.sentences) for block in section.blocks] == [
        ("paragraph", ("Do this.", "Now.")),
        ("step", ("Mix.", "Well.")),
        ("step", ("Bake.",)),
        ("note", ("Note: It is hot.",)),
    ]
    assert GivenDocument.from_json(json.loads(json.dumps(document.to_json()))) == document
    old = {"title": "Bread", "lang": "eng_Latn", "sections": [["1", "", ["Mix.", "Bake."]]]}
    (section,) = GivenDocument.from_json(old).sections
    assert [(block.kind, block.sentences) for block in section.blocks] == [("paragraph", ("Mix.", "Bake."))]


def test_without_headings_there_is_one_nameless_section(tmp_path: Path) -> None:
    (tmp_path / "my_notes.txt").write_text("First thing. Second thing.\n\nThird thing.")
    found = read_given(tmp_path / "my_notes.txt", LANGS)
    (section,) = found.sections
    assert (found.title, section.heading, len(section.sentences)) == ("my notes", "", 3)


def test_two_top_headings_are_sections_and_no_title(tmp_path: Path) -> None:
    (tmp_path / "two.md").write_text("# A\n\nOne.\n\n# B\n\nTwo.\n")
    found = read_given(tmp_path / "two.md", LANGS)
    assert (found.title, [s.heading for s in found.sections]) == ("two", ["A", "B"])


def test_a_given_document_survives_json(tmp_path: Path) -> None:
    (tmp_path / "bread.md").write_text(NESTED)
    found = read_given(tmp_path / "bread.md", LANGS)
    assert GivenDocument.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_notes_keep_headings_without_text(tmp_path: Path) -> None:
    (tmp_path / "bread.md").write_text(NESTED)
    found = read_given(tmp_path / "bread.md", LANGS, as_notes=True)
    assert "Nothing" in [section.heading for section in found.sections]
    (tmp_path / "bare.md").write_text("# Flour\n\n# Water\n")
    bare = read_given(tmp_path / "bare.md", LANGS, as_notes=True)
    assert [section.heading for section in bare.sections] == ["Flour", "Water"]


@pytest.mark.parametrize(
    ("data", "title", "headings"),
    [
        (NESTED.encode(), "Bread", 6),
        (b"<!DOCTYPE html><h1>Bread</h1><h2>One</h2>Text is here.<h2>Two</h2>More text.", "Bread", 2),
        (b"A first sentence. A second one.", "A first sentence", 0),
        (b"- Mix it.\n- Bake it.\n", "Mix it", 0),
    ],
)
def test_stdin_is_read_as_what_it_looks_like(
    monkeypatch: pytest.MonkeyPatch, data: bytes, title: str, headings: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    found = read_given(Path("-"), LANGS)
    assert found.title == title
    assert sum(bool(section.heading) for section in found.sections) == headings
    assert len(found.sentences) > 1


def test_bullets_of_a_text_file_are_sentences_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("- Choose the folder\n- Give permission\n")
    found = read_given(tmp_path / "notes.txt", LANGS)
    assert found.sentences == ("Choose the folder", "Give permission")


def test_headings_below_the_fifth_level_become_text_and_are_counted(tmp_path: Path) -> None:
    document = docx.Document()
    for level in range(1, 9):
        document.add_heading(f"Level {level}", level)
    document.add_paragraph("There is text below.")
    document.save(str(tmp_path / "deep.docx"))
    found = read_given(tmp_path / "deep.docx", LANGS)
    assert found.sections[-1].heading == "Level 6"
    assert found.sentences == ("Level 7", "Level 8", "There is text below.")
    assert found.told == ("taken as text: 2 headings below level 5",)


GERMAN = "Das Wasser wird auf dem Herd gekocht und dann in die Tasse gegeben."


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.pdf", b"%PDF", r"expected \.md, \.html, \.docx or \.txt"),
        ("a.txt", b"\xff\xfe\xff", "its first bytes say UTF-16-LE"),
        ("a.txt", b"text\0", "binary data"),
        ("a.md", b"", "is empty"),
        ("a.md", b"```\nx = 1\n```", r"holds no text \(left out: 1 code block\)"),
        ("a.txt", b"... !!!", "no sentence with a word"),
        ("a.docx", b"no zip", "its markup is broken"),
        ("a.txt", GERMAN.encode(), "reads as German, the space knows English"),
        ("a.txt", b"One more. " * (MAX_SENTENCES + 1), "at most 5,000 are read"),
        ("a.txt", b"One more. " * 300_000, "has 2,999,999 characters of text, at most 2,000,000 are read"),
    ],
)
def test_what_is_no_document_is_one_line(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=reason) as error:
        read_given(tmp_path / name, LANGS)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_given(tmp_path / "nowhere.md", LANGS)
    with pytest.raises(InputError, match="is a folder"):
        read_given(tmp_path, LANGS)


def test_the_language_is_detected_among_those_of_the_space(tmp_path: Path) -> None:
    (tmp_path / "tee.txt").write_text(GERMAN)
    assert read_given(tmp_path / "tee.txt", ("eng_Latn", "deu_Latn")).lang == "deu_Latn"


def test_sections_are_found_where_the_concepts_change() -> None:
    rng = np.random.default_rng(0)
    centres, lengths = rng.standard_normal((4, 64)), (7, 9, 4, 12)
    rows = [c + 0.8 * rng.standard_normal((n, 64)) for c, n in zip(centres, lengths, strict=True)]
    vectors = np.concatenate(rows).astype(np.float32)
    assert split_topics(vectors) == split_topics(vectors, 4) == [0, 7, 16, 20]
    assert split_topics(3.0 + 10 * vectors, 4) == [0, 7, 16, 20]
    assert split_topics(vectors[:1]) == [0] and split_topics(vectors[:0]) == []
    kept = extract(vectors, [0, 7, 16, 20], 8)
    assert sum(map(len, kept)) == 8
    assert all(
        a <= row < b for part, a, b in zip(kept, (0, 7, 16, 20), (7, 16, 20, 32), strict=True) for row in part
    )


def test_found_sections_are_no_longer_than_asked() -> None:
    vectors = np.ones((100, 4), dtype=np.float32) * np.arange(100, dtype=np.float32)[:, None]
    bounds = [*split_topics(vectors, 3, longest=40), 100]
    assert max(np.diff(bounds)) <= 40
    assert len(split_topics(vectors, 2, longest=40)) == 2  # 50 each: there is no other choice
    rng = np.random.default_rng(1)
    assert len(split_topics(rng.standard_normal((5000, 8)).astype(np.float32), longest=40)) == 200


def test_the_medoid_is_the_most_typical() -> None:
    assert medoid(np.array([[1, 0], [1, 1], [0, 1]], dtype=np.float32)) == 1


def test_shares_add_up() -> None:
    assert share_out(10, [1, 1, 8]) == [2, 2, 6]
    assert share_out(2, [5, 5, 5]) == [1, 1, 1]
