"""The two towers: the context is read once, padding is invisible, blocks look both ways; the loss."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import ModelError
from concepts.models.configs import CONFIG_FIELDS
from training.corpus.embed import EmbeddedCorpus
from training.writer.config import WriterTrainingConfig
from training.writer.data import BlockBatch, BlockData, Choice
from training.writer.loss import WriterLoss, contrast, predict
from writer.config import WriterConfig
from writer.generate import Writer
from writer.model import GOAL, PAD, Context, Slots, WriterModel, normalize_context

CHOICES = [Choice(1, 4, shows_goal=True), Choice(0, 0), Choice(2, 0, shows_nothing=True)]
FIELDS = ("kind_BC", "lead_BCD", "gist_BCD", "place_BC", "length_BC")


def batch_of(corpus: EmbeddedCorpus, end: Tensor) -> BlockBatch:
    return BlockData(corpus, end).batch(CHOICES, 4)


def denoise(model: WriterModel, context: Context, slots: Slots, x: Tensor, t: float = 0.5) -> Tensor:
    cache, mask = model.contextualize(context)
    return model.denoise(x, torch.full((len(x),), t), slots, cache, mask)


def test_the_context_read_once_serves_every_step(writer: Writer, corpus: EmbeddedCorpus, end: Tensor) -> None:
    batch, model = batch_of(corpus, end), writer.model
    context = normalize_context(batch.context, model, 0.0, None)
    cache, mask = model.contextualize(context)
    kept = [(keys.clone(), values.clone()) for keys, values in cache]
    for step in range(3):
        x, t = (
            torch.randn(3, 4, 12, generator=torch.Generator().manual_seed(step)),
            torch.full((3,), step / 3),
        )
        again, again_mask = model.contextualize(context)
        assert torch.equal(
            model.denoise(x, t, batch.slots, cache, mask), model.denoise(x, t, batch.slots, again, again_mask)
        )
    for (keys, values), (kept_keys, kept_values) in zip(cache, kept, strict=True):
        assert torch.equal(keys, kept_keys) and torch.equal(values, kept_values)


def test_padding_changes_nothing(writer: Writer, corpus: EmbeddedCorpus, end: Tensor) -> None:
    batch, model = batch_of(corpus, end), writer.model
    context = normalize_context(batch.context, model, 0.0, None)
    x = torch.randn(3, 4, 12, generator=torch.Generator().manual_seed(0))
    together = denoise(model, context, batch.slots, x)
    for row in range(3):
        size = int((context.kind_BC[row] != PAD).sum())
        alone = Context(*(getattr(context, name)[row : row + 1, :size] for name in FIELDS))
        slots = Slots(batch.slots.index_BK[row : row + 1], batch.slots.length_B[row : row + 1])
        got = denoise(model, alone, slots, x[row : row + 1])[0]
        torch.testing.assert_close(got, together[row], atol=1e-4, rtol=1e-4)


def test_everything_shown_reaches_the_slots(writer: Writer, corpus: EmbeddedCorpus, end: Tensor) -> None:
    batch, model = batch_of(corpus, end), writer.model
    context = normalize_context(batch.context, model, 0.0, None)
    x = torch.randn(3, 4, 12, generator=torch.Generator().manual_seed(0))
    before = denoise(model, context, batch.slots, x)
    num_tokens = int((context.kind_BC[0] != PAD).sum())
    for position in range(1, num_tokens):
        lead = context.lead_BCD.clone()
        lead[0, position] += 1
        after = denoise(model, replace(context, lead_BCD=lead), batch.slots, x)
        assert not torch.allclose(after[0], before[0], atol=1e-4) and torch.equal(after[1:], before[1:])
    later = Slots(batch.slots.index_BK + 1, batch.slots.length_B)
    assert not torch.allclose(denoise(model, context, later, x), before, atol=1e-4)
    longer = Slots(batch.slots.index_BK, batch.slots.length_B + 1)
    assert not torch.allclose(denoise(model, context, longer, x), before, atol=1e-4)
    assert not torch.allclose(denoise(model, context, batch.slots, x, t=0.6), before, atol=1e-4)
    changed = x.clone()
    changed[0, 3] += 1  # slots look at each other in both directions, but not into other blocks
    after = denoise(model, context, batch.slots, changed)
    assert not torch.allclose(after[0, 0], before[0, 0], atol=1e-4) and torch.equal(after[1:], before[1:])


def test_slots_far_beyond_the_tables_are_accepted(
    writer: Writer, corpus: EmbeddedCorpus, end: Tensor
) -> None:
    batch = batch_of(corpus, end)
    context = normalize_context(batch.context, writer.model, 0.0, None)
    far = Slots(batch.slots.index_BK + 500, batch.slots.length_B + 900)
    assert torch.isfinite(denoise(writer.model, context, far, torch.zeros(3, 4, 12))).all()


def test_the_context_is_normalized_where_there_is_something(
    writer: Writer, corpus: EmbeddedCorpus, end: Tensor
) -> None:
    raw, model = batch_of(corpus, end).context, writer.model
    context = normalize_context(raw, model, 0.0, None)
    is_goal = raw.kind_BC == GOAL
    torch.testing.assert_close(context.lead_BCD[is_goal], model.gist_norm.normalize(raw.lead_BCD[is_goal]))
    has_lead = (raw.lead_BCD != 0).any(dim=-1)
    torch.testing.assert_close(
        context.lead_BCD[has_lead & ~is_goal],
        model.sentence_norm.normalize(raw.lead_BCD[has_lead & ~is_goal]),
    )
    assert not context.lead_BCD[~has_lead].any()
    assert not context.gist_BCD[(raw.gist_BCD == 0).all(dim=-1)].any()


def test_context_noise_is_of_each_rows_own_size_and_leaves_gaps_empty(
    writer: Writer, corpus: EmbeddedCorpus, end: Tensor
) -> None:
    data = BlockData(corpus, end)
    raw = data.batch([Choice(1, 9)] * 300, 1).context
    clean = normalize_context(raw, writer.model, 0.0, None)
    noised = normalize_context(raw, writer.model, 0.3, torch.Generator().manual_seed(0))
    has_lead = (clean.lead_BCD != 0).any(dim=-1)[0]
    size = (noised.lead_BCD - clean.lead_BCD)[:, has_lead].square().mean(dim=(1, 2)).sqrt()
    assert float(size.max()) < 0.36 and abs(float(size.mean()) - 0.15) < 0.02 and float(size.std()) > 0.05
    assert not noised.lead_BCD[:, ~has_lead].any()


def loss_module(writer: Writer, **more: object) -> WriterLoss:
    module = WriterLoss(WriterTrainingConfig(model=writer.model.config, **more))  # type: ignore[arg-type]
    module.writer = writer.model
    return module.eval()


def test_the_loss_weighs_slots_and_is_a_pure_function(
    writer: Writer, corpus: EmbeddedCorpus, end: Tensor
) -> None:
    module = loss_module(writer, contrast_weight=0.0)
    batch = batch_of(corpus, end)

    def loss_of(batch: BlockBatch, seed: int = 0) -> Tensor:
        return module(batch, torch.Generator().manual_seed(seed))[0]

    assert torch.equal(loss_of(batch), loss_of(batch)) and not torch.equal(loss_of(batch), loss_of(batch, 1))
    # weights are a weighted mean: twice all of them changes nothing, zero hides a slot's error
    torch.testing.assert_close(loss_of(replace(batch, weight_BK=2 * batch.weight_BK)), loss_of(batch))
    one = torch.zeros_like(batch.weight_BK)
    parts = []
    for row in range(3):
        for slot in range(4):
            weight = one.clone()
            weight[row, slot] = 1
            parts.append(loss_of(replace(batch, weight_BK=weight)))
    expected = (torch.stack(parts) * batch.weight_BK.flatten()).sum() / batch.weight_BK.sum()
    torch.testing.assert_close(loss_of(batch), expected)


def test_contrast_knows_the_batch_and_the_document_and_counts_no_text_against_itself(
    corpus: EmbeddedCorpus, end: Tensor
) -> None:
    """By hand: cosines of the predictions that are asked for to all candidates, over the temperature."""
    data = BlockData(corpus, end)
    batch = data.batch([Choice(0, 0, rivals=(5, 16)), Choice(1, 9, rivals=(2,)), Choice(0, 1)], 2)
    assert batch.row_BK.tolist() == [[2, 3], [14, -1], [3, -1]]
    raw = torch.randn(3, 2, 12, generator=torch.Generator().manual_seed(1))
    asked = torch.tensor([True, False, True])
    rows = [2, 3, 14, 3, 5, 16, 2]  # the texts of the batch, then the rivals
    expected = []
    for guess, own in ((raw[0, 0], 0), (raw[0, 1], 1), (raw[2, 0], 3)):
        cosines = F.cosine_similarity(guess[None], corpus.vectors[rows], dim=1) / 0.1
        kept = [i for i, row in enumerate(rows) if i == own or row != rows[own]]
        expected.append(cosines[kept].logsumexp(dim=0) - cosines[own])
    torch.testing.assert_close(contrast(raw, batch, asked), torch.stack(expected).mean())
    assert contrast(raw, batch, torch.zeros(3, dtype=torch.bool)) == 0


def test_the_parts_of_the_loss_are_weighted(writer: Writer, corpus: EmbeddedCorpus, end: Tensor) -> None:
    batch = batch_of(corpus, end)

    def parts_of(**more: object) -> tuple[Tensor, dict[str, Tensor]]:
        loss, parts = loss_module(writer, **more)(batch, torch.Generator().manual_seed(3))
        return loss, parts

    loss, parts = parts_of(contrast_weight=0.4)
    assert parts["contrast"] > 0
    torch.testing.assert_close(loss, parts["mse"] + 0.4 * parts["contrast"])
    weighted = parts_of(min_snr_gamma=2.0)[1]
    assert not torch.equal(weighted["mse"], parts["mse"])
    torch.testing.assert_close(weighted["contrast"], parts["contrast"])


def test_the_baseline_predicts_from_nothing_in_one_step(
    writer: Writer, corpus: EmbeddedCorpus, end: Tensor
) -> None:
    mean = WriterModel(replace(writer.model.config, objective="mse"))
    mean.load_state_dict(writer.model.state_dict())
    batch = batch_of(corpus, end)
    predicted, t = predict(mean, batch, torch.Generator().manual_seed(0), context_noise=None)
    again, _ = predict(mean, batch, torch.Generator().manual_seed(1), context_noise=None)
    assert (t == 1).all() and torch.equal(predicted, again)
    cache, mask = mean.contextualize(normalize_context(batch.context, mean, 0.0, None))
    zeros = torch.zeros_like(batch.target_BKD)
    torch.testing.assert_close(predicted, mean.denoise(zeros, t, batch.slots, cache, mask))


def test_what_cannot_be_trained_is_refused(writer: Writer) -> None:
    with pytest.raises(ModelError, match="objective must be one of diffusion, mse, got 'gan'"):
        replace(writer.model.config, objective="gan")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="min_snr_gamma must be above 0, got -1"):
        WriterTrainingConfig(min_snr_gamma=-1.0)


def test_cards_have_the_fields_of_the_config() -> None:
    assert list(CONFIG_FIELDS["writer"]) == [field.name for field in fields(WriterConfig)]
