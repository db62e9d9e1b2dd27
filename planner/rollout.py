"""Drawing outlines from a trained outline model, level by level.

Legend: R rows (outlines drawn side by side), S tokens, D concept dim. Concepts enter and leave raw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.card import ModelCard, find_card
from concepts.diffusion import guide, sample, seeded_noise
from concepts.errors import NonFiniteError, SpaceMismatchError, UsageError
from concepts.meaning import Meaning, load_meaning
from concepts.release import load_config, load_released
from planner.config import LENGTH_BINS, MAX_ITEMS, PlannerConfig
from planner.data import length_bin
from planner.model import CHILD, GOAL, PAD, PART, PROMPT, START, OutlineModel, PlanTokens

_FEWEST_CHILDREN = 2


@dataclass(frozen=True)
class PlannedItem:
    """One item of an outline; `lead` and `gist` are raw concepts (D,)."""

    path: str
    """Place in the tree, such as "2" or "2.1"."""
    lead: Tensor
    gist: Tensor
    num_sentences: int
    """Planned sentences of a leaf; for a part, its sections."""


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """How outlines are drawn."""

    num_candidates: int = 8
    """Outlines drawn, of which the best is kept."""
    num_steps: int = 12
    """Diffusion steps an item."""
    guidance_scale: float = 2.0
    """Classifier-free guidance towards the prompt; 1 is none."""
    guidance_rescale: float = 0.7
    """Share of the guided item brought back to its unguided size."""
    noise_scale: float = 0.3
    """Size of the initial noise; smaller is nearer to the most usual item."""
    temperature: float = 0.085
    """Temperature of the contrast head in the choice of a lead. This, the next and `title_weight` are about what
    makes the leads of held-out manuals likeliest."""
    frequency_weight: float = 0.7
    """Weight of the logarithm of how often a lead occurs."""
    prompt_weight: float = 5.0
    """Weight of a lead's likeness to the prompt and to its part: higher than held-out manuals would have it (3), for
    their "Options" and "Parameters" say nothing to somebody who asked for one thing."""
    title_weight: float = 11.0
    """Weight of the likeness of prompt and part to the mean title of the documents that hold a lead."""
    meaning_weight: float = 30.0
    """Weight of how much a lead, and what stands under it, is about what prompt and part are about, where the planner
    has a meaning (concepts/meaning.py)."""
    num_choices: int = 2
    """Leads to choose from, the best ones."""
    max_similarity: float = 0.7
    """Cosine above which a lead counts as a repetition of an earlier sibling: of the leads, and of what they are
    about."""
    min_length: int = 3
    """Fewest sentences planned for an item (sections, for a part)."""
    max_length: int = 12
    """Most sentences planned for an item (sections, for a part): small models run out of things to say."""
    min_open_items: int = 5
    """Fewest items of an outline whose number was not asked for."""
    max_open_items: int = 9
    """Most items of such an outline."""


@dataclass
class _Row:
    """One outline being drawn."""

    key: tuple[int | str, ...]
    tokens: list[tuple[int, Tensor, Tensor, int]]
    """(kind, normalized lead, normalized gist, length index) of each token so far."""
    num_wanted: int | None
    given_leads: tuple[Tensor, ...] = ()
    """Leads that are fixed (a user's headings): only gist and length are drawn."""
    known: dict[int, tuple[Tensor, int]] = field(default_factory=dict)
    """Children that are not drawn but known, by place: as in `items`."""
    items: list[tuple[Tensor, int]] = field(default_factory=list)
    """(normalized lead and gist (2D,), number of sentences) of the children so far."""
    is_done: bool = False


class Planner:
    """A loaded outline model."""

    def __init__(
        self,
        card: ModelCard,
        model: OutlineModel,
        options: PlanOptions,
        meaning: tuple[Meaning, Tensor] | None = None,
    ) -> None:
        """`meaning`: what concepts are about, and what the codes (C of them) are about (C, E)."""
        self.card, self.model, self.options = card, model, options
        self._meaning = None if meaning is None else meaning[0]
        is_used = (model.codebook != 0).any(dim=1)
        self._codes, self._code_counts = model.codebook[is_used], model.code_counts[is_used]
        self._code_titles = model.code_titles[is_used]
        self._code_subjects = None if meaning is None else meaning[1][is_used]
        self._code_meanings = self._about(self._codes)

    @classmethod
    def load(cls, name: str | None = None, *, space_id: str, options: PlanOptions | None = None) -> Planner:
        """Load a planner by name or folder for work in `space_id`.

        Raises ModelError for missing or damaged weights, SpaceMismatchError for another space's.
        """
        card = find_card("planner", name)
        model = OutlineModel(load_config(card, PlannerConfig))
        load_released(model, card, space_id)
        return cls(card, model, options or PlanOptions(), load_meaning(card, len(model.codebook)))

    def plan(
        self,
        prompt: Tensor,
        *,
        goal: Tensor | None = None,
        num_sections: int | None = None,
        depth: int = 1,
        seed: int = 0,
    ) -> list[PlannedItem]:
        """Return an outline for raw prompt concepts (P, D), in document order.

        `goal` (D,) is where the document should arrive; `num_sections` the number of items of the first
        level (None: the model decides); at `depth` 2 each of them gets children, all in one batch.
        """
        if depth not in (1, 2):
            raise UsageError(f"depth must be 1 or 2, got {depth}")
        if num_sections is not None and num_sections < 1:
            raise UsageError(f"num_sections must be at least 1, got {num_sections}")
        self._check(prompt, goal)
        prefix = self._prefix(prompt, goal)
        start = self._start(num_sections)
        rows = [
            _Row((seed, "plan", candidate), [*prefix, start], num_sections)
            for candidate in range(self.options.num_candidates)
        ]
        self._draw(rows)
        best = max(rows, key=lambda row: self._score(row, prompt))
        parts = [self._item(str(i + 1), lead_gist, num) for i, (lead_gist, num) in enumerate(best.items)]
        if depth == 1:
            return parts
        children = []
        for part, (lead_gist, num) in zip(parts, best.items, strict=True):
            lead, gist = lead_gist.chunk(2)
            token = (PART, lead, gist, 1 + length_bin(num))
            wanted = max(_FEWEST_CHILDREN, min(num, MAX_ITEMS))
            children.append(_Row((seed, "part", part.path), [*prefix, token, self._start(wanted)], wanted))
        self._draw(children)
        outline = []
        for part, row in zip(parts, children, strict=True):
            outline.append(replace(part, num_sentences=len(row.items)))
            outline += [self._item(f"{part.path}.{i + 1}", x, n) for i, (x, n) in enumerate(row.items)]
        return outline

    def fill(
        self,
        prompt: Tensor,
        leads: Sequence[tuple[str, Tensor]],
        *,
        goal: Tensor | None = None,
        seed: int = 0,
        known: Mapping[str, tuple[Tensor, int]] | None = None,
    ) -> list[PlannedItem]:
        """Return gist and length for a user's headings, given as (path, raw lead (D,)) in document order.

        `known` has the raw gist (D,) and the length of the items, by path, that are planned already: they
        come back as they are, and the others are drawn around them.
        """
        known = known or {}
        self._check(prompt, goal, [lead for _, lead in leads])
        prefix = self._prefix(prompt, goal)
        top = [path for path, _ in leads if "." not in path]
        normalized = {path: self.model.lead_norm.normalize(lead) for path, lead in leads}

        def fixed(paths: Sequence[str]) -> dict[int, tuple[Tensor, int]]:
            return {
                place: (
                    torch.cat((normalized[path], self.model.gist_norm.normalize(known[path][0]))),
                    known[path][1],
                )
                for place, path in enumerate(paths)
                if path in known
            }

        row = _Row(
            (seed, "fill"),
            [*prefix, self._start(len(top))],
            len(top),
            tuple(normalized[path] for path in top),
            fixed(top),
        )
        self._draw([row])
        drawn = dict(zip(top, row.items, strict=True))
        below = []
        for path in top:
            children = [p for p, _ in leads if p.startswith(f"{path}.")]
            if children:
                lead, gist = drawn[path][0].chunk(2)
                token = (PART, lead, gist, 1 + length_bin(len(children)))
                tokens = [*prefix, token, self._start(len(children))]
                given = tuple(normalized[p] for p in children)
                row = _Row((seed, "fill", path), tokens, len(children), given, fixed(children))
                below.append((children, row))
                drawn[path] = (drawn[path][0], len(children))
        self._draw([row for _, row in below])
        for children, row in below:
            drawn |= dict(zip(children, row.items, strict=True))
        items = [self._item(path, *drawn[path]) for path, _ in leads]
        return [
            PlannedItem(
                path,
                lead,
                known[path][0] if path in known else item.gist,
                known[path][1] if path in known else item.num_sentences,
            )
            for item, (path, lead) in zip(items, leads, strict=True)
        ]

    def _check(self, prompt: Tensor, goal: Tensor | None, leads: Sequence[Tensor] = ()) -> None:
        dim = self.model.config.concept_dim
        if prompt.ndim != 2 or prompt.shape[1] != dim or not len(prompt):
            raise SpaceMismatchError(
                f"{self.card.name} plans from concepts (P, {dim}), got {tuple(prompt.shape)}"
            )
        if not torch.isfinite(prompt).all():
            raise NonFiniteError("a prompt concept holds NaN or infinity; encode the prompt again")
        given = [("heading", lead) for lead in leads] + ([("goal", goal)] if goal is not None else [])
        for name, concept in given:
            if concept.shape != (dim,):
                raise SpaceMismatchError(
                    f"{self.card.name} plans from concepts ({dim},), "
                    f"a {name} has shape {tuple(concept.shape)}"
                )
            if not torch.isfinite(concept).all():
                raise NonFiniteError(f"a {name}'s concept holds NaN or infinity; encode it again")

    def _prefix(self, prompt: Tensor, goal: Tensor | None) -> list[tuple[int, Tensor, Tensor, int]]:
        zero = torch.zeros(self.model.config.concept_dim)
        tokens = [(PROMPT, self.model.lead_norm.normalize(row), zero, 0) for row in prompt[:16]]
        if goal is not None:
            tokens.append((GOAL, self.model.gist_norm.normalize(goal), zero, 0))
        return tokens

    def _start(self, num: int | None) -> tuple[int, Tensor, Tensor, int]:
        zero = torch.zeros(self.model.config.concept_dim)
        return (START, zero, zero, min(num or 0, MAX_ITEMS))

    @torch.inference_mode()
    def _draw(self, rows: list[_Row]) -> None:
        """Draw children of every row until all have ended, one item of each at a time."""
        while active := [row for row in rows if not row.is_done]:
            for row in active:
                while (known := row.known.get(len(row.items))) is not None:
                    self._append(row, *known)
            state, blind = self._states(active, blind=False), self._states(active, blind=True)
            stop = self.model.stop_head(state)[:, 0].sigmoid()
            for i, row in enumerate(active):
                num = len(row.items)
                if row.num_wanted is None:
                    chance = float(torch.rand((), generator=_generator((*row.key, num, "stop"))))
                    ends = num >= self.options.min_open_items and chance < float(stop[i])
                    row.is_done = ends or num >= self.options.max_open_items
                else:
                    row.is_done = num >= row.num_wanted
            keep = [i for i, row in enumerate(active) if not row.is_done]
            if not keep:
                continue
            drawing = [active[i] for i in keep]
            items = self._draw_items(drawing, state[keep], blind[keep])
            logits = self.model.next_length(state[keep], items)
            logits[:, : length_bin(self.options.min_length)] = float("-inf")
            logits[:, length_bin(self.options.max_length) + 1 :] = float("-inf")
            for row, item, logit in zip(drawing, items, logits, strict=True):
                generator = _generator((*row.key, len(row.items), "length"))
                picked = int(torch.multinomial((logit / 0.7).softmax(0), 1, generator=generator))
                self._append(row, item, LENGTH_BINS[picked])

    def _append(self, row: _Row, item: Tensor, num_sentences: int) -> None:
        """Add a child (normalized lead and gist (2D,)) to a row."""
        lead, gist = item.chunk(2)
        row.items.append((item, num_sentences))
        row.tokens.append((CHILD, lead, gist, 1 + length_bin(num_sentences)))

    def _draw_items(self, rows: list[_Row], state: Tensor, blind: Tensor) -> Tensor:
        """Return the next item (R, 2D, normalized) of each row: a lead first, then a gist that goes with it."""
        leads = self._choose_leads(rows, state)
        options, dim = self.options, self.model.config.concept_dim
        noise = torch.stack([seeded_noise((2 * dim,), *row.key, len(row.items)) for row in rows])
        both = torch.cat((state, blind))

        def denoise(x: Tensor, t: float) -> Tensor:
            times = torch.full((2 * len(rows),), t)
            told, untold = self.model.diffusion_head(torch.cat((x, x)), times, both).chunk(2)
            x0 = guide(told, untold, options.guidance_scale, options.guidance_rescale)
            return x0 if leads is None else torch.cat((leads, x0[:, dim:]), dim=1)

        return sample(denoise, noise, num_steps=options.num_steps, noise_scale=options.noise_scale)

    def _choose_leads(self, rows: list[_Row], state: Tensor) -> Tensor | None:
        """Return a lead (R, D, normalized) for each row: the user's, or one of the codebook's.

        Codes are drawn by their frequency and their fit to what the contrast head expects (InfoNCE learns
        the log ratio of the two probabilities, so the prior must be put back), by their likeness to the prompt, by
        that of the titles they stand under, and by what they are about, where the planner knows. None where there is
        no codebook: then the diffusion head draws the lead too.
        """
        options, codes = self.options, self._codes
        if rows[0].given_leads:
            return torch.stack([row.given_leads[len(row.items)] for row in rows])
        if not len(codes):
            return None
        directions = F.normalize(codes, dim=1)
        fit = F.normalize(self.model.contrast_head(state), dim=1) @ directions.T / options.temperature
        fit = fit + options.frequency_weight * self._code_counts.clamp_min(1.0).log()
        leads = []
        for r, row in enumerate(rows):
            asked = torch.stack([lead for kind, lead, _, _ in row.tokens if kind in (PROMPT, PART)])
            prompt = F.normalize(asked, dim=1)
            likeness = (directions @ prompt.T).mean(dim=1)
            subject = F.normalize(prompt - self.model.title_center, dim=1)
            kinship = (self._code_titles @ subject.T).mean(dim=1)
            scores = fit[r] + options.prompt_weight * likeness + options.title_weight * kinship
            if (about := self._about(asked)) is not None and self._code_subjects is not None:
                scores = scores + options.meaning_weight * (self._code_subjects @ about.T).mean(dim=1)
            if row.items:
                earlier = torch.stack([lead_gist[: codes.shape[1]] for lead_gist, _ in row.items])
                repeats = self._likeness(earlier).amax(dim=1) > options.max_similarity
                if not repeats.all():  # a small codebook may be used up: then a heading comes again
                    scores = scores.masked_fill(repeats, float("-inf"))
            best, index = scores.topk(min(options.num_choices, len(codes)))
            generator = _generator((*row.key, len(row.items), "lead"))
            picked = torch.multinomial(best.softmax(dim=0), 1, generator=generator)
            leads.append(codes[index[picked[0]]])
        return torch.stack(leads)

    def _about(self, leads: Tensor) -> Tensor | None:
        """Return what normalized leads (N, D) are about (N, E); None where the planner does not know."""
        return None if self._meaning is None else self._meaning(self.model.lead_norm.denormalize(leads))

    def _likeness(self, leads: Tensor) -> Tensor:
        """Return how much each code is like each normalized lead (C, N), in its words or in what it is about."""
        likeness = F.normalize(self._codes, dim=1) @ F.normalize(leads, dim=1).T
        about = self._about(leads)
        if about is None or self._code_meanings is None:
            return likeness
        return torch.maximum(likeness, self._code_meanings @ about.T)

    def _states(self, rows: list[_Row], *, blind: bool) -> Tensor:
        """Return the state (R, M) behind the last token of each row; `blind` hides the prompt."""
        size, dim = max(len(row.tokens) for row in rows), self.model.config.concept_dim
        kind, length = torch.full((len(rows), size), PAD), torch.zeros(len(rows), size, dtype=torch.long)
        lead, gist = torch.zeros(len(rows), size, dim), torch.zeros(len(rows), size, dim)
        for r, row in enumerate(rows):
            for s, (k, a, b, n) in enumerate(row.tokens):
                kind[r, s], length[r, s], gist[r, s] = k, n, b
                lead[r, s] = 0.0 if blind and k == PROMPT else a
        states: Tensor = self.model(PlanTokens(kind, lead, gist, length))
        return states[torch.arange(len(rows)), torch.tensor([len(row.tokens) - 1 for row in rows])]

    def _score(self, row: _Row, prompt: Tensor) -> float:
        """Rank by similarity to the prompt, in words and in meaning, less that of the items to each other."""
        dim = self.model.config.concept_dim
        leads = torch.stack([x[:dim] for x, _ in row.items])
        gists = F.normalize(torch.stack([x[dim:] for x, _ in row.items]), dim=-1)
        wanted = self.model.lead_norm.normalize(prompt).mean(dim=0, keepdim=True)
        near = float(F.cosine_similarity(leads, wanted).mean())
        if (about := self._about(leads)) is not None and self._meaning is not None:
            near += float((about @ self._meaning(prompt).T).mean())
        if len(gists) < 2:
            return near
        between = gists @ gists.T
        off_diagonal = (between.sum() - between.diagonal().sum()) / (len(gists) * (len(gists) - 1))
        return near - 0.5 * float(off_diagonal)

    def _item(self, path: str, lead_gist: Tensor, num: int) -> PlannedItem:
        lead, gist = lead_gist.chunk(2)
        item = PlannedItem(
            path, self.model.lead_norm.denormalize(lead), self.model.gist_norm.denormalize(gist), num
        )
        if not (torch.isfinite(item.lead).all() and torch.isfinite(item.gist).all()):
            raise NonFiniteError(
                f"{self.card.name} planned an item of NaN or infinity; install it again or train it anew"
            )
        return item


def _generator(key: tuple[int | str, ...]) -> torch.Generator:
    seed = int(seeded_noise((1,), *key).view(torch.int32)[0]) & 0x7FFFFFFF
    return torch.Generator().manual_seed(seed)
