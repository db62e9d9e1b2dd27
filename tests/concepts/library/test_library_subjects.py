"""A long prompt finds the document on its subject, whatever its asker tells of themselves."""

from __future__ import annotations

from dataclasses import replace

from concepts.library import outline, subjects
from concepts.library.library import CASES, Library, Passage
from concepts.library.stored import EMPTY
from concepts.library.subjects import find_title, nearest_title
from tests.concepts.library.toy_library import encode


def document(title: str, *sentences: str) -> list[Passage]:
    return [Passage(title, f"{title} part {n}", (sentence,) * 3) for n, sentence in enumerate(sentences)]


SLUGS = document(
    "Slugs garden", "Hostas attract slugs after rain.", "Copper tape stops slugs, beer traps catch them."
)
HEDGEHOG = document("Hedgehog garden", "A hedgehog needs leaves and water.", "Hedgehogs sleep in winter.")
LETTER = document(
    "Letter landlord", "Dear landlord, the heating fails in our flat since October.", "Repair the boiler."
)
HEATING = document("Heating flat", "The heating fails, the landlord must repair it.", "A boiler needs care.")
LIBRARY = Library.of([*SLUGS, *HEDGEHOG, *LETTER, *HEATING], encode, least_likeness=0.0)
RAMBLE = (
    "We live in Wales with a spaniel and a hedgehog. I have tried copper tape and beer traps on the slugs, "
    "and the hostas look like lace after every rain. What works?"
)


def test_the_words_of_a_prompt_tell_its_subject() -> None:
    assert nearest_title(LIBRARY, encode, RAMBLE)[0] == "Slugs garden"


def test_a_document_that_is_worth_too_little_gives_no_title(monkeypatch) -> None:
    worth = nearest_title(LIBRARY, encode, RAMBLE)[1]
    monkeypatch.setattr(subjects, "LEAST_WORTH", worth - 0.01)
    assert find_title(LIBRARY, encode, RAMBLE) == "Slugs garden"
    assert find_title(EMPTY, encode, RAMBLE) == ""
    monkeypatch.setattr(subjects, "LEAST_WORTH", worth + 0.01)
    assert find_title(LIBRARY, encode, RAMBLE) == ""


def test_the_requested_kind_of_text_decides() -> None:
    prompt = "The heating fails in our flat since October. The landlord must repair the boiler."
    assert nearest_title(LIBRARY, encode, prompt)[0] == "Heating flat"
    assert nearest_title(LIBRARY, encode, prompt, "a letter to him")[0] == "Letter landlord"


def test_a_document_of_cases_or_with_a_far_number_is_no_subject() -> None:
    cases = [
        replace(p, title=f"Slugs garden hostas{CASES}", heading=f"Slugs {n}") for n, p in enumerate(SLUGS)
    ]
    fortnight = document("Slugs garden fourteen days", *(" ".join(p.sentences) for p in SLUGS))
    library = Library.of([*cases, *fortnight, *HEDGEHOG], encode, least_likeness=0.0)
    assert nearest_title(library, encode, RAMBLE)[0] == "Slugs garden fourteen days"
    assert nearest_title(library, encode, f"{RAMBLE} I have two days.")[0] == "Hedgehog garden"


def test_a_story_for_a_daughter_is_none_for_a_son() -> None:
    told = document("Story rabbit stars", "The rabbit could not sleep and counted stars.")
    for_girl = [replace(p, prompt="story for my daughter") for p in told]
    for_boy = [replace(p, prompt="story for my son") for p in document("Story lion", "The lion ran.")]
    library = Library.of([*for_girl, *for_boy], encode, least_likeness=0.0)
    for child, title in (("daughter", "Story rabbit stars"), ("son", "Story lion")):
        prompt = f"My {child} cannot sleep. A story with a rabbit that counts stars, please."
        assert nearest_title(library, encode, prompt)[0] == title


STORIES = [
    *(
        replace(p, prompt="ghost story in a lighthouse")
        for p in document("The last lamp", "Ana lit the lamp.")
    ),
    *(replace(p, prompt="poem about rain") for p in document("Grey drops", "Rain fell on the lighthouse.")),
    *(
        replace(p, prompt="how do lighthouses work")
        for p in document("Lighthouse lamps", "A lamp has a lens.")
    ),
    *(replace(p, prompt="how to write a ghost story") for p in document("Ghost story craft", "Begin late.")),
]
SHELF = Library.of(STORIES, encode, least_likeness=0.0)


def test_who_asks_for_a_story_gets_the_title_of_one() -> None:
    assert find_title(SHELF, encode, "ghost story in an old lighthouse") == "The last lamp"
    assert find_title(SHELF, encode, "a ghost story in a cinema, please") == "The last lamp"
    told = "My aunt kept a lighthouse. Please write a poem about rain that I may read to her."
    assert find_title(SHELF, encode, told, "a poem about rain that I may read to her") == "Grey drops"


def test_a_short_request_is_looked_for_with_its_whole_prompt() -> None:
    told = "All day rain beat on the roof. Please write a poem I can frame."
    other = [replace(p, prompt="poem I can frame") for p in document("Gold edge", "A frame of gold.")]
    wanted = "poem about rain on the roof all day"
    rain = [replace(p, prompt=wanted) for p in document("Rain beat", "All day rain beat on the roof.")]
    shelf = Library.of([*STORIES, *other, *rain], encode, least_likeness=0.0)
    assert find_title(shelf, encode, told, "a poem I can frame") == "Rain beat"


def test_a_story_on_another_subject_altogether_gives_no_title(monkeypatch) -> None:
    monkeypatch.setattr(outline, "LEAST_OF_KIND", 2.0)
    assert find_title(SHELF, encode, "ghost story in an old lighthouse") == ""


def test_the_nearest_texts_of_a_kind_are_read_however_many_others_are_nearer(monkeypatch) -> None:
    for name in ("NUM_BY_NAME", "NUM_BY_SECTION"):
        monkeypatch.setattr(subjects, name, 1)
    monkeypatch.setattr(outline, "NUM_BY_WORDS", 0)
    told = "The heating fails in our flat since October. The landlord must repair the boiler."
    assert nearest_title(LIBRARY, encode, told)[0] == "Heating flat"
    assert nearest_title(LIBRARY, encode, told, "a letter to him")[0] == "Letter landlord"
