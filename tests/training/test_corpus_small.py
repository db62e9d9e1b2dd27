"""Small folders train: a tenth is held out to measure on, and what cannot train says why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from concepts.corpus.split import split_of
from concepts.errors import InputError
from training.corpus.build import build_corpus
from training.corpus.store import load_documents

TOOLS = (
    "hammer",
    "saw",
    "drill",
    "plane",
    "chisel",
    "rasp",
    "vice",
    "square",
    "level",
    "clamp",
    "brush",
    "file",
)


def write_pages(folder: Path, number: int) -> None:
    folder.mkdir()
    for n in range(number):
        tool = f"{TOOLS[n % len(TOOLS)]} {n // len(TOOLS) + 1}"
        (folder / f"{n}.md").write_text(
            f"# How to use {tool}\n\n## Prepare\n\nLook at {tool} before you use it. Put on your gloves.\n\n"
            f"## Store\n\nPut {tool} back in its box. Do not leave {tool} in the rain.\n"
        )


@pytest.mark.parametrize(("number", "held_out"), [(2, 1), (3, 1), (12, 1), (24, 2)])
def test_a_folder_without_a_dev_document_gives_a_tenth(tmp_path: Path, number: int, held_out: int) -> None:
    write_pages(tmp_path / "pages", number)
    report = build_corpus([tmp_path / "pages"], tmp_path / "corpus")
    documents = list(load_documents(tmp_path / "corpus"))
    if any(split_of(document) == "dev" for document in documents):
        pytest.skip("the hash gave this folder a dev document")
    splits = Counter(
        split
        for split in ("train", "dev")
        for _ in load_documents(tmp_path / "corpus", split=split)  # type: ignore[arg-type]
    )
    assert splits["dev"] == held_out
    assert splits["train"] >= number - held_out - 1
    counted = {
        split: sum(n for k, n in report.documents.items() if k.endswith(f" {split}"))
        for split in ("train", "dev")
    }
    assert counted == dict(splits)
    assert report.sentences["eng_Latn dev"] == sum(
        len(document.sentences) for document in load_documents(tmp_path / "corpus", split="dev")
    )
    again = build_corpus([tmp_path / "pages"], tmp_path / "again")
    assert again.documents == report.documents


def test_nothing_usable_says_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "code.md").write_text("# A\n\n```\nx = 1\n```\n")
    with pytest.raises(InputError, match=r"no usable document .unreadable: no text: 1"):
        build_corpus([tmp_path / "pages"], tmp_path / "corpus")
