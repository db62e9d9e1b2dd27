"""Raw documents to clean ones: paragraphs split again, defects mended, everything dropped counted.

Works on one document at a time; what needs all documents (duplicates, boilerplate) is build.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from concepts.corpus.drops import DropReport
from concepts.corpus.headings import clean_heading, is_legal, page_reason
from concepts.corpus.language import other_language
from concepts.corpus.lines import mend_ingredient, mend_intro, mend_line, reason_to_drop
from concepts.corpus.names import app_name, fill_app_name, is_generic_title
from concepts.corpus.records import Document, Section
from concepts.segment import MAX_CHARS, normalize_text, split_sentences

_REPEAT_WINDOW = 6
"""A sentence equal to one of this many before it is a repeat (tables, alternative platforms)."""
_END_MARKS = tuple(".!?:)\"'\u201d\u00bb\u2026")
_LEAD_VERBS = frozenset(("est", "était", "sont", "désigne", "is", "was", "are", "es", "era", "fue", "son"))
_INGREDIENT_HEADINGS = frozenset(("Ingredients", "Zutaten"))


def clean_document(document: Document, drops: DropReport) -> Document | None:
    """Return `document` with clean sections, or None when too little of it is left.

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
    for section in document.sections:
        heading = clean_heading(section.heading, document)
        heading = fill_app_name(heading, name) if name is not None else heading
        if other_language(heading, document.lang):
            heading = ""
        if document.kind == "howto" and not document.is_users and is_legal(heading):
            drops["credit or license"] += sum(len(paragraph) for paragraph in section.paragraphs)
            continue
        paragraphs: list[tuple[str, ...]] = []
        for raw in section.paragraphs:
            whole = document.kind == "recipe" and heading in _INGREDIENT_HEADINGS
            kept: list[str] = []
            for sentence in clean_paragraph(raw, document, name, drops, whole=whole):
                if sentence in recent or sentence == heading:
                    drops["repeat"] += 1
                    continue
                kept.append(sentence)
                recent = [*recent[-_REPEAT_WINDOW:], sentence]
            if kept:
                paragraphs.append(tuple(kept))
        if not paragraphs:
            continue
        if sections and not heading:
            sections[-1] = replace(sections[-1], paragraphs=sections[-1].paragraphs + tuple(paragraphs))
        else:
            sections.append(Section(heading, tuple(paragraphs), section.level))
    num_sentences = sum(len(section.sentences) for section in sections)
    if num_sentences < (1 if document.kind in ("lead", "description") else 2):
        drops["document: too little text"] += 1
        return None
    if drops["other language"] - foreign_before > num_sentences:
        drops["document: mostly untranslated"] += 1
        return None
    return replace(document, title=title, sections=tuple(sections))


def clean_paragraph(
    raw: Sequence[str], document: Document, name: str | None, drops: DropReport, *, whole: bool = False
) -> list[str]:
    """Split one raw paragraph of `document` into clean sentences and count what is dropped.

    Raw sentences are joined first, for a rough splitter cut at every full stop; one without an end
    mark (a menu entry, a heading) stays alone. `name` is the program to put where a placeholder is,
    None for none. `whole` keeps an ingredient line as one sentence, full stops inside or not ("2 in.
    cubes").
    """
    texts = [" ".join(raw)] if whole else _join_cut_sentences(raw)
    return [kept for text in texts for kept in _clean_text(text, document, name, drops, whole)]


def _join_cut_sentences(raw: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for sentence in raw:
        if joined and joined[-1].rstrip().endswith(_END_MARKS):
            joined[-1] += f" {sentence}"
        else:
            joined.append(sentence)
    return joined


def _clean_text(text: str, document: Document, name: str | None, drops: DropReport, whole: bool) -> list[str]:
    text = mend_line(normalize_text(text), document.lang, document.kind)
    if name is not None:
        text = fill_app_name(text, name)
    if document.kind == "lead" and text.split(" ", 1)[0] in _LEAD_VERBS:
        # The extraction lost the subject where the article sets it in a template.
        text = f"{document.title} {text}"
    if whole:
        text = mend_ingredient(text)
    kept: list[str] = []
    # Rules see whole sentences; only then are long ones cut, else their pieces would look like fragments.
    if whole or not text:
        sentences = [text] if text else []
    else:
        sentences = split_sentences(text, document.lang, max_chars=len(text))
    for sentence in sentences:
        if sentence.endswith(":") and document.kind != "recipe":
            sentence = mend_intro(sentence, document.lang)
        reason = reason_to_drop(sentence, document.lang, document.kind)
        if reason is None:
            kept += split_sentences(sentence, document.lang) if len(sentence) > MAX_CHARS else [sentence]
        else:
            drops[reason] += 1
    return kept
