"""Raw documents to clean ones: paragraphs are split again, defects mended, dropped lines counted.

Works on one document at a time; `training.corpus.build` does what needs all documents (duplicates, boilerplate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from concepts.blocks import LIST_KINDS
from concepts.corpus.drops import DropReport
from concepts.corpus.headings import clean_heading, is_legal, page_reason
from concepts.corpus.language import other_language
from concepts.corpus.lines import (
    greeting_of,
    mend_ingredient,
    mend_intro,
    mend_item,
    mend_line,
    reason_to_drop,
)
from concepts.corpus.names import app_name, fill_app_name, is_generic_title
from concepts.corpus.records import Block, BlockKind, Document, Section
from concepts.segment import cut_long, normalize_text, split_sentences

_REPEAT_WINDOW = 7
"""A sentence equal to one of the last this many is a repeat (tables, alternative platforms)."""
_END_MARKS = tuple(".!?:)\"'\u201d\u00bb\u2026")
_LEAD_VERBS = frozenset(("est", "était", "sont", "désigne", "is", "was", "are", "es", "era", "fue", "son"))
_INGREDIENT_HEADINGS = frozenset(("Ingredients", "Zutaten"))


def clean_document(document: Document, drops: DropReport) -> Document | None:
    """Return `document` with clean sections, or None if too little of it is left.

    Every dropped line is counted in `drops` under its reason, a dropped document under
    "document: ...". Title and headings are normalised; sections about licenses and credits go.
    """
    name = app_name(document) if document.kind == "howto" else None
    title = clean_heading(document.title, document)
    if name is not None:
        title = fill_app_name(title, name)
        if is_generic_title(title) and title.lower() != name.lower():
            title = f"{name}: {title}"
    if not title:
        drops["document: no title"] += 1
        return None
    reason = page_reason(title, document)
    if reason is not None:
        drops[f"document: {reason}"] += 1
        return None
    if document.lang != "eng_Latn" and other_language(title, document.lang):
        drops["document: mostly untranslated"] += 1
        return None
    foreign_before = drops["other language"]
    sections: list[Section] = []
    recent: list[str] = [title]
    # A person wrote a user's document: a second letter begins and ends as the first one does.
    window = 1 if document.is_users else _REPEAT_WINDOW
    for section in document.sections:
        heading = clean_heading(section.heading, document)
        heading = fill_app_name(heading, name) if name is not None else heading
        if other_language(heading, document.lang):
            heading = ""
        if document.kind == "howto" and not document.is_users and is_legal(heading):
            drops["credit or license"] += sum(len(paragraph) for paragraph in section.paragraphs)
            continue
        blocks: list[Block] = []
        for raw, following in zip(section.blocks, [*section.blocks, None][1:], strict=True):
            whole = document.kind == "recipe" and heading in _INGREDIENT_HEADINGS
            kept: list[str] = []
            for sentence in clean_block(
                raw, document, name, drops, whole=whole, introduces=_is_list(following)
            ):
                # What an author says twice is meant; a line of a poem may be its heading, too.
                is_meant = raw.kind == "verse" or document.kind == "guide"
                if not is_meant and (sentence in recent or sentence == heading):
                    drops["repeat"] += 1
                    continue
                kept.append(sentence)
                recent = [*recent, sentence][-window:]
            if kept:
                blocks.append(Block(tuple(kept), raw.kind))
        blocks = settle_intros(blocks, document, drops)
        if not blocks:
            continue
        if sections and not heading:
            sections[-1] = replace(sections[-1], blocks=sections[-1].blocks + tuple(blocks))
        else:
            sections.append(Section(heading, tuple(blocks), section.level))
    num_sentences = sum(len(section.sentences) for section in sections)
    if num_sentences < (1 if document.kind in ("lead", "description") else 2):
        drops["document: too little text"] += 1
        return None
    if drops["other language"] - foreign_before > num_sentences:
        drops["document: mostly untranslated"] += 1
        return None
    return replace(document, title=title, sections=tuple(sections))


def clean_block(
    raw: Block,
    document: Document,
    name: str | None,
    drops: DropReport,
    *,
    whole: bool = False,
    introduces: bool = False,
) -> list[str]:
    """Split one raw block of `document` into clean sentences and count dropped ones.

    Raw sentences are joined first, since a rough splitter cut at every full stop; a sentence without an
    end mark (a menu entry, a heading) stays alone. `name` replaces placeholders of the program's name;
    None: none. `whole` keeps an ingredient line as one sentence despite full stops ("2 in. cubes").
    `introduces` keeps a last sentence such as "Do one of the following:" before its list. The lines of a verse are
    neither joined nor split, and none is dropped for its form.
    """
    if raw.kind == "verse":
        return _clean_lines(raw.sentences, name, drops)
    texts = [" ".join(raw.sentences)] if whole else _join_cut_sentences(raw.sentences)
    last = len(texts) - 1
    return [
        kept
        for n, text in enumerate(texts)
        for kept in _clean_text(text, document, name, drops, whole, raw.kind, introduces and n == last)
    ]


def settle_intros(blocks: Sequence[Block], document: Document, drops: DropReport) -> list[Block]:
    """Mend or drop a last sentence that ends with a colon if its list was dropped."""
    if document.kind in ("guide", "recipe"):
        return list(blocks)
    settled: list[Block] = []
    for block, following in zip(blocks, [*blocks, None][1:], strict=True):
        last = block.sentences[-1]
        if last.endswith(":") and block.kind != "verse" and not _is_list(following):
            mended = mend_intro(last, document.lang)
            if mended.endswith(":"):
                drops["list intro"] += 1
                block = replace(block, sentences=block.sentences[:-1])
            else:
                block = replace(block, sentences=(*block.sentences[:-1], mended))
        if block.sentences:
            settled.append(block)
    return settled


def _clean_lines(raw: Sequence[str], name: str | None, drops: DropReport) -> list[str]:
    """Return the lines of a verse; one without a letter or digit ("* * *") is dropped."""
    lines = [piece for line in raw for piece in cut_long(normalize_text(line))]
    kept = [line for line in lines if any(map(str.isalnum, line))]
    if len(kept) < len(lines):
        drops["no letters"] += len(lines) - len(kept)
    return kept if name is None else [fill_app_name(line, name) for line in kept]


def _is_list(block: Block | None) -> bool:
    return block is not None and block.kind in LIST_KINDS


def _join_cut_sentences(raw: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for sentence in raw:
        if joined and joined[-1].rstrip().endswith(_END_MARKS):
            joined[-1] += f" {sentence}"
        else:
            joined.append(sentence)
    return joined


def _clean_text(
    text: str,
    document: Document,
    name: str | None,
    drops: DropReport,
    whole: bool,
    block: BlockKind,
    introduces: bool,
) -> list[str]:
    text = mend_line(normalize_text(text), document.lang, document.kind)
    if name is not None:
        text = fill_app_name(text, name)
    if document.kind == "lead" and text.split(" ", 1)[0] in _LEAD_VERBS:
        # The extraction lost subjects that the article sets in a template.
        text = f"{document.title} {text}"
    if whole:
        text = mend_ingredient(text)
    elif block in LIST_KINDS:
        text = mend_item(text)
    kept: list[str] = []
    # Rules see whole sentences; only then are long ones cut, else their pieces would look like fragments.
    if whole or not text:
        sentences = [text] if text else []
    else:
        sentences = split_sentences(text, document.lang)
    for sentence in sentences:
        if block == "paragraph" and (greeting := greeting_of(sentence)):
            kept.append(greeting)
            continue
        is_intro = introduces and sentence is sentences[-1] and sentence.endswith(":")
        if sentence.endswith(":") and document.kind != "recipe" and not is_intro:
            sentence = mend_intro(sentence, document.lang)
        # The rules judge an introduction as a sentence without its list.
        reason = reason_to_drop(
            sentence[:-1] + "." if is_intro else sentence, document.lang, document.kind, block
        )
        if reason is None:
            kept += cut_long(sentence)
        else:
            drops[reason] += 1
    return kept
