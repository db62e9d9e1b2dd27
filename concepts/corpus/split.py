"""The split of a document: a pure function of its identity, so a rebuild never moves one."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from concepts.corpus.records import Document

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

HELD_OUT_PACKAGES = frozenset(
    ("gedit-common", "pitivi", "meld", "file-roller", "cheese-common", "kmymoney-common")
)
"""Help packages kept for acceptance: no model may train on them."""
HELD_OUT_APPS = frozenset(("gedit", "pitivi", "meld", "file-roller", "cheese", "kmymoney"))
"""The same packages as the first part of a page name."""
HELD_OUT_RECIPE_INITIALS = ("V", "Z")
ASKED = "asked/"
"""Beginning of the page names of documents that answer prompts of `longhand evaluate documents`. No model is trained on
them; a library contains them, but evaluated documents are written without them (`Library.most_alike`)."""

_END_MARKS = re.compile(r"[\s.:;,!?…\"»«]+$")

_PERCENT_DEV = 2
_PERCENT_TEST = 2


def split_of(document: Document) -> Split:
    """Return the split of `document`: 2% dev, 2% test, the rest train, by a hash of its identity.

    The held-out help packages, recipes and answers to the prompts of the evaluation are always test. All languages of
    a page agree. A corpus without any dev document gives some of its train documents (`training.corpus.build`).
    """
    if is_held_out(document):
        return "test"
    digest = hashlib.sha256(b"split\n" + document.split_key.encode()).digest()
    percent = int.from_bytes(digest[:4], "big") * 100 / 2**32
    if percent < _PERCENT_DEV:
        return "dev"
    return "test" if percent < _PERCENT_DEV + _PERCENT_TEST else "train"


def same_text(text: str) -> str:
    """Return `text` in a form that is equal for texts a reader takes for the same: lower case, no mark at the end.

    A sentence that introduces a list ends with a colon in a pair and with a full stop in its document.
    """
    return _END_MARKS.sub("", text.casefold())


def is_asked(document: Document) -> bool:
    """Whether `document` answers a prompt of the evaluation."""
    return (document.page or "").startswith(ASKED)


def is_kept_back(document: Document) -> bool:
    """Return whether models are measured on `document`, which answers no prompt of the evaluation."""
    return split_of(document) != "train" and not is_asked(document)


def is_held_out(document: Document) -> bool:
    """Whether `document` belongs to the acceptance set of the corpus."""
    if is_asked(document):
        return True
    if document.kind == "recipe":
        return document.title.upper().startswith(HELD_OUT_RECIPE_INITIALS)
    app = (document.page or "").split("/")[0] if document.page and "/" in document.page else ""
    return document.family in HELD_OUT_PACKAGES or app in HELD_OUT_APPS
