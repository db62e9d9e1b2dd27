"""The prompts of an evaluation: general prompts, a file of them, or the titles of held-out documents."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import InputError
from flows.document.asked.prompts import check_prompt
from longhand.evaluation.texts import DocumentText, text_of_corpus

if TYPE_CHECKING:
    from concepts.corpus import Document

GENERAL, TITLES = "general", "titles"
NUM_REFERENCES = 80
"""Held-out documents among which a title's own document must be found."""
MIN_SENTENCES = 5
MIN_SECTIONS = 2
MANUALS_PER_RECIPE = 2


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt, with the true document if it is a held-out title."""

    number: int
    """Its number in the set, from 1, which also names its files."""
    text: str
    true: DocumentText | None = None


@dataclass(frozen=True, kw_only=True)
class PromptSet:
    """The prompts of an evaluation, and the reference texts for judging a document's topic."""

    name: str
    prompts: tuple[Prompt, ...]
    references: tuple[str, ...]
    """The n-th reference, from 1, belongs to prompt n: the true document's words, or the prompt itself. There may be
    more references than prompts."""


def load_prompts(name: str, corpus: Path, num_prompts: int) -> PromptSet:
    """Return the first `num_prompts` prompts of a set: `general`, `titles` (of `corpus`), or a file's name.

    A set with fewer prompts is used completely. Raises InputError for an unusable file.
    """
    if name == TITLES:
        return _held_out(corpus, num_prompts)
    if name == GENERAL:
        texts = read_prompts(
            resources.files("longhand.evaluation").joinpath("prompts/general.txt").read_text("utf-8")
        )
    else:
        texts = _file_prompts(Path(name))
    prompts = tuple(Prompt(number=n, text=text) for n, text in enumerate(texts[:num_prompts], start=1))
    return PromptSet(
        name=GENERAL if name == GENERAL else Path(name).stem, prompts=prompts, references=tuple(texts)
    )


def read_prompts(text: str) -> list[str]:
    """Return the prompts of a file, one a line; blank lines are left out."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _file_prompts(path: Path) -> list[str]:
    try:
        texts = read_prompts(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the prompts {path} cannot be read ({type(error).__name__}): name a text file with one prompt a line, "
            f"{GENERAL} or {TITLES}"
        ) from None
    if not texts:
        raise InputError(f"{path} holds no prompt: write one a line")
    return [check_prompt(text, f"line {n} of {path}'s prompts") for n, text in enumerate(texts, start=1)]


def _held_out(corpus: Path, num_prompts: int) -> PromptSet:
    """Return titles of English documents of the split "test": two manuals, then a recipe, each in the order of ids."""
    from concepts.corpus.records import PLANNED_KINDS
    from training.corpus.store import load_documents

    chosen: dict[str, Document] = {}
    documents = load_documents(corpus, lang="eng_Latn", split="test", kinds=PLANNED_KINDS)
    for document in sorted(documents, key=lambda document: document.document_id):
        sections = [section for section in document.sections if section.sentences]
        if len(sections) >= MIN_SECTIONS and len(document.sentences) >= MIN_SENTENCES:
            chosen.setdefault(document.title.casefold(), document)
    if not chosen:
        raise InputError(
            f"{corpus} has no English test document of {MIN_SECTIONS} sections or more: import more documents, "
            f"or evaluate with --prompts {GENERAL}"
        )
    true = [text_of_corpus(document) for document in _mixed(list(chosen.values()))]
    prompts = [
        Prompt(number=n, text=text.title, true=text) for n, text in enumerate(true[:num_prompts], start=1)
    ]
    # The title counts three times, as in benchmarks/bench_topics.py.
    references = [
        " ".join([text.title] * 3 + list(text.sentences)) for text in true[: max(NUM_REFERENCES, num_prompts)]
    ]
    return PromptSet(name=TITLES, prompts=tuple(prompts), references=tuple(references))


def _mixed(documents: list[Document]) -> list[Document]:
    """Return documents with a recipe after every two others, then the rest; the corpus has more recipes."""
    recipes = [document for document in documents if document.kind == "recipe"]
    others = [document for document in documents if document.kind != "recipe"]
    mixed: list[Document] = []
    while others or recipes:
        mixed += others[:MANUALS_PER_RECIPE] + recipes[:1]
        others, recipes = others[MANUALS_PER_RECIPE:], recipes[1:]
    return mixed
