"""Training outlines: documents as sections, manuals as pages, and the pages' sections under them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.corpus.records import Kind
from concepts.errors import InputError
from planner.config import MAX_ITEMS, length_bin
from planner.model import CHILD, GOAL, PAD, PART, PROMPT, START, PlanTokens
from training.corpus.embed import EmbeddedCorpus, EmbeddedDocument
from training.corpus.shares import KindShares

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """One plan item of the corpus; `lead` is a row of the vectors, `gist` a row of the gists."""

    lead: int
    gist: int
    length: int


@dataclass(frozen=True)
class Outline:
    """The children of one item in order, and their context."""

    prompts: tuple[tuple[int, ...], ...]
    """Wordings of its prompt, each as the rows of its sentences; the title first."""
    ancestors: tuple[Item, ...]
    children: tuple[Item, ...]
    kind: Kind
    """Kind of its document."""


@dataclass(frozen=True)
class OutlineBatch:
    """Outlines as tokens, with the targets of each token. Concepts are raw here."""

    tokens: PlanTokens
    is_from_BS: Tensor
    """True where a next child (or the end) is to be predicted."""
    is_end_BS: Tensor
    """True where nothing follows."""
    target_BS2D: Tensor
    """Raw lead and gist of the next child, zero elsewhere."""
    target_length_BS: Tensor
    """Bin of the next child's length."""
    lead_row_BS: Tensor
    """Row of the next child's lead, -1 elsewhere."""


class OutlineData:
    """All outlines of one split."""

    def __init__(self, corpus: EmbeddedCorpus) -> None:
        self.corpus = corpus
        self._gists: list[Tensor] = []
        self._drawn_by: tuple[KindShares, Weights] | None = None
        self.outlines: list[Outline] = []
        manuals: dict[str, list[tuple[EmbeddedDocument, Item]]] = defaultdict(list)
        for document in corpus.documents:
            children = self._sections(document)
            if not children:
                continue
            rows = [row for section in document.sections for row in section.sentences]
            page = Item(document.title, self._gist(rows), len(children))
            # one section counts, too: a planner must learn when to stop at once
            self.outlines.append(Outline(document.prompts, (), children[:MAX_ITEMS], document.kind))
            if document.manual:
                manuals[document.manual].append((document, page))
        for pages in manuals.values():
            if len(pages) < 3:
                continue
            root = pages[0][0].prompts
            for start in range(0, len(pages), MAX_ITEMS):
                chunk = tuple(page for _, page in pages[start : start + MAX_ITEMS])
                if len(chunk) > 1:
                    self.outlines.append(Outline(root, (), chunk, "howto"))
            for document, page in pages:
                children = self._sections(document)
                if len(children) > 1:
                    self.outlines.append(Outline(root, (page,), children[:MAX_ITEMS], document.kind))
        if not self.outlines:
            raise InputError("the corpus has no document with a section; import more documents")
        self.gists = torch.stack(self._gists)

    def prompts(self) -> Tensor:
        """Return all wordings of the outlines' prompts, each the mean of its sentences (N, D), raw."""
        wordings = dict.fromkeys(rows for outline in self.outlines for rows in outline.prompts)
        return torch.stack([self.corpus.vectors[list(rows)].float().mean(dim=0) for rows in wordings])

    def batch(
        self,
        indices: Sequence[int],
        *,
        with_goal: Sequence[bool],
        with_count: Sequence[bool],
        wordings: Sequence[int] | None = None,
    ) -> OutlineBatch:
        """Return the outlines at `indices` as padded tokens and targets.

        `wordings` chooses each outline's prompt (any integer, modulo their number); None takes the titles.
        """
        vectors, dim = self.corpus.vectors, self.corpus.vectors.shape[1]
        chosen = [self.outlines[i] for i in indices]
        prompts = [
            o.prompts[wordings[b] % len(o.prompts)] if wordings else o.prompts[0]
            for b, o in enumerate(chosen)
        ]
        sizes = [
            1 + len(prompt) + len(o.ancestors) + len(o.children) + goal
            for o, prompt, goal in zip(chosen, prompts, with_goal, strict=True)
        ]
        shape = (len(chosen), max(sizes))
        kind = torch.full(shape, PAD)
        lead, gist = torch.zeros(*shape, dim), torch.zeros(*shape, dim)
        length = torch.zeros(shape, dtype=torch.long)
        is_from, is_end = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
        target = torch.zeros(*shape, 2 * dim)
        target_length = torch.zeros(shape, dtype=torch.long)
        lead_row = torch.full(shape, -1)
        for b, outline in enumerate(chosen):
            at = len(prompts[b])
            kind[b, :at], lead[b, :at] = PROMPT, vectors[list(prompts[b])]
            if with_goal[b]:
                kind[b, at], lead[b, at], at = GOAL, self.gists[outline.children[-1].gist], at + 1
            for item in outline.ancestors:
                kind[b, at] = PART
                lead[b, at], gist[b, at] = vectors[item.lead], self.gists[item.gist]
                length[b, at], at = 1 + length_bin(item.length), at + 1
            kind[b, at], length[b, at] = START, len(outline.children) if with_count[b] else 0
            for item in outline.children:
                is_from[b, at] = True
                target[b, at, :dim], target[b, at, dim:] = vectors[item.lead], self.gists[item.gist]
                target_length[b, at], lead_row[b, at] = length_bin(item.length), item.lead
                at += 1
                kind[b, at] = CHILD
                lead[b, at], gist[b, at] = vectors[item.lead], self.gists[item.gist]
                length[b, at] = 1 + length_bin(item.length)
            is_from[b, at] = is_end[b, at] = True
        tokens = PlanTokens(kind, lead, gist, length)
        return OutlineBatch(tokens, is_from, is_end, target, target_length, lead_row)

    def draw(self, size: int, shares: KindShares, rng: np.random.Generator) -> list[int]:
        """Return the indices of `size` random outlines: kinds by their shares, uniform within a kind."""
        chosen = rng.choice(len(self.outlines), size, p=self._weights(shares))
        return [int(i) for i in chosen]

    def sample(self, size: int, shares: KindShares, seed: int) -> list[int]:
        """Return the indices of up to `size` distinct random outlines, by the shares of their kinds."""
        weights = self._weights(shares)
        size = min(size, int((weights > 0).sum()))
        rng = np.random.default_rng(seed)
        return [int(i) for i in rng.choice(len(self.outlines), size, replace=False, p=weights)]

    def _weights(self, shares: KindShares) -> Weights:
        if self._drawn_by is None or self._drawn_by[0] != shares:
            self._drawn_by = shares, shares.weights([outline.kind for outline in self.outlines])
        return self._drawn_by[1]

    def _sections(self, document: EmbeddedDocument) -> tuple[Item, ...]:
        items = []
        for section in document.sections:
            items.append(Item(section.heading, self._gist(section.sentences), len(section.sentences)))
        return tuple(items)

    def _gist(self, rows: Sequence[int]) -> int:
        self._gists.append(self.corpus.vectors[list(rows)].mean(dim=0))
        return len(self._gists) - 1
