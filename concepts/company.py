"""Does it matter to a row of a batch what stands beside it? Looked at on this device, bit for bit.

A matrix product may round otherwise in a batch of another size, or for a row at another place in it: which kernel is
taken is the library's choice for each shape and device, and no library promises anything. (Seen on a CPU: batches
of one to three sentences round otherwise than larger ones, which all agree.) Where rows come out the same from some
size of the batch on, calls of that size may share one (`flows.device`), and a document is the same whatever
was written beside it.

Tried is what decoding does: beam search step by step, in which the batch shrinks as rows come to their end. Rows are
decoded all together, backwards, and in companies of other sizes; every token and every score of every beam is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from fairseq2.generation import Hypothesis
    from sonar.inference_pipelines.text import EmbeddingToTextModelPipeline

PROBES = (
    "Open.",
    "Click the button and choose a name for it.",
    "Bring the water to the boil, add the salt and stir until it has dissolved.",
    "Other users of the network can now see the files in the folder, but they cannot change or delete them.",
    "If the list is long, press the key to select all items, then hold it down and click those that may stay.",
)
"""Sentences of different lengths, between which the probe's concepts lie."""


def least_company(
    decoder: EmbeddingToTextModelPipeline, inputs: Tensor, lang: str, *, beam_size: int, max_seq_len: int
) -> int | None:
    """Return the size from which on every row of `inputs` (N, D) or (N, 1 + C, D) is decoded to the same bits in all
    companies of up to N; None where there is none below N / 2."""
    num_rows = len(inputs)

    def beams(rows: Tensor) -> list[list[tuple[bytes, bytes]]]:
        return _beams(decoder, rows, lang, beam_size, max_seq_len)

    together = beams(inputs)

    def is_same(size: int) -> bool:
        # The last company overlaps the one before it: no row is to be in one that is smaller.
        firsts = [*range(0, num_rows - size, size), num_rows - size]
        return all(beams(inputs[first : first + size]) == together[first : first + size] for first in firsts)

    if beams(inputs.flip(0))[::-1] != together or not is_same(3 * num_rows // 4):
        return None
    least = None
    for size in range(num_rows // 2, 0, -1):
        if not is_same(size):
            break
        least = size
    return least


@torch.inference_mode()
def _beams(
    decoder: EmbeddingToTextModelPipeline, inputs: Tensor, lang: str, beam_size: int, max_seq_len: int
) -> list[list[tuple[bytes, bytes]]]:
    """Return tokens and scores of every beam of each row, as bytes; decoded as the pipeline does it."""
    from fairseq2.generation.beam_search import BeamSearchSeq2SeqGenerator
    from fairseq2.nn import BatchLayout
    from sonar.inference_pipelines.text import precision_context
    from sonar.inference_pipelines.utils import SequenceToTextConverter

    generator = BeamSearchSeq2SeqGenerator(
        decoder.model,
        decoder.tokenizer.vocab_info,
        beam_size=beam_size,
        max_seq_len=max_seq_len,
    )
    converter = SequenceToTextConverter(
        generator,
        decoder.tokenizer,
        task="translation",
        target_lang=lang,
        mode="target",
    )
    with precision_context(decoder.model.dtype):
        _, output = converter.batch_convert(inputs, BatchLayout.of(inputs))
    return [[_bits(beam) for beam in beams] for beams in output.hypotheses]


def _bits(beam: Hypothesis) -> tuple[bytes, bytes]:
    assert beam.step_scores is not None
    return beam.seq.cpu().numpy().tobytes(), beam.step_scores.float().cpu().numpy().tobytes()
