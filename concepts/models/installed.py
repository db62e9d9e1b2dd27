"""Finding a model by name or folder: shipped ones, ones under `$LONGHAND_MODELS`, and published spaces."""

from __future__ import annotations

import os
from pathlib import Path

from concepts.errors import ModelError
from concepts.models.card import DEFAULT_NAMES, Kind, ModelCard, examine_cards, list_cards, read_card
from concepts.models.published import PUBLISHED, published_languages, read_published_card
from concepts.models.wheels import SMOLLM2, require


def find_card(kind: Kind, name_or_path: str | None = None, *, verify: bool = True) -> ModelCard:
    """Return the card of a model by name or folder (None: the default of its kind).

    Raises ModelError when there is no such model, its card is damaged, it is of another kind, or
    (with `verify`) a file differs from its checksum.
    """
    wanted = name_or_path or DEFAULT_NAMES[kind]
    if os.sep in wanted or wanted.startswith("."):
        card = read_card(Path(wanted))
    else:
        cards, problems = examine_cards()
        found = {card.name: card for card in cards if card.kind == kind}
        for problem in problems:
            if wanted in problem.names:
                raise ModelError(problem.message)
        published: list[str] = []
        if wanted not in found and kind == "space":
            if wanted in PUBLISHED:
                return read_published_card(wanted)
            published = list(PUBLISHED)
        if wanted not in found:
            known = ", ".join([*sorted(found), *published]) or "none is installed"
            raise ModelError(
                f"no {kind} named {wanted!r}; known: {known}; or give the path of a model's folder"
                + "".join(f"; {problem.message}" for problem in problems)
            )
        card = found[wanted]
    if card.kind != kind:
        raise ModelError(f"{card.folder} holds a {card.kind}, expected a {kind}; see `longhand models`")
    if verify:
        card.verify()
    return card


def space_languages(name: str | None) -> tuple[str, ...]:
    """Return the languages of a space by name or folder (None: the default one).

    A published space's languages are known before its weights are fetched. Raises ModelError for a space that is not
    installed.
    """
    if name in PUBLISHED and name not in {card.name for card in list_cards()}:
        return published_languages(name)
    langs = find_card("space", name, verify=False).config.get("langs")
    return tuple(map(str, langs)) if isinstance(langs, list | tuple) else ()


def find_languages(space_id: str) -> list[ModelCard]:
    """Return the cards of the further languages of a space, unverified."""
    return [card for card in list_cards() if card.kind == "languages" and card.space == space_id]


def find_adapter(name: str | None, space_id: str, *, verify: bool = True) -> ModelCard | None:
    """Return the card of a voice's adapter, by name or folder; `name` None: one of the space `space_id`.

    None if the base is used alone. Raises ModelError as `find_card`.
    """
    if name is None:
        found = [card for card in list_cards() if card.kind == "voice" and card.space == space_id]
        return find_card("voice", str(found[-1].folder), verify=verify) if found else None
    if name == SMOLLM2.name:
        return None
    folder = Path(name)
    if folder.is_dir() and (folder / "config.json").is_file() and not (folder / "card.json").is_file():
        return None
    return find_card("voice", name, verify=verify)


def check_fetched(space: str | None, voice: str | None, *, needs_voice: bool) -> None:
    """Raise ModelError if a space or its voice needs a model that is to be fetched; loads nothing.

    Names or folders; None: the default ones.
    """
    if space in PUBLISHED:
        return  # find_card has refused it where it is not here
    card = find_card("space", space, verify=False)
    card.verify(())
    if not needs_voice:
        return
    adapter = find_adapter(voice, card.space_id, verify=False)
    base = voice or SMOLLM2.name if adapter is None else adapter.config["base"]
    if base == SMOLLM2.name:
        require(SMOLLM2)
