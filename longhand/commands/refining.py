"""`refine`: an item from noise to its end."""

from __future__ import annotations

from typing import Annotated

import typer

from concepts.counting import counted
from longhand.commands.documents import DocumentId, open_store
from longhand.doing.refining import DEFAULT_DRAFTS, Refiner, check_drafts, describe
from longhand.showing.terminal import print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("refine")(refine)


def refine(
    document_id: DocumentId,
    item: Annotated[str, typer.Option("--item", help="Which item, such as 3 or 2.1.")],
    show: Annotated[int, typer.Option("--show", help="How many diffusion steps are said.")] = DEFAULT_DRAFTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Watch an item become clear: its heading and sentences at several diffusion steps, from noise to the end."""
    check_drafts(show)
    with open_store() as store:
        document = store.get_document(document_id)
        found = Refiner().refine(store, document.id, item, num_drafts=show)
    if as_json:
        print_json(describe(document.id, found))
        return
    named = [("heading", found.heading)]
    named += [(f"sentence {n}", drafts) for n, drafts in enumerate(found.sentences, 1)]
    print_table(
        ("OF", "STEP", "NOISE", "NEAR", "TEXT"),
        [
            (
                name if place == 0 else "",
                str(draft.step),
                f"{draft.time:.2f}",
                f"{draft.similarity:.2f}",
                draft.text,
            )
            for name, drafts in named
            for place, draft in enumerate(drafts)
        ],
        flexible="TEXT",
    )
    writer = f", {found.num_write_steps} of the writer" if found.num_write_steps else ""
    say(
        f"{counted(found.num_plan_steps, 'step')} of the planner{writer}; NEAR: cosine to the stored concept; "
        "the last step is the document's text"
    )
