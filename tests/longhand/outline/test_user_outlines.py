"""The outline parser: the shapes it reads, and properties of any outline."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concepts.errors import InputError
from longhand.outline.outlines import UserOutline, parse_outline


def shape(text: str) -> list[tuple[str, str, int]]:
    return [(h.path, h.text, h.line) for h in parse_outline(text).headings]


SHAPES = [
    ("# A\n# B\n", [("1", "A", 1), ("2", "B", 2)]),
    ("# A\n\ntext\n\n## a\n\n- not an item\n\n# B\n", [("1", "A", 1), ("1.1", "a", 5), ("2", "B", 9)]),
    ("Title\n=====\n\nA\n---\n\nB\n---\n", [("1", "A", 4), ("2", "B", 7)]),
    ("- A\n  - a\n  - b\n- B\n", [("1", "A", 1), ("1.1", "a", 2), ("1.2", "b", 3), ("2", "B", 4)]),
    ("1. A\n   * a\n2) B\n", [("1", "A", 1), ("1.1", "a", 2), ("2", "B", 3)]),
    ("1. A\n1.1 a\n1.2 b\n2. B\n", [("1", "A", 1), ("1.1", "a", 2), ("1.2", "b", 3), ("2", "B", 4)]),
    ("A\n\n\nB\n", [("1", "A", 1), ("2", "B", 4)]),
    ("A\n\ta\nB", [("1", "A", 1), ("1.1", "a", 2), ("2", "B", 3)]),
    ("A\n- a\nB\n- b\n", [("1", "A", 1), ("1.1", "a", 2), ("2", "B", 3), ("2.1", "b", 4)]),
    ("- A long\n  heading\n- B", [("1", "A long heading", 1), ("2", "B", 3)]),
    ("# Plan\n\nMy notes.\n\n- A\n- B\n", [("1", "A", 5), ("2", "B", 6)]),
    ("# Only one\n", [("1", "Only one", 1)]),
    ("---\ntitle: x\n---\n# A\n# B\n", [("1", "A", 4), ("2", "B", 5)]),
    ("# **A** `b`\n# [c](d) &amp; e\n", [("1", "A b", 1), ("2", "c & e", 2)]),
    ("```\n# no\n```\n# A\n# B\n", [("1", "A", 4), ("2", "B", 5)]),
    ("A\r\nB\rC\n", [("1", "A", 1), ("2", "B", 2), ("3", "C", 3)]),
    ("# A\n## same\n# B\n## same\n", [("1", "A", 1), ("1.1", "same", 2), ("2", "B", 3), ("2.1", "same", 4)]),
]


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_shapes(text, expected):
    assert shape(text) == expected


def test_a_first_heading_above_all_others_is_the_title():
    assert parse_outline("# T\n## A\n## B\n").title == "T"
    assert parse_outline("# T\n- A\n- B\n").title == "T"
    assert parse_outline("# A\n# B\n").title is None


def test_depth_and_number_of_sections():
    outline = parse_outline("- A\n  - a\n  - b\n- B\n")
    assert (outline.depth, outline.num_sections) == (2, 3)


word = st.text("abcdefgh", min_size=1, max_size=8)
tree = st.lists(
    st.tuples(word, st.lists(word, max_size=4, unique=True)), min_size=1, max_size=8, unique_by=lambda t: t[0]
)
Tree = list[tuple[str, list[str]]]


def as_headings(parts: Tree) -> str:
    # Headings start at the second level, so that a single part does not read as a title.
    return "# T\n" + "".join(f"## {part}\n" + "".join(f"### {s}\n" for s in below) for part, below in parts)


def as_list(parts: Tree, bullet: str, indent: str) -> str:
    return "".join(
        f"{bullet} {part}\n" + "".join(f"{indent}{bullet} {s}\n" for s in below) for part, below in parts
    )


def as_plain(parts: Tree) -> str:
    return "".join(f"{part}\n" + "".join(f"    {s}\n" for s in below) for part, below in parts)


def as_numbers(parts: Tree) -> str:
    return "".join(
        f"{i}. {part}\n" + "".join(f"{i}.{j} {s}\n" for j, s in enumerate(below, 1))
        for i, (part, below) in enumerate(parts, 1)
    )


def paths(outline: UserOutline) -> list[tuple[str, str]]:
    return [(heading.path, heading.text) for heading in outline.headings]


@given(tree)
@settings(deadline=None)
def test_every_way_of_writing_an_outline_reads_the_same(parts):
    expected = []
    for i, (part, below) in enumerate(parts, 1):
        expected.append((str(i), part))
        expected += [(f"{i}.{j}", section) for j, section in enumerate(below, 1)]
    texts = [as_headings(parts), as_list(parts, "-", "  "), as_list(parts, "1.", "    "), as_plain(parts)]
    for text in [*texts, as_numbers(parts)]:
        assert paths(parse_outline(text)) == expected, text


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_is_an_outline_or_one_clear_line(text):
    try:
        outline = parse_outline(text, name="plan.md")
    except InputError as error:
        assert str(error).startswith("plan.md")
        assert "\n" not in str(error)
    else:
        seen: set[str] = set()
        for heading in outline.headings:
            parent = heading.path.rpartition(".")[0]
            assert not parent or parent in seen
            assert heading.depth <= 3
            seen.add(heading.path)
        assert len(seen) == len(outline.headings)
