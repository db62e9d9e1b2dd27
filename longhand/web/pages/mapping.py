"""The page with the map and the heat map of a document's concepts, and the two pictures."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import Response

from concepts.errors import NotFoundError
from longhand.web.asking import read_choice, read_number
from longhand.web.pages.reading import flatten
from longhand.web.templating import anchor, link

if TYPE_CHECKING:
    from starlette.requests import Request

    from longhand.web.pages.documents import Pages
    from longhand.web.pages.geometry import Concepts, Projection
    from longhand.web.pages.plots import Theme
    from storage import DocumentRecord, OutlineRecord

PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Content security policy of a picture opened alone: matplotlib writes style attributes; no script may run."""
MAP_SIDE = 1000
MAX_KEPT = 64
"""Most cached pictures; each is below a megabyte."""


class Mapping:
    """Shows where a document's sentences lie, and which are alike; numpy and matplotlib load at the first use.

    For one thread at a time: matplotlib's settings and other state belong to the whole process.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._store = pages.store
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._last_projection: tuple[str, Projection] | None = None

    def page(self, request: Request) -> Response:
        """Show both pictures, described in words and numbers."""
        document = self._pages.find(request)
        outline = self._outline(request, document)
        if outline is None:
            return self._pages.document_page(request, document, "map.html", tab="map", shapes=())
        from longhand.web.pages.geometry import compare, most_alike, section_shapes
        from longhand.web.pages.plots import colours_of, map_place, markers_of

        concepts = self._concepts(outline)
        projection = self._project(concepts, _digest(concepts))
        exported = self._store.export_document(document.id, version=outline.version)
        texts = {
            (section.path, sentence.ordinal): sentence.text
            for section in flatten(exported.sections)
            for sentence in section.sentences
        }
        shapes = section_shapes(concepts)
        colours = colours_of([shape.path for shape in shapes])
        stamp = f"{outline.id}-{document.progress.num_written}"
        return self._pages.document_page(
            request,
            document,
            "map.html",
            tab="map",
            outline=outline,
            headings={item.path: item.heading for item in outline.items},
            similarities={item.path: item.similarity for item in outline.items},
            shapes=shapes,
            colours=colours,
            markers=markers_of(colours),
            explained=projection.explained,
            num_sentences=len(concepts.places),
            num_left_out=concepts.num_left_out,
            is_by_section=len(concepts.places) > 1 and compare(concepts).is_by_section,
            pairs=most_alike(concepts),
            texts=texts,
            side=MAP_SIDE,
            points=[
                (
                    *(MAP_SIDE * share for share in map_place(x, y)),
                    link(
                        document.id,
                        item=path,
                        version=request.query_params.get("version"),
                        at=anchor(path, n),
                    ),
                    f"{path}, sentence {n + 1}: {texts.get((path, n), '(not decoded yet)')}",
                )
                for (path, n), (x, y) in zip(concepts.places, projection.sentences_S2.tolist(), strict=True)
            ],
            picture={
                name: {
                    theme: link(document.id, f"{name}.svg", version=outline.version, theme=theme, stamp=stamp)
                    for theme in ("light", "dark")
                }
                for name in ("map", "similarity")
            },
        )

    def map_picture(self, request: Request) -> Response:
        """Send the map as SVG."""
        from longhand.web.pages.plots import draw_map

        concepts, theme = self._concepts_of(request), _theme(request)
        digest = _digest(concepts)
        return self._picture(
            ("map", theme, digest), lambda: draw_map(concepts, self._project(concepts, digest), theme)
        )

    def heat_picture(self, request: Request) -> Response:
        """Send the heat map as SVG."""
        from longhand.web.pages.geometry import compare
        from longhand.web.pages.plots import draw_heat_map

        concepts, theme = self._concepts_of(request), _theme(request)
        if not concepts.places:
            raise NotFoundError("no sentence is written yet: there is nothing to compare")
        return self._picture(
            ("similarity", theme, _digest(concepts)), lambda: draw_heat_map(compare(concepts), theme)
        )

    def _picture(self, key: tuple[str, ...], draw: Callable[[], bytes]) -> Response:
        """Return a key's picture; draw it if it is not cached."""
        svg = self._kept.pop(key, None) or draw()
        self._kept[key] = svg
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return _picture(svg)

    def _project(self, concepts: Concepts, digest: str) -> Projection:
        """Return the projection shared by the page and both themes of its map."""
        from longhand.web.pages.geometry import project

        if self._last_projection is None or self._last_projection[0] != digest:
            self._last_projection = (digest, project(concepts))
        return self._last_projection[1]

    def _outline(self, request: Request, document: DocumentRecord) -> OutlineRecord | None:
        version = read_number(request, "version")
        if version is None and document.active_outline_id is None:
            return None
        return self._store.get_outline(document.id, version, vectors=True)

    def _concepts(self, outline: OutlineRecord) -> Concepts:
        from longhand.web.pages.geometry import read_concepts

        return read_concepts(self._store, outline)

    def _concepts_of(self, request: Request) -> Concepts:
        document = self._pages.find(request)
        outline = self._store.get_outline(document.id, read_number(request, "version"), vectors=True)
        return self._concepts(outline)


def _digest(concepts: Concepts) -> str:
    """Return a digest of a picture's data."""
    digest = hashlib.sha256(repr((concepts.places, concepts.paths, concepts.num_left_out)).encode())
    digest.update(concepts.vectors_SD.tobytes())
    digest.update(concepts.gists_ID.tobytes())
    return digest.hexdigest()


def _theme(request: Request) -> Theme:
    return "dark" if read_choice(request, "theme", ("light", "dark")) == "dark" else "light"


def _picture(svg: bytes) -> Response:
    # The address contains the data's digest, so its picture never changes.
    headers = {"content-security-policy": PICTURE_POLICY, "cache-control": "private, max-age=86400"}
    return Response(svg, media_type="image/svg+xml", headers=headers)
