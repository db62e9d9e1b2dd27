"""What a writer draws for a corpus: sentences of the kinds asked for, each block from what truly stands before it."""

from __future__ import annotations

from dataclasses import replace

import torch

from training.corpus.embed import EmbeddedCorpus
from training.writer.draws import draw_sentences
from writer.generate import Writer


def test_only_sentences_of_the_kinds_asked_for_are_drawn(writer: Writer, corpus: EmbeddedCorpus) -> None:
    manual = draw_sentences(corpus, writer, kinds=("howto",))
    lead = draw_sentences(corpus, writer, kinds=("lead",))
    assert manual.any(dim=1).nonzero()[:, 0].tolist() == [2, 3, *range(5, 15), 16]
    assert lead.any(dim=1).nonzero()[:, 0].tolist() == [21, 22, 23]
    assert torch.isfinite(manual).all()
    torch.testing.assert_close(draw_sentences(corpus, writer, kinds=("howto", "lead")), manual + lead)


def test_a_block_is_drawn_from_the_true_sentences_before_it_and_not_from_its_own(
    writer: Writer, corpus: EmbeddedCorpus
) -> None:
    """Blocks of three sentences: the second section's are its rows 5 to 7, 8 to 10, 11 to 13 and 14."""
    plain = draw_sentences(corpus, writer, kinds=("howto",))
    vectors = corpus.vectors.clone()
    # the mean of the section, its gist, which every block sees, stays as it is
    change = torch.randn(vectors.shape[1], generator=torch.Generator().manual_seed(1))
    vectors[9] += change
    vectors[10] -= change
    found = draw_sentences(replace(corpus, vectors=vectors), writer, kinds=("howto",))
    is_same = [bool(torch.allclose(found[row], plain[row], atol=1e-5)) for row in range(5, 15)]
    assert is_same[:6] == [True] * 6 and not any(is_same[6:9])


def test_another_seed_draws_other_sentences(writer: Writer, corpus: EmbeddedCorpus) -> None:
    first, second = (draw_sentences(corpus, writer, kinds=("lead",), seed=seed) for seed in (1, 2))
    assert not torch.allclose(first[21:24], second[21:24])
