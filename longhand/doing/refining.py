"""Show an item's diffusion steps; the models that redraw it stay in memory for the next item."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from concepts.errors import UsageError

if TYPE_CHECKING:
    from flows.document.refining import Draft, Refinement, RefiningEngine
    from storage import DocumentRecord, Store

DEFAULT_DRAFTS = 5
"""Default number of decoded steps."""
MOST_DRAFTS = 20


class Refiner:
    """Redraws stored items with one set of models in memory.

    Safe to use from several threads; one of them draws at a time.
    """

    def __init__(self) -> None:
        self._names: object = None
        self._engine: RefiningEngine | None = None
        self._lock = threading.Lock()

    def refine(
        self, store: Store, document_id: str, path: str, *, num_drafts: int = DEFAULT_DRAFTS
    ) -> Refinement:
        """Return an item's heading and sentences at `num_drafts` steps; errors as `refine_item`.

        Checks that need only the store come before a model is loaded. Raises NotFoundError for an unknown id,
        UsageError for an invalid number of steps.
        """
        check_drafts(num_drafts)
        document = store.get_document(document_id)
        from flows.document.refining import find_drawn_item, refine_item

        find_drawn_item(store, document, path)
        with self._lock:
            return refine_item(store, document, path, self._engine_for(document), num_drafts=num_drafts)

    def _engine_for(self, document: DocumentRecord) -> RefiningEngine:
        from flows.models.engine import ModelEngine

        names = ModelEngine.names_for(document)
        if self._engine is None or self._names != names:
            engine = make_engine(document)
            engine.start_loading(("plan", "write", "decode"))
            for stage in ("plan", "write", "decode"):
                engine.prepare(stage)
            self._engine, self._names = engine, names  # an engine that failed to load is tried again
        return self._engine


def check_drafts(num_drafts: int) -> None:
    """Raise UsageError for an invalid number of steps."""
    if not 2 <= num_drafts <= MOST_DRAFTS:
        raise UsageError(f"--show is {num_drafts}: give a number of steps from 2 to {MOST_DRAFTS}")


def describe(document_id: str, found: Refinement) -> dict[str, object]:
    """Return the values that `--json` prints."""

    def rows(drafts: Sequence[Draft]) -> list[dict[str, object]]:
        return [asdict(draft) for draft in drafts]

    return {
        "id": document_id,
        "path": found.path,
        "plan_steps": found.num_plan_steps,
        "write_steps": found.num_write_steps,
        "heading": rows(found.heading),
        "sentences": [rows(drafts) for drafts in found.sentences],
    }


def make_engine(document: DocumentRecord) -> RefiningEngine:
    """Return the models that a document was begun with; tests replace this function."""
    from flows.models.refining import RefiningModels

    return RefiningModels(**RefiningModels.names_for(document))
