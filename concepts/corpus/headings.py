"""Cleaning titles and headings: removing numbering and labels, and rejecting pages that are no how-to by name."""

from __future__ import annotations

import re

from concepts.corpus.lines import mend_line
from concepts.corpus.records import Document
from concepts.segment import cut_long, normalize_text

_MAX_HEADING_CHARS = 120
_LEGAL_HEADING = re.compile(
    r"\b(?:licen[sc]es?|licensing|credits|copyright|acknowledge?ments?|legal (?:notice|information)|"
    r"lizenz\w*|danksagung\w*|mitwirkende|licences?|crédits|remerciements?|licencia\w*|créditos|agradecimientos?|"
    r"reconocimientos|authors?|autor(?:en|es)?|auteurs?)\b",
    re.IGNORECASE,
)
_LITERATURE = re.compile(
    r"(?:external links|(?:references?|bibliography|further reading|see also|literature)(?: (?:and|&) .+)?)",
    re.IGNORECASE,
)
_LEGAL_PAGE = re.compile(
    r"(?:^|[/_.-])(?:gfdl|fdl|l?gpl|licen[sc]es?|legal|credits|contributors|authors|copying|bibliography)(?:[/_.-]|\d|$)",
    re.IGNORECASE,
)
_TABLE_PAGE = re.compile(r"^key-reference-|^(?:shared|scalc|swriter|sdraw|simpress|schart|smath)/00/000[04]")
_NUMBERING = re.compile(
    r"^(?:(?:Example|Table|Figure|Beispiel|Tabelle|Abbildung|Exemple|Tableau|Ejemplo|Tabla|"
    r"Figura)\s+)?[A-Z]?\d+(?:\.\d+)+\.?\s+(?=\S)|^\d+[.)]\s+(?=\S)"
)
_HANDBOOK_LABEL = re.compile(
    r"^(?:[A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ']*[\s-]+)*(?:"
    r"BASICS|FURTHER|POLICY|PRACTICE|LOOK|CASE|CULTURE|TOOL|VOCABULARY|CAUTION|NOTE|TIP|"
    r"ALTERNATIVE|COMMUNITY|SECURITY|VIEW|DOCUMENTATION|SPECIFICITY|SCENES|BEWARE|GRUNDLAGEN|"
    r"WEITER|RICHTLINIEN?|PRAXIS|BLICK|KULTUR|WERKZEUG|VOKABULAR|VORSICHT|HINWEIS|SICHERHEIT|"
    r"SCHRITTE|WÖRTERVERZEICHNIS|KULISSEN|FALL|INFORMATIONEN|ÜBERBLICK|ERGÄNZUNGEN|BASE|"
    r"BASES|LOIN|POLITIQUE|PRATIQUE|COUP|OUTIL|VOCABULAIRE|ATTENTION|COMMUNAUTÉ|SÉCURITÉ|"
    r"PERSPECTIVE|COULISSES|COMPLÉMENTS|DÉCOUVERTE|DEBIAN|PARTICULIER|SPÉCIFICITÉ|MATÉRIEL|"
    r"CIMIENTOS|ALLÁ|POLÍTICA|PRÁCTICA|VISTAZO|CULTURA|HERRAMIENTA|VOCABULARIO|PRECAUCIÓN|"
    r"NOTA|COMUNIDAD|SEGURIDAD|AMPLIA|DOCUMENTACIÓN|BAMBALINAS|ATENCIÓN|RÁPIDA|RÁPIDO|"
    r"ESPECÍFICO|ESPECIAL"
    r")[.:]?\s+(?=\S)"
)


def clean_heading(text: str, document: Document) -> str:
    """Return a heading or title without numbering, handbook labels and end marks; "" if it is no text."""
    text = mend_line(normalize_text(text), document.lang, document.kind)
    text = _NUMBERING.sub("", text)
    if document.family == "debian-handbook":
        text = _HANDBOOK_LABEL.sub("", text)
    text = text.rstrip(" :.;,")
    if sum(c.isalpha() for c in text) < 2 or "{" in text:
        return ""
    return text if len(text) <= _MAX_HEADING_CHARS else cut_long(text, _MAX_HEADING_CHARS)[0]


def is_legal(heading: str) -> bool:
    """Whether a heading opens a section about licenses, credits, authors or literature."""
    return _LEGAL_HEADING.search(heading) is not None or _LITERATURE.fullmatch(heading) is not None


def page_reason(title: str, document: Document) -> str | None:
    """Return why a page of a manual is no how-to text, judged by its title and name, or None."""
    if document.kind != "howto" or document.is_users:
        return None
    page = document.page or ""
    if is_legal(title) or _LEGAL_PAGE.search(page):
        return "license or credits"
    return "table of menus or keys" if _TABLE_PAGE.search(page) else None
