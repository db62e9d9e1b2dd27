"""Prints twenty held-out sentences with their round trip and their translations, as Markdown; see languages.sh."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from concepts.codecs.codec import BEAM_SIZE, Codec
from concepts.codecs.translation import SPACE, Translator
from concepts.space.extension import pieces_of
from training.space.evaluate_languages import read_held

NUM_SENTENCES = 20
LANGS = ("deu_Latn", "fra_Latn", "spa_Latn")
LENGTHS = range(4, 26)
"""Pieces of a sentence."""


def main() -> None:
    """Take the corpus' folder from the command line."""
    codec = Codec.load(SPACE)
    held = read_held(Path(sys.argv[1]), LANGS).by_english
    found = sorted(english for english, texts in held.items() if len(texts) == 4)
    counts = map(len, pieces_of(codec.card, "eng_Latn").encode(found))
    fitting = [english for english, num in zip(found, counts, strict=True) if num in LENGTHS]
    random.Random(0).shuffle(fitting)
    chosen = sorted(fitting[:NUM_SENTENCES], key=len)
    said = {lang: Translator(codec).translate(chosen, "eng_Latn", lang) for lang in LANGS}
    own = {
        lang: _there_and_back(codec, [held[english][lang] for english in chosen], lang)
        for lang in ("eng_Latn", *LANGS)
    }
    print("# Twenty held-out sentences\n")
    print(
        "Drawn at random from the test pairs, none chosen or edited; *there and back* is the same language encoded"
    )
    print("and decoded, *from English* what is decoded of the English sentence's concept.\n")
    for row, english in enumerate(chosen):
        print(f"## {row + 1}. {english}\n\n| | given | there and back | from English |\n|---|---|---|---|")
        print(f"| eng_Latn | {_cell(english)} | {_cell(own['eng_Latn'][row])} | |")
        for lang in LANGS:
            cells = (held[english][lang], own[lang][row], said[lang][row])
            print(f"| {lang} | {' | '.join(map(_cell, cells))} |")
        print()


def _there_and_back(codec: Codec, texts: list[str], lang: str) -> list[str]:
    vectors = codec.encode(texts, lang)
    return codec.decode(vectors, lang, beam_size=BEAM_SIZE)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
