"""What ships beside the code: licences of what the weights were made of, and marks of typed packages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from concepts.models.card import list_cards
from training.sources.pages import MANUALS
from training.sources.wikis import LEADS_SOURCE, RECIPES_SOURCE

ROOT = Path(__file__).parents[3]


def test_notice_names_the_data_of_all_weights_with_their_licences() -> None:
    weights, data = (ROOT / "NOTICE").read_text().split("Data, by the names on the cards\n")
    lines = dict(re.findall(r"^  (\w+)  +(\S.*)$", data.partition("The weights are")[0], re.M))
    licences = {name: manual.licence for name, manual in MANUALS.items()}
    licences |= {
        source: text.partition(" ")[2]
        for source, text in (("leads", LEADS_SOURCE), ("recipes", RECIPES_SOURCE))
    }
    for card in list_cards():
        if not card.folder.is_relative_to(ROOT) or card.kind == "space":
            continue
        assert f"weights/{card.name} " in weights, f"NOTICE does not name {card.name}"
        used = card.data.partition("a corpus of ")[2].partition(" (")[0].split(", ")
        for source in used:
            assert source in lines, f"{card.name} was made of {source}, which NOTICE does not name"
            assert licences.get(source, "").replace("CC-BY-SA-", "CC BY-SA ") in lines[source]


def test_every_package_is_marked_as_typed() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert [room for room in wheel["packages"] if not (ROOT / room / "py.typed").is_file()] == []
