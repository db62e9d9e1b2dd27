"""What became of an outline between two versions: in the store, as a table, as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longhand.outline.comparison import _longest_rise, compare_outlines, describe_change
from longhand.outline.drafts import Add, Drop, Move, SetHeading, SetLength
from longhand.outline.editing import edit_outline
from storage import OutlineRecord, PlanItemRecord, Store


def outline_of(*headings: str, first_id: int) -> OutlineRecord:
    """Return an outline of sections whose content hashes are their headings in small letters."""
    items = tuple(
        PlanItemRecord(
            id=first_id + n, outline_id=1, path=str(n), parent_path=None, depth=1, ordinal=n, lead=None, gist=None,
            heading=heading, planned_length=3, content_hash=heading.lower(), status="decoded",
            stop_reason=None, is_leaf=True, unit=None, similarity=None,
        )
        for n, heading in enumerate(headings, 1)
    )  # fmt: skip
    return OutlineRecord(
        id=1, document_id="doc", version=1, source="model", note=None, created_at=0.0, items=items
    )


@pytest.fixture
def written(run, store: Store) -> str:
    assert run("write", "tea", "--sections", "5").exit_code == 0
    return store.list_documents()[0].id


def changes(store: Store, document_id: str, old: int = 1, new: int = 2) -> list[tuple[str, str, str]]:
    found = compare_outlines(
        store.get_outline(document_id, old, vectors=True), store.get_outline(document_id, new, vectors=True)
    )
    return [(change.old_path or "", change.new_path or "", describe_change(change)) for change in found]


def test_every_kind_of_change_is_named(store, written):
    edits = [SetHeading("1", "Leaves"), SetLength("2", 8), Drop("3"), Move("5", "2"), Add("Milk", length=4)]
    edit_outline(store, written, edits)
    assert changes(store, written) == [
        ("1", "1", "renamed, new text"),
        ("5", "2", "moved, keeps its text"),
        ("2", "3", "8 instead of 3 sentences, new text"),
        ("4", "4", ""),
        ("", "5", "added, 4 sentences"),
        ("3", "", "dropped"),
    ]
    # The other way round.
    assert changes(store, written, 2, 1)[4] == ("2", "5", "moved, keeps its text")


def test_an_item_is_followed_through_every_version(store, written):
    edit_outline(store, written, [Move("2", "5"), SetHeading("2", "Leaves"), Add("Water", after="1")])
    edit_outline(store, written, [Move("6", "1"), SetLength("6", 9), Drop("1")])
    assert changes(store, written, 1, 3) == [
        ("2", "1", "renamed, 9 instead of 3 sentences, new text"),
        ("", "2", "added"),
        ("3", "3", ""),
        ("4", "4", ""),
        ("5", "5", ""),
        ("1", "", "dropped"),
    ]


def test_versions_without_lineage_are_paired_by_what_they_hold():
    found = compare_outlines(
        outline_of("A", "B", "C", "D", first_id=0), outline_of("B", "X", "C", "E", first_id=9)
    )
    assert [(change.old_path, change.new_path) for change in found] == [
        ("2", "1"),
        (None, "2"),
        ("3", "3"),
        ("4", "4"),
        ("1", None),
    ]


def test_a_number_that_only_follows_is_no_move(store, written):
    edit_outline(store, written, [Drop("1")])
    assert changes(store, written)[:4] == [("2", "1", ""), ("3", "2", ""), ("4", "3", ""), ("5", "4", "")]


def test_parts_and_what_goes_below_them(store, written):
    edit_outline(store, written, [Move("2", "1.1")])
    assert changes(store, written)[:2] == [("1", "1", "a part now"), ("2", "1.1", "moved, keeps its text")]


def test_a_version_against_itself_has_no_changes(store, written):
    assert {words for _, _, words in changes(store, written, 1, 1)} == {""}


def test_the_table(run, store, written):
    edit_outline(store, written, [SetHeading("1", "Leaves"), Drop("3")])
    lines = run("diff", written).stdout.splitlines()
    assert lines[0].split() == ["V1", "V2", "HEADING", "WHAT"]
    assert lines[1].split(maxsplit=4)[:4] == ["~", "1", "1", "Leaves"]
    assert lines[1].endswith("“Heading 1” before: renamed, new text")
    assert lines[-1].split() == ["-", "3", "Heading", "3", "dropped"]
    assert run("diff", written, "--versions", "1", "2").stdout.splitlines() == lines


def test_diff_as_json(run, store, written):
    edit_outline(store, written, [Drop("1")])
    shown = json.loads(run("diff", written, "--json").stdout)
    assert (shown["old"], shown["new"], len(shown["changes"])) == (1, 2, 5)
    assert shown["changes"][0]["keeps_text"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 1, "has no version before 1: name two with --versions OLD NEW"),
        (("--versions", "1", "9"), 1, "has no outline version 9"),
        (("--versions", "1"), 2, "requires 2 arguments"),
        (("--versions", "1", "x"), 2, "should be a valid integer"),
    ],
)
def test_versions_that_are_not_there(run, written, arguments, code, message):
    result = run("diff", written, *arguments)
    assert (result.exit_code, message in result.stderr, result.stderr.count("\n")) == (code, True, 1), (
        result.stderr
    )


@given(st.permutations(range(8)))
def test_as_few_as_possible_count_as_moved(values):
    kept = [values[place] for place in sorted(_longest_rise(values))]
    assert kept == sorted(kept)
    longest = [1] * len(values)
    for i in range(len(values)):
        longest[i] = 1 + max([longest[j] for j in range(i) if values[j] < values[i]], default=0)
    assert len(kept) == max(longest)
