"""How somebody would ask for a document: its title as prompts of several wordings."""

from __future__ import annotations

from concepts.corpus.records import Document, Kind

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


def phrasings(document: Document) -> tuple[str, ...]:
    """Return the title, then the title in other wordings where the language has them.

    Titles such as "Share files" are not what people type; a model that saw only titles takes "How to" for
    the subject.
    """
    if document.lang != "eng_Latn":
        return (document.title,)
    title = document.title.rstrip(" .?!")
    wordings = _WORDINGS.get(document.kind, ())
    return (
        document.title,
        *(wording.format(title=title, inside=_inside(document.title)) for wording in wordings),
    )


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: its first letter small, unless it is a name."""
    first = title.split(" ", 1)[0]
    is_name = any(letter.isupper() for letter in first[1:]) or len(first) == 1
    return title if is_name else title[:1].lower() + title[1:]
