"""What a prompt tells and a text does not."""

from __future__ import annotations

import pytest

from concepts.library.untold import MOST, untold

TEXT = (
    "Feed the dog twice a day. A vegan dinner takes 30 minutes, about 1,200 steps and five pans, twenty in all. "
    "Tuesdays rest."
)


@pytest.mark.parametrize(
    ("prompt", "lacks"),
    [
        ("a vegan dinner in 30 minutes with 5 pans, 20 in all", []),
        ("a vegan dinner without an oven, 104 kg, 1200 steps", ["oven", "104 kg"]),
        (
            "please write me a complete guide to dogs",
            [],
        ),  # words about the text, and another form of the word
        (
            "Dinner for Oskar, who has asthma. Oskar is 7 and 2.5 metres away",
            ["Oskar", "asthma", "7", "2.5 metres"],
        ),
        ("on tuesday, my cat's boiler", ["boiler"]),  # everyday words tell little
        ("the month and the place", []),
        ("6 by 9 metres, 3,400 a month, B1 before", ["6", "9 metres", "3,400"]),
        ("", []),
    ],
)
def test_numbers_names_and_rare_words_that_the_text_lacks_are_told(prompt: str, lacks: list[str]) -> None:
    assert untold(prompt, [TEXT]) == lacks


def test_the_rarest_are_told_in_the_order_of_the_prompt() -> None:
    names = [f"{number} kg" for number in range(41, 41 + MOST - 1)]
    prompt = f"boiler, {', '.join(names)} and sauerkraut"
    assert untold(prompt, [TEXT]) == [*names, "sauerkraut"]


def test_a_story_need_not_have_the_words_of_its_prompt_but_its_names() -> None:
    prompt = "a ghost story for Oskar, 7"
    assert untold(prompt, [TEXT]) == ["ghost", "Oskar", "7"]
    assert untold(prompt, [TEXT], with_words=False) == ["Oskar", "7"]
