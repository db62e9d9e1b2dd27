"""The judge that knows words alone."""

from __future__ import annotations

from longhand.evaluation.words import nearest_topics

DOCUMENTS = ("Knead the dough and bake the bread.", "Print the page on the printer.", "Prune the old roses.")


def test_a_text_is_given_to_the_document_that_shares_its_rare_words() -> None:
    texts = ["The bread needs dough.", "the the the printer", "ROSES!"]
    assert nearest_topics(texts, DOCUMENTS, DOCUMENTS) == [0, 1, 2]


def test_a_word_that_all_sentences_hold_says_nothing() -> None:
    assert nearest_topics(["the the the roses"], DOCUMENTS, DOCUMENTS) == [2]
