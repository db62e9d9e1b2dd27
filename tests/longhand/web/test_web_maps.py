"""The map and the heat map: what is computed, that pictures are drawn, and that both kinds of page can show them."""

from __future__ import annotations

from typing import cast
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.testclient import TestClient

from longhand.doing.searching import Searcher
from longhand.web.app import make_app
from longhand.web.pages.geometry import (
    MAX_POINTS,
    MAX_ROWS,
    Concepts,
    compare,
    most_alike,
    project,
    read_concepts,
    section_shapes,
)
from longhand.web.pages.plots import (
    FEW_COLOURS,
    MARGIN,
    PAPER,
    THEMES,
    colours_of,
    draw_heat_map,
    draw_map,
    luminance,
    map_place,
    markers_of,
)
from storage import NewDocument, Store


def concepts_of(*sections: list[list[float]], gists: list[list[float]] | None = None) -> Concepts:
    """Return sections "1", "2", ... with these vectors as sentences."""
    dim = 3
    rows = [vector for section in sections for vector in section]
    wanted = [] if gists is None else gists
    return Concepts(
        vectors_SD=np.asarray(rows, dtype=np.float32).reshape(-1, dim),
        places=tuple((str(n), i) for n, section in enumerate(sections, 1) for i in range(len(section))),
        gists_ID=np.asarray(wanted, dtype=np.float32).reshape(-1, dim),
        paths=tuple(str(n) for n in range(1, len(wanted) + 1)),
        num_left_out=0,
    )


def test_points_of_a_plane_keep_their_distances() -> None:
    """A projection of what lies in a plane loses nothing: all distances shrink by one factor."""
    rng = np.random.default_rng(3)
    flat = rng.standard_normal((40, 2)) @ np.linalg.qr(rng.standard_normal((3, 3)))[0][:2]
    concepts = concepts_of(flat[:30].tolist(), gists=flat[30:].tolist())
    projection = project(concepts)
    shown = np.concatenate([projection.sentences_S2, projection.items_I2])
    before = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    after = np.linalg.norm(shown[:, None] - shown[None], axis=-1)
    np.testing.assert_allclose(after, before * (after.max() / before.max()), atol=1e-5)
    assert projection.explained == pytest.approx(1.0)
    assert shown.min() >= -1e-6
    assert shown.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    "concepts",
    [
        concepts_of(),
        concepts_of(gists=[[1, 0, 0]]),
        concepts_of([[1, 2, 3]]),
        concepts_of([[1, 2, 3]] * 4, [[1, 2, 3]]),
        concepts_of([[0, 0, 0]], [[0, 0, 0]]),
    ],
)
def test_few_or_equal_concepts_are_no_trouble(concepts: Concepts) -> None:
    projection = project(concepts)
    assert np.isfinite(projection.sentences_S2).all()
    assert 0 <= projection.explained <= 1
    ElementTree.fromstring(draw_map(concepts, projection, "light"))
    assert len(section_shapes(concepts)) == len({*concepts.paths, *concepts.sections})
    pairs = most_alike(concepts)
    assert len(pairs) == {0: 0, 1: 0, 2: 1, 5: 4}[len(concepts.places)]
    if concepts.places:
        ElementTree.fromstring(draw_heat_map(compare(concepts), "dark"))


def test_what_is_most_alike_and_farthest_is_named() -> None:
    concepts = concepts_of(
        [[1, 0, 0], [1, 0.1, 0], [0, 0, 1]], [[0, 1, 0], [0.99, 0.12, 0]], gists=[[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    )  # fmt: skip
    (cosine, one, other), *_ = most_alike(concepts)
    assert (one, other) == (("1", 1), ("2", 1))
    assert cosine == pytest.approx(1.0, abs=1e-3)
    first, second, unwritten = section_shapes(concepts)
    assert (first.farthest, first.nearest, first.num_sentences) == (2, "2", 3)
    assert second.nearest == "1"
    assert (unwritten.path, unwritten.num_sentences, unwritten.tightness) == ("3", 0, None)


def test_long_documents_are_thinned_out_and_shown_by_section() -> None:
    rng = np.random.default_rng(0)
    concepts = concepts_of(*(rng.standard_normal((MAX_ROWS // 4, 3)).tolist() for _ in range(5)))
    likeness = compare(concepts)
    assert likeness.is_by_section
    assert likeness.cosines_NN.shape == (5, 5)
    short = compare(concepts_of(*(rng.standard_normal((4, 3)).tolist() for _ in range(5))))
    assert short.bounds == tuple((str(n + 1), 4 * n, 4 * n + 4) for n in range(5))
    np.testing.assert_allclose(np.diag(short.cosines_NN), 1.0, atol=1e-6)


@pytest.mark.parametrize("num_sections", [3, 8, 9, 40])
def test_colours_are_legible_on_both_kinds_of_page(num_sections: int) -> None:
    paths = [f"{n}.1" for n in range(1, num_sections + 1)]
    colours = colours_of(paths)
    assert len(set(colours.values())) == num_sections
    assert len(set(markers_of(colours).values())) == min(num_sections, 7)
    for colour in {*colours.values(), *FEW_COLOURS}:
        for theme in THEMES:
            bright, dark = sorted(
                (luminance(mpl.colors.to_rgb(c)) for c in (colour, PAPER[theme])), reverse=True
            )
            assert (bright + 0.05) / (dark + 0.05) >= 3, f"{colour} on {theme}"


def test_sections_of_a_part_share_a_colour_where_there_are_many() -> None:
    few = colours_of(["1.1", "1.2", "2.1"])
    assert len(set(few.values())) == 3
    many = colours_of([f"{n}.{i}" for n in (1, 2) for i in range(1, 6)])
    assert many["1.1"] == many["1.5"] != many["2.1"]


def test_links_lie_on_the_marks_of_the_map() -> None:
    """The page lays links over the picture: both must mean the same places."""
    concepts = concepts_of([[0, 0, 0], [1, 0, 0], [0.2, 0.7, 0]])
    projection = project(concepts)
    root = ElementTree.fromstring(draw_map(concepts, projection, "light"))
    width = float(root.attrib["viewBox"].split()[2])
    uses = [found for found in root.iter("{http://www.w3.org/2000/svg}use") if "x" in found.attrib]
    drawn = [(float(use.attrib["x"]) / width, float(use.attrib["y"]) / width) for use in uses]
    expected = [map_place(x, y) for x, y in projection.sentences_S2.tolist()]
    np.testing.assert_allclose(drawn, expected, atol=1e-3)
    assert map_place(0, 0) == (MARGIN, 1 - MARGIN)


def test_the_page_shows_pictures_and_says_them_in_words(run, store: Store) -> None:
    app = make_app(store, searcher=cast("Searcher", None))
    client = TestClient(app, base_url="http://127.0.0.1")
    waiting = store.create_document(NewDocument(prompt="milk", lang="eng_Latn"))
    assert "nothing to draw" in client.get(f"/documents/{waiting.id}/map").text
    assert client.get(f"/documents/{waiting.id}/map.svg").status_code == 404
    assert run("write", "tea", "--plan-only").exit_code == 0
    planned = store.list_documents()[0]
    assert "each of 0 sentences" in client.get(f"/documents/{planned.id}/map").text.replace(
        "is one of", "each of"
    )
    assert client.get(f"/documents/{planned.id}/map.svg").status_code == 200
    assert client.get(f"/documents/{planned.id}/similarity.svg").status_code == 404
    assert run("resume", planned.id).exit_code == 0
    page = LexborHTMLParser(client.get(f"/documents/{planned.id}/map").text)
    assert len(page.css(".over a")) == 6
    assert [found.text() for found in page.css(".over a title")][3] == "2, sentence 1: Sentence 4 is here."
    assert len(page.css(".shapes tbody tr")) == 2
    assert len(page.css(".pairs li")) == 9
    for found in page.css("picture source, picture img"):
        address = found.attributes.get("src") or found.attributes.get("srcset") or ""
        answer = client.get(address)
        assert answer.headers["content-type"] == "image/svg+xml"
        ElementTree.fromstring(answer.content)
        assert "script" not in answer.headers["content-security-policy"]
    assert all(found.attributes.get("alt") for found in page.css("img"))
    assert client.get(f"/documents/{planned.id}/map.svg?theme=pink").status_code == 400


def test_concepts_are_read_in_reading_order(run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("write", "tea", "--sections", "3").exit_code == 0
    outline = store.get_outline(store.list_documents()[0].id, vectors=True)
    concepts = read_concepts(store, outline)
    assert concepts.places == tuple((path, n) for path in ("1", "2", "3") for n in range(3))
    stored = store.get_concepts([outline.items[1].id])[outline.items[1].id].vectors
    np.testing.assert_array_equal(concepts.vectors_SD[3:6], stored)
    monkeypatch.setattr("longhand.web.pages.geometry.MAX_POINTS", 4)
    thinned = read_concepts(store, outline)
    assert (len(thinned.places), thinned.num_left_out) == (4, 5)
    assert (thinned.places[0], thinned.places[-1]) == (("1", 0), ("3", 2))
    assert MAX_POINTS > MAX_ROWS
