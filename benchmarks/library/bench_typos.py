"""How often a typing error loses the document that leads, with and without the correction of spelling.

    .venv/bin/python benchmarks/library/bench_typos.py [--prompts 100] [--seed 1]

Makes one error (a letter too many, too few, another one, or two exchanged) in the rarest word of five and more letters
of prompts by strangers (`strangers.jsonl`), and searches for the prompt as it was, with the error, and as
`concepts.spelling` reads it. Then prints what the correction changes in all these prompts as they were typed. Takes
four minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path
from string import ascii_lowercase

from torch import Tensor
from wordfreq import zipf_frequency

from concepts.codecs.spaces import load_codec
from concepts.library.outline import find_candidates
from concepts.library.stored import load_library
from concepts.spelling import FEWEST_LETTERS, RAREST, correct
from flows.document.titles import LONGEST_TITLE_PROMPT, names_of

PROMPTS = Path(__file__).with_name("strangers.jsonl")
ENGLISH = "eng_Latn"
_WORD = re.compile(rf"(?<![\w'’-])[a-z]{{{FEWEST_LETTERS},}}(?![\w'’-])")


def main() -> None:
    """Print a row for each document that is lost, and the sums."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    prompts = [json.loads(line)["prompt"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    codec = load_codec(None)

    def encode(texts: list[str]) -> Tensor:
        return codec.encode(texts, ENGLISH)

    library = load_library(None, space_id=codec.space_id, encode=encode)

    def leading(prompt: str) -> str:
        found = find_candidates(library, encode, names_of(prompt, ENGLISH), prompt)
        return found[0].passages[0].title if found else ""

    short = [
        prompt
        for prompt in prompts
        if len(prompt) <= LONGEST_TITLE_PROMPT and not correct(prompt).corrections
    ]
    num, num_kept, num_kept_corrected = 0, 0, 0
    for prompt in rng.sample(short, min(asked.prompts, len(short))):
        typed = with_error(prompt, rng)
        if typed is None:
            continue
        true, found, corrected = leading(prompt), leading(typed), leading(correct(typed).text)
        num, num_kept = num + 1, num_kept + (found == true)
        num_kept_corrected += corrected == true
        if found != true or corrected != true:
            print(f"{typed[:70]!r}: {found[:40]!r}, corrected {corrected[:40]!r}", flush=True)
    print(f"{num} prompts with an error: {num_kept} keep their document, corrected {num_kept_corrected}")
    changed = [change for prompt in prompts for change in correct(prompt).corrections]
    print(f"changed in {len(prompts)} prompts as typed:", *(f"{c.typed} to {c.meant};" for c in changed))


def with_error(prompt: str, rng: random.Random) -> str | None:
    """Return a prompt with an error in its rarest everyday word; None if it has no such word."""
    words = [word for word in _WORD.findall(prompt) if zipf_frequency(word, "en") >= RAREST]
    if not words:
        return None
    word = min(words, key=lambda word: zipf_frequency(word, "en"))
    at, letter = rng.randrange(1, len(word)), rng.choice(ascii_lowercase)
    before, after = word[:at], word[at:]
    error = rng.choice(
        [before + letter + after, before + after[1:], before + letter + after[1:], exchanged(before, after)]
    )
    return None if error == word else re.sub(rf"\b{word}\b", error, prompt, count=1)


def exchanged(before: str, after: str) -> str:
    """Return a word whose two letters behind the cut, or the last two, are exchanged."""
    return before + after[1] + after[0] + after[2:] if len(after) > 1 else before[:-1] + after + before[-1]


if __name__ == "__main__":
    main()
