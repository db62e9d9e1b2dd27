"""Raw documents to clean ones: paragraphs split again, defects mended, everything dropped counted.

Works on one document at a time; what needs all documents (duplicates, boilerplate) is build.py's.
"""

from __future__ import annotations

import re
from dataclasses import replace

from concepts.corpus.drops import DropReport
from concepts.corpus.lines import mend_ingredient, mend_intro, mend_line, reason_to_drop
from concepts.corpus.names import app_name, fill_app_name, is_generic_title
from concepts.corpus.records import Document, Section
from concepts.segment import MAX_CHARS, normalize_text, split_sentences

_REPEAT_WINDOW = 6
"""A sentence equal to one of this many before it is a repeat (tables, alternative platforms)."""
_MAX_HEADING_CHARS = 120
_LEGAL_HEADING = re.compile(
    r"\b(?:licen[sc]es?|licensing|credits|copyright|acknowledge?ments?|legal (?:notice|information)|lizenz\w*|"
    r"danksagung\w*|mitwirkende|licences?|crédits|remerciements?|licencia\w*|créditos|agradecimientos?|"
    r"reconocimientos|authors?|autor(?:en|es)?|auteurs?)\b",
    re.IGNORECASE,
)
_LEGAL_PAGE = re.compile(
    r"(?:^|[/_.-])(?:gfdl|licen[sc]es?|legal|credits|contributors|authors|copying|bibliography)(?:[/_.-]|\d|$)",
    re.IGNORECASE,
)
_TABLE_PAGE = re.compile(r"^key-reference-|^(?:shared|scalc|swriter|sdraw|simpress|schart|smath)/00/000[04]")
_INGREDIENT_HEADINGS = frozenset(("Ingredients", "Zutaten"))
_NUMBERING = re.compile(
    r"^(?:(?:Example|Table|Figure|Beispiel|Tabelle|Abbildung|Exemple|Tableau|Ejemplo|Tabla|"
    r"Figura)\s+)?[A-Z]?\d+(?:\.\d+)+\.?\s+(?=\S)|^\d+[.)]\s+(?=\S)"
)
_HANDBOOK_LABEL = re.compile(
    r"^(?:[A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ'’]*\s+)*?(?:BASICS|FURTHER|POLICY|PRACTICE|LOOK|CASE|CULTURE|TOOL|VOCABULARY|"
    r"CAUTION|NOTE|TIP|ALTERNATIVE|COMMUNITY|SECURITY|VIEW|DOCUMENTATION|SPECIFICITY|SCENES|BEWARE|"
    r"GRUNDLAGEN|WEITER|RICHTLINIE|PRAXIS|BLICK|KULTUR|WERKZEUG|VOKABULAR|VORSICHT|HINWEIS|SICHERHEIT|"
    r"BASE|LOIN|POLITIQUE|PRATIQUE|COUP|OUTIL|VOCABULAIRE|ATTENTION|COMMUNAUTÉ|SÉCURITÉ|PERSPECTIVE|"
    r"CIMIENTOS|ALLÁ|POLÍTICA|PRÁCTICA|VISTAZO|CULTURA|HERRAMIENTA|VOCABULARIO|PRECAUCIÓN|NOTA|COMUNIDAD|"
    r"SEGURIDAD|AMPLIA|DOCUMENTACIÓN)\s+(?=\S)"
)


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
    if document.kind == "howto" and (_LEGAL_HEADING.search(title) or _LEGAL_PAGE.search(document.page or "")):
        drops["document: license or credits"] += 1
        return None
    if document.kind == "howto" and _TABLE_PAGE.search(document.page or ""):
        drops["document: table of menus or keys"] += 1
        return None
    sections: list[Section] = []
    recent: list[str] = [title]
    for section in document.sections:
        heading = clean_heading(section.heading, document)
        heading = fill_app_name(heading, name) if name is not None else heading
        if document.kind == "howto" and _LEGAL_HEADING.search(heading):
            drops["credit or license"] += sum(len(paragraph) for paragraph in section.paragraphs)
            continue
        paragraphs: list[tuple[str, ...]] = []
        for raw in section.paragraphs:
            whole = document.kind == "recipe" and heading in _INGREDIENT_HEADINGS
            sentences = clean_paragraph(" ".join(raw), document, name, drops, whole=whole)
            kept: list[str] = []
            for sentence in sentences:
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
    return replace(document, title=title, sections=tuple(sections))


def clean_paragraph(
    text: str, document: Document, name: str | None, drops: DropReport, *, whole: bool = False
) -> list[str]:
    """Split one raw paragraph of `document` into clean sentences and count what is dropped.

    `name` is the program to put where a placeholder is, None for none. `whole` keeps an ingredient
    line as one sentence, full stops inside or not ("2 in. cubes").
    """
    text = mend_line(normalize_text(text), document.lang, document.kind)
    if name is not None:
        text = fill_app_name(text, name)
    if document.kind == "lead" and text[:1].islower():
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


def clean_heading(text: str, document: Document) -> str:
    """Return a heading or title without numbering, handbook labels and end marks; "" if it is no text."""
    text = mend_line(normalize_text(text), document.lang, document.kind)
    text = _NUMBERING.sub("", text)
    if document.family == "debian-handbook":
        text = _HANDBOOK_LABEL.sub("", text)
    text = text.rstrip(" :.;,")
    if sum(c.isalpha() for c in text) < 2 or "{" in text:
        return ""
    return (
        text
        if len(text) <= _MAX_HEADING_CHARS
        else split_sentences(text, document.lang, _MAX_HEADING_CHARS)[0]
    )
