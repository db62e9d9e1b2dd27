"""Typing errors in prompts are read as the words that were meant; rare words and names are none."""

from __future__ import annotations

import json
import lzma
import time
from importlib.resources import files

import pytest

from concepts.library.untold import untold
from concepts.spelling import Corrected, Correction, correct, meant_by, more_frequent
from training.sources.rare_words import main, rare_words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("how to stop my dog puling on the lead", "how to stop my dog pulling on the lead"),
        ("Recipie for chiken soup", "Recipe for chicken soup"),
        ("becuase of the enviroment", "because of the environment"),
        ("fourty roomates", "forty roommates"),
        ("A GARANTEE LETTER", "A GUARANTEE LETTER"),
        ("a letter to the goverment.", "a letter to the government."),
        ("Whats in it, im sure they dont know", "What's in it, I'm sure they don't know"),
        ("ive eggs that arent mine, DONT", "I've eggs that aren't mine, DONT"),
        ("WHATS NEW", "WHAT'S NEW"),
    ],
)
def test_the_word_that_was_meant_is_read(text: str, read: str) -> None:
    assert correct(text).text == read


@pytest.mark.parametrize(
    "text",
    [
        "plaice beside a ficus",  # a word of the library
        "repot a birder",  # everyday words with a beginning or an ending
        "colour of aluminium",
        "a guide to Chiken and iPhnoe",  # names
        'how to spell "recieve" and “goverment”',
        "see docs/recieve.md, recieve@example.org and recieve.py",
        "grandmother's shouldn't won’t",
        "tpyo",
        "",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert correct(text) == Corrected(text)


@pytest.mark.parametrize("piece", ["a", "é", "a.", ". A", '"', "“", "1 ", "@ "])
def test_long_rows_are_read_in_seconds(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    began = time.process_time()
    assert correct(text).text == text
    untold(text, ["Tea."])
    assert time.process_time() - began < 10.0


def test_a_correction_is_told_once() -> None:
    read = correct("recieve, recieve and beleive")
    assert read.text == "receive, receive and believe"
    assert read.corrections == (Correction("recieve", "receive"), Correction("beleive", "believe"))


def test_a_rarer_word_needs_more_where_the_error_is_no_common_slip() -> None:
    assert more_frequent("accomodation") == "accommodation"  # a letter once instead of twice
    assert (
        more_frequent("intestate") is None
    )  # "interstate" is more frequent by less than a slip's gap of a letter


def test_every_rare_word_would_be_corrected_but_for_the_list() -> None:
    words = (files("concepts") / "rare_words.txt").read_text(encoding="utf-8").split()
    assert len(words) > 1000 and words == sorted(set(words))
    some = words[::50]
    assert all(more_frequent(word) is not None and meant_by(word) is None for word in some)


def test_rare_words_are_those_of_titles_prompts_headings_and_texts(tmp_path) -> None:
    assert rare_words(["Plaice, the ficus", "and döner"]) == ["doner", "ficus", "plaice"]
    document = {
        "title": "Plaice",
        "prompt": "ficus",
        "sections": [{"heading": "Conching", "paragraphs": [["A fasta."]]}],
    }
    with lzma.open(tmp_path / "documents.xz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(document) + "\n")
    main(tmp_path / "documents.xz", tmp_path / "words.txt")
    assert (tmp_path / "words.txt").read_text().split() == ["conching", "fasta", "ficus", "plaice"]
