"""Drawing outlines from a trained outline model, level by level.

The diffusion head draws lead and gist of an item together, given all items before it. A drawn lead is normalised to
length 1, like the space's vectors; a gist, a mean of such vectors, keeps its length.

Legend: R rows (outlines drawn side by side), S tokens, D concept dim. Concepts enter and leave raw; they enter on any
device and leave on the model's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import NonFiniteError, SpaceMismatchError, UsageError
from concepts.models.card import ModelCard
from concepts.models.installed import find_card
from concepts.models.released import load_config, load_released
from concepts.neural.contrast import mean_cosine
from concepts.neural.diffusion import guide, sample, seeded_noise
from planner.config import LENGTH_BINS, MAX_ITEMS, PlannerConfig, length_bin
from planner.model import CHILD, GOAL, PAD, PART, PROMPT, START, OutlineModel, PlanTokens

_FEWEST_CHILDREN = 2
"""Fewest sections of a part."""


@dataclass(frozen=True)
class PlannedItem:
    """One item of an outline; `lead` and `gist` are raw concepts (D,)."""

    path: str
    """Place in the tree, such as "2" or "2.1"."""
    lead: Tensor
    gist: Tensor
    num_sentences: int
    """Planned sentences of a leaf; for a part, its sections."""


@dataclass(frozen=True)
class LeadDrafts:
    """The model's prediction of one item's lead at each of T diffusion steps."""

    path: str
    times: tuple[float, ...]
    """Diffusion time of each step: 1 is pure noise."""
    leads: Tensor
    """(T, D), raw, of length 1; the last one is the item's lead."""


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """How outlines are drawn."""

    num_candidates: int = 32
    """Outlines drawn, of which the best is kept."""
    num_steps: int = 12
    """Diffusion steps an item."""
    guidance_scale: float = 1.5
    """Classifier-free guidance towards the prompt; 1 is none."""
    guidance_rescale: float = 0.7
    """Share of the guided item brought back to its unguided size."""
    noise_scale: float = 0.8
    """Size of the initial noise; smaller is nearer to the most usual item."""
    max_similarity: float = 0.85
    """Cosine to an earlier sibling above which a lead counts as a repetition and is drawn again."""
    num_redraws: int = 4
    """Most redraws of a lead; after them the draw least like the earlier leads is kept."""
    min_length: int = 3
    """Fewest sentences planned for an item (sections, for a part)."""
    max_length: int = 12
    """Most sentences planned for an item (sections, for a part): small models run out of things to say."""
    min_open_items: int = 5
    """Fewest items of an outline if no number is requested."""
    max_open_items: int = 9
    """Most items of such an outline."""

    def __post_init__(self) -> None:
        for name in ("num_candidates", "num_steps", "min_open_items"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not -1 <= self.max_similarity <= 1:
            raise UsageError(f"max_similarity must be a cosine, got {self.max_similarity}")


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
    """Children that are fixed instead of drawn, by place; values as in `items`."""
    items: list[tuple[Tensor, int]] = field(default_factory=list)
    """(normalized lead and gist (2D,), number of sentences) of the children so far."""
    drafts: list[tuple[tuple[float, ...], Tensor]] = field(default_factory=list)
    """For each drawn child: times of the diffusion steps, and the lead (T, D, normalized) at each."""
    is_done: bool = False


class Planner:
    """A loaded outline model."""

    def __init__(self, card: ModelCard, model: OutlineModel, options: PlanOptions) -> None:
        self.card, self.model, self.options = card, model, options

    @classmethod
    def load(
        cls,
        name: str | None = None,
        *,
        space_id: str,
        options: PlanOptions | None = None,
        device: torch.device | None = None,
    ) -> Planner:
        """Load a planner by name or folder for work in `space_id`; `device` None: the CPU.

        Raises ModelError for missing or damaged weights, SpaceMismatchError for another space's.
        """
        card = find_card("planner", name)
        model = OutlineModel(load_config(card, PlannerConfig))
        load_released(model, card, space_id)
        return cls(card, model.to(device or torch.device("cpu")), options or PlanOptions())

    @property
    def device(self) -> torch.device:
        """The model's device."""
        return self.model.norm.weight.device

    def with_options(self, options: PlanOptions) -> Planner:
        """Return a planner with other options over the same weights."""
        return Planner(self.card, self.model, options)

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

        `goal` (D,) is the concept that the document should end with; `num_sections` the number of first-level
        items (None: the model decides); at `depth` 2 each of them gets children, all in one batch.
        """
        best, children = self._drawn(prompt, goal, num_sections, depth, seed)
        parts = self._items(best)
        if depth == 1:
            return parts
        outline = []
        for part, row in zip(parts, children, strict=True):
            outline.append(replace(part, num_sentences=len(row.items)))
            outline += [self._item(f"{part.path}.{i + 1}", x, n) for i, (x, n) in enumerate(row.items)]
        return outline

    def refine(
        self,
        prompt: Tensor,
        *,
        goal: Tensor | None = None,
        num_sections: int | None = None,
        depth: int = 1,
        seed: int = 0,
    ) -> list[LeadDrafts]:
        """Return each diffusion step's leads of the outline that `plan` returns for the same arguments."""
        best, children = self._drawn(prompt, goal, num_sections, depth, seed)
        found = []
        for number, (times, leads) in enumerate(best.drafts, 1):
            found.append(LeadDrafts(str(number), times, self.model.lead_norm.denormalize(leads)))
            below = children[number - 1].drafts if children else []
            found += [
                LeadDrafts(f"{number}.{n}", own, self.model.lead_norm.denormalize(x))
                for n, (own, x) in enumerate(below, 1)
            ]
        return found

    def _drawn(
        self, prompt: Tensor, goal: Tensor | None, num_sections: int | None, depth: int, seed: int
    ) -> tuple[_Row, list[_Row]]:
        """Return the best outline's first level, and at depth 2 a row of children for each of its items."""
        if depth not in (1, 2):
            raise UsageError(f"depth must be 1 or 2, got {depth}")
        prompt, goal = prompt.to(self.device), None if goal is None else goal.to(self.device)
        best = self._ranked(prompt, goal, num_sections, seed)[0]
        if depth == 1:
            return best, []
        prefix, parts = self._prefix(prompt, goal), self._items(best)
        children = []
        for part, (lead_gist, num) in zip(parts, best.items, strict=True):
            lead, gist = lead_gist.chunk(2)
            token = (PART, lead, gist, 1 + length_bin(num))
            wanted = max(_FEWEST_CHILDREN, min(num, MAX_ITEMS))
            children.append(_Row((seed, "part", part.path), [*prefix, token, self._start(wanted)], wanted))
        self._draw(children)
        return best, children

    def candidates(
        self, prompt: Tensor, *, goal: Tensor | None = None, num_sections: int | None = None, seed: int = 0
    ) -> list[list[PlannedItem]]:
        """Return all outlines drawn for raw prompt concepts (P, D), first level only, the best one first.

        Arguments as for `plan`, which uses the first outline.
        """
        prompt, goal = prompt.to(self.device), None if goal is None else goal.to(self.device)
        return [self._items(row) for row in self._ranked(prompt, goal, num_sections, seed)]

    def _ranked(self, prompt: Tensor, goal: Tensor | None, num_sections: int | None, seed: int) -> list[_Row]:
        if num_sections is not None and num_sections < 1:
            raise UsageError(f"num_sections must be at least 1, got {num_sections}")
        self._check(prompt, goal)
        prefix, start = self._prefix(prompt, goal), self._start(num_sections)
        rows = [
            _Row((seed, "plan", candidate), [*prefix, start], num_sections)
            for candidate in range(self.options.num_candidates)
        ]
        self._draw(rows)
        return sorted(rows, key=lambda row: self._score(row, prompt), reverse=True)

    def _items(self, row: _Row) -> list[PlannedItem]:
        return [self._item(str(i + 1), lead_gist, num) for i, (lead_gist, num) in enumerate(row.items)]

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

        `known` has the raw gist (D,) and length of already planned items, by path: they are returned unchanged,
        and the others are drawn around them.
        """
        prompt, goal = prompt.to(self.device), None if goal is None else goal.to(self.device)
        leads = [(path, lead.to(self.device)) for path, lead in leads]
        known = {path: (gist.to(self.device), num) for path, (gist, num) in (known or {}).items()}
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
        zero = torch.zeros(self.model.config.concept_dim, device=self.device)
        tokens = [(PROMPT, self.model.lead_norm.normalize(row), zero, 0) for row in prompt[:16]]
        if goal is not None:
            tokens.append((GOAL, self.model.gist_norm.normalize(goal), zero, 0))
        return tokens

    def _start(self, num: int | None) -> tuple[int, Tensor, Tensor, int]:
        zero = torch.zeros(self.model.config.concept_dim, device=self.device)
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
            drawing, kept = [active[i] for i in keep], torch.tensor(keep)
            items = self._draw_items(drawing, state[kept], blind[kept])
            logits = self.model.next_length(state[kept], items)
            logits[:, : length_bin(self.options.min_length)] = float("-inf")
            logits[:, length_bin(self.options.max_length) + 1 :] = float("-inf")
            chances = (logits / 0.7).softmax(dim=1).cpu()  # draws must not depend on the device
            for row, item, chance_B in zip(drawing, items, chances, strict=True):
                generator = _generator((*row.key, len(row.items), "length"))
                picked = int(torch.multinomial(chance_B, 1, generator=generator))
                self._append(row, item, LENGTH_BINS[picked])

    def _append(self, row: _Row, item: Tensor, num_sentences: int) -> None:
        """Add a child (normalized lead and gist (2D,)) to a row."""
        lead, gist = item.chunk(2)
        row.items.append((item, num_sentences))
        row.tokens.append((CHILD, lead, gist, 1 + length_bin(num_sentences)))

    def _draw_items(self, rows: list[_Row], state: Tensor, blind: Tensor) -> Tensor:
        """Return the next item (R, 2D, normalized) of each row; leads that repeat an earlier one are drawn again."""
        items, times, leads_TRD = self._denoise(rows, state, blind, 0)
        if rows[0].given_leads or self.model.config.objective == "mse":  # another seed would change nothing
            self._note(rows, times, leads_TRD)
            return items
        likeness = self._likeness(rows, items)
        for attempt in range(1, self.options.num_redraws + 1):
            again = [
                i for i, like in enumerate(likeness.cpu().tolist()) if like > self.options.max_similarity
            ]
            if not again:
                break
            chosen = torch.tensor(again)
            drawn, _, leads = self._denoise([rows[i] for i in again], state[chosen], blind[chosen], attempt)
            likes = self._likeness([rows[i] for i in again], drawn)
            for place, i in enumerate(again):
                if likes[place] < likeness[i]:
                    items[i], likeness[i], leads_TRD[:, i] = drawn[place], likes[place], leads[:, place]
        self._note(rows, times, leads_TRD)
        return items

    def _note(self, rows: list[_Row], times: tuple[float, ...], leads_TRD: Tensor) -> None:
        for place, row in enumerate(rows):
            row.drafts.append((times, leads_TRD[:, place]))

    def _denoise(
        self, rows: list[_Row], state: Tensor, blind: Tensor, attempt: int
    ) -> tuple[Tensor, tuple[float, ...], Tensor]:
        """Return each row's next item (R, 2D), the step times (T,) and each step's leads (T, R, D), all normalized.

        A drawn lead has length 1; a user's lead stays as it is.
        """
        dim = self.model.config.concept_dim
        leads = (
            torch.stack([row.given_leads[len(row.items)] for row in rows]) if rows[0].given_leads else None
        )
        again = ("again", attempt) if attempt else ()
        noise = torch.stack([seeded_noise((2 * dim,), *row.key, len(row.items), *again) for row in rows])
        return self.denoise_items(noise.to(self.device), state, blind, leads)

    def denoise_items(
        self, noise: Tensor, state: Tensor, blind: Tensor, leads: Tensor | None = None
    ) -> tuple[Tensor, tuple[float, ...], Tensor]:
        """Like `_denoise`, from `noise` (R, 2D) and states (R, M) with (`state`) and without (`blind`) the prompt.

        `leads` (R, D, normalized): fixed leads.
        """
        options, dim = self.options, self.model.config.concept_dim
        is_mean = self.model.config.objective == "mse"
        both = torch.cat((state, blind))

        def denoise(x: Tensor, t: float) -> Tensor:
            times = torch.full((2 * len(noise),), t, device=self.device)
            told, untold = self.model.diffusion_head(torch.cat((x, x)), times, both).chunk(2)
            x0 = guide(told, untold, options.guidance_scale, options.guidance_rescale)
            return x0 if leads is None else torch.cat((leads, x0[:, dim:]), dim=1)

        steps: list[tuple[float, Tensor]] = []
        items = sample(
            denoise,
            noise,
            num_steps=1 if is_mean else options.num_steps,
            noise_scale=0.0 if is_mean else options.noise_scale,
            on_step=lambda time, x0: steps.append((time, x0[:, :dim])),
        )
        drawn = torch.stack([x0 for _, x0 in steps])
        if leads is None:
            unit = F.normalize(self.model.lead_norm.denormalize(drawn), dim=-1)
            drawn = self.model.lead_norm.normalize(unit)
        times = tuple(time for time, _ in steps)
        return torch.cat((drawn[-1], items[:, dim:]), dim=1), times, drawn

    def _likeness(self, rows: list[_Row], items: Tensor) -> Tensor:
        """Return the largest cosine (R,) of each item's lead to an earlier lead of its row; -1 for a first item."""
        dim = self.model.config.concept_dim
        found = torch.full((len(rows),), -1.0, device=self.device)
        for r, row in enumerate(rows):
            if row.items:
                leads = torch.stack([*(item[:dim] for item, _ in row.items), items[r, :dim]])
                raw = F.normalize(self.model.lead_norm.denormalize(leads), dim=1)
                found[r] = (raw[:-1] @ raw[-1]).max()
        return found

    def _states(self, rows: list[_Row], *, blind: bool) -> Tensor:
        """Return the state (R, M) of the last token of each row; `blind` hides the prompt."""
        size, dim = max(len(row.tokens) for row in rows), self.model.config.concept_dim
        kind, length = torch.full((len(rows), size), PAD), torch.zeros(len(rows), size, dtype=torch.long)
        lead, gist = (torch.zeros(len(rows), size, dim, device=self.device) for _ in range(2))
        for r, row in enumerate(rows):
            kinds, leads, gists, lengths = zip(*row.tokens, strict=True)
            num = len(kinds)
            kind[r, :num], length[r, :num] = torch.tensor(kinds), torch.tensor(lengths)
            lead[r, :num], gist[r, :num] = torch.stack(leads), torch.stack(gists)
        kind, length = kind.to(self.device), length.to(self.device)
        if blind:
            lead.masked_fill_((kind == PROMPT).unsqueeze(-1), 0.0)
        states: Tensor = self.model(PlanTokens(kind, lead, gist, length))
        return states[torch.arange(len(rows)), torch.tensor([len(row.tokens) - 1 for row in rows])]

    def _score(self, row: _Row, prompt: Tensor) -> float:
        """Return the leads' mean cosine to the prompt minus half the mean cosine of the items to each other."""
        items = [self._item("", item, num) for item, num in row.items]
        leads, gists = torch.stack([i.lead for i in items]), torch.stack([i.gist for i in items])
        near = float(F.cosine_similarity(leads, prompt.mean(dim=0, keepdim=True)).mean())
        return near - 0.25 * (mean_cosine(leads) + mean_cosine(gists))

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
