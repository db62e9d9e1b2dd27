"""HTML, Word and EPUB as their own readers see them, Parquet, Datasette's metadata; files and folders."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import docx
import numpy as np
import pyarrow.parquet as pq
import pytest
from selectolax.lexbor import LexborHTMLParser

from longhand.formats.docx import to_docx
from longhand.formats.epub import to_epub
from longhand.formats.html import to_html
from longhand.formats.languages import language_tag, text_direction
from longhand.formats.parquet import write_parquet
from storage import (
    BlockKind,
    DatasetRow,
    ExportedDocument,
    ExportedSection,
    ExportedSentence,
    ItemConcepts,
    NewDocument,
    NewPlanItem,
    SpaceRef,
    Store,
    UnitSpec,
)

HOSTILE = '<script>alert("1")</script> & Co.\x01'


def make_section(path: str, *children: ExportedSection, heading: str | None = HOSTILE) -> ExportedSection:
    return ExportedSection(
        path=path,
        heading=heading,
        heading_score=None,
        sentences=(ExportedSentence(ordinal=0, text=f"Text of {path} {HOSTILE}", score=0.5),),
        num_missing=1 if path == "2" else 0,
        is_leaf=not children,
        status="decoded",
        stop_reason=None,
        children=children,
    )


DOCUMENT = ExportedDocument(
    id="2q5abc",
    title=None,
    prompt=HOSTILE,
    lang="arb_Arab",
    status="done",
    updated_at=1_790_000_000.0,
    outline_version=1,
    sections=(make_section("1", make_section("1.1"), make_section("1.2")), make_section("2", heading=None)),
    num_missing=1,
)
SHOWN = HOSTILE.replace("\x01", "")
HEADINGS = [SHOWN, SHOWN, SHOWN, "Section 2"]


def with_lists() -> ExportedDocument:
    """A section with a paragraph, two runs of steps and one of bullets."""
    said: list[tuple[BlockKind | None, str]] = [
        ("paragraph", "First."), ("step", "Do."), (None, "Wait."), ("step", "Do more."), ("paragraph", "Then."),
        ("step", "Stop."), ("bullet", "Or not."), ("bullet", "Or now."),
    ]  # fmt: skip
    sentences = tuple(
        ExportedSentence(ordinal=n, text=text, score=0.5, block=kind) for n, (kind, text) in enumerate(said)
    )
    section = replace(make_section("1", heading="How"), sentences=sentences)
    return replace(DOCUMENT, sections=(section,))


LISTS = [["Do. Wait.", "Do more."], ["Stop."], ["Or not.", "Or now."]]


def test_lists_are_lists_in_html_and_epub():
    epub = zipfile.ZipFile(io.BytesIO(to_epub(with_lists())))
    for text in (to_html(with_lists()), epub.read("EPUB/chapter-1.xhtml").decode()):
        page = LexborHTMLParser(text)
        found = [list_ for list_ in page.css("ol, ul") if list_.parent.tag != "nav"]
        assert [list_.tag for list_ in found] == ["ol", "ol", "ul"]
        assert [[item.text() for item in list_.css("li")] for list_ in found] == LISTS
        assert [p.text() for p in page.css("p")] == ["First.", "Then."]


def test_lists_are_lists_in_word_and_each_counts_from_one():
    word = docx.Document(io.BytesIO(to_docx(with_lists())))
    shown = [(p.style.name, p.text) for p in word.paragraphs[2:]]
    assert shown == [
        ("Normal", "First."),
        ("List Number", "Do. Wait."),
        ("List Number", "Do more."),
        ("Normal", "Then."),
        ("List Number", "Stop."),
        ("List Bullet", "Or not."),
        ("List Bullet", "Or now."),
    ]
    numbers = [p._p.pPr.numPr.numId.val for p in word.paragraphs if p.style.name == "List Number"]
    assert numbers[0] == numbers[1] != numbers[2]
    numbering = word.part.numbering_part.element
    for number in set(numbers):
        starts = numbering.num_having_numId(number).xpath("./w:lvlOverride/w:startOverride/@w:val")
        assert starts == ["1"]


def test_languages_have_the_names_of_the_web():
    assert [language_tag(lang) for lang in ("eng_Latn", "arb_Arab", "zho_Hans", "???")] == [
        "en", "ar", "zh-Hans", "und",
    ]  # fmt: skip
    assert (text_direction("heb_Hebr"), text_direction("eng_Latn")) == ("rtl", "ltr")


def test_html_is_one_file_that_shows_exactly_the_text():
    text = to_html(DOCUMENT)
    page = LexborHTMLParser(text)
    root = page.css_first("html")
    assert (root.attributes["lang"], root.attributes["dir"]) == ("ar", "rtl")
    assert page.css_first("title").text() == page.css_first("h1").text() == SHOWN
    assert [h.text() for h in page.css("h2, h3")] == HEADINGS
    assert page.css_first("p").text() == f"Text of 1 {SHOWN}"
    assert "1 sentence of this section is not decoded yet" in page.css_first(".note").text()
    targets = {link.attributes["href"] for link in page.css("nav a")}
    assert targets == {f"#{h.attributes['id']}" for h in page.css("h2, h3")}
    # Nothing that runs, nothing that is fetched.
    assert not page.css("script, link, img, iframe")
    assert not re.search(r"url\(|@import|https?:", text)


def test_word_has_heading_styles_language_and_properties():
    empty = docx.Document(io.BytesIO(to_docx(replace(DOCUMENT, sections=()))))
    assert [paragraph.text for paragraph in empty.paragraphs][1:] == ["(nothing is planned yet)"]
    word = docx.Document(io.BytesIO(to_docx(DOCUMENT)))
    styled = [(p.style.name, p.text) for p in word.paragraphs if p.style.name != "Normal"]
    assert styled == [
        ("Title", SHOWN),
        *zip(("Heading 1", "Heading 2", "Heading 2", "Heading 1"), HEADINGS, strict=True),
    ]
    assert f"Text of 1.2 {SHOWN}" in [p.text for p in word.paragraphs]
    properties = word.core_properties
    assert (properties.title, properties.language, properties.author) == (SHOWN, "ar", "Longhand")
    styles = word.styles.element.xml
    assert 'w:val="ar"' in styles
    assert "<w:bidi/>" in styles and "<w:rtl/>" in styles


def test_epub_holds_a_book_that_hangs_together():
    content = to_epub(DOCUMENT)
    assert content == to_epub(DOCUMENT)
    # Readers look for the type at this place.
    assert content[30:58] == b"mimetypeapplication/epub+zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    pages = {name: ElementTree.fromstring(text) for name, text in files.items() if name.endswith("ml")}
    opf = ElementTree.fromstring(files["EPUB/package.opf"])
    names = {"o": "http://www.idpf.org/2007/opf", "d": "http://purl.org/dc/elements/1.1/"}
    assert opf.findtext(".//d:title", namespaces=names) == SHOWN
    assert opf.findtext(".//d:language", namespaces=names) == "ar"
    assert opf.find("o:spine", names).get("page-progression-direction") == "rtl"
    listed = {f"EPUB/{item.get('href')}" for item in opf.iterfind(".//o:item", names)}
    assert listed == {name for name in files if name.startswith("EPUB/")} - {"EPUB/package.opf"}
    xhtml = "{http://www.w3.org/1999/xhtml}"
    links = [a.get("href", "") for a in pages["EPUB/nav.xhtml"].iter(f"{xhtml}a")]
    assert len(links) == 4
    for link in links:
        name, _, anchor = link.partition("#")
        assert [e for e in pages[f"EPUB/{name}"].iter() if e.get("id") == anchor]


def write(run, store: Store) -> str:
    assert run("write", "How to share a folder").exit_code == 0
    return store.list_documents(limit=1)[0].id


@pytest.mark.parametrize("name", ["md", "json", "html", "docx", "epub"])
def test_the_name_of_the_file_chooses_the_format(run, store, tmp_path, name):
    document_id = write(run, store)
    by_name, by_option = tmp_path / f"a.{name}", tmp_path / "b"
    assert run("export", document_id, "--out", str(by_name)).exit_code == 0
    assert run("export", document_id, "--out", str(by_option), "--format", name).exit_code == 0
    if name != "docx":
        assert by_name.read_bytes() == by_option.read_bytes()
    assert (
        by_name.read_bytes()[:2] == b"PK"
        if name in ("docx", "epub")
        else b"Heading 1" in by_name.read_bytes()
    )


def test_a_file_is_replaced_only_by_force(run, store, tmp_path):
    document_id = write(run, store)
    path = tmp_path / "a.md"
    path.write_text("mine")
    result = run("export", document_id, "--out", str(path))
    assert (result.exit_code, path.read_text()) == (1, "mine")
    assert "exists already" in result.stderr and "--force" in result.stderr
    assert run("export", document_id, "--out", str(path), "--force").exit_code == 0
    assert path.read_text().startswith("# How to share")


def test_a_folder_gets_one_file_a_document(run, store, tmp_path):
    first, second = write(run, store), write(run, store)
    empty = store.create_document(NewDocument(prompt="tea", lang="eng_Latn")).id
    folder = tmp_path / "books"
    result = run("export", "--all", "--out-dir", str(folder), "--format", "html")
    assert result.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{key}-how-to-share-a-folder.eng_Latn.html" for key in (first, second)
    )
    assert f"left out: {empty} has no outline yet" in result.stderr
    # The second time nothing is touched, and with named documents nothing is left out silently.
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert run("export", first, second, "--out-dir", str(folder), "--format", "html").exit_code == 1
    assert run("export", first, empty, "--out-dir", str(folder), "--format", "md").exit_code == 1
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_json_with_vectors_holds_each_sentence_at_its_ordinal(run, store):
    document_id = write(run, store)
    shown = json.loads(run("export", document_id, "--with-vectors").stdout)
    assert shown["space"] == {"name": "toy", "checksum": "c0ffee", "dim": 4}
    outline = store.get_outline(document_id, vectors=True)
    for section, item in zip(shown["sections"], outline.items, strict=True):
        stored = store.get_concepts([item.id])[item.id]
        assert np.array_equal(np.asarray(section["vectors"], np.float32), stored.vectors)
        assert np.array_equal(np.asarray(section["lead"], np.float32), item.lead)
        assert [s["ordinal"] for s in section["sentences"]] == list(range(len(stored.vectors)))


def test_parquet_holds_every_concept(run, store, tmp_path):
    document_id = write(run, store)
    path = tmp_path / "all.parquet"
    result = run("export", "--all", "--parquet", str(path))
    assert result.exit_code == 0, result.stderr
    table = pq.read_table(path)
    assert table.column_names == [
        "document",
        "item",
        "ordinal",
        "language",
        "text",
        "score",
        "block",
        "vector",
    ]
    assert table["item"].to_pylist() == ["1"] * 4 + ["2"] * 4
    assert table["ordinal"].to_pylist() == [None, 0, 1, 2] * 2
    assert table["text"].to_pylist()[:2] == ["Heading 1", "Sentence 1 is here."]
    items = store.get_outline(document_id).items
    vectors = np.stack([stored.vectors for stored in store.get_concepts([i.id for i in items]).values()])
    got = np.asarray(
        [
            v
            for v, n in zip(table["vector"].to_pylist(), table["ordinal"].to_pylist(), strict=True)
            if n is not None
        ]
    )
    assert np.array_equal(got.astype(np.float32), vectors.reshape(-1, 4))
    assert json.loads(table.schema.metadata[b"longhand.space"])["name"] == "toy"
    assert f"wrote {len(table)} rows of 1 document" in result.stderr


def test_parquet_of_what_is_not_decoded_has_no_text(run, store, tmp_path):
    assert run("write", "tea", "--plan-only").exit_code == 0
    assert run("export", "--all", "--parquet", str(tmp_path / "a.parquet")).exit_code == 0
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["text"].to_pylist() == table["language"].to_pylist() == [None, None]


def test_parquet_takes_rows_as_they_come_in_groups():
    seen: list[int] = []

    def rows():
        for n in range(10):
            seen.append(n)
            yield DatasetRow(document_id="d", path="1", ordinal=n, lang=None, text=None, score=None,
                             vector=np.full(3, n, np.float32))  # fmt: skip

    out = io.BytesIO()
    assert write_parquet(out, rows(), SpaceRef(name="s", checksum="c", dim=3), group_size=4) == 10
    read = pq.ParquetFile(out)
    assert [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)] == [4, 4, 2]
    assert read.read()["vector"].to_pylist()[9] == [9.0, 9.0, 9.0]
    assert len(seen) == 10


def test_two_spaces_do_not_mix_in_one_file(run, store, tmp_path):
    write(run, store)
    other = SpaceRef(name="other", checksum="beef", dim=4)
    store.create_document(NewDocument(prompt="tea", lang="eng_Latn", space=other))
    result = run("export", "--all", "--parquet", str(tmp_path / "a.parquet"))
    assert result.exit_code == 1
    assert "toy" in result.stderr and "other" in result.stderr
    assert not (tmp_path / "a.parquet").exists()


def test_datasette_metadata_names_tables_and_columns_that_exist(run, database, tmp_path):
    path = tmp_path / "metadata.json"
    result = run("export", "--datasette", str(path))
    assert f"datasette {database} --metadata {path}" in result.stderr
    described = json.loads(path.read_text())["databases"]["longhand"]
    with sqlite3.connect(database) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name, table in described["tables"].items():
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
            named = {*table.get("columns", {}), *table.get("facets", [])}
            named |= {table[key] for key in ("label_column", "sort_desc") if key in table}
            assert named <= columns, name
        referred = {
            row[2] for table in tables for row in connection.execute(f"PRAGMA foreign_key_list({table})")
        }
        assert {name for name, table in described["tables"].items() if "label_column" in table} >= referred
        for query in described["queries"].values():
            connection.execute(query["sql"], {"document": "x"} if ":document" in query["sql"] else {})
    connection.close()


def test_datasettes_text_of_a_document_is_in_reading_order(run, store, database, tmp_path):
    paths = ["1", "1.1", "1.1.1", "1.1.2", "1.2", "1.2.1", "1.3", *map(str, range(2, 12))]
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    lease = store.claim(document.id, "test", 60.0)
    leaves = [path for path in paths if path not in ("1", "1.1", "1.2")]
    vector = np.ones(4, dtype=np.float32)
    with store.fenced(lease, space=SpaceRef(name="toy", checksum="c0ffee", dim=4)) as tx:
        outline_id = tx.create_outline(
            [
                NewPlanItem(path=path, heading=path, lead=vector, gist=vector, planned_length=2)
                for path in paths
            ]
        )
        ids = [item_id for path, item_id in tx.get_item_ids(outline_id).items() if path in leaves]
        (unit,) = tx.plan_units("write", [UnitSpec(item_ids=tuple(ids))])
        two = np.ones((2, 4), dtype=np.float32)
        tx.commit_concepts(
            unit.id, [ItemConcepts(item_id=i, vectors=two, stop_reason="length", similarity=0.5) for i in ids]
        )
    store.release(lease, "done")
    run("export", "--datasette", str(tmp_path / "m.json"))
    sql = json.loads((tmp_path / "m.json").read_text())["databases"]["longhand"]["queries"]["text"]["sql"]
    with sqlite3.connect(database) as connection:
        found = [(row[0], row[2]) for row in connection.execute(sql, {"document": document.id})]
    connection.close()
    assert found == [(path, ordinal) for path in leaves for ordinal in (0, 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which document?"),
        (["--all", "ID"], "name documents, or take all"),
        (["--all"], "--out-dir"),
        (["ID", "--format", "odt"], "known are md, json, html, docx, pdf, epub"),
        (["ID", "--with-vectors", "--format", "html"], "--format json"),
        (["ID", "--out", "a.md", "--out-dir", "b"], "at a time"),
        (["ID", "--out", "a.odt"], "ends with '.odt'"),
        (["ID", "--out", "a.tar.gz"], "ends with '.gz'"),
        (["ID", "--out", "a.docx", "--format", "html"], "a.docx is named as docx"),
        (["--all", "--parquet", "x.csv"], "ends with '.csv', but --parquet writes a Parquet file"),
        (["--datasette", "x.db"], "ends with '.db'"),
        (
            ["--all", "--parquet", "x.parquet", "--lang", "eng_Latn"],
            "--parquet does not go with --lang: leave one of the two out",
        ),
        (["ID", "--datasette", "x.json"], "--datasette does not go with ids: leave one of the two out"),
    ],
)
def test_wrong_usage(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run("export", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["longhand.db"]


def test_refusals_of_what_is_not_there(run, store, tmp_path):
    document_id = write(run, store)
    file = tmp_path / "file"
    file.touch()
    for arguments, message in [
        ([document_id, "--version", "9"], "no outline version 9"),
        ([document_id, "nothing", "--out-dir", str(tmp_path / "new")], "no document has the id"),
        ([document_id, "--out-dir", str(file)], "is a file"),
        ([document_id, "--out-dir", str(tmp_path / "no" / "no")], "mkdir -p"),
    ]:
        result = run("export", *arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert message in result.stderr
    assert not (tmp_path / "new").exists()
