"""Evaluating a writer on held-out sections, in the concept space alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.corpus.split import Split
from concepts.errors import InputError
from concepts.neural.contrast import finds_own, variance_explained
from concepts.neural.diffusion import predict_mean
from training.corpus.embed import load_embedded
from training.corpus.shares import KindShares
from training.writer.config import WriterTrainingConfig
from training.writer.data import BlockData, Choice
from training.writer.loss import WriterLoss
from writer.generate import Writer, WritingPlan
from writer.model import normalize_context

NUM_SENTENCES = 64
"""Candidate sentences, one of them the true next one."""
SAME = 0.9
"""Two sentences of a document are duplicates above this cosine."""
_NUM_NOISES = 8
"""Noise draws averaged in a prediction at time 1."""
_NUM_BATCHES = 8
_BATCH = 64


@torch.inference_mode()
def evaluate_writer(
    corpus_dir: Path,
    writer: Writer,
    *,
    split: Split = "test",
    num_places: int = 1_000,
    num_documents: int = 24,
    shares: KindShares | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Return figures on documents of `split`, drawn by the shares of their kinds.

    `loss`: as in training, without noise on the context, and its parts `mse` and `contrast`. At `num_places` places in
    sections: `next_sentence`: share of places whose true sentence is nearest by cosine, among `NUM_SENTENCES` of the
    split, to the mean predicted at time 1, given the true sentences before, and `next_sentence_plan`: given the plan
    alone; `variance` and `variance_plan`: variance explained by these means.
    For sections written from the true plans of `num_documents` documents of 2 to 12 sections: `finds_plan`: share of
    sections whose mean is nearest to their own gist among the document's, and `finds_plan_chance`; `length_ratio`:
    written over planned sentences; `distinct`: share of sentences without an earlier one in the document at a cosine
    above `SAME`, and `distinct_true`: the same share for the true sentences.
    """
    shares = shares or KindShares()
    data = BlockData(load_embedded(corpus_dir, writer.card.space, split), writer.model.end)
    plans = _some_documents(data, num_documents, shares)
    if not plans:
        raise InputError(f"{corpus_dir} has no {split} document of 2 to 12 sections; import more documents")
    config = WriterTrainingConfig(model=writer.model.config, shares=shares)
    places = _some_places(data, num_places, shares)
    total = 2 * len(places) + len(plans)
    figures = _losses(data, writer, config)
    for done, (suffix, shows_previous) in enumerate((("", True), ("_plan", False))):
        figures |= _next_sentences(
            data,
            writer,
            [replace(choice, shows_previous=shows_previous) for choice in places],
            suffix,
            lambda num, done=done: on_progress(done * len(places) + num, total),  # type: ignore[misc]
        )
    figures |= _written(data, writer, plans, lambda num: on_progress(2 * len(places) + num, total))
    return figures


def _losses(data: BlockData, writer: Writer, config: WriterTrainingConfig) -> dict[str, float]:
    module = WriterLoss(config)
    module.writer = writer.model
    module.eval()
    totals: dict[str, float] = {}
    for number in range(_NUM_BATCHES):
        loss, parts = module(data.draw(number, config), torch.Generator().manual_seed(number))
        for name, value in ({"loss": loss} | parts).items():
            totals[name] = totals.get(name, 0.0) + float(value) / _NUM_BATCHES
    return totals


def _some_places(data: BlockData, num: int, shares: KindShares) -> list[Choice]:
    """Return up to `num` distinct random places of sentences in sections, by the shares of their kinds."""
    places = [(n, i) for n, section in enumerate(data.sections) for i in range(len(section.sentences))]
    weights = shares.weights([data.corpus.documents[data.sections[n].document].kind for n, _ in places])
    num = min(num, int((weights > 0).sum()))
    chosen = np.random.default_rng(0).choice(len(places), num, replace=False, p=weights)
    return [Choice(*places[i]) for i in chosen]


def _some_documents(data: BlockData, num: int, shares: KindShares) -> list[list[int]]:
    """Return the sections of up to `num` random documents of 2 to 12 sections, by the shares of their kinds."""
    plans = [siblings for siblings in data.by_document if 2 <= len(siblings) <= 12]
    if not plans:
        return []
    kinds = [data.corpus.documents[data.sections[siblings[0]].document].kind for siblings in plans]
    weights = shares.weights(kinds)
    num = min(num, int((weights > 0).sum()))
    chosen = np.random.default_rng(0).choice(len(plans), num, replace=False, p=weights)
    return [plans[i] for i in chosen]


def _next_sentences(
    data: BlockData, writer: Writer, places: Sequence[Choice], suffix: str, on_done: Callable[[int], None]
) -> dict[str, float]:
    model, vectors = writer.model, data.corpus.vectors
    num_draws = 0 if model.config.objective == "mse" else _NUM_NOISES
    generator = torch.Generator().manual_seed(0)
    said, rows = [], []
    for start in range(0, len(places), _BATCH):
        batch = data.batch(places[start : start + _BATCH], 1)
        cache, mask = model.contextualize(normalize_context(batch.context, model, 0.0, None))

        def denoise(x: Tensor, t: float) -> Tensor:
            return model.denoise(x, torch.full((len(x),), t), batch.slots, cache, mask)  # noqa: B023

        mean = predict_mean(denoise, tuple(batch.target_BKD.shape), num_draws=num_draws, generator=generator)
        said.append(model.sentence_norm.denormalize(mean[:, 0]))
        rows.append(batch.row_BK[:, 0])
        on_done(start + len(rows[-1]))
    said_ND, row_N = torch.cat(said), torch.cat(rows)
    pool = torch.tensor(sorted({row for section in data.sections for row in section.sentences}))
    found = finds_own(said_ND, vectors[row_N], row_N, vectors[pool], pool, num=NUM_SENTENCES, seed=0)
    return {
        f"next_sentence{suffix}": float(found.float().mean()),
        f"variance{suffix}": variance_explained(said_ND, vectors[row_N]),
    }


def _written(
    data: BlockData, writer: Writer, plans: Sequence[Sequence[int]], on_done: Callable[[int], None]
) -> dict[str, float]:
    vectors, center = data.corpus.vectors, writer.model.gist_norm.center
    hits = chance = written = planned = 0.0
    fresh: list[Tensor] = []
    fresh_true: list[Tensor] = []
    for number, siblings in enumerate(plans):
        items = [data.sections[i] for i in siblings]
        plan = WritingPlan(
            prompt=vectors[[data.corpus.documents[items[0].document].title]],
            goal=None,
            paths=tuple(str(i + 1) for i in range(len(items))),
            leads=vectors[[item.lead for item in items]],
            gists=data.gists[[item.gist for item in items]],
            num_sentences=tuple(len(item.sentences) for item in items),
        )
        sections = writer.write(plan, plan.paths, seed=number)
        gists = F.normalize(plan.gists - center, dim=1)
        for i, section in enumerate(sections):
            if len(section.vectors):
                hits += float((gists @ (section.vectors.mean(dim=0) - center)).argmax() == i)
            chance += 1 / len(items)
            written, planned = written + len(section.vectors), planned + plan.num_sentences[i]
        fresh.append(_is_fresh(torch.cat([section.vectors for section in sections])))
        fresh_true.append(_is_fresh(vectors[[row for item in items for row in item.sentences]]))
        on_done(number + 1)
    num = sum(map(len, plans))
    return {
        "finds_plan": hits / num,
        "finds_plan_chance": chance / num,
        "length_ratio": written / planned,
        "distinct": _share(fresh),
        "distinct_true": _share(fresh_true),
        "num_sections": float(num),
    }


def _share(flags: Sequence[Tensor]) -> float:
    joined = torch.cat(list(flags))
    return float(joined.float().mean()) if len(joined) else 0.0


def _is_fresh(sentences_ND: Tensor) -> Tensor:
    """Return, for each sentence of a document, whether no earlier one says the same (N, bool)."""
    directions = F.normalize(sentences_ND, dim=1)
    return ~((directions @ directions.T).tril(diagonal=-1) > SAME).any(dim=1)
