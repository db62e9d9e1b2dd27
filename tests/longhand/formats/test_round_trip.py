"""A document that is planned from a file, exported and planned from its export is the same document.

`read_given` and `to_markdown` are the two halves of the way; what the store keeps between them is stood for by
`exported`, which `test_from_documents` holds to what the command line does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from concepts.given import GivenDocument, GivenSection, read_given
from flows.document.given import begun_blocks
from longhand.formats.export import to_markdown
from storage import ExportedDocument, ExportedSection, ExportedSentence

LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")


def exported(document: GivenDocument) -> ExportedDocument:
    """Return a given document as the store exports it."""
    begun = iter(begun_blocks(document))
    blocks = {section.path: [next(begun) for _ in section.sentences] for section in document.sections}

    def section(own: GivenSection) -> ExportedSection:
        children = tuple(section(s) for s in document.sections if s.path.rpartition(".")[0] == own.path)
        return ExportedSection(
            path=own.path,
            heading=own.heading,
            heading_score=None,
            sentences=tuple(
                ExportedSentence(ordinal=n, text=text, score=None, block=block)
                for n, (text, block) in enumerate(zip(own.sentences, blocks[own.path], strict=True))
            ),
            num_missing=0,
            is_leaf=not children,
            status="written",
            stop_reason="given",
            children=children,
        )

    return ExportedDocument(
        id="0" * 12,
        title=document.title,
        prompt=document.title,
        lang=document.lang,
        status="done",
        updated_at=0.0,
        outline_version=1,
        sections=tuple(section(s) for s in document.sections if "." not in s.path),
        num_missing=0,
    )


def shape(document: GivenDocument) -> list[tuple[str, str, list[tuple[str, tuple[str, ...]]]]]:
    """Return path, heading and blocks of each section as they are stored: a note is a paragraph."""
    return [
        (
            section.path,
            section.heading,
            [("paragraph" if b.kind == "note" else b.kind, b.sentences) for b in section.blocks],
        )
        for section in document.sections
    ]


def read(path: Path, text: str) -> GivenDocument:
    path.write_text(text)
    return read_given(path, LANGS, "eng_Latn")


WORDS = st.sampled_from(
    r"""
    the oven bread flour water Salt e.g. U.S. 3.5 no. 4 1. 2) a) I. - * + > _x_ `code` **bold** [a](b) #1 # === <b> &
    &amp; | ~ $5 {#id} \\ C++ Yahoo! (it) it's "quoted" Fig. 3 et al. https://example.org/a_b.html :: ! — …
    %% %%x%% ==y== $$ ++ctrl+c++ ^abc {%a%} {{%b%}} {.c} {:.d} :tada: [[Page]] ^[note] [@key] • ① (1) #tag (a)
    H~2~O m^2^ Note:: [key:: ~5~
    """.split()  # noqa: SIM905  # a list of words reads better so
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=9).flatmap(
    lambda words: st.sampled_from([".", "!", "?", "", ":", '."']).map(
        lambda end: f"We {' '.join(words)}{end}"
    )
)
TEXTS = st.lists(SENTENCES, min_size=1, max_size=4).map(" ".join) | st.lists(WORDS, min_size=1).map(" ".join)


def lines_of(kind: str, text: str) -> list[str]:
    if kind == "bullet":
        return [f"- {text}", f"  - {text} below", f"- {text}", "", f"  More: {text}"]
    if kind == "step":
        return [f"1. {text}", f"2. {text}", "", "   And more.", f"3. {text}"]
    if kind == "verse":
        return [f"{text}  ", "So it goes\\", text]
    if kind == "note":
        return ["> [!NOTE]", f"> {text}"]
    if kind == "code":
        return ["```", text, "```"]
    if kind == "table":
        return ["| a | b |", "|---|---|", "| 1 | 2 |"]
    return [f"{kind} {text}"] if kind[0] in "#>" else [text]


KINDS = st.sampled_from(
    [
        "paragraph",
        "bullet",
        "step",
        "verse",
        ">",
        "note",
        "code",
        "table",
        "#",
        "##",
        "##",
        "###",
        "####",
        "######",
    ]
)
SOURCES = st.lists(st.tuples(KINDS, TEXTS), min_size=1, max_size=9).map(
    lambda blocks: "\n\n".join("\n".join(lines_of(kind, text)) for kind, text in blocks)
)


@given(SOURCES)
@example("the\n\n> [!NOTE]\n> • the")
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_document_survives_its_export(tmp_path: Path, source: str) -> None:
    first = read(
        tmp_path / "first.md",
        f"# Title\n\n## First part\n\n{source}\n\n## Last part\n\nThe last paragraph is here.\n",
    )
    text = to_markdown(exported(first))
    second = read(tmp_path / "second.md", text)
    assert shape(second) == shape(first)
    assert second.title == first.title
    assert second.told == ()
    assert to_markdown(exported(second)) == text


@pytest.mark.parametrize(
    "source",
    [
        "# Tea\n\n## A\n\nIntro.\n\n- a\n  1. b\n  2. c\n- d\n\n  More of d.\n",
        "# Tea\n\n## A\n\n1. Fill the cup\n\n   It is hot.\n2. Wait\n\n## A\n\nAgain.\n",
        "# T\n\n## A\n\nPara one.\n\n- item\n\n1. step\n\n- item again\n",
        "# A {#x}\n\n## B\n\n- [x] done\n- [ ] open\n\n## C {#2 length=5}\n\nText is here.\n",
        "# T\n\n## 1. One\n\n- Who is there? he called.\n\n## 2. Two\n\nText[^1] is here.\n\n[^1]: A note.\n",
    ],
)
def test_lists_notes_and_headings_survive(tmp_path: Path, source: str) -> None:
    first = read(tmp_path / "first.md", source)
    second = read(tmp_path / "second.md", to_markdown(exported(first)))
    assert shape(second) == shape(first)
