"""Options survive the store's JSON and refuse what no document can be."""

from __future__ import annotations

import json

import pytest

from concepts.errors import InputError, LonghandError, UsageError
from flows.document.asked.options import WritingOptions


@pytest.mark.parametrize(
    "options",
    [
        WritingOptions(),
        WritingOptions(sections=12, depth=2, goal="The end.", beam_size=5, prompt_lang="eng_Latn"),
        WritingOptions(outline=(("1", "First"), ("1.1", "Under it"))),
        WritingOptions(review=True, plan_only=True),
        WritingOptions(steps=24, guidance=1.5),
    ],
)
def test_params_round_trip(options: WritingOptions) -> None:
    params = json.loads(json.dumps(options.to_params()))
    assert WritingOptions.from_params({**params, "something": "else"}) == options


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ({"sections": 0}, UsageError, "sections is 0: expected a whole number from 1"),
        ({"sections": -3}, UsageError, "sections is -3"),
        ({"depth": True}, UsageError, "depth is True"),
        ({"steps": 0}, UsageError, "--steps is 0: give a number of diffusion steps from 1 to 100"),
        ({"steps": 101}, UsageError, "--steps is 101"),
        ({"steps": True}, UsageError, "--steps is True"),
        ({"guidance": 0.5}, UsageError, r"--guidance is 0.5: give a number from 1 \(none\) to 10"),
        ({"guidance": 11}, UsageError, "--guidance is 11"),
        ({"guidance": float("nan")}, UsageError, "--guidance is nan"),
        ({"beam_size": 1.5}, UsageError, "beam size is 1.5"),
        ({"outline": (("1", " "),)}, InputError, "a heading"),
        ({"outline": (("one", "x"),)}, InputError, "a path like 2.1"),
        ({"outline": (("1", "x"), ("1", "y"))}, InputError, "occurs twice"),
        ({"outline": (("2.1", "x"),)}, InputError, "under a part that is not there"),
    ],
)
def test_bad_options_are_refused(values: dict[str, object], kind: type[LonghandError], message: str) -> None:
    with pytest.raises(kind, match=message):
        WritingOptions(**values)  # type: ignore[arg-type]


def test_a_writer_is_measured_with_the_beams_of_a_document() -> None:
    from concepts.codecs.codec import BEAM_SIZE

    assert WritingOptions().beam_size == BEAM_SIZE


def test_how_to_draw_names_only_what_was_asked_for() -> None:
    assert WritingOptions().drawing.changes() == {}
    assert WritingOptions(steps=3).drawing.changes() == {"num_steps": 3}
    asked = WritingOptions(steps=3, guidance=2.5).drawing.changes()
    assert asked == {"num_steps": 3, "guidance_scale": 2.5}
