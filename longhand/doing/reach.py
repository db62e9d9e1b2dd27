"""Messages for a prompt that lies far from the planner's training data, or outside the library."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from concepts.counting import counted

if TYPE_CHECKING:
    from concepts.library.translations import TranslationMemory
    from storage import DocumentRecord, Store

FAR = "this is far from what the planner has learnt; the outline may be astray"


def is_far(store: Store, document_id: str) -> bool:
    """Return whether a planned document's prompt is far from all its planner's training data.

    False if the headings were given, and for a planner released without a measured reach.
    """
    from flows.document.asked.options import WritingOptions

    document = store.get_document(document_id)
    options = WritingOptions.from_params(document.params)
    if document.space is None or document.planner is None or options.outline or options.use is not None:
        return False
    import numpy as np
    import torch

    from concepts.models.card import find_name_in_space
    from concepts.models.installed import find_card
    from flows.models.engine import ModelEngine
    from planner.reach import load_reach

    name = ModelEngine.names_for(document)["planner"] or find_name_in_space(
        "planner", f"{document.space.name}@{document.space.checksum}"
    )
    reach = load_reach(find_card("planner", name, verify=False))
    prompt = [concept.vector for concept in store.get_prompt(document.id) if concept.role == "prompt"]
    return reach is not None and bool(prompt) and reach.is_far(torch.tensor(np.stack(prompt)))


FEWEST_NOTES = 2
"""A section with fewer notes is made up."""


MOST_SOURCES = 3
"""Most documents named in one line."""


def describe_sources(store: Store, document_id: str) -> str | None:
    """Return a line that names the source documents of most sections; None if few sources are known."""
    notes = store.get_notes(document_id)
    known = [own for own in notes.values() if len(own) >= FEWEST_NOTES]
    if not known or len(known) * 2 <= len(notes):
        return None
    counts = Counter(Counter(note.title for note in own).most_common(1)[0][0] for own in known)
    named = ", ".join(f"{title!r} ({num})" for title, num in counts.most_common(MOST_SOURCES))
    return f"from the library, by sections: {named}"


def describe_spelling(store: Store, document_id: str) -> str | None:
    """Return a line that names the words of a prompt which are taken for typing errors; None if there are none."""
    from flows.document.asked.reading import read_prompt

    corrections = read_prompt(store.get_document(document_id)).corrections
    if not corrections:
        return None
    named = ", ".join(f"{found.typed!r} as {found.meant!r}" for found in corrections)
    return f"read {named}: a word in double quotes stays as it is"


def describe_stand_in(store: Store, document_id: str) -> str | None:
    """Return a line if a document is the library's on another subject, under its title; None otherwise."""
    from flows.document.asked.options import WritingOptions
    from flows.document.asked.reading import read_prompt
    from flows.document.titles import is_stand_in

    document = store.get_document(document_id)
    options = WritingOptions.from_params(document.params)
    title, lang = document.title or "", options.prompt_lang or document.lang
    prompt = read_prompt(document).text
    sources = {note.title for own in store.get_notes(document_id).values() for note in own}
    if title not in sources or not is_stand_in(title, prompt, lang, options.library):
        return None
    return (
        f"the library has nothing on this subject; the nearest that it has is {title!r}: --library PATH writes from "
        "documents of your own, --library none makes a text up"
    )


def describe_language(store: Store, document_id: str) -> str | None:
    """Return a line on how a document comes by its language, where it is not as it was asked; None otherwise."""
    from concepts.languages.codes import ENGLISH, language_name
    from flows.document.asked.options import WritingOptions

    document = store.get_document(document_id)
    options = WritingOptions.from_params(document.params)
    if options.lang_of_prompt and options.prompt_lang and document.lang != options.prompt_lang:
        asked, got = language_name(options.prompt_lang), language_name(document.lang)
        return (
            f"the library does not tell of this in {asked}, so the document is in {got}: "
            f"--lang {options.prompt_lang} has it translated by a small model, which makes many mistakes"
        )
    texts = [note.text for own in store.get_notes(document_id).values() for note in own]
    if document.lang == ENGLISH or not texts:
        return None
    memory = _translations(document)
    num = memory.translate(texts, ENGLISH, document.lang).count(None)
    if not num:
        return None
    return (
        f"{num} of {counted(len(texts), 'sentence')} are translated by a small model, which makes many mistakes: read "
        f"them beside the English (longhand write --lang {ENGLISH})"
    )


def _translations(document: DocumentRecord) -> TranslationMemory:
    """Return the translations that the library of a document's space holds."""
    from concepts.library.stored import load_translations

    space = document.space
    return load_translations("" if space is None else f"{space.name}@{space.checksum}")


def describe_length(store: Store, document_id: str) -> str | None:
    """Return a line if a prompt asks for a book and gets no parts, as the library has none on it; None otherwise."""
    from flows.document.asked.options import WritingOptions
    from flows.document.asked.sizes import wanted_book

    document = store.get_document(document_id)
    if wanted_book(document, WritingOptions.from_params(document.params)) is None:
        return None
    if any(item.depth > 1 for item in store.get_outline(document_id).items):
        return None
    return (
        "the library has no book on this subject, so the document is shorter than asked; --depth 2 makes parts of the "
        "documents that are near it"
    )


FEWEST_UNTOLD = 2
"""One word that a text lacks may be a synonym of one that it has."""


def describe_untold(store: Store, document_id: str) -> str | None:
    """Return a line that names numbers, names and rare words of an English prompt which the text lacks.

    None if it lacks fewer than `FEWEST_UNTOLD`, or is not made of notes.
    """
    from concepts.languages.codes import ENGLISH
    from concepts.library.untold import untold
    from flows.document.asked.options import WritingOptions
    from flows.document.asked.reading import read_prompt
    from flows.document.titles import asks_for_own_title

    document = store.get_document(document_id)
    options = WritingOptions.from_params(document.params)
    notes = [note.text for own in store.get_notes(document_id).values() for note in own]
    if not notes or {options.prompt_lang or document.lang, document.lang} != {ENGLISH}:
        return None
    headings = [item.heading or "" for item in store.get_outline(document_id).items]
    prompt = read_prompt(document).text
    texts, with_words = [document.title or "", *headings, *notes], not asks_for_own_title(prompt, ENGLISH)
    lacks = untold(prompt, texts, with_words=with_words)
    return None if len(lacks) < FEWEST_UNTOLD else f"of the prompt, the text lacks: {', '.join(lacks)}"


MOST_BLANKS = 4
"""Most blanks named in one line."""


def describe_blanks(store: Store, document_id: str) -> str | None:
    """Return a line that names the blanks which are left to the reader, such as "[date]"; None if there are none."""
    from concepts.blanks import blanks_of
    from concepts.languages.codes import ENGLISH

    document = store.get_document(document_id)
    texts = [note.text for own in store.get_notes(document_id).values() for note in own]
    if document.lang != ENGLISH:
        memory = _translations(document)
        texts = [text or "" for text in memory.translate(texts, ENGLISH, document.lang)]
    blanks = blanks_of(texts)
    if not blanks:
        return None
    named = ", ".join(f"[{blank}]" for blank in blanks[:MOST_BLANKS])
    return f"to fill in: {named}" + (f" and {num} more" if (num := len(blanks) - MOST_BLANKS) > 0 else "")


def describe_gaps(store: Store, document_id: str) -> str | None:
    """Return a line if a search for notes found too few for most sections; None otherwise."""
    notes = store.get_notes(document_id)
    num_known = sum(len(own) >= FEWEST_NOTES for own in notes.values())
    if not notes or num_known * 2 > len(notes):
        return None
    return (
        f"the library knows something of {num_known} of {counted(len(notes), 'section')}; the others are made up: "
        "--library PATH writes from documents of your own"
    )
