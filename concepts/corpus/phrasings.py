"""How somebody would ask for a document: its title as prompts of several wordings."""

from __future__ import annotations

from concepts.corpus.records import Document

_WORDINGS = {
    "recipe": ("How to make {}", "A recipe for {}", "Write down how I cook {}"),
    "howto": ("How to {}", "A guide to {}", "Explain {}", "Write about {} for beginners"),
}
"""By kind of document, English only."""


def phrasings(document: Document) -> tuple[str, ...]:
    """Return the title, then the title in other wordings where the language has them.

    Titles such as "Share files" are not what people type; a model that saw only titles takes "How to" for
    the subject.
    """
    if document.lang != "eng_Latn":
        return (document.title,)
    wordings = _WORDINGS.get(document.kind, ())
    return (document.title, *(wording.format(_inside(document.title)) for wording in wordings))


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: its first letter small, unless it is a name."""
    first = title.split(" ", 1)[0]
    is_name = any(letter.isupper() for letter in first[1:]) or len(first) == 1
    return title if is_name else title[:1].lower() + title[1:]
