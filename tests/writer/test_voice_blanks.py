"""What a voice makes of a prompt's facts: chances that are the model's own, and blanks that the shipped voice fills."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaForCausalLM

from concepts.blanks import assign, blanks_of, facts_of, takes
from tests.writer.toy_voice import WordTokenizer, toy_adapter, toy_voice
from writer.voice.voice import Voice

FILLED: list[tuple[str, dict[str, str]]] = [
    ("best man speech for my brother Danny who marries Priya", {"groom": "Danny", "bride": "Priya"}),
    (
        "Write a letter to my landlord Mr. Keller about the heating. It has been broken since November 12",
        {"landlord's name": "Mr. Keller", "date of the first fault": "November 12", "your name": ""},
    ),
    (
        "write a letter to my landlord Mr Okafor, the heating has been broken since November 12",
        {
            "landlord's name": "Mr Okafor",
            "date since when the heating is broken": "November 12",
            "deadline for the repair": "",
            "date of the first letter": "",
            "last deadline for the repair": "",
        },
    ),
    (
        "resignation letter to my manager Sarah Thompson, my last day is March 31",
        {"manager's name": "Sarah Thompson", "last day": "March 31", "your name": "", "position": ""},
    ),
    (
        "write a eulogy for my grandmother Rosa who was a nurse for 40 years",
        {"grandmother's name": "Rosa", "number of years": "40 years", "place": ""},
    ),
    (
        "thank you email to Dr. Patel after my interview for data analyst at Finch Ltd",
        {"interviewer's name": "Dr. Patel", "name of the company": "Finch Ltd", "position": ""},
    ),
    (
        "bedtime story for my daughter Mia who is 4 and scared of the dark, with her stuffed rabbit in it",
        {"girl's name": "Mia"},
    ),
    ("a bedtime story about dinosaurs for Oskar", {"boy's name": "Oskar"}),
    ("letter to school: my son Leo had flu", {"child's name": "Leo", "teacher's name": ""}),
    (
        "letter of recommendation for my student Aisha Khan who applies to Stanford",
        {"student's name": "Aisha Khan", "name of the university": "Stanford", "subject": ""},
    ),
    (
        "apology email to customer Mrs. Olsen, her order 4471 came two weeks late",
        {
            "customer's name": "Mrs. Olsen",
            "name of the company": "",
            "order number": "4471",
            "invoice number": "",
        },
    ),
    (
        "complaint to Northwind Airlines about flight NW204 cancelled on 3 May, I want 400 euros back",
        {
            "flight number": "NW204",
            "booking number": "",
            "name of the airline": "Northwind Airlines",
            "name of the dispute body": "",
        },
    ),
    (
        "a short story about a girl named Pip and her dog Bruno",
        {"girl's name": "Pip", "dog's name": "Bruno", "grandmother's name": "", "town's name": ""},
    ),
    (
        "story about an old fisherman called Tomasz in Gdansk and his granddaughter Ola",
        {"man's name": "Tomasz", "girl's name": "Ola", "town's name": "Gdansk"},
    ),
    (
        "love story between Nora and Matteo in Rome",
        {"woman's name": "Nora", "man's name": "Matteo", "town's name": "Rome"},
    ),
    (
        "story of a knight, Sir Aldric, and a witch named Morwen",
        {"knight's name": "Sir Aldric", "witch's name": "Morwen"},
    ),
    (
        "ghost story for teens, heroine Zadie, in the village of Thornby",
        {"woman's name": "Zadie", "village's name": "Thornby", "friend's name": ""},
    ),
]
"""Prompts, and what fills the blanks of their letters; "" for a blank whose value the prompt does not tell."""
FEWEST = 28


@pytest.fixture(scope="module")
def shipped() -> Voice:
    from concepts.codecs.spaces import load_codec
    from writer.voice.base import load_voice

    codec = load_codec(None)
    return load_voice(None, space_id=codec.space_id, encode=lambda texts: codec.encode(texts, "eng_Latn"))


@torch.inference_mode()
def test_chances_are_those_of_each_text_alone(base: LlamaForCausalLM) -> None:
    speaker = toy_voice(base, toy_adapter(base))._speaker
    pairs = [
        ("Boil the water.", " pour tea"),
        ("Boil", " the hot water now"),
        ("Boil the water.", " cold"),
    ] * 20
    tokens = WordTokenizer()
    plain = LlamaForCausalLM._from_config(base.config, attn_implementation="eager").eval()
    plain.load_state_dict(base.state_dict())
    for (prefix, text), found in zip(pairs, speaker.chances(pairs), strict=True):
        start = tokens(prefix)["input_ids"]
        own = tokens(text)["input_ids"]
        chances = plain(torch.tensor([start + own])).logits[0].log_softmax(dim=1)
        total = sum(float(chances[len(start) - 1 + n, token]) for n, token in enumerate(own))
        assert found == pytest.approx(total, abs=1e-4)


def test_the_shipped_voice_fills_blanks_from_a_prompt_and_none_wrongly(shipped: Voice) -> None:
    num = 0
    for prompt, expected in FILLED:
        facts = facts_of(prompt)
        named = blanks_of(f"[{blank}]" for blank in expected)
        blanks = [blank for blank in named if any(takes(blank, fact) for fact in facts)]
        odds = shipped.weigh_facts(prompt, blanks, [fact.text for fact in facts])
        values = assign(blanks, facts, odds)
        assert {blank: expected[blank] for blank in values} == values
        num += len(values)
    assert num >= FEWEST
