"""The page with an item's diffusion steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from longhand.web.pages.reading import flatten

if TYPE_CHECKING:
    from starlette.requests import Request

    from longhand.doing.refining import Refiner
    from longhand.web.pages.documents import Pages


@dataclass(frozen=True)
class Refining:
    """Shows the voice's text for an item at several diffusion steps."""

    pages: Pages
    refiner: Refiner

    def page(self, request: Request) -> Response:
        """Show the items to choose from, and the steps of the one in the address; models run for it."""
        document = self.pages.find(request)
        store, path = self.pages.store, request.query_params.get("item", "").strip()
        sections = [
            section
            for section in flatten(store.export_document(document.id).sections)
            if section.status == "decoded" or not section.is_leaf
        ]
        found = self.refiner.refine(store, document.id, path) if path else None
        return self.pages.document_page(
            request, document, "refine.html", tab="refine", sections=sections, path=path, found=found
        )
