"""Published spaces: sonar-space's own cards by name, their languages, files and identity.

`sonar` is Meta's SONAR (arXiv 2308.11466): 1024 dimensions, 202 languages. Its cards come with sonar-space;
its weights lie in fairseq2's asset cache, where `longhand models fetch sonar` puts them. A card of the same
name with `@user` behind it, in the folder `$FAIRSEQ2_USER_ASSET_DIR`, overrides any of its fields, which is
fairseq2's own way to name another checkpoint.

Importing this module does not import fairseq2, so `longhand models` can list its spaces quickly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import ModelError, UsageError
from concepts.models.card import FetchedCard, ModelCard
from concepts.models.checksums import record_files, recorded_files, recorded_sha256
from concepts.models.runtime import read_asset_card, start_fairseq2

if TYPE_CHECKING:
    from fairseq2.assets import AssetCard, AssetMetadataProvider, AssetStore


@dataclass(frozen=True, kw_only=True)
class PublishedSpace:
    """A space by the names of its fairseq2 cards."""

    name: str
    encoder: str
    """Card of the text encoder and of the tokenizer."""
    decoder: str
    """Card of the text decoder."""
    speech: str
    """Card of a speech encoder, with `{lang}` for an ISO 639-3 code."""
    about: str
    """A line for `longhand models`."""
    licence: str


PUBLISHED = {
    "sonar": PublishedSpace(
        name="sonar",
        encoder="text_sonar_basic_encoder",
        decoder="text_sonar_finetuned_decoder",
        speech="sonar_speech_encoder_{lang}",
        about="1024 dimensions, 202 languages, text and speech; about 6 GB",
        licence="MIT; some speech encoders CC BY-NC 4.0: see LICENSE.md of github.com/facebookresearch/SONAR",
    )
}
"""By the name that `--space` takes. A model of that name in `$LONGHAND_MODELS` goes before it."""


@dataclass(frozen=True, kw_only=True)
class AssetFile:
    """One file of a published space."""

    name: str
    """What it is, such as `encoder.pt`; the same on every machine."""
    uri: str
    """Where it is published."""
    path: Path
    """Its place on this machine, downloaded or not."""

    @property
    def is_here(self) -> bool:
        """Return whether it is downloaded."""
        return self.path.is_file()


@dataclass(frozen=True)
class PublishedCard(ModelCard):
    """The card of a published space, whose files lie in fairseq2's cache."""

    locations: dict[str, Path] = field(default_factory=dict)
    """File name to path."""

    def path(self, file: str) -> Path:
        """Return the path of one of the files."""
        return self.locations[file]

    def lang_id(self, lang: str, num_pieces: int) -> int:
        """Return the id of a language's token: NLLB appends them after `<pad>` and the pieces, in the order
        of the card."""
        langs = self.config["langs"]
        assert isinstance(langs, list)
        return num_pieces + 1 + langs.index(lang)


def read_published_card(name: str) -> PublishedCard:
    """Return the card of a published space whose weights are here.

    The checksums are computed once for each file and cached. Raises ModelError that names all missing files
    and the command that fetches them.
    """
    space = PUBLISHED[name]
    encoder, decoder = asset_card(space.encoder), asset_card(space.decoder)
    found = list(space_files(name))
    check_fetched(f"the space {name}", [file for file in found if not file.is_here], f"fetch {name}")
    locations = {file.name: file.path for file in found}
    files = {file: recorded_sha256(path) for file, path in locations.items()}
    record_files(name, locations)
    # Encoder and tokenizer alone decide the vectors: another decoder reads the same ones.
    made_by = "".join(f"{file}:{files[file]};" for file in ("encoder.pt", "pieces.model"))
    config = model_config(encoder)
    return PublishedCard(
        name=name,
        kind="space",
        version=1,
        files=files,
        config={
            "model_dim": int(config.model_dim),  # type: ignore[attr-defined]
            "max_seq_len": int(model_config(decoder).max_seq_len),  # type: ignore[attr-defined]
            "langs": list(published_languages(name)),
        },
        space=f"{name}@{hashlib.sha256(made_by.encode()).hexdigest()[:12]}",
        data="see arXiv 2308.11466",
        recipe=f"published: the fairseq2 cards {space.encoder} and {space.decoder}",
        steps=0,
        figures={},
        licence=space.licence,
        folder=cache_dir(),
        locations=locations,
    )


def asset_cards(card: ModelCard) -> tuple[AssetCard, AssetCard]:
    """Return the fairseq2 cards of the text encoder and the text decoder of a space; ModelError where it has none."""
    if isinstance(card, PublishedCard):
        space = PUBLISHED[card.name]
        return asset_card(space.encoder), asset_card(space.decoder)
    if isinstance(card, FetchedCard):
        raise ModelError(f"the space {card.name} has no decoder: name another one, such as sonar-mini")
    reads, says = (read_asset_card(card.folder, f"{card.name}_{part}") for part in ("encoder", "decoder"))
    return reads, says


def is_fetched(name: str) -> bool:
    """Return whether the weights of a published space were found on this machine before; imports nothing heavy."""
    seen = recorded_files(name)
    return bool(seen) and all(path.is_file() for path in seen.values())


def space_files(name: str) -> Iterator[AssetFile]:
    """Yield the text encoder, the text decoder and the tokenizer of a published space."""
    space = PUBLISHED[name]
    encoder, decoder = asset_card(space.encoder), asset_card(space.decoder)
    for file, card, part in (
        ("encoder.pt", encoder, "checkpoint"),
        ("decoder.pt", decoder, "checkpoint"),
        ("pieces.model", encoder, "tokenizer"),
    ):
        yield asset_file(file, card, part)


def speech_file(name: str, lang: str) -> AssetFile:
    """Return the speech encoder's file of a published space for a speech language code such as `eng`."""
    return asset_file(f"speech-{speech_language(name, lang)}.pt", speech_card(name, lang), "checkpoint")


def speech_card(name: str, lang: str) -> AssetCard:
    """Return the fairseq2 card of the speech encoder for `lang` (ISO 639-3).

    Raises UsageError for a language that has none, naming the nearest.
    """
    return asset_card(PUBLISHED[name].speech.format(lang=speech_language(name, lang)))


def speech_language(name: str, typed: str) -> str:
    """Return the ISO 639-3 code of the speech encoder for a code or name of a language; raises as `speech_card`."""
    from concepts.languages.codes import suggest_languages, take_language

    known = speech_languages(name)
    code = take_language(typed, known)
    if code is None:
        near = suggest_languages(typed, known) or list(known)
        raise UsageError(f"the space {name} has no speech encoder for {typed!r}; it has {', '.join(near)}")
    return code


def speech_languages(name: str) -> tuple[str, ...]:
    """Return the ISO 639-3 codes of the languages that a published space has speech encoders for."""
    before, after = PUBLISHED[name].speech.split("{lang}")
    names = {asset.partition("@")[0] for asset in _store().asset_names}
    codes = (
        n[len(before) : len(n) - len(after)] for n in names if n.startswith(before) and n.endswith(after)
    )
    return tuple(sorted(code for code in codes if len(code) == 3))


def published_languages(name: str) -> tuple[str, ...]:
    """Return the languages of a published space, from its tokenizer's card; the weights need not be here."""
    resolver = start_fairseq2()
    from fairseq2.data.tokenizers import TokenizerFamily

    card = asset_card(PUBLISHED[name].encoder)
    family = resolver.resolve(
        TokenizerFamily,  # type: ignore[type-abstract]
        key=card.field("tokenizer_family").as_(str),
    )
    langs: Sequence[str] = family.get_tokenizer_config(card).langs  # type: ignore[attr-defined]
    return tuple(langs)


def asset_card(name: str) -> AssetCard:
    """Return a card of sonar-space, overridden by `$FAIRSEQ2_USER_ASSET_DIR`.

    Raises ModelError if the cards cannot be read.
    """
    try:
        return _store().retrieve_card(name)
    except ModelError:
        raise
    except Exception as error:  # fairseq2 raises its own families of errors for bad cards
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the card {name} cannot be read ({first}); run `longhand doctor`") from error


def asset_file(name: str, card: AssetCard, part: str) -> AssetFile:
    """Return the file in the field `part` of a card, and its place on this machine."""
    resolver = start_fairseq2()
    from fairseq2.assets import AssetDownloadError, AssetDownloadManager

    manager = resolver.resolve(AssetDownloadManager)  # type: ignore[type-abstract]
    uri = card.field(part).as_uri()
    try:
        path = manager.download_model(uri, local_only=True)
    except AssetDownloadError:
        # as fairseq2 lays its cache out: a folder by address, the file under its own name
        folder = hashlib.sha1(str(uri).encode(), usedforsecurity=False).hexdigest()[:24]
        path = cache_dir() / folder / str(uri).rpartition("/")[2]
    return AssetFile(name=name, uri=str(uri), path=path)


def check_fetched(what: str, missing: Sequence[AssetFile], command: str) -> None:
    """Raise ModelError if files are `missing`; it names them, the command that fetches them and their folder."""
    if missing:
        names = ", ".join(file.uri for file in missing)
        raise ModelError(
            f"{what} is not on this machine: run `longhand models {command}` where a network is, which puts "
            f"{names} into {cache_dir()} (`--where` names the paths, for files brought by hand)"
        )


def model_config(card: AssetCard) -> object:
    """Return the sizes of the model that a card describes, as sonar-space's config class."""
    resolver = start_fairseq2()
    from fairseq2.models import ModelFamily

    family = resolver.resolve(
        ModelFamily,  # type: ignore[type-abstract]
        key=card.field("model_family").as_(str),
    )
    return family.get_model_config(card)


def cache_dir() -> Path:
    """Return the folder into which fairseq2 downloads."""
    resolver = start_fairseq2()
    from fairseq2.assets import AssetDirectoryAccessor

    return resolver.resolve(AssetDirectoryAccessor).get_cache_dir()  # type: ignore[type-abstract]


def _store() -> AssetStore:
    """Return a fresh store of sonar-space's cards, overridden by the user's and the system's.

    fairseq2's own store is read only once in a process and holds many unrelated cards.
    """
    resolver = start_fairseq2()
    from fairseq2.assets import StandardAssetStore, WellKnownAssetMetadataSource
    from fairseq2.runtime.dependency import wire_object

    users = wire_object(resolver, WellKnownAssetMetadataSource).load()
    return StandardAssetStore([*_package_cards(), *users])


@cache
def _package_cards() -> tuple[AssetMetadataProvider, ...]:
    """Return sonar-space's own cards; parsing them takes half a second."""
    resolver = start_fairseq2()
    from fairseq2.assets import PackageAssetMetadataSource
    from fairseq2.runtime.dependency import wire_object

    return tuple(wire_object(resolver, PackageAssetMetadataSource, package="sonar.cards").load())
