"""How somebody would ask for a document: what was typed for it, and its title in several wordings."""

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
    """Return prompts as their sentences: the title, what was typed for it, then the title in other wordings.

    Titles such as "Share files" are not what people type; a model that saw only titles takes "How to" for
    the subject.
    """
    sentences = split_sentences(normalize_text(document.prompt or ""), document.lang)
    typed = (tuple(sentences),) if sentences else ()
    if document.lang != "eng_Latn":
        return ((document.title,), *typed)
    title = document.title.rstrip(" .?!")
    wordings = _WORDINGS.get(document.kind, ())
    # what people really type counts more than what a rule makes of a title
    wordings = wordings[:1] if typed else wordings
    return (
        (document.title,),
        *typed,
        *((wording.format(title=title, inside=_inside(document.title)),) for wording in wordings),
    )


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: its first letter small, unless it is a name."""
    first = title.split(" ", 1)[0]
    is_name = any(letter.isupper() for letter in first[1:]) or len(first) == 1
    return title if is_name else title[:1].lower() + title[1:]
