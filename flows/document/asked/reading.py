"""A prompt as it is read: an English one for the library that ships is read without typing errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concepts.languages.codes import ENGLISH
from concepts.spelling import Corrected, correct
from flows.document.asked.options import WritingOptions

if TYPE_CHECKING:
    from storage import DocumentRecord


def read_prompt(document: DocumentRecord) -> Corrected:
    """Return a document's prompt as it is read.

    Spoken prompts, those in other languages and titles of given texts and outlines stay as they are; so does every
    prompt with a library of the user's own, which may have words that are rare elsewhere, and with none.
    """
    options = WritingOptions.from_params(document.params)
    is_english = (options.prompt_lang or document.lang) == ENGLISH
    if not is_english or options.library or options.outline or options.use or options.speech:
        return Corrected(document.prompt)
    return correct(document.prompt)
