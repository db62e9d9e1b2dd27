"""Documents made from files, checked completely before anything is stored: kept, summarized or expanded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from concepts.counting import counted
from concepts.errors import InputError, UsageError
from flows.document.asked.prompts import check_prompt, known_languages
from flows.document.asked.wishes import MAX_SECTIONS
from longhand.showing.terminal import say

if TYPE_CHECKING:
    from typing import Unpack

    from concepts.given import GivenDocument
    from flows.document.asked.options import Use
    from longhand.asking.requests import GivenWishes, Wishes
    from longhand.outline.outlines import UserOutline
    from storage import ExportedDocument, NewDocument, Store

MAX_SUMMARY = 500
LENGTH_SHARE, LONGEST_DEFAULT = 5, 20
"""Default length of a summary: a fifth of the sentences, at most twenty."""


def make_given(path: Path, use: Use, **wishes: Unpack[GivenWishes]) -> NewDocument:
    """Return a document to store; `path` is a Markdown, HTML, Word or text file, `-` is stdin.

    Raises InputError, UsageError or ModelError for the first error.
    """
    from concepts.given import read_given
    from concepts.models.installed import find_card
    from flows.document.asked.options import WritingOptions
    from longhand.asking.requests import check_limits, make_document, read_languages

    check_limits(wishes)
    sections, depth = wishes.get("sections"), wishes.get("depth")
    space = wishes.get("space")
    if space is not None:
        find_card("space", space, verify=False)
    languages = known_languages(space)
    lang, prompt_lang = read_languages(wishes, languages)
    title = wishes.get("title")
    title = None if title is None else check_prompt(title, "the title")
    given = read_given(path, languages, prompt_lang, as_notes=use == "expand")
    lang = lang or given.lang
    outline = _as_outline(given, use, sections, depth, path)
    if title is not None and outline is not None:
        outline = replace(outline, title=title)
    sentences = None
    if use == "summarize":
        sentences = _check_length(wishes.get("sentences"), given)
    if use == "expand" and outline is None:
        depth = _check_points(given, sections, depth)
    others = {name: value for name, value in wishes.items() if name not in ("title", "sentences")}
    asked = cast("Wishes", others | {"lang": lang, "prompt_lang": given.lang, "depth": depth})
    if outline is not None:
        asked |= {"outline": outline, "plan_only": use == "keep"}
    new = make_document(title or given.title, **asked)
    for line in given.told:
        say(line)
    if outline is not None:
        return replace(new, title=new.title if lang == given.lang else None)
    options = replace(WritingOptions.from_params(new.params), use=use, sentences=sentences)
    metadata = {name: value for name in ("author", "date") if (value := getattr(given, name))}
    return replace(
        new,
        # If the languages differ, the title is decoded from its concept.
        title=title or (given.title if lang == given.lang else None),
        params=options.to_params() | metadata,
        source=given.to_json(),
    )


def _as_outline(
    given: GivenDocument, use: Use, sections: int | None, depth: int | None, path: Path
) -> UserOutline | None:
    """Return the outline in a file; None if the file is a text, or notes of one level.

    A file of headings alone is an outline for any use. Notes with headings on several levels are an outline whose
    texts are its sections' points. Raises InputError if the outline is too long.
    """
    from longhand.outline.outlines import outline_of_sections

    is_bare = not given.sentences and given.has_headings
    levels = max((section.path.count(".") + 1 for section in given.sections), default=1)
    if use == "summarize":
        if is_bare:
            raise InputError(f"{path} holds headings and no text: there is nothing to summarize")
        return None
    is_deep_notes = use == "expand" and given.has_headings and levels > 1 and depth != 1 and sections is None
    if not (is_deep_notes or (is_bare and (use == "keep" or levels > 1))):
        return None
    rows = [(section.path, section.heading, section.sentences) for section in given.sections]
    return outline_of_sections(given.title, rows, name=str(path), max_depth=depth)


def _check_length(sentences: int | None, given: GivenDocument) -> int:
    num = len(given.sentences)
    if num < 2:
        raise InputError("the document has a single sentence: there is nothing to summarize")
    if sentences is None:
        return max(1, min(LONGEST_DEFAULT, round(num / LENGTH_SHARE)))
    most = min(num - 1, MAX_SUMMARY)
    if not 1 <= sentences <= most:
        raise UsageError(
            f"--sentences is {sentences}: the document has {counted(num, 'sentence')}, give a number from 1 to {most}"
        )
    return sentences


def _check_points(given: GivenDocument, sections: int | None, depth: int | None) -> int:
    """Return the depth of the expanded document; raise InputError or UsageError."""
    from flows.document.given import check_notes

    if not given.sentences and all("." not in section.path for section in given.sections):
        # Headings alone are an outline of one level in any case.
        depth = 1 if depth is None else depth
    if depth is None:
        depth = 2 if given.has_headings else 1
    check_notes(given, sections, depth, MAX_SECTIONS)
    return depth


def baseline_of(store: Store, document_id: str) -> ExportedDocument | None:
    """Return the most typical sentences of a summary's source, by section; None for other documents."""
    from flows.document.asked.options import WritingOptions
    from flows.document.planning import BASELINE_NOTE

    document = store.get_document(document_id)
    if WritingOptions.from_params(document.params).use != "summarize":
        return None
    version = next((o.version for o in store.list_outlines(document.id) if o.note == BASELINE_NOTE), None)
    if version is None:
        return None
    lang = WritingOptions.from_params(document.params).prompt_lang
    return store.export_document(document.id, lang, version=version)
