"""What the commands do with files that came out wrong once (tests/cases), by the real steps with a fake engine."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from concepts.errors import InputError
from flows.document.engine import Text
from flows.document.planning import scale_lengths
from flows.document.points import as_sentence, cover_points, heading_with_points, is_shown, place_points
from flows.document.titles import titles_in
from longhand.outline.outlines import Heading, parse_outline
from storage import Store
from tests.flows.flow_fakes import FakeEngine
from tests.longhand.asking.step_runner import StepRunner

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> StepRunner:
    fake = StepRunner()
    monkeypatch.setattr("longhand.doing.running.make_runner", lambda: fake)
    return fake


def tree(store: Store) -> list[tuple[str, str | None]]:
    (document, *_) = store.list_documents()
    return [(item.path, item.heading) for item in store.get_outline(document.id).items]


ROUTER = ["What a router does", "Where to put it", "Setting the password"]
OUTLINES = [
    (
        "roman.txt",
        [
            ("1", "Introduction"),
            ("2", "Growing tomatoes in pots"),
            ("3", "Choosing the soil"),
            ("4", "Watering"),
            ("5", "Pests and diseases"),
            ("6", "Harvest"),
        ],
    ),
    (
        "decimals.txt",
        [
            ("1", "Choosing a router"),
            ("2", "2.4 GHz or 5 GHz"),
            ("3", "Where to put it"),
            ("4", "3.5 mm jacks for sound"),
            ("5", "Setting the password"),
        ],
    ),
    ("nospace.txt", [(str(n), heading) for n, heading in enumerate(ROUTER, 1)]),
    (
        "parens.txt",
        [("1", ROUTER[0]), ("2", ROUTER[1]), ("2.1", "In a flat"), ("2.2", "In a house"), ("3", ROUTER[2])],
    ),
    (
        "gdocs_bullets2.txt",
        [
            ("1", "Choosing a bicycle"),
            ("1.1", "Frame size"),
            ("1.2", "Wheels"),
            ("2", "Repairing a flat tyre"),
            ("2.1", "Tools"),
            ("2.2", "Steps"),
        ],
    ),
    ("own_edit.md", [("1", "Overview"), ("2", "Choose who may see it"), ("3", "Example")]),
    (
        "novel3.md",
        [
            ("1", "Part One: Storm"),
            ("1.1", 'Chapter 1 - "Who is there?"'),
            ("1.1.1", "Scene 1: The knock"),
            ("1.1.2", "Scene 2: The letter"),
            ("1.2", "Chapter 2 - The boat"),
            ("1.2.1", "Scene 1: Leaving"),
            ("1.2.2", "Scene 2: The fog"),
            ("2", "Part Two: Calm"),
            ("2.1", "Chapter 3 - Home"),
            ("2.1.1", "Scene 1: The kitchen"),
            ("2.1.2", "Scene 2: The lamp"),
        ],
    ),
]


@pytest.mark.parametrize(("name", "expected"), OUTLINES, ids=[name for name, _ in OUTLINES])
def test_outlines(run, runner, store, name, expected) -> None:
    result = run("write", "A document", "--outline", str(CASES / name), "--plan-only")
    assert result.exit_code == 0, result.stderr
    assert tree(store) == expected


def test_lengths_of_our_own_format_are_taken(run, runner, store) -> None:
    assert run("write", "x", "--outline", str(CASES / "own_edit.md"), "--plan-only").exit_code == 0
    (document,) = store.list_documents()
    assert document.title == "How to share a folder"
    assert [item.planned_length for item in store.get_outline(document.id).items] == [12, 10, 6]


def test_points_below_headings_are_what_the_sections_say(run, runner) -> None:
    result = run("write", "Bread for beginners", "--outline", str(CASES / "points_below.md"))
    assert result.exit_code == 0, result.stderr
    sections = dict(part.split("\n", 1) for part in result.stdout.split("\n## ")[1:])
    for heading, points in (
        ("What you need", ("flour", "water", "salt")),
        ("The dough", ("mix", "rest")),
        ("Baking", ("heat the oven", "bake")),
    ):
        for point in points:
            assert is_shown(point, sections[heading]), (heading, point)


@pytest.mark.parametrize("command", [("plan", "--from"), ("expand",), ("write", "A novel", "--outline")])
def test_three_levels_are_taken_by_every_command(run, runner, store, command) -> None:
    result = run(*command, str(CASES / "novel3.md"))
    assert result.exit_code == 0, result.stderr
    assert tree(store) == OUTLINES[-1][1]
    if command[0] == "plan":
        assert "write it with: longhand resume" in result.stderr


def test_forty_chapters_keep_their_headings(run, runner, store) -> None:
    for name, first in (
        ("chapters40.md", "Chapter 1: Planning the beds"),
        ("chapters40dup.md", "Planning the beds"),
    ):
        assert run("write", "A year", "--outline", str(CASES / name), "--plan-only").exit_code == 0
        found = tree(store)
        assert (len(found), found[0]) == (40, ("1", first))


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("bom_front.md", 0, "stored as"),
        ("readme_project.md", 0, "left out: 2 pictures, 1 contents list, 1 code block, 1 table\n"),
        ("pond.docx", 0, "left out: 1 contents list, 1 table, 1 deleted passage\n"),
        ("utf16.md", 0, "write it with: longhand resume"),
        ("cp1252.md", 0, "read as windows-1252"),
        ("arabic.md", 1, "reads as Arabic"),
        ("cjk.md", 1, "reads as Chinese"),
    ],
)
def test_plan_from(run, runner, store, name, exit_code, said) -> None:
    result = run("plan", "--from", str(CASES / name))
    assert (result.exit_code, said in result.stderr) == (exit_code, True), result.stderr
    assert len(store.list_documents()) == (exit_code == 0)


def test_a_document_planned_from_its_export_is_the_same(run, runner, store, tmp_path) -> None:
    for name in ("readme_project.md", "page.html", "pond.docx", "splitting.md", "longurl.md"):
        assert run("plan", "--from", str(CASES / name)).exit_code == 0
        (first, *_) = store.list_documents()
        text = run("export", first.id).stdout
        (tmp_path / "again.md").write_text(text)
        assert run("plan", "--from", str(tmp_path / "again.md")).exit_code == 0
        (second, *_) = store.list_documents()
        assert second.id != first.id and run("export", second.id).stdout == text


def test_a_long_prompt_has_a_title_of_its_own(run, runner, store) -> None:
    prompt = (CASES / "prompt_long.txt").read_text()
    assert run("write", prompt, "--plan-only").exit_code == 0
    (document,) = store.list_documents()
    assert document.title in titles_in(prompt, "eng_Latn")
    assert titles_in(prompt, "eng_Latn")[0] == "Small community garden: guide for new members"


@pytest.mark.parametrize(
    ("prompt", "titles"),
    [
        (
            "I would like something I can hand to my sisters that explains how we might share the care of our mother, "
            "who is 81 and still lives alone.",
            ["How we might share the care of our mother"],
        ),
        (
            "Write a guide to setting up a home network that reaches every room, and keep it plain.",
            ["Guide to setting up a home network"],
        ),
        (
            "The gutter leaks and the wall is wet. Tell me why walls get damp behind a gutter.",
            ["Why walls get damp behind a gutter", "The gutter leaks"],
        ),
    ],
)
def test_a_title_speaks_of_the_subject_not_of_whoever_asks(prompt, titles) -> None:
    assert titles_in(prompt, "eng_Latn") == titles


@pytest.mark.parametrize(
    "prompt", ["Как испечь хлеб", "Come fare il pane in casa", "パンの焼き方", "Dzień dobry", "Hvordan bage"]
)
def test_a_prompt_in_another_language_is_refused_by_name(run, store, prompt) -> None:
    result = run("write", prompt)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "the prompt reads as" in result.stderr and not store.list_documents()


def test_a_prompt_of_two_words_says_what_else_it_may_be(run, store) -> None:
    said = "the prompt is read as English, though it may be Polish, which the space does not know"
    assert said in run("submit", "Stary dom").stderr
    assert "may be" not in run("submit", "Stary dom", "--prompt-lang", "eng_Latn").stderr
    assert "may be" not in run("submit", "Rye bread").stderr
    assert len(store.list_documents()) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# T\n## A\n- a\n  - b\n## B\nSay this. And that.\n",
            [("A", ("a", "b")), ("B", ("Say this.", "And that."))],
        ),
        (
            "# T\n## A\nIntro.\n### A1\n- a\n### A2\n## B\n",
            [("A", ()), ("A1", ("Intro.", "a")), ("A2", ()), ("B", ())],
        ),
        (
            "# T\n## A\n### B\n#### C\n##### D\n- d\n## E\n",
            [("A", ()), ("B", ()), ("C", ("D", "d")), ("E", ())],
        ),
        ("A\n  B\n    C\n      D\nE\n", [("A", ()), ("B", ()), ("C", ("D",)), ("E", ())]),
    ],
)
def test_what_stands_below_a_heading_are_points(text, expected) -> None:
    assert [(heading.text, heading.points) for heading in parse_outline(text).headings] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## A {#1 length=12}\n## B {.wide}\n## C ¶\n", [("A", 12), ("B", None), ("C", None)]),
        ("## [A](#a)\n## B [#](#b)\n", [("A", None), ("B", None)]),
        ("- [x] A\n- [ ] B {length=3}\n", [("A", None), ("B", 3)]),
        ("i. A\nii. B\niii. C\n", [("A", None), ("B", None), ("C", None)]),
        ("a) A\nb) B\n", [("A", None), ("B", None)]),
        ("1)A\n2)B\n", [("A", None), ("B", None)]),
        ("▪ A\n▪ B\n", [("A", None), ("B", None)]),
        ("A ..... 3\nB\t12\n", [("A", None), ("B", None)]),
        (
            "1984. A novel\n802.11 and others\n1.5 litres\n",
            [("1984. A novel", None), ("802.11 and others", None), ("1.5 litres", None)],
        ),
    ],
)
def test_marks_attributes_and_permalinks(text, expected) -> None:
    assert [(heading.text, heading.length) for heading in parse_outline(text).headings] == expected


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("1.0 A\n1.1 B\n1.2 C\n2.0 D\n", ["1", "1.1", "1.2", "2"]),
        ("I. A\nA. B\nB. C\nII. D\n", ["1", "1.1", "1.2", "2"]),
        ("● A\n○ B\n■ C\n○ D\n● E\n", ["1", "1.1", "1.1.1", "1.2", "2"]),
        ("1. A\n(a) B\n(b) C\n2. D\n(a) E\n", ["1", "1.1", "1.2", "2", "2.1"]),
    ],
)
def test_levels_of_marks(text, paths) -> None:
    assert [heading.path for heading in parse_outline(text).headings] == paths


def test_what_an_outline_leaves_out_is_told() -> None:
    outline = parse_outline("# T\n\nMine.\n\n## A\n\n```\nx\n```\n\n## B\n\n|a|\n|-|\n|1|\n", name="plan.md")
    assert outline.told == ("plan.md: left out: 1 code block, 1 table, 1 line above the first heading",)
    assert parse_outline("## A\n## B\n").headings[0] == Heading("1", "A", 1)


def test_points_are_placed_in_their_order_and_shown() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((6, 8)).astype(np.float32)
    points = rng.standard_normal((2, 8)).astype(np.float32)
    placed = place_points(drawn, points)
    rows = [int(np.abs(placed - point).max(axis=1).argmin()) for point in points]
    assert placed.shape == drawn.shape and rows == sorted(set(rows))
    assert (place_points(drawn[:1], points) == points).all()
    assert heading_with_points("Bread", ("flour.", "water")) == "Bread: flour, water"
    assert as_sentence("mix it") == "Mix it."
    assert scale_lengths([], None) == []
    said = FakeEngine().encode(["a", "b"], "eng_Latn")
    assert cover_points([], said[:0], ("a",), said[:1]) == []


@pytest.mark.parametrize(
    ("points", "texts"),
    [
        # The second point takes the sentence that showed the first.
        (("flour", "coarse salt"), ("We need time.", "We need flour.")),
        (("rest the dough", "mix the dough", "knead it"), ("A.", "Rest the dough.", "Mix the dough.")),
        (("a pot", "a pot of iron", "a rack"), ("a", "b", "c")),
        # Points that are the same concept have a sentence each.
        (("salt", "salt", "water"), ("x", "y", "z")),
    ],
)
def test_every_point_is_shown_where_there_is_a_sentence_for_each(points, texts) -> None:
    own = FakeEngine().encode(list(points), "eng_Latn")
    said = cover_points([Text(text=text, score=0.5) for text in texts], own[: len(texts)], points, own)
    assert len(said) == len(texts)
    shown = " ".join(text.text for text in said)
    assert all(is_shown(point, shown) for point in points)


@pytest.mark.parametrize(
    ("point", "text", "expected"),
    [
        ("weigh 500 g of flour and 325 g of water", "Weigh 500 g flour. Add 325 g of water.", True),
        ("weigh 500 g of flour and 325 g of water", "Weigh the flour. Then add the water.", False),
        ("heat the pot to 240 °C", "Heat the pot to 230 °C.", False),
        (
            "fold the dough four times",
            "Fold it. Wait a bit. Go on. The dough is done. Four people came.",
            False,
        ),
        ("fold the dough four times", "The dough is folded. Four times are enough.", True),
    ],
)
def test_a_point_is_shown_in_one_place_with_its_numbers(point, text, expected) -> None:
    assert is_shown(point, text) is expected


def test_points_in_another_language_than_the_document_are_shown_as_typed(run, runner, tmp_path) -> None:
    points = ("Reifen auf 4,5 bar pumpen", "Herr Krause vermietet Zimmer ab 42 Euro")
    (tmp_path / "a.md").write_text(
        f"# Fahrradreise\n\n## Vorbereitung\n- {points[0]}\n\n## Unterwegs\n- {points[1]}\n"
    )
    result = run("write", "A bike trip along the river", "--outline", str(tmp_path / "a.md"))
    assert result.exit_code == 0, result.stderr
    assert "the outline reads as German, the document is written in English: --lang deu_Latn" in result.stderr
    assert all(as_sentence(point) in result.stdout for point in points)


def test_author_and_date_of_a_file_are_those_of_its_exports(run, runner, store, tmp_path) -> None:
    (tmp_path / "a.md").write_text(
        "---\ntitle: Tea\nauthor: A. Grower\ndate: 2024-05-01\n---\n\n## A\n\nText.\n\n## B\n\nMore.\n"
    )
    assert run("plan", "--from", str(tmp_path / "a.md")).exit_code == 0
    (document,) = store.list_documents()
    exported = store.export_document(document.id)
    assert (exported.title, exported.author, exported.date) == ("Tea", "A. Grower", "2024-05-01")
    assert run("export", document.id, "--format", "html", "--out", str(tmp_path / "a.html")).exit_code == 0
    page = (tmp_path / "a.html").read_text()
    assert '<meta name="author" content="A. Grower">' in page and "2024-05-01" in page


def test_a_long_sentence_is_stored_whole_and_encoded_in_pieces(run, runner, store, tmp_path) -> None:
    sentence = "We " + "walk and " * 300 + "stop."
    (tmp_path / "a.md").write_text(f"# T\n\n## A\n\n{sentence}\n\nShort one.\n\n## B\n\nMore is here.\n")
    assert run("plan", "--from", str(tmp_path / "a.md")).exit_code == 0
    (document,) = store.list_documents()
    texts = [s.text for section in store.export_document(document.id).sections for s in section.sentences]
    assert texts == [sentence, "Short one.", "More is here."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## A {#1}\n- x\n- y {length=3}\n## B\n", [("1", "A"), ("1.1", "x"), ("1.2", "y"), ("2", "B")]),
        (
            "I. A\nII. B\n(a) x\n(b) y\nIII. C\n",
            [("1", "A"), ("2", "B"), ("2.1", "x"), ("2.2", "y"), ("3", "C")],
        ),
        ("● A\n    ○ x\n● B\n", [("1", "A"), ("1.1", "x"), ("2", "B")]),
    ],
)
def test_the_edit_form_takes_lists(run, runner, store, text, expected) -> None:
    from longhand.outline.draft_markdown import parse_draft

    assert run("write", "x", "--outline", str(CASES / "roman.txt"), "--plan-only").exit_code == 0
    (document,) = store.list_documents()
    draft = parse_draft(text, store.get_outline(document.id))
    assert [(item.path, item.heading) for item in draft.items] == expected


@pytest.mark.parametrize(
    ("typed", "heading"),
    [
        ("● Frame size", "Frame size"),
        ("- [ ] **Wheels** {#w}", "Wheels"),
        ("Steps ¶", "Steps"),
        ("2.4 GHz", "2.4 GHz"),
    ],
)
def test_the_form_takes_marks_off(typed, heading) -> None:
    from longhand.outline.outlines import plain_heading

    assert plain_heading(typed) == heading


@pytest.mark.parametrize("mark", ["[[]", "![", "[^", "*a "])
def test_an_outline_of_marks_alone_is_refused_at_once(mark: str) -> None:
    started = time.process_time()
    with pytest.raises(InputError, match=r"the outline: a paragraph that begins with .* has more than"):
        parse_outline(f"## A\n- {mark * 90_000}\n## B\n")
    assert time.process_time() - started < 10
