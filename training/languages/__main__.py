"""Teaching the default space German, French and Spanish.

    python -m training.languages --corpus CORPUS --translations FILE --out RUN [--steps 2000]

`--corpus`: a corpus with pairs (`longhand corpus import`). `--translations`: the library's translations, a file.
Dictionaries are read from the folders that Debian's packages install them to (`--share`). Goes on from the last
checkpoint; Ctrl-C ends after the current step.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from concepts.codecs.spaces import load_codec
from concepts.library.stored import DOCUMENTS_FILE
from concepts.models.card import ModelCard
from concepts.models.installed import find_card
from concepts.quiet import quiet_transformers
from training.languages.encoder import EncoderTrainingConfig, prepare, train_encoder
from training.languages.texts import (
    is_held,
    library_frequency,
    read_lexicons,
    read_pairs,
    read_translated,
    sample,
)
from training.loop import Progress


def main() -> None:
    """Train, with a line every 50 steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--translations", type=Path, required=True)
    parser.add_argument("--share", type=Path, default=Path("/usr/share"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int)
    asked = parser.parse_args()
    config = EncoderTrainingConfig()
    if asked.steps:
        config = replace(config, loop=replace(config.loop, num_steps=asked.steps))
    frequency = library_frequency(find_card("library", verify=False).path(DOCUMENTS_FILE))
    translated = list(read_translated(asked.translations))
    taught = [
        *sample(list(read_lexicons(asked.share, frequency)), 110_000, seed=1),
        *sample(list(read_pairs(asked.corpus)), 60_000, seed=1),
        *(one for one in translated if not is_held(one.english)),
    ]
    held = [one for one in translated if is_held(one.english)]
    print(Counter((one.source, one.lang) for one in taught), len(held), "held out", flush=True)
    card = find_card("space")
    base, tokenizer = _english_encoder(card)
    codec = load_codec(device=torch.device("cpu"))
    task = prepare(
        taught,
        held,
        asked.out,
        config,
        base,
        lambda texts: [found.ids for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)],
        codec.encode,
        lambda piece: tokenizer.token_to_id(piece[1:] if piece.startswith("\u2581") else f"##{piece}"),
        (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")),
    )
    print(train_encoder(task, asked.out, on_progress=_show))


def _english_encoder(card: ModelCard) -> tuple[Any, Any]:
    """Return the model and the tokenizer of a space's card."""
    with quiet_transformers():
        from tokenizers import Tokenizer
        from transformers.models.bert.modeling_bert import BertModel

        folder = card.path("config.json").parent
        model = BertModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True)
        return model.eval().requires_grad_(False), Tokenizer.from_file(str(card.path("tokenizer.json")))


def _show(progress: Progress) -> None:
    print(
        f"{progress.step}/{progress.num_steps} loss {progress.loss:.3f} {progress.units_per_s:.0f} tok/s",
        progress.note,
        flush=True,
    )


if __name__ == "__main__":
    main()
