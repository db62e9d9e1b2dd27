"""Edits of an outline: Markdown and single edits, what is refused and where, and properties of any sequence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concepts.errors import InputError
from flows.document.asked.prompts import MAX_LENGTH
from longhand.outline.draft_markdown import format_draft, parse_draft
from longhand.outline.drafts import (
    Add,
    Draft,
    Drop,
    Edit,
    EditError,
    Move,
    SetHeading,
    SetLength,
    apply_edits,
)
from longhand.outline.editing import (
    approve_document,
    edit_markdown,
    edit_outline,
    restore_version,
    rewrite_item,
)
from storage import Busy, OutlineRecord, PlanItemRecord, Store

TREE = ("1", "2", "2.1", "2.2", "3")


def outline_of(*paths: str, headings: Sequence[str] = ()) -> OutlineRecord:
    names = dict(zip(paths, headings, strict=False))
    parents = {path.rpartition(".")[0] for path in paths}
    items = tuple(
        PlanItemRecord(
            id=number,
            outline_id=1,
            path=path,
            parent_path=path.rpartition(".")[0] or None,
            depth=path.count(".") + 1,
            ordinal=int(path.rpartition(".")[2]),
            lead=None,
            gist=None,
            heading=names.get(path, f"Heading {path}"),
            planned_length=4,
            content_hash=path,
            status="pending",
            stop_reason=None,
            is_leaf=path not in parents,
            unit=None,
            similarity=None,
        )
        for number, path in enumerate(paths)
    )
    return OutlineRecord(
        id=1, document_id="doc", version=3, source="model", note=None, created_at=0.0, items=items
    )


def shape(draft: Draft) -> list[tuple[str, str, str | None]]:
    return [(item.path, item.heading, item.base) for item in draft.items]


def bases(draft: Draft) -> list[tuple[str, str | None]]:
    return [(item.path, item.base) for item in draft.items]


def test_the_longest_section_is_that_of_the_models() -> None:
    from planner.config import LENGTH_BINS
    from writer.config import MAX_LENGTH as WRITER_MAX

    assert MAX_LENGTH == LENGTH_BINS[-1] == WRITER_MAX


def test_markdown_says_number_and_length_and_reads_back() -> None:
    outline = outline_of(*TREE, headings=["Tea", "Brewing {hot}", "A  b", "C", "D"])
    text = format_draft(outline, "All about tea")
    assert (
        "\n# All about tea\n\n## Tea {#1 length=4}\n## Brewing {hot} {#2}\n### A b {#2.1 length=4}\n" in text
    )
    draft = parse_draft(text, outline)
    assert bases(draft) == [(path, path) for path in TREE]
    assert draft.title == "All about tea"
    assert draft.items[1].heading == "Brewing {hot}"


def test_markdown_edits() -> None:
    text = """# Tea
## D {#3 length=9}
<!-- a
remark -->
## New
### Below {length=2}
### C {#2.2}

## Tea {#1}
"""
    draft = parse_draft(text, outline_of(*TREE))
    assert shape(draft) == [
        ("1", "D", "3"),
        ("2", "New", None),
        ("2.1", "Below", None),
        ("2.2", "C", "2.2"),
        ("3", "Tea", "1"),
    ]
    assert [item.length for item in draft.items] == [9, None, 2, None, None]


WRONG = [
    ("", "the outline: no heading is left"),
    ("<!-- only this -->\n", "the outline: no heading is left"),
    ("## A {#1}\nsome text\n", "line 2: 'some text' is neither a heading nor a comment"),
    ("##A\n", "line 1: '##A' is neither a heading nor a comment"),
    ("### A {#1}\n", "line 1: ### has no ## above it"),
    ("## A\n#### B\n", "line 2: #### has no ### above it"),
    ("## A {#1}\n## B {#9}\n", "line 2: version 3 has no item 9: remove #9"),
    ("## A {#1}\n\n## B {#1}\n", "line 3: item 1 is there already (line 1)"),
    ("## A {#1 length=x}\n", "line 1: the length is 'x'"),
    ("## A {#1 length=0}\n", "line 1: the length is 0: give 1 to 40 sentences"),
    ("## A {#1 length=41}\n", "line 1: the length is 41"),
    ("## A {#1 length=-3}\n", "line 1: the length is '-3'"),
    ("## A {#1 len=3}\n", "line 1: 'len=3' is not understood"),
    ("## A {#1 #2}\n", "line 1: '#2' is not understood"),
    ("## {#1}\n", "line 1: the heading has no text"),
    ("##\n", "line 1: the heading has no text"),
    ("## ?!\n", "line 1: the heading '?!' holds no word"),
    ("## A\n## a\n", "line 2: the heading 'a' is there already"),
    ("## A\n# Title\n", "line 2: a single # is the title and stands first"),
    ("#\n## A\n", "line 1: the title has no text"),
    ("## A\n### B\n#### C\n##### D\n", "line 4: 'D' is nested too deep (level 4)"),
    ("## " + "x" * 201, "line 1: the heading has 201 characters"),
    ("## A\n<!-- open\n## B\n", "line 2: the comment that begins here has no end"),
    ("<!-- a --> ## A\n", "line 1: text follows the end of a comment"),
    ("## A\n## B\x00\n", "line 2: the line holds the control character U+0000"),
    ("## A\n" + "".join(f"## S{n}\n" for n in range(200)), "line 201: more than 200 headings"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_wrong_markdown_is_refused_with_line_and_reason(text: str, message: str) -> None:
    with pytest.raises(EditError) as caught:
        parse_draft(text, outline_of(*TREE))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    if (line := re.search(r"line (\d+)", message)) is not None:
        assert caught.value.line == int(line[1])


DONE: list[tuple[list[Edit], list[tuple[str, str | None]]]] = [
    ([Move("3", "1")], [("1", "3"), ("2", "1"), ("3", "2"), ("3.1", "2.1"), ("3.2", "2.2")]),
    ([Move("1", "3")], [("1", "2"), ("1.1", "2.1"), ("1.2", "2.2"), ("2", "3"), ("3", "1")]),
    ([Move("3", "2.1")], [("1", "1"), ("2", "2"), ("2.1", "3"), ("2.2", "2.1"), ("2.3", "2.2")]),
    ([Move("1", "2.3")], [("1", "2"), ("1.1", "2.1"), ("1.2", "2.2"), ("1.3", "1"), ("2", "3")]),
    ([Move("2.2", "1")], [("1", "2.2"), ("2", "1"), ("3", "2"), ("3.1", "2.1"), ("4", "3")]),
    ([Drop("1"), Move("3", "2")], [("1", "3"), ("2", "2"), ("2.1", "2.1"), ("2.2", "2.2")]),
    ([Drop("2")], [("1", "1"), ("2", "3")]),
    (
        [Add("x", after="1"), Add("y", after="1"), Drop("2"), Add("z", under="3")],
        [("1", "1"), ("2", None), ("3", None), ("4", "3"), ("4.1", None)],
    ),
    ([Move("1", "1")], [(path, path) for path in TREE]),
]


@pytest.mark.parametrize(("edits", "expected"), DONE)
def test_edits_name_items_by_their_old_numbers(
    edits: list[Edit], expected: list[tuple[str, str | None]]
) -> None:
    assert bases(apply_edits(outline_of(*TREE), edits)) == expected


REFUSED: list[tuple[list[Edit], str]] = [
    ([Drop("9")], "drop 9: there is no item 9: known are 1, 2, 2.1, 2.2, 3"),
    ([Drop("2"), SetHeading("2.1", "x")], 'set 2.1="x": there is no item 2.1: known are 1, 3'),
    ([Drop("1"), Drop("1")], "drop 1: there is no item 1"),
    ([Drop("1"), Drop("2"), Drop("3")], "no heading is left"),
    ([Move("2", "2.1")], "move 2 2.1: an item cannot stand below itself"),
    ([Move("2", "2.3")], "move 2 2.3: an item cannot stand below itself"),
    ([Add("x", under="2.1"), Move("2", "3.1")], "the new item 2.1.1.1: 'x' is nested too deep"),
    ([Move("1", "7")], "move 1 7: there is no place 7"),
    ([Move("1", "8.1")], "move 1 8.1: there is no item 8.1 and no item 8"),
    ([Move("1", "x")], "move 1 x: there is no place x"),
    ([SetHeading("1", "  ")], "item 1: the heading has no text"),
    ([SetHeading("1", "heading 3")], "item 3: the heading 'Heading 3' is there already"),
    ([SetHeading("1", "a\x07")], "item 1: the heading holds the control character U+0007"),
    ([SetLength("1", 0)], "item 1: the length is 0: give 1 to 40 sentences"),
    ([SetLength("2", 5)], "length 2=5: item 2 holds other items"),
    ([Add("x", after="1", under="2")], 'add "x": after and under exclude each other'),
    ([Add("x", after="7")], 'add "x": there is no item 7'),
]


@pytest.mark.parametrize(("edits", "message"), REFUSED)
def test_wrong_edits_are_refused_with_the_edit_and_the_reason(edits: list[Edit], message: str) -> None:
    with pytest.raises(EditError) as caught:
        apply_edits(outline_of(*TREE), edits)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_planner_made_is_not_held_against_the_user() -> None:
    outline = outline_of("1", "2", "3", headings=["Same", "Same", "…" * 300])
    assert bases(apply_edits(outline, [Move("3", "1")])) == [("1", "3"), ("2", "1"), ("3", "2")]
    with pytest.raises(EditError, match="is there already"):
        apply_edits(outline, [Add("same")])


def test_headings_that_are_not_decoded_yet_cannot_be_edited() -> None:
    with pytest.raises(InputError, match="the heading of item 2 is not there yet: longhand resume doc"):
        format_draft(outline_of("1", "2", headings=["A", ""]), "T")


number = st.sampled_from(["1", "2", "3", "4", "2.1", "2.2", "2.3", "1.1", "9", "x"])
word = st.text("abcde", min_size=1, max_size=3)
edit: st.SearchStrategy[Edit] = st.one_of(
    st.builds(SetHeading, number, word),
    st.builds(SetLength, number, st.integers(-1, 45)),
    st.builds(Move, number, number),
    st.builds(Drop, number),
    st.builds(Add, word, st.none() | number, st.none() | number, st.none() | st.integers(1, 9)),
)


def is_tree(draft: Draft) -> bool:
    """Whether the paths are those of a tree in reading order, without gaps."""
    counts: dict[str, int] = {}
    for item in draft.items:
        parent, _, last = item.path.rpartition(".")
        counts[parent] = counts.get(parent, 0) + 1
        if int(last) != counts[parent] or (parent and parent not in counts):
            return False
        counts[item.path] = 0
    return True


@given(st.lists(edit, max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_of_edits_gives_a_tree_or_one_clear_line(edits: list[Edit]) -> None:
    outline = outline_of(*TREE)
    try:
        draft = apply_edits(outline, edits)
    except EditError as error:
        assert "\n" not in str(error)
        return
    assert is_tree(draft)
    known = [item.base for item in draft.items if item.base is not None]
    assert len(known) == len(set(known))
    # What the draft says as Markdown is read as the same draft.
    lines = [
        f"#{'#' * (item.path.count('.') + 1)} {item.heading}"
        + (f" {{#{item.base}}}" if item.base is not None else "")
        for item in draft.items
    ]
    assert shape(parse_draft("\n".join(lines), outline)) == shape(draft)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_is_a_draft_or_one_clear_line(text: str) -> None:
    try:
        assert is_tree(parse_draft(text, outline_of(*TREE)))
    except EditError as error:
        assert "\n" not in str(error)


# In the store


def written(run: object, store: Store, *arguments: str) -> str:
    assert run("write", "tea", "--sections", "4", *arguments).exit_code == 0  # type: ignore[operator]
    return store.list_documents(limit=1)[0].id


def sections(store: Store, document_id: str, version: int | None = None) -> dict[str, tuple[str, ...]]:
    return {
        section.heading or "": tuple(sentence.text for sentence in section.sentences)
        for section in store.export_document(document_id).sections
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(edit, min_size=1, max_size=5))
def test_unchanged_items_keep_their_text(run: object, store: Store, edits: list[Edit]) -> None:
    document_id = written(run, store)
    base = store.get_outline(document_id)
    before = sections(store, document_id)
    try:
        draft = apply_edits(base, edits)
    except EditError:
        with pytest.raises(EditError):
            edit_outline(store, document_id, edits)
        assert len(store.list_outlines(document_id)) == 1
        assert sections(store, document_id) == before
        return
    edit_outline(store, document_id, edits)
    headings = {item.path: item.heading or "" for item in base.items}
    lengths = {item.path: item.planned_length for item in base.items}
    after = sections(store, document_id)
    parents = {item.path.rpartition(".")[0] for item in draft.items}
    for item in draft.items:
        if "." in item.path or item.path in parents:
            continue
        is_kept = (
            item.base is not None
            and headings[item.base] == item.heading
            and item.length in (None, lengths[item.base])
        )
        assert after[item.heading] == (before[headings[item.base or ""]] if is_kept else ())


def test_an_edit_that_changes_nothing_is_no_version(run: object, store: Store) -> None:
    document_id = written(run, store)
    for edits in ([], [Move("1", "1")], [SetHeading("2", " Heading  2 ")], [SetLength("1", 3)]):
        assert edit_outline(store, document_id, edits).version == 1
    assert store.get_document(document_id).status == "done"


def test_a_new_title_alone_is_no_version(run: object, store: Store) -> None:
    document_id = written(run, store)
    text = re.sub("^# .*", "# All about tea", format_draft(store.get_outline(document_id), "tea"), flags=re.M)
    assert edit_markdown(store, document_id, text).version == 1
    document = store.get_document(document_id)
    assert (document.title, document.status) == ("All about tea", "done")


def test_an_edit_of_an_outline_that_was_changed_meanwhile(run: object, store: Store) -> None:
    document_id = written(run, store)
    edit_outline(store, document_id, [Drop("1")], version=1)
    with pytest.raises(
        InputError, match="was changed meanwhile: version 2 is in use, the edit is of version 1"
    ):
        edit_outline(store, document_id, [Drop("1")], version=1)


def test_a_document_that_somebody_works_on_cannot_be_edited(run: object, store: Store) -> None:
    document_id = written(run, store)
    store.claim(document_id, "another", 60)
    with pytest.raises(Busy):
        edit_outline(store, document_id, [Drop("1")])
    with pytest.raises(Busy):
        restore_version(store, document_id, 1)


def test_only_a_document_that_waits_is_approved(run: object, store: Store) -> None:
    document_id = written(run, store)
    with pytest.raises(InputError, match=r"does not wait for review \(status: done\)"):
        approve_document(store, document_id)


def test_what_cannot_be_written_again(run: object, store: Store) -> None:
    document_id = written(run, store)
    with pytest.raises(InputError, match="version 1 has no item 9: its sections are 1, 2, 3, 4"):
        rewrite_item(store, document_id, "9")
    rewrite_item(store, document_id, "1")
    with pytest.raises(InputError, match="item 1 is not written yet: longhand resume"):
        rewrite_item(store, document_id, "2")


def test_a_part_cannot_be_written_again(run: object, store: Store, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("# T\n## A\n### a\n### b\n## B\n")
    assert run("write", "tea", "--outline", str(tmp_path / "plan.md")).exit_code == 0  # type: ignore[operator]
    (document,) = store.list_documents()
    with pytest.raises(
        InputError, match=r"item 1 is a part and has no text: rewrite one of its sections 1\.1, 1\.2"
    ):
        rewrite_item(store, document.id, "1")
