"""Prompts for a document: its own prompt, and its title in several wordings."""

from __future__ import annotations

from concepts.corpus.records import Document, Kind
from concepts.segment import normalize_text, split_sentences

_WORDINGS: dict[Kind, tuple[str, ...]] = {
    "guide": (
        "Write a guide: {title}",
        "{title} explained",
        "{title}: a guide",
        "Explain this to me: {title}",
        "Help me with this: {title}",
    ),
    "recipe": ("How to make {inside}", "A recipe for {inside}", "Write down how I cook {inside}"),
    "howto": (
        "How to {inside}",
        "A guide to {inside}",
        "Explain {inside}",
        "Write about {inside} for beginners",
    ),
    "lead": ("What is {title}?", "Write about {title}"),
}
"""By kind of document, English only; `title` as it is, `inside` as it stands inside a sentence."""


def phrasings(document: Document) -> tuple[tuple[str, ...], ...]:
    """Return prompts as tuples of sentences: the title, the document's own prompt, then the title in other wordings.

    People do not type titles such as "Share files"; a model trained on titles alone takes "How to" for the
    subject.
    """
    sentences = split_sentences(normalize_text(document.prompt or ""), document.lang)
    typed = (tuple(sentences),) if sentences else ()
    if document.lang != "eng_Latn":
        return ((document.title,), *typed)
    title = document.title.rstrip(" .?!")
    wordings = _WORDINGS.get(document.kind, ())
    # a real prompt counts more than wordings made by rule
    wordings = wordings[:1] if typed else wordings
    return (
        (document.title,),
        *typed,
        *((wording.format(title=title, inside=_inside(document.title)),) for wording in wordings),
    )


def _inside(title: str) -> str:
    """Return a title for use inside a sentence: its first letter in lower case, unless it is a name."""
    first = title.split(" ", 1)[0]
    is_name = any(letter.isupper() for letter in first[1:]) or len(first) == 1
    return title if is_name else title[:1].lower() + title[1:]
