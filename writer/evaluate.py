"""How good a writer is on held-out sections, given their true plan."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from nltk.tokenize import wordpunct_tokenize
from torch import Tensor
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.codec import BEAM_SIZE
from concepts.corpus.embed import load_embedded
from concepts.corpus.split import Split
from concepts.errors import InputError
from concepts.space.token_loss import TokenLoss
from writer.config import WriterTrainingConfig
from writer.data import BlockData
from writer.decoding import TextCodec, render
from writer.generate import Writer, WritingPlan
from writer.loss import predict

_NUM_BATCHES = 8


class SpaceCodec(TextCodec, Protocol):
    """What the evaluation needs of a codec."""

    @property
    def card(self) -> ModelCard:
        """The card of the space."""


@torch.inference_mode()
def evaluate_writer(
    corpus_dir: Path,
    writer: Writer,
    codec: SpaceCodec,
    *,
    split: Split = "test",
    num_documents: int = 24,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Return figures on documents of `split` with at least two sections.

    `mse`: error of the clean sentences in normalized space; `tokens`: nats a token of saying them; `loss`: both
    together. As in training, without noise on what is shown. Of sections written from the true
    plan: `retrieval`, the share whose mean finds its own item among the document's gists, and
    `retrieval_chance`; `contrastive_accuracy`: the written sentence is nearer to the true one at its
    place than to 63 random ones; `round_trip_l2`: distance of a concept to its decoded and encoded
    text, over the concept's norm; `round_trip_cosine`; `length_ratio`: written over planned sentences;
    `distinct`: share of distinct sentences. Of the texts, decoded as a document is: `text_retrieval`, the share of
    sections whose text, encoded again, finds its own item among those of all documents, and
    `text_retrieval_chance`; `topic_retrieval`, the share of sections whose words, weighted by how few training
    sentences hold them, are nearest to those of their own document's true text, among all documents, and
    `topic_retrieval_chance`; `text_accuracy`, as `contrastive_accuracy` with the text in the concept's place;
    `known_words`, `known_pairs`, `known_triples`: share of the written
    words, and of runs of two and three words, that the training documents hold, and `known_words_true` and so
    on, those of the true sentences.
    """
    corpus = load_embedded(corpus_dir, writer.card.space, split)
    data = BlockData(corpus, writer.model.end)
    figures = _losses(data, writer, codec.card, corpus.texts)
    section_texts: list[str] = []
    true_documents: list[str] = []
    owners: list[int] = []
    plans = [siblings for siblings in data.by_document if 2 <= len(siblings) <= 12][:num_documents]
    if not plans:
        raise InputError(f"{corpus_dir} has no {split} document of 2 to 12 sections; import more documents")
    hits = chance = near = said_near = total = written = planned = 0.0
    all_vectors: list[Tensor] = []
    all_texts: list[str] = []
    true_texts: list[str] = []
    means: list[Tensor] = []
    gists: list[Tensor] = []
    generator = torch.Generator().manual_seed(0)
    center = writer.model.gist_norm.center
    for number, siblings in enumerate(plans):
        items = [data.sections[i] for i in siblings]
        plan = WritingPlan(
            prompt=corpus.vectors[corpus.documents[items[0].document].title].unsqueeze(0),
            goal=None,
            paths=tuple(str(i + 1) for i in range(len(items))),
            leads=corpus.vectors[[item.lead for item in items]],
            gists=data.gists[[item.gist for item in items]],
            num_sentences=tuple(len(item.sentences) for item in items),
        )
        sections = writer.write(plan, plan.paths, seed=number)
        texts = _decoded(codec, [section.vectors for section in sections])
        for i, section in enumerate(sections):
            mean = F.normalize(section.vectors.mean(dim=0) - center, dim=0)
            hits += float((F.normalize(plan.gists - center, dim=1) @ mean).argmax() == i)
            chance += 1 / len(items)
            written, planned = written + len(section.vectors), planned + plan.num_sentences[i]
            said = codec.encode([text or "." for text in texts[i]], "eng_Latn")
            means.append(F.normalize(said.mean(dim=0) - center, dim=0))
            gists.append(F.normalize(plan.gists[i] - center, dim=0))
            all_vectors.append(section.vectors)
            all_texts += texts[i]
            section_texts.append(" ".join(texts[i]))
            owners.append(number)
            true = corpus.vectors[list(items[i].sentences)]
            true_texts += [corpus.texts[row] for row in items[i].sentences]
            for meant, again, wanted in zip(section.vectors, said, true, strict=False):
                others = corpus.vectors[torch.randint(len(corpus.vectors), (63,), generator=generator)]
                near += float((wanted - meant).norm() < (others - meant).norm(dim=1).min())
                said_near += float((wanted - again).norm() < (others - again).norm(dim=1).min())
                total += 1
        rows = [row for item in items for row in item.sentences]
        true_documents.append(" ".join(corpus.texts[row] for row in rows))
        on_progress(number + 1, len(plans))
    num_sections = sum(map(len, plans))
    vectors = torch.cat(all_vectors)
    again = codec.encode([text or "." for text in all_texts], "eng_Latn")
    training_texts = _training_texts(corpus_dir, writer.card.space)
    for size, name in enumerate(("words", "pairs", "triples"), start=1):
        known = {run for text in training_texts for run in _runs(text, size)}
        figures[f"known_{name}"] = _share_known(all_texts, size, known)
        figures[f"known_{name}_true"] = _share_known(true_texts, size, known)
    found = (torch.stack(means) @ torch.stack(gists).T).argmax(dim=1)
    topics = nearest_topics(section_texts, true_documents, training_texts)
    figures |= {
        "topic_retrieval": sum(a == b for a, b in zip(topics, owners, strict=True)) / num_sections,
        "topic_retrieval_chance": 1 / len(plans),
        "retrieval": hits / num_sections,
        "retrieval_chance": chance / num_sections,
        "contrastive_accuracy": near / max(1.0, total),
        "text_retrieval": float((found == torch.arange(num_sections)).float().mean()),
        "text_retrieval_chance": 1 / num_sections,
        "text_accuracy": said_near / max(1.0, total),
        "round_trip_l2": float(((again - vectors).norm(dim=1) / vectors.norm(dim=1)).mean()),
        "round_trip_cosine": float(F.cosine_similarity(again, vectors).mean()),
        "length_ratio": written / planned,
        "distinct": len(set(all_texts)) / len(all_texts),
        "num_sections": float(num_sections),
    }
    return figures


def nearest_topics(texts: Sequence[str], documents: Sequence[str], sentences: Sequence[str]) -> list[int]:
    """Return, for each text, the document (by index) that shares most of its words.

    By the cosine of the words' counts, weighted by inverse document frequency among `sentences` (Spärck Jones 1972):
    a judge that knows no vectors.
    """
    holders = Counter(word for sentence in sentences for word in set(_words(sentence)))

    def weigh(text: str) -> dict[str, float]:
        counts = Counter(_words(text))
        weights = {w: n * math.log((1 + len(sentences)) / (1 + holders[w])) for w, n in counts.items()}
        norm = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {word: weight / norm for word, weight in weights.items()}

    known = [weigh(document) for document in documents]
    found = []
    for text in texts:
        own = weigh(text)
        likeness = [sum(w * other.get(word, 0.0) for word, w in own.items()) for other in known]
        found.append(max(range(len(known)), key=likeness.__getitem__))
    return found


def _decoded(codec: SpaceCodec, sections: list[Tensor]) -> list[list[str]]:
    """Return the texts of a document's sections, decoded with the beams of a document."""
    said = iter(render(codec, torch.cat(sections), "eng_Latn", beam_size=BEAM_SIZE))
    return [[next(said).text for _ in section] for section in sections]


def _training_texts(corpus_dir: Path, space_id: str) -> list[str]:
    corpus = load_embedded(corpus_dir, space_id, "train")
    rows = {row for d in corpus.documents for section in d.sections for row in section.sentences}
    return [corpus.texts[row] for row in rows]


def _runs(text: str, size: int) -> list[tuple[str, ...]]:
    """Return the runs of `size` words of a text."""
    words = _words(text)
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]


def _words(text: str) -> list[str]:
    return [token for token in wordpunct_tokenize(text.lower()) if token.isalpha()]


def _share_known(texts: list[str], size: int, known: set[tuple[str, ...]]) -> float:
    runs = [run for text in texts for run in _runs(text, size)]
    return sum(run in known for run in runs) / max(1, len(runs))


def _losses(data: BlockData, writer: Writer, card: ModelCard, texts: Sequence[str]) -> dict[str, float]:
    """Return `mse`, `tokens` and their weighted sum, `loss`, on fixed blocks."""
    config = WriterTrainingConfig(model=writer.model.config)
    token_loss = TokenLoss(card, texts)
    totals = {"mse": 0.0, "tokens": 0.0}
    for number in range(_NUM_BATCHES):
        batch = data.draw(number, config)
        generator = torch.Generator().manual_seed(number)
        predicted, mse = predict(writer.model, batch, generator, context_noise=None)
        raw = writer.model.sentence_norm.denormalize(predicted)
        is_text = batch.row_BK >= 0
        totals["mse"] += float(mse) / _NUM_BATCHES
        totals["tokens"] += float(token_loss(raw[is_text], batch.row_BK[is_text].tolist())) / _NUM_BATCHES
    return {"loss": totals["mse"] + config.token_weight * totals["tokens"]} | totals
