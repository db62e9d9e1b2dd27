"""Plain text as people keep it: novels, letters, copies from printed pages, and files whose bytes were damaged."""

from __future__ import annotations

import time

import pytest

from concepts.corpus.readers import read_data
from concepts.corpus.readers.encodings.decode import EncodingError, decode
from concepts.corpus.readers.plain.chapters import chapter_level, is_capitals
from concepts.corpus.readers.plain.text import looks_like_markdown
from tests.concepts.corpus.reader_helpers import read, shown

P = "paragraph"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Chapter 1\n\nThe rain fell.\n\nChapter 2\n\nThe sun rose.\n\nEpilogue\n\nThey met.\n",
            [(2, "Chapter 1"), (P, "The rain fell."), (2, "Chapter 2"), (P, "The sun rose."), (2, "Epilogue"),
             (P, "They met.")],
        ),
        (
            "THE CAT\n\nPART ONE\n\nCHAPTER I.\n\nThe House\n\nIt was old.\n\nCHAPTER II.\n\nThe Sea\n\nIt was loud.\n",
            [(0, "THE CAT"), (1, "PART ONE"), (2, "CHAPTER I: The House"), (P, "It was old."),
             (2, "CHAPTER II: The Sea"), (P, "It was loud.")],
        ),
        (
            "Erstes Kapitel\n\nDer Regen fiel.\n\nZweites Kapitel\n\nDie Sonne kam.\n",
            [(2, "Erstes Kapitel"), (P, "Der Regen fiel."), (2, "Zweites Kapitel"), (P, "Die Sonne kam.")],
        ),
        (
            "CLEANING\n\nWipe it.\n\nSTORING\n\nKeep it dry.\n",
            [(2, "CLEANING"), (P, "Wipe it."), (2, "STORING"), (P, "Keep it dry.")],
        ),
        (
            "NAME\n    ls - list it\n\nUSE\n    Call it. Wait.\n",
            [(2, "NAME"), (P, "ls - list it"), (2, "USE"), (P, "Call it. Wait.")],
        ),
        (
            "Hundegesetz\n\n§ 1 Zweck\n\n(1) Es gilt i. S. d. § 2.\n\n(2) Auch hier.\n\n§ 2\n\nPflicht\n\nEr zahlt.\n",
            [(0, "Hundegesetz"), (3, "§ 1 Zweck"), ("step", "Es gilt i. S. d. § 2."), ("step", "Auch hier."),
             (3, "§ 2: Pflicht"), (P, "Er zahlt.")],
        ),
        ("Satzung\n\nDas steht hier.\n\n§ 3 gilt entsprechend.\n\n§ 4 gilt nicht.\n",
         [(0, "Satzung"), (P, "Das steht hier."), (P, "§ 3 gilt entsprechend."), (P, "§ 4 gilt nicht.")]),
        (
            "Abschnitt 1: Wer\n\nArtikel 1 Name\n\nEr heißt so.\n\nAbschnitt 2: Wo\n\nArtikel 2 Sitz\n\nEr sitzt da.\n",
            [(2, "Abschnitt 1: Wer"), (3, "Artikel 1 Name"), (P, "Er heißt so."), (2, "Abschnitt 2: Wo"),
             (3, "Artikel 2 Sitz"), (P, "Er sitzt da.")],
        ),
        (
            "Beans\n\nAbstract\n\nThey grow.\n\n1 Introduction\n\nWhy.\n\n2 Methods\n\n2.1 Plots\n\nFour.\n\n"
            "References\n\nSmith.\n",
            [(0, "Beans"), (1, "Abstract"), (P, "They grow."), (1, "Introduction"), (P, "Why."), (1, "Methods"),
             (2, "Plots"), (P, "Four."), (1, "References"), (P, "Smith.")],
        ),
        ("Chapter 1\n\nOnly one of them.\n", [(0, "Chapter 1"), (P, "Only one of them.")]),
        ("STOP!\n\nHe ran.\n\nNO.\n\nShe did not.\n", [(P, t) for t in ("STOP!", "He ran.", "NO.", "She did not.")]),
    ],
)  # fmt: skip
def test_headings_without_marks(text: str, expected: list[tuple[int | str, str]]) -> None:
    assert shown(read(text, ".txt")) == expected


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("CHAPTER IV", 2),
        ("Chapter 12: The sea", 2),
        ("Chapter Twenty", 2),
        ("BOOK THE FIRST", 1),
        ("Part II", 1),
        ("Chapitre 3", 2),
        ("Capítulo 3. El mar", 2),
        ("2. Teil", 1),
        ("Prologue", 2),
        ("Part 2. He went home and slept.", None),
        ("Chapter and verse", None),
        ("Part of it", None),
    ],
)
def test_names_of_chapters(line: str, level: int | None) -> None:
    assert chapter_level(line) == level


def test_capitals_are_headings_and_shouts_are_none() -> None:
    assert [
        is_capitals(line) for line in ("THE SEA", "ÜBER UNS", "SECTION 2", "NO!", "A.", "- A LIST", "1234")
    ] == [
        *(True, True, True),
        *(False, False, False, False),
    ]


def test_a_book_of_a_library_is_the_book() -> None:
    reading = read(
        "The eBook of The Cat\n\nTitle: The Cat\n\nAuthor: A. B.\n\n*** START OF THE PROJECT GUTENBERG EBOOK THE CAT "
        "***\n\nContents\n\nCHAPTER I. The House\nCHAPTER II. The Sea\n\nCHAPTER I.\n\nIt was old.\n\nCHAPTER II.\n\n"
        "It was loud.\n\n*** END OF THE PROJECT GUTENBERG EBOOK THE CAT ***\n\nA licence.\n",
        ".txt",
    )
    assert shown(reading) == [(2, "CHAPTER I."), (P, "It was old."), (2, "CHAPTER II."), (P, "It was loud.")]
    assert (reading.metadata.title, reading.metadata.author) == ("The Cat", "A. B.")
    assert reading.left_out == {"site notice": 2, "contents list": 1}


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("THE SEA\n\nby Ann Example\n\nIt was loud. It was cold.\n", "Ann Example"),
        ("Das Meer\n\nvon Ludwig van Beet\n\nEs war laut.\n", "Ludwig van Beet"),
        ("The sea\n\nby the sea side it was loud\n\nIt was cold.\n", ""),
    ],
)
def test_the_line_below_a_title_names_the_author(text: str, author: str) -> None:
    reading = read(text, ".txt")
    assert reading.metadata.author == author
    assert ("by" in reading.elements[1].text) == (author == "")


def test_the_head_of_a_letter_is_metadata() -> None:
    reading = read("From: Ann <a@x.org>\nTo: Bob\nSubject: The roof\n\nHi Bob,\n\nit leaks.\n", ".txt")
    assert (reading.metadata.title, reading.metadata.author) == ("The roof", "Ann <a@x.org>")
    assert [text for _, text in shown(reading)] == ["Hi Bob,", "it leaks."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In the eigh-\nteenth century thou-\nsands came.", ["In the eighteenth century thousands came."]),
        ("It is a well-\nknown tower.", ["It is a well-known tower."]),
        ("One is here.\n\nPage 3 of 40\n\nTwo is here.", ["One is here.", "Two is here."]),
        ("[12:30] Ann: Are you there?\n[12:31] Bob: Yes.", ["[12:30] Ann: Are you there?", "[12:31] Bob: Yes."]),
        ("Q: What?\nA: This.\n\nQ: Who?\nA: Me.", ["Q: What?", "A: This.", "Q: Who?", "A: Me."]),
        ("One.\u2029Two.\x85Three.", ["One.", "Two. Three."]),
        (
            "It is on Friday.\n\nOn Thu Tom wrote:\n> When is it?\n> Can I come?\n\nYes.\n",
            ["It is on Friday.", "On Thu Tom wrote:", "When is it? Can I come?", "Yes."],
        ),
        ("Clothes\n  shirts\n  socks\nTools\n  rope\n", ["Clothes", "shirts", "socks", "Tools", "rope"]),
        (
            "Hi Tom,\n\n1. One\n   a. Two\n   b. Three\n2. Four\n\nThanks,\nJo\n",
            ["Hi Tom,", "One", "Two", "Three", "Four", "Thanks, Jo"],
        ),
    ],
)  # fmt: skip
def test_lines_of_copies_and_talks(text: str, expected: list[str]) -> None:
    assert [found for _, found in shown(read(text, ".txt"))] == expected


@pytest.mark.parametrize(
    ("data", "text", "remark"),
    [
        ("Café one, Café two, caf".encode() + b"\xc3", "Café one, Café two, caf", "1 letter is not UTF-8"),
        ("Café, Café, Café, ".encode() + b"M\xfcller", "Café, Café, Café, Müller", "1 letter is not UTF-8"),
        ("CafÃ© and MÃ¼ller. Itâ€™s late.".encode(), "Café and Müller. It’s late.", "encoded twice"),
        (b"A long line of text with one \0 zero byte in it, which is text.", None, "1 zero byte left out"),
        ("Brot für Anfänger. Öl.".encode("cp1252"), "Brot für Anfänger. Öl.", "read as windows-1252"),
        ("Ãpfel are one word.".encode(), "Ãpfel are one word.", ""),
    ],
)
def test_damaged_bytes_are_read_and_said(data: bytes, text: str | None, remark: str) -> None:
    decoded = decode(data)
    assert decoded.text == (data.replace(b"\0", b"").decode() if text is None else text)
    assert remark in decoded.remark and bool(remark) == bool(decoded.remark)


@pytest.mark.parametrize("data", [bytes(range(256)) * 8, b"\0" * 400, b"PK\x03\x04" + bytes(100)])
def test_binary_data_stays_refused(data: bytes) -> None:
    with pytest.raises(EncodingError, match=r"binary data|no other encoding"):
        read_data(data, ".txt")


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ("これはパンの焼き方の本です。小麦粉と水を混ぜます。", "shift_jis", "Shift-JIS"),
        ("パンの焼き方", "shift_jis", "Shift-JIS"),
        ("これはパンの焼き方の本です。小麦粉と水を混ぜます。", "euc_jp", "EUC-JP"),
        ("Brot für Anfänger. Man nehme Mehl und ein wenig Öl für die Schüssel. Größe", "cp850", "cp850"),
        ("Le café est prêt. Où est le garçon ? Voilà la crème brûlée.", "cp850", "cp850"),
        ("Brot für Anfänger. Man nehme Mehl und ein wenig Öl für die Schüssel.", "mac_roman", "Mac Roman"),
        ("¿Dónde está el niño? Mañana comeré más jamón.", "mac_roman", "Mac Roman"),
    ],
)
def test_other_encodings_are_named_among_those_that_may_be_meant(text: str, encoding: str, name: str) -> None:
    try:
        decoded = decode(text.encode(encoding))
    except EncodingError as error:
        said = str(error)
    else:
        if decoded.text == text and f"read as {name};" in decoded.remark:
            return
        said = decoded.remark
    assert "may be" in said and name in said.partition("may be")[2] and "\n" not in said


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("A day\n\n\tThe sun rose over it.\n\n\tThe dog barked at it.\n", 2),
        ("   It was a dark night.\nThe rain fell.\n   She ran home.\nNobody saw her.\n", 2),
        ("Notes\n\n        Far in, but it is prose, you see.\n\nAnd this is not far in.\n", 2),
        ("# Head\n\n    Indented below a Markdown heading, it is text.\n\nNot indented.\n", 2),
    ],
)
def test_indented_paragraphs_of_text_files_are_text(text: str, paragraphs: int) -> None:
    reading = read(text, ".txt")
    assert sum(element.level is None for element in reading.elements) == paragraphs
    assert not reading.left_out


@pytest.mark.parametrize("signs", ["=-", "~^", "*#"])
def test_underlined_headings_of_text_files(signs: str) -> None:
    above, below = signs
    text = f"Title\n{above * 5}\n\nText is here.\n\nPart\n{below * 4}\n\nMore is here.\n"
    assert shown(read(text, ".txt")) == [
        (1, "Title"),
        ("paragraph", "Text is here."),
        (2, "Part"),
        ("paragraph", "More is here."),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A paper\n\n1. Why\n\nThe text is here. It is long.\n\n2. How\n\n2.1 Data\n\nMore text is here.\n",
            [
                (0, "A paper"),
                (1, "Why"),
                ("paragraph", "The text is here. It is long."),
                (1, "How"),
                (2, "Data"),
            ],
        ),
        ("1. Mix it\n\n2. Bake it\n", [("step", "Mix it"), ("step", "Bake it")]),
        (
            "A day\n\n1. he wrote, and no more.\n\nThen he slept.\n",
            [(0, "A day"), ("paragraph", "1. he wrote, and no more.")],
        ),
        ("* A\n** B\n** C\n* D\n", [(1, "A"), (2, "B"), (2, "C"), (1, "D")]),
    ],
)
def test_numbered_headings_of_text_files(text: str, expected: list[tuple[int | str, str]]) -> None:
    assert shown(read(text, ".txt"))[: len(expected)] == expected


@pytest.mark.parametrize("mark", ["[", "![", "[a](", "|-\n"])
def test_marks_of_markdown_are_searched_in_one_pass(mark: str) -> None:
    started = time.process_time()
    assert not looks_like_markdown(mark * (300_000 // len(mark)) + "x")
    assert time.process_time() - started < 10


@pytest.mark.parametrize("text", ["[a](b)", "[![a](b)](c)", "[a](b_(c))", "|a|b|\n| - | :-: |\n"])
def test_links_and_tables_are_marks_of_markdown(text: str) -> None:
    assert looks_like_markdown(text)
