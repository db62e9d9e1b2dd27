"""A writer's draws for the sentences of a corpus, each block given the true plan and the true sentences before it.

A voice is trained on them to learn how far it can rely on a writer: unlike noise, they have a writer's real errors.

Legend: N texts of the corpus, R blocks, K slots, D concept dim.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import torch
from torch import Tensor

from concepts.corpus.records import Kind
from concepts.neural.diffusion import seeded_noise
from concepts.neural.precision import autocast
from training.corpus.embed import EmbeddedCorpus
from training.loop import to_device
from training.writer.data import BlockData, Choice
from writer.generate import Writer
from writer.model import normalize_context

NUM_STEPS = 6
"""Diffusion steps per block: half of a writer's usual number, since a whole corpus is drawn."""
_BATCH = 128
"""Blocks drawn side by side."""


@torch.inference_mode()
def draw_sentences(
    corpus: EmbeddedCorpus,
    writer: Writer,
    *,
    kinds: Collection[Kind],
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tensor:
    """Return raw concepts (N, D), one per text of the corpus: draws for sentences in documents of `kinds`, else zeros.

    A text in several sections gets its draw from the last one. `on_progress` gets (done, total) blocks.
    """
    writer = writer.with_options(replace(writer.options, num_steps=NUM_STEPS))
    data, size = BlockData(corpus, writer.model.end.cpu()), writer.options.block_size
    choices = [
        Choice(number, start)
        for number, section in enumerate(data.sections)
        if corpus.documents[section.document].kind in kinds
        for start in range(0, len(section.sentences), size)
    ]
    found = torch.zeros_like(corpus.vectors)
    for first in range(0, len(choices), _BATCH):
        chosen = choices[first : first + _BATCH]
        rows_RK, drawn_RKD = _draw(data, writer, chosen, seed)
        is_text = rows_RK >= 0
        found[rows_RK[is_text]] = drawn_RKD[is_text]
        on_progress(first + len(chosen), len(choices))
    return found


def _draw(data: BlockData, writer: Writer, choices: list[Choice], seed: int) -> tuple[Tensor, Tensor]:
    """Return the blocks' corpus rows (R, K), -1 after a section's end, and their raw draws (R, K, D)."""
    model, size = writer.model, writer.options.block_size
    untold = [replace(choice, shows_nothing=True) for choice in choices]
    batch = data.batch([*choices, *untold], size)
    context, slots = to_device(batch.context, writer.device), to_device(batch.slots, writer.device)
    shape = (size, model.config.concept_dim)
    noise = torch.stack([seeded_noise(shape, seed, "drawn", c.section, c.start) for c in choices])
    with autocast(writer.device):
        steps = writer.denoise_blocks(
            noise.to(writer.device), normalize_context(context, model, 0.0, None), slots
        )
    drawn = steps[-1][1].float()
    return batch.row_BK[: len(choices)], model.sentence_norm.denormalize(drawn).cpu()
