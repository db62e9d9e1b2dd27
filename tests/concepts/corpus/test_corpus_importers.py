"""Importers: sensible outlines from Markdown, HTML and text; bad input is counted, never raised."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import docx
import pytest

from concepts.corpus import (
    BLOCK_KINDS,
    Block,
    Document,
    DropReport,
    Section,
    iter_jsonl,
    iter_pairs,
    iter_path,
)
from concepts.corpus.importers import document_of_json, document_row
from concepts.corpus.readers.markdown.document import read_markdown
from concepts.corpus.readers.word.document import read_word
from concepts.errors import InputError
from training.corpus.catalogues import iter_catalogue

MARKDOWN = """---
draft: true
---
# Make *tea*

Boil `water` first.
Then wait.

## Steps

1. Fill the cup.
2. Add [sugar](http://example.org).

```sh
rm -rf tea
```

| a | b |
|---|---|
| 1 | 2 |

### Late

> Drink it.
"""

HTML = """<html><head><title>Ignored</title><style>p {}</style></head><body><nav><a>Up</a></nav>
<h1>Make tea</h1><p>Boil <b>the</b> water.<p>Wait.<script>x()</script>
<h2>Steps</h2><ul><li>Fill it.<li>Add <i>sugar</i>.<ul><li>Nested one.</li></ul></ul>
<pre>code here</pre><table><tr><td>cell</td></tr></table><footer>(c)</footer></body>"""


def one(path: Path) -> Document:
    (document,) = iter_path(path)
    return document


def outline(document: Document) -> list[tuple[str, int, list[str]]]:
    return [(s.heading, s.level, list(s.sentences)) for s in document.sections]


def test_markdown_outline(tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text(MARKDOWN)
    document = one(tmp_path)
    assert document.title == "Make tea"
    assert (document.kind, document.page, document.lang) == ("howto", "tea.md", "eng_Latn")
    assert outline(document) == [
        ("", 1, ["Boil water first. Then wait."]),
        ("Steps", 2, ["Fill the cup.", "Add sugar."]),
        ("Late", 3, ["Drink it."]),
    ]


def test_html_outline(tmp_path: Path) -> None:
    (tmp_path / "tea.html").write_text(HTML)
    document = one(tmp_path / "tea.html")
    assert document.title == "Make tea"
    assert outline(document) == [
        ("", 1, ["Boil the water.", "Wait."]),
        ("Steps", 2, ["Fill it.", "Add sugar.", "Nested one."]),
    ]


def kinds(document: Document) -> list[tuple[str, tuple[str, ...]]]:
    return [(block.kind, block.sentences) for section in document.sections for block in section.blocks]


LIST_MARKDOWN = """# Tea

Boil it:

1. Fill the cup.

   It may be hot.
2. Choose one:
   - sugar
   - milk

   Or neither.

> [!TIP]
> Use fresh water.

Note: Tea is hot.
"""
LIST_KINDS = [
    ("paragraph", ("Boil it:",)),
    ("step", ("Fill the cup.", "It may be hot.")),
    ("step", ("Choose one:",)),
    ("bullet", ("sugar",)),
    ("bullet", ("milk",)),
    ("paragraph", ("Or neither.",)),
    ("note", ("Use fresh water.",)),
    ("note", ("Note: Tea is hot.",)),
]


def test_markdown_lists_and_notes_keep_their_kind(tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text(LIST_MARKDOWN)
    assert kinds(one(tmp_path)) == LIST_KINDS


def test_html_lists_and_notes_keep_their_kind(tmp_path: Path) -> None:
    (tmp_path / "tea.html").write_text(
        "<h1>Tea</h1><p>Boil it:</p><ol><li><p>Fill the cup.</p><p>It may be hot.</p></li><li>Choose one:"
        "<ul><li>sugar<li>milk</ul>Or neither.</ol><div class='tip'><p>Use fresh water.</p></div><p>Note: Tea is hot."
    )
    assert kinds(one(tmp_path)) == LIST_KINDS


def test_html_terms_stand_before_what_explains_them(tmp_path: Path) -> None:
    (tmp_path / "tea.html").write_text(
        "<h1>Tea</h1><dl><dt>Green</dt><dd>Not fermented.</dd><dd>Mild.</dd></dl>"
    )
    assert kinds(one(tmp_path)) == [("bullet", ("Green: Not fermented.",)), ("bullet", ("Mild.",))]


def test_text_lists_keep_their_kind(tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text(
        "Tea\n\nYou need\n- a cup\n  of water\n- tea\n\n1. Boil it.\n2. Wait.\n\nIn the year\n1900 - or so - it was.\n"
    )
    assert kinds(one(tmp_path)) == [
        ("paragraph", ("You need",)),
        ("bullet", ("a cup of water",)),
        ("bullet", ("tea",)),
        ("step", ("Boil it.",)),
        ("step", ("Wait.",)),
        ("paragraph", ("In the year 1900 - or so - it was.",)),
    ]


def test_word_lists_are_told_by_style_or_numbering(tmp_path: Path) -> None:
    word = docx.Document()
    word.add_heading("Make tea", 0)
    word.add_paragraph("Boil it.", style="List Number")
    word.add_paragraph("A cup.", style="List Bullet 2")
    by_style = word.add_paragraph("Wait.", style="List Number")
    numbered = word.add_paragraph("Drink.")
    style = by_style.style
    assert style is not None
    numbered._p.get_or_add_pPr().append(deepcopy(style.element.pPr.numPr))
    unknown = word.add_paragraph("Enjoy.")
    number = unknown._p.get_or_add_pPr().get_or_add_numPr()
    number.get_or_add_numId().val = 999
    word.save(str(tmp_path / "tea.docx"))
    assert [kind for kind, _ in kinds(one(tmp_path))] == ["step", "bullet", "step", "step", "bullet"]


def test_html_title_element_serves_without_heading(tmp_path: Path) -> None:
    (tmp_path / "a.htm").write_text("<title>Tea time</title><p>Boil it.</p>")
    assert one(tmp_path).title == "Tea time"


def test_deeply_nested_html_is_read(tmp_path: Path) -> None:
    (tmp_path / "deep.html").write_text("<div>" * 20_000 + "Deep text here.")
    list(iter_path(tmp_path))


def test_text_title_and_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text("Make tea\n\nBoil it.\nNow.\n\nDrink.\n")
    document = one(tmp_path)
    assert (document.title, document.sentences) == ("Make tea", ("Boil it. Now.", "Drink."))


def test_word_files_are_read_by_their_styles(tmp_path: Path) -> None:
    word = docx.Document()
    word.add_heading("Make tea", 0)
    word.add_heading("Boiling", 1)
    word.add_paragraph("Boil it.")
    word.add_paragraph("Wait.", style="List Bullet")
    word.save(str(tmp_path / "tea.docx"))
    document = one(tmp_path)
    assert (document.title, document.sections[0].heading) == ("Make tea", "Boiling")
    assert document.sentences == ("Boil it.", "Wait.")


def test_a_damaged_word_file_is_none(tmp_path: Path) -> None:
    word = docx.Document()
    word.add_paragraph("Boil it. " * 200)
    word.save(str(tmp_path / "tea.docx"))
    whole = (tmp_path / "tea.docx").read_bytes()
    outcomes = set()
    for n in range(40, len(whole), len(whole) // 150):
        try:
            read_word(whole[:n] + bytes([whole[n] ^ 0xFF]) + whole[n + 1 :])
        except ValueError as error:
            outcomes.add(str(error).partition(" (")[0])
    assert outcomes == {"no Word file"}


def test_front_matter_is_no_heading() -> None:
    for end in ("\n", "\r\n"):
        text = end.join(("---", "title: Bread", "lang: en", "---", "# Bread", "", "Bake it."))
        assert [(block.text, block.level) for block in read_markdown(text).elements] == [
            ("Bread", 1),
            ("Bake it.", None),
        ]


def test_file_name_is_the_last_resort_for_a_title(tmp_path: Path) -> None:
    (tmp_path / "how_to-wait.txt").write_text("Just wait until the tea is done.")
    assert one(tmp_path).title == "how to wait"


def test_language_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "tee.md").write_text(
        "# Tee\n\nDas Wasser wird auf dem Herd gekocht und dann in die Tasse gegeben."
    )
    assert one(tmp_path).lang == "deu_Latn"


def test_pages_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    ids = []
    for parent in ("a", "b"):
        folder = tmp_path / parent / "docs"
        folder.mkdir(parents=True)
        (folder / "tea.md").write_text("# Tea\n\nBoil it.")
        ids.append(one(folder).document_id)
    assert ids[0] == ids[1]


def test_unusable_files_are_counted_by_reason(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "c.txt").write_bytes(b"text\0binary")
    (tmp_path / "d.md").write_text("")
    (tmp_path / ".hidden.md").write_text("# x\n\ny")
    (tmp_path / "e.md").symlink_to(tmp_path / "nowhere")
    drops = DropReport()
    assert list(iter_path(tmp_path, drops=drops)) == []
    assert drops == {
        "unreadable: unknown kind of file": 1,
        "unreadable: not UTF-8": 1,
        "unreadable: binary": 1,
        "unreadable: no text": 1,
        "unreadable: hidden file": 1,
    }


@pytest.mark.parametrize("read", [iter_path, iter_jsonl])
def test_missing_path_is_one_line(tmp_path: Path, read: object) -> None:
    with pytest.raises(InputError, match="no such file") as error:
        list(read(tmp_path / "nowhere.jsonl"))  # type: ignore[operator]
    assert "\n" not in str(error.value)


GOOD = {
    "title": "T",
    "page": "p",
    "lang": "de",
    "source": "s",
    "sections": [{"heading": "", "paragraphs": [["A."]]}],
}


def test_jsonl_skips_and_counts_bad_lines(tmp_path: Path) -> None:
    bad = [
        '{"title"',
        "[]",
        "3",
        '{"title": 1}',
        json.dumps({**GOOD, "lang": "xx"}),
        json.dumps({**GOOD, "page": 3}),
        json.dumps({**GOOD, "sections": [{"heading": "h", "paragraphs": [["x", 3]]}]}),
        json.dumps({**GOOD, "sections": [{"heading": "h", "paragraphs": [["x"]], "kinds": ["table"]}]}),
        json.dumps({**GOOD, "sections": [{"heading": "h", "paragraphs": [["x"]], "kinds": []}]}),
    ]
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join([*bad, json.dumps(GOOD), ""]).encode()))
    drops = DropReport()
    (document,) = iter_jsonl(path, drops)
    assert (document.title, document.lang, document.page, document.sentences) == (
        "T",
        "deu_Latn",
        "p",
        ("A.",),
    )
    assert drops == {"unreadable: not JSON": 1, "unreadable: not a document": 8}


def test_kinds_stand_beside_the_paragraphs_and_may_be_absent() -> None:
    plain = document_of_json(GOOD)
    assert plain.sections[0].blocks == (Block(("A.",), "paragraph"),)
    blocks = tuple(Block((f"{kind}.",), kind) for kind in BLOCK_KINDS)
    document = Document("T", (Section("H", blocks, 2),), "eng_Latn", "s", "p")
    assert document_of_json(json.loads(json.dumps(document_row(document)))) == document
    assert document.sections[0].paragraphs == tuple((f"{kind}.",) for kind in BLOCK_KINDS)


@pytest.mark.parametrize(
    ("suffix", "kind", "pack"), [(".gz", "gzip", gzip.compress), (".xz", "xz", lzma.compress)]
)
def test_a_truncated_file_keeps_what_was_read(
    tmp_path: Path, suffix: str, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"x.jsonl{suffix}"
    lines = [json.dumps({**GOOD, "title": f"T{n * 7919}"}) for n in range(5_000)]
    data = pack("\n".join(lines).encode())
    path.write_bytes(data)
    assert len(list(iter_jsonl(path))) == len(lines)
    path.write_bytes(data[: len(data) // 2])
    drops = DropReport()
    assert 0 < len(list(iter_jsonl(path, drops))) < len(lines)
    assert drops[f"unreadable: damaged {kind}"] == 1


def test_package_description_is_identified_by_its_package(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    row = {**GOOD, "title": "0ad-data: Game", "source": "Debian Translation-en", "lang": "en"}
    del row["page"]
    path.write_text(json.dumps(row))
    (document,) = iter_jsonl(path)
    assert (document.title, document.page) == ("Game", "0ad-data")


def test_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.en-fr.tsv"
    path.write_text("Yes\tOui\nbroken line\n\tx\na\tb\tc\nNo\tNon\n")
    drops = DropReport()
    assert list(iter_pairs(path, drops)) == [("Yes", "Oui", "fra_Latn"), ("No", "Non", "fra_Latn")]
    assert drops == {"unreadable: not a pair": 3}


def test_pairs_need_a_language_in_the_name(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("a\tb\n")
    with pytest.raises(InputError, match=r"pairs\.en-de"):
        list(iter_pairs(tmp_path / "pairs.tsv"))


CATALOGUE = r"""
msgid ""
msgstr "Language: de\nContent-Type: text/plain; charset=UTF-8\n"

msgid "Save _As..."
msgstr "Speichern _unter..."

msgid "&Print"
msgstr "Drucken (&P)"

msgid "Read <filename>the file</filename> &amp; go on."
msgstr "Lesen Sie <filename>die Datei</filename> und machen Sie weiter."

msgid "the option B<count> of I<tool>"
msgstr "die Option B<count> von I<tool>"

msgid "Set use_long_names here"
msgstr "Setzen Sie hier use_long_names"

msgid "Press <Enter> now"
msgstr "Drücken Sie jetzt <Enter>"

msgid "Free: %.1f MB of 5 %"
msgstr "Frei: %.1f MB von 5 %"

msgid "The AT&T network"
msgstr "Das Netz von AT&T"

msgid "Now 5 % of it<br/>is <b>used</b>."
msgstr "Nun sind 5 % davon<br/><b>belegt</b>."

msgid "%d files of {name}"
msgstr "%d Dateien von {name}"

#, fuzzy
msgid "Open"
msgstr "Zu"

msgid "Close"
msgstr ""

#~ msgid "Old"
#~ msgstr "Alt"
"""


def test_a_catalogue_is_read_as_its_reader_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "app.po"
    path.write_text(CATALOGUE, encoding="utf-8")
    drops = DropReport()
    assert list(iter_catalogue(path, drops)) == [
        ("Save As...", "Speichern unter...", "deu_Latn"),
        ("Print", "Drucken", "deu_Latn"),
        ("Read the file & go on.", "Lesen Sie die Datei und machen Sie weiter.", "deu_Latn"),
        ("the option count of tool", "die Option count von tool", "deu_Latn"),
        ("Now 5 % of it is used.", "Nun sind 5 % davon belegt.", "deu_Latn"),
    ]
    assert drops == {"pair: written for a program": 5, "pair: unfinished": 3}


@pytest.mark.parametrize(
    ("name", "header", "lang"),
    [
        ("app.po", "Language: pt_BR", None),
        ("app.po", "Language: es_MX", "spa_Latn"),
        ("app.de.po", "Language: fr", "fra_Latn"),
        ("app.de.po", "X-Generator: none", "deu_Latn"),
        ("de_CH.po", "X-Generator: none", "deu_Latn"),
        ("app.po", "X-Generator: none", None),
        ("en.po", "X-Generator: none", None),
    ],
)
def test_the_language_of_a_catalogue(tmp_path: Path, name: str, header: str, lang: str | None) -> None:
    path = tmp_path / name
    path.write_text(f'msgid ""\nmsgstr "{header}\\n"\n\nmsgid "Yes"\nmsgstr "Oui"\n', encoding="utf-8")
    drops = DropReport()
    assert list(iter_catalogue(path, drops)) == ([("Yes", "Oui", lang)] if lang else [])
    assert drops == ({} if lang else {"unreadable: catalogue of another language": 1})


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"msgid unquoted", b'msgid "a"\nmsgstr "\xe4"\n', b"\x7fELF"]
)
def test_what_is_no_catalogue_is_counted(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.de.po"
    path.write_bytes(data)
    drops = DropReport()
    assert list(iter_catalogue(path, drops)) == []
    assert set(drops) <= {"unreadable: not a catalogue", "pair: unfinished"}
