"""Longhand plans and writes long documents in a sentence-embedding space.

`longhand.open()` is the Python interface, `longhand` the command line; both call the same functions.
Importing this package imports nothing else: its names are imported at their first use.
"""

TYPE_CHECKING = False
"""As in typing, which takes 10 ms to import; Ctrl-C is not handled before this module ends (longhand/__main__.py)."""

if TYPE_CHECKING:
    from concepts.errors import LonghandError
    from longhand.api import Document, Longhand, Outline, open
    from longhand.outline.drafts import Add, Drop, EditError, Move, SetHeading, SetLength

__version__ = "0.1.0"

__all__ = [
    "Add",
    "Document",
    "Drop",
    "EditError",
    "Longhand",
    "LonghandError",
    "Move",
    "Outline",
    "SetHeading",
    "SetLength",
    "__version__",
    "open",
]

_HOMES = {
    **dict.fromkeys(("Document", "Longhand", "Outline", "open"), "longhand.api"),
    **dict.fromkeys(
        ("Add", "Drop", "EditError", "Move", "SetHeading", "SetLength"), "longhand.outline.drafts"
    ),
    "LonghandError": "concepts.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
