"""Truecasing: names in lower-case text get their capitals."""

from __future__ import annotations

import json
import lzma
from importlib.resources import files

import pytest

from concepts.truecase import truecased
from training.sources.proper_nouns import main, proper_nouns


@pytest.mark.parametrize(
    ("text", "cased"),
    [
        ("a week in japan and north korea", "a week in Japan and north Korea"),
        ("dna and the nasa", "DNA and the NASA"),
        ("what i'm told", "what I'm told"),
        ("china's wall", "China's wall"),
        ("i think", "I think"),
        ("peening vs grinding", "peening vs grinding"),
        ("make a nice bath", "make a nice bath"),
        ("", ""),
    ],
)
def test_names_get_capitals_and_words_do_not(text: str, cased: str) -> None:
    assert truecased(text) == cased


def test_every_name_is_written_with_a_capital() -> None:
    names = (files("concepts") / "proper_nouns.txt").read_text(encoding="utf-8").splitlines()
    assert len(names) > 3000 and names == sorted(names)
    assert all(name[0].isupper() for name in names)
    assert not {"The", "And", "Will", "May", "Polish"} & set(names)


def test_a_name_is_a_word_with_a_capital_inside_sentences(tmp_path) -> None:
    sentences = ["The River Po is in Italy."] * 3 + [
        "Bread in Italy's north.",
        "Water of the river.",
        'A "Water" sign.',
    ]
    assert proper_nouns(sentences * 2) == ["Italy", "Po"]
    document = {"sections": [{"paragraphs": [sentences, sentences]}]}

    with lzma.open(tmp_path / "documents.xz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(document) + "\n")
    main(tmp_path / "documents.xz", tmp_path / "names.txt")
    assert (tmp_path / "names.txt").read_text() == "Italy\nPo\n"
