"""Documents as Markdown files: what was written is what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concepts.corpus.records import BLOCK_KINDS, Block
from concepts.errors import InputError
from longhand.evaluation.texts import (
    DocumentText,
    SectionText,
    parse_markdown,
    read_note,
    read_text,
    to_markdown,
    write_text,
)

LINES = st.text(st.sampled_from("ab1 .#*-_>\\`[]()<&~|!"), min_size=1, max_size=20).map(
    lambda text: " ".join(text.split())
)
SENTENCES = LINES.filter(bool)
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(BLOCK_KINDS),
    sentences=st.lists(SENTENCES, min_size=1, max_size=3).map(tuple),
).filter(lambda block: block.kind != "verse" or len(block.sentences) > 1)  # a single line is a paragraph
SECTIONS = st.builds(
    SectionText,
    heading=SENTENCES,
    blocks=st.lists(BLOCKS, max_size=3).map(tuple),
    level=st.integers(1, 4),
    num_planned=st.none() | st.integers(1, 9),
)
DOCUMENTS = st.builds(DocumentText, title=SENTENCES, sections=st.lists(SECTIONS, max_size=3).map(tuple))


@given(DOCUMENTS)
def test_what_is_written_is_what_is_read(document: DocumentText) -> None:
    planned = [section.num_planned for section in document.sections]
    assert parse_markdown(to_markdown(document), planned=planned, splits=False) == document


def test_a_file_is_known_by_prompt_and_seed(tmp_path: Path) -> None:
    path = tmp_path / "texts" / "01.md"
    document = DocumentText(
        title="A -- B",
        sections=(
            SectionText(heading="", blocks=(Block(sentences=("First.", "Second.")),), num_planned=2),
            SectionText(heading="Steps", blocks=(Block(kind="step", sentences=("Do it.", "Then rest.")),)),
        ),
    )
    write_text(path, document, prompt="A -- B --> C", seed=7)
    assert read_note(path)["prompt"] == "A -- B --> C"
    assert read_text(path) == read_text(path, prompt="A -- B --> C", seed=7) == document
    assert read_text(path, prompt="other", seed=7) is None
    assert read_text(path, prompt="A -- B --> C", seed=8) is None
    assert read_text(tmp_path / "02.md") is None


def test_markdown_of_others_is_split_into_sentences(tmp_path: Path) -> None:
    path = tmp_path / "01.md"
    path.write_text(
        "# Title\n\nOne is here. Two is here.\n\n## Steps\n\n1. Do it.\n2. Rest. Then stop.\n\n> Mind.\n"
    )
    document = read_text(path)
    assert document is not None
    first, steps = document.sections
    assert first.sentences == ("One is here.", "Two is here.")
    assert [(block.kind, len(block.sentences)) for block in steps.blocks] == [
        ("step", 1),
        ("step", 2),
        ("note", 1),
    ]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "01.md"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_text(path)
