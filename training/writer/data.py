"""Training blocks: k consecutive sentences of a section, with their context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.errors import InputError
from training.corpus.embed import EmbeddedCorpus
from training.corpus.shares import KindShares
from training.writer.config import WriterTrainingConfig
from writer.config import MAX_LENGTH, MAX_PREVIOUS, NUM_TAIL, PLAN_REACH
from writer.model import CURRENT, GOAL, NOTHING, NUM_PLACES, PAD, PLAN, PREVIOUS, PROMPT, TAIL, Context, Slots

_NONE = -1


@dataclass(frozen=True)
class _Section:
    document: int
    lead: int
    gist: int
    sentences: tuple[int, ...]


@dataclass(frozen=True)
class BlockBatch:
    """Blocks of sentences with their context; concepts are raw."""

    context: Context
    slots: Slots
    target_BKD: Tensor
    """Raw sentences; the end concept after the last one."""
    weight_BK: Tensor
    """Weight of each slot in the loss: slots after the first end count little."""
    row_BK: Tensor
    """Row of each slot's text, -1 for an end."""
    rival_row_BR: Tensor
    """Rows of other sentences of each block's document (negatives), padded with -1."""
    rival_BRD: Tensor
    """Raw concepts of these rows."""


@dataclass(frozen=True)
class Choice:
    """One block of the corpus and the parts of its context."""

    section: int
    start: int
    shows_nothing: bool = False
    shows_previous: bool = True
    shows_plan: bool = True
    shows_gist: bool = True
    shows_goal: bool = False
    wording: int = 0
    """Which wording of the prompt is shown, modulo their number; 0 is the title."""
    rivals: tuple[int, ...] = ()
    """Rows of other sentences of the document, as negatives."""


class BlockData:
    """All sections of one split."""

    def __init__(self, corpus: EmbeddedCorpus, end: Tensor) -> None:
        """`end` (D,) is the raw concept that ends a section."""
        self.corpus, self._end = corpus, end
        self.sections: list[_Section] = []
        self.by_document: list[list[int]] = []
        gists = []
        for number, document in enumerate(corpus.documents):
            own = []
            for section in document.sections:
                gists.append(corpus.vectors[list(section.sentences)].mean(dim=0))
                own.append(len(self.sections))
                self.sections.append(_Section(number, section.heading, len(gists) - 1, section.sentences))
            self.by_document.append(own)
        if not self.sections:
            raise InputError("the corpus has no section to learn from; import more documents")
        self.gists = torch.stack(gists)
        self._drawn_by: tuple[KindShares, NDArray[np.float64]] | None = None

    def draw(self, number: int, config: WriterTrainingConfig) -> BlockBatch:
        """Return batch `number` of an endless random stream: a pure function of its arguments."""
        rng = np.random.default_rng((config.loop.seed, number))
        size = int(rng.choice(config.block_sizes))
        cumulative = self._cumulative(config.shares)
        choices = []
        for _ in range(min(config.max_rows, config.num_slots // size)):
            section = int(np.searchsorted(cumulative, rng.random()))
            section = min(section, len(self.sections) - 1)
            length = len(self.sections[section].sentences)
            # a section is written in blocks at 0, k, 2k, ...; half of the samples start anywhere
            start = (
                int(rng.integers(0, length + 1))
                if rng.random() < 0.5
                else size * int(rng.integers(0, length // size + 1))
            )
            choices.append(
                Choice(
                    section,
                    start,
                    shows_nothing=rng.random() < config.drop_all,
                    shows_previous=rng.random() >= config.drop_previous,
                    shows_plan=rng.random() >= config.drop_plan,
                    shows_gist=rng.random() >= config.drop_gist,
                    shows_goal=rng.random() < config.goal_share,
                    wording=int(rng.integers(0, 60)),
                    rivals=self._rivals(section, start, size, config.num_rivals, rng),
                )
            )
        return self.batch(choices, size)

    def _cumulative(self, shares: KindShares) -> NDArray[np.float64]:
        """Return the sections' cumulative probabilities: by the shares of their kinds, then by their sizes."""
        if self._drawn_by is None or self._drawn_by[0] != shares:
            kinds = [self.corpus.documents[section.document].kind for section in self.sections]
            sizes = [len(section.sentences) + 1.0 for section in self.sections]
            self._drawn_by = shares, np.cumsum(shares.weights(kinds, sizes))
        return self._drawn_by[1]

    def _rivals(
        self, section: int, start: int, size: int, num: int, rng: np.random.Generator
    ) -> tuple[int, ...]:
        """Return the rows of up to `num` sentences of the document that are not in the block."""
        siblings = self.by_document[self.sections[section].document]
        block = set(self.sections[section].sentences[start : start + size])
        rows = sorted({row for i in siblings for row in self.sections[i].sentences} - block)
        return tuple(rng.permutation(rows)[:num].tolist()) if rows else ()

    def batch(self, choices: Sequence[Choice], size: int) -> BlockBatch:
        """Return the blocks of `size` slots that start where `choices` say."""
        rows = [self._context(choice) for choice in choices]
        width = max(map(len, rows))
        table = np.full((len(rows), width, 5), _NONE)
        table[:, :, 0], table[:, :, 3:] = PAD, 0
        for b, row in enumerate(rows):
            table[b, : len(row)] = row
        kind, lead_row, gist_row, place, length = torch.from_numpy(table).unbind(dim=-1)
        vectors, gists = self.corpus.vectors, self.gists
        is_goal = (kind == GOAL).unsqueeze(-1)
        lead = torch.where((lead_row >= 0).unsqueeze(-1), vectors[lead_row.clamp_min(0)], 0.0)
        gist = torch.where((gist_row >= 0).unsqueeze(-1), gists[gist_row.clamp_min(0)], 0.0)
        lead, gist = torch.where(is_goal, gist, lead), torch.where(is_goal, 0.0, gist)
        text_rows = torch.full((len(choices), size), _NONE)
        index = torch.stack([torch.arange(c.start, c.start + size) for c in choices])
        lengths = torch.tensor([len(self.sections[c.section].sentences) for c in choices])
        for b, choice in enumerate(choices):
            block = self.sections[choice.section].sentences[choice.start : choice.start + size]
            text_rows[b, : len(block)] = torch.tensor(block, dtype=torch.long)
        target = torch.where((text_rows >= 0).unsqueeze(-1), vectors[text_rows.clamp_min(0)], self._end)
        weight = torch.where(index <= lengths[:, None], 1.0, 0.1)
        rivals = torch.full((len(choices), max(len(choice.rivals) for choice in choices)), _NONE)
        for b, choice in enumerate(choices):
            rivals[b, : len(choice.rivals)] = torch.tensor(choice.rivals, dtype=torch.long)
        context = Context(kind, lead, gist, place, length)
        return BlockBatch(
            context, Slots(index, lengths), target, weight, text_rows, rivals, vectors[rivals.clamp_min(0)]
        )

    def _context(self, choice: Choice) -> list[tuple[int, int, int, int, int]]:
        """Return (kind, lead row, gist row, place, length) of a block's context tokens."""
        tokens = [(NOTHING, _NONE, _NONE, 0, 0)]
        if choice.shows_nothing:
            return tokens
        section = self.sections[choice.section]
        siblings = self.by_document[section.document]
        here = siblings.index(choice.section)
        prompts = self.corpus.documents[section.document].prompts
        tokens += [(PROMPT, row, _NONE, 0, 0) for row in prompts[choice.wording % len(prompts)]]
        if choice.shows_goal:
            tokens.append((GOAL, _NONE, self.sections[siblings[-1]].gist, 0, 0))
        if choice.shows_plan:
            for other in range(max(0, here - PLAN_REACH), min(len(siblings), here + PLAN_REACH + 1)):
                item = self.sections[siblings[other]]
                if other != here:
                    length = min(len(item.sentences), MAX_LENGTH)
                    tokens.append((PLAN, item.lead, item.gist, other - here + PLAN_REACH, length))
        gist = section.gist if choice.shows_gist else _NONE
        tokens.append((CURRENT, section.lead, gist, PLAN_REACH, min(len(section.sentences), MAX_LENGTH)))
        if choice.shows_previous:
            if here and choice.start == 0:
                tail = self.sections[siblings[here - 1]].sentences[-NUM_TAIL:]
                tokens += [(TAIL, row, _NONE, i, 0) for i, row in enumerate(reversed(tail))]
            previous = section.sentences[max(0, choice.start - MAX_PREVIOUS) : choice.start]
            tokens += [
                (PREVIOUS, row, _NONE, min(i, NUM_PLACES - 1), 0) for i, row in enumerate(reversed(previous))
            ]
        return tokens
