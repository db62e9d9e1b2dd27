"""Starting fairseq2 so that sonar-space works on a bare machine, and registering every space's cards.

fairseq2's native part needs `libsndfile.so.1`. The soundfile wheel carries that library under another
file name; loaded with its symbols visible first, no system package is needed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import ModelError
from concepts.models.postponed import postponed_imports

if TYPE_CHECKING:
    from fairseq2.assets import AssetCard
    from fairseq2.runtime.dependency import DependencyContainer, DependencyResolver

_containers: set[int] = set()


def load_libsndfile() -> Path | None:
    """Load the soundfile wheel's libsndfile and return its path; None: the system's library is used."""
    spec = importlib.util.find_spec("_soundfile_data")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob("libsndfile*.so*")):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            return path
    return None


@cache
def start_fairseq2() -> DependencyResolver:
    """Initialise fairseq2 once in this process, with the cards of all known spaces, and return its resolver.

    Call it before anything of fairseq2 is imported: importing it needs libsndfile, which this loads.

    Raises ModelError when the native part cannot be loaded.
    """
    with postponed_imports():
        return _start()


def _start() -> DependencyResolver:
    try:
        load_libsndfile()
        import fairseq2
    except (ImportError, OSError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(f"sonar-space cannot be loaded ({first}); run `longhand doctor`") from error
    logging.getLogger("fairseq2").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Without a terminal its progress bars come out as blank lines.
        no_progress = None if sys.stderr.isatty() else True
        return fairseq2.init_fairseq2(extras=register_spaces, no_progress=no_progress)


def register_spaces(container: DependencyContainer) -> None:
    """Register the asset cards of every known space with fairseq2, once for each container.

    Installed, this is a `fairseq2.extension` entry point too, so any fairseq2 program knows the cards.
    """
    if id(container) in _containers:
        return
    _containers.add(id(container))
    from fairseq2.composition.assets import register_file_assets

    from concepts.models.card import list_cards

    # By name, the last of a name winning as in find_card: fairseq2 refuses two assets of one name.
    spaces = {card.name: card for card in list_cards() if card.kind == "space"}
    for card in spaces.values():
        register_file_assets(container, card.folder / "cards.yaml", not_exist_ok=True)


def read_asset_card(folder: Path, name: str) -> AssetCard:
    """Return the fairseq2 card `name` in a space's folder, ignoring other cards of that name.

    Looking the name up in fairseq2 could load another folder's model than the verified one, and would miss folders
    that are given by path or were added after fairseq2's start.
    """
    resolver = start_fairseq2()
    from fairseq2.assets import StandardAssetStore
    from fairseq2.assets.metadata_provider import FileAssetMetadataLoader

    loader = resolver.resolve(FileAssetMetadataLoader)  # type: ignore[type-abstract]
    return StandardAssetStore([loader.load(folder / "cards.yaml")]).retrieve_card(name)
