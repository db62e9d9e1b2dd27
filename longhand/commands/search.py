"""`search`: stored plan items and sentences found by meaning and by words."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.document.asked.prompts import check_choice
from flows.document.asked.wishes import DEFAULT_LANG
from longhand.asking.completion import complete_languages
from longhand.asking.options import SpaceName, choice_option
from longhand.commands.documents import AsJson, open_store
from longhand.showing.terminal import print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search")(search)


def search(
    words: Annotated[str, typer.Argument(help="What it should be about; a sentence finds more than a word.")],
    place: Annotated[str | None, choice_option("--in", ("plan", "sentences"), "Look only there.")] = None,
    by: Annotated[
        str | None,
        choice_option("--by", ("meaning", "words"), "Only so; both are mixed. Words need no model."),
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, the best first.")] = 10,
    lang: Annotated[
        str, typer.Option(help="Language of the words.", autocompletion=complete_languages)
    ] = DEFAULT_LANG,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Find stored plan items and sentences by meaning and by words, across all documents.

    Words in "double quotes" count only side by side.
    """
    from longhand.doing.searching import search_words
    from storage.records import PLACES, WAYS

    if place is not None:
        check_choice("--in", place, PLACES)
    if by is not None:
        check_choice("--by", by, WAYS)
    ways = tuple(known for known in WAYS if by in (None, known))
    places = tuple(known for known in PLACES if place in (None, known))
    with open_store() as store:
        found = search_words(store, words, ways=ways, places=places, limit=limit, lang=lang, space=space)
    if as_json:
        from dataclasses import asdict

        print_json([asdict(match) for match in found])
    elif not found:
        say(
            "no text in use holds these words: longhand search without --by words finds others that mean the same"
            if by == "words"
            else "nothing of this space is stored yet: longhand models names the spaces, --space chooses one"
        )
    else:
        rows = [
            (
                "" if match.similarity is None else f"{match.similarity:.2f}",
                "both" if len(match.found_by) > 1 else match.found_by[0],
                match.document_id,
                match.path if match.ordinal is None else f"{match.path}, {match.ordinal + 1}",
                match.place if match.place == "plan" else match.heading or "",
                match.text or "(not decoded yet)",
            )
            for match in found
        ]
        print_table(("NEAR", "BY", "ID", "ITEM", "IN", "TEXT"), rows, flexible="TEXT")
