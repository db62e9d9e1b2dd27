"""A prompt that was said: its concept is the prompt, its words are decoded, and it stays in its space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from concepts.errors import SpaceMismatchError
from flows.document.asked.options import SpokenPrompt, WritingOptions
from flows.document.engine import Text
from flows.document.prompting import encode_prompt
from storage import Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import DIM, FakeEngine, vectors

Make = Callable[..., Any]
SAID = vectors((DIM,), "said")


def spoken(space: str = "fake@space1", goal: str | None = None) -> WritingOptions:
    return WritingOptions(sections=2, goal=goal, speech=SpokenPrompt.pack("prompt.wav", space, SAID))


def test_it_is_kept_as_it_was_said() -> None:
    options = spoken()
    again = WritingOptions.from_params(options.to_params())
    assert again == options and again.speech is not None
    assert np.array_equal(again.speech.unpack(), SAID)
    assert WritingOptions.from_params({}).speech is None  # of a document from before there was speech


@pytest.mark.parametrize("goal", [None, "Everybody can open it. All is safe."])
def test_the_concept_that_was_said_is_the_prompt(
    store: Store, new_document: Make, new_job: Make, goal: str | None
) -> None:
    class Listening(FakeEngine):
        def render(self, vectors: Any, lang: str, **how: Any) -> list[Text]:
            asked.append(lang)
            return super().render(vectors, lang, **how)

    asked: list[str] = []
    engine = Listening()
    document_id = new_document(store, spoken(goal=goal))
    job = new_job(store, document_id, engine)
    encode_prompt(job)
    assert asked == ["eng_Latn"]
    prompt, *goals = store.get_prompt(document_id)
    assert np.array_equal(prompt.vector, SAID)
    beams = WritingOptions().beam_size
    assert prompt.text == engine.render(SAID[None], "eng_Latn", beam_size=beams)[0].text
    assert store.get_document(document_id).title == prompt.text.removesuffix(".")
    if goal is not None:
        expected = engine.encode(["Everybody can open it.", "All is safe."], "eng_Latn")
        assert np.array_equal(np.stack([concept.vector for concept in goals]), expected)
    assert [concept.role for concept in goals] == ["goal"] * (0 if goal is None else 2)


def test_a_document_is_written_from_it(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, spoken())
    run_steps(new_job(store, document_id))
    assert store.get_document(document_id).status == "done"


def test_it_is_not_read_in_another_space(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, spoken(space="sonar@0123"))
    with pytest.raises(SpaceMismatchError, match=r"prompt\.wav was encoded in the space sonar@0123"):
        encode_prompt(new_job(store, document_id))
