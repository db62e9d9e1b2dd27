"""Writing sections: blocks of sentence concepts drawn from noise, all sections of a batch side by side.

Legend: R sections, C context tokens, K slots, D concept dim. Concepts enter and leave raw; they enter on any device
and leave on the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import NonFiniteError, SpaceMismatchError, UsageError
from concepts.models.card import ModelCard
from concepts.models.installed import find_card
from concepts.models.released import load_config, load_released
from concepts.neural.diffusion import SamplerName, guide, sample, seeded_noise
from writer.config import MAX_LENGTH, MAX_PREVIOUS, PLAN_REACH, WriterConfig
from writer.model import (
    CURRENT,
    GOAL,
    NOTHING,
    NUM_PLACES,
    PAD,
    PLAN,
    PREVIOUS,
    PROMPT,
    Context,
    Slots,
    WriterModel,
    normalize_context,
)


@dataclass(frozen=True)
class WritingPlan:
    """The writer's input: the leaves of an outline in document order, as raw concepts."""

    prompt: Tensor
    """Prompt sentences (P, D)."""
    goal: Tensor | None
    """Concept that the document should end with (D,)."""
    paths: tuple[str, ...]
    """Place of each leaf in the tree."""
    leads: Tensor
    """(N, D)."""
    gists: Tensor
    """(N, D)."""
    num_sentences: tuple[int, ...]
    """Planned length of each leaf."""
    is_limit: bool = False
    """Whether no section may be longer than planned, as in a summary."""

    def to(self, device: torch.device) -> WritingPlan:
        """Return the plan with its concepts on `device`."""
        return replace(
            self,
            prompt=self.prompt.to(device),
            goal=None if self.goal is None else self.goal.to(device),
            leads=self.leads.to(device),
            gists=self.gists.to(device),
        )


@dataclass(frozen=True)
class WritingTask:
    """Sections of one document to write."""

    plan: WritingPlan
    paths: Sequence[str]
    seed: int


@dataclass(frozen=True)
class WrittenSection:
    """The sentences of one leaf as raw concepts (K, D); K is 0 if the model has nothing to say."""

    path: str
    vectors: Tensor
    stop_reason: str
    """"end": the end concept came; "length": well beyond the plan; "repetition": only repeats came."""
    similarity: float
    """Cosine of the section's mean to its gist, both centred."""


@dataclass(frozen=True)
class Drafts:
    """The model's prediction of a section's sentences at each of T diffusion steps."""

    times: tuple[float, ...]
    """Diffusion time of each step: 1 is pure noise."""
    vectors: Tensor
    """Predicted sentences (T, S, D), raw; the last step's are the section's."""


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How sections are drawn."""

    block_size: int = 8
    """Sentences drawn at once; 1 writes in order, one by one."""
    num_steps: int = 12
    """Diffusion steps a block."""
    sampler: SamplerName = "dpm++"
    """Sampler."""
    guidance_scale: float = 1.3
    """Classifier-free guidance; 1 is none."""
    guidance_rescale: float = 0.7
    """Share of the guided block brought back to its unguided size."""
    noise_scale: float = 1.0
    """Size of the initial noise."""
    last_time: float | None = None
    """Diffusion time of the last step; a later one leaves more of the choice to the voice. None: 1 / `num_steps`."""
    end_similarity: float = 0.8
    """Cosine to the end concept from which a slot ends the section."""
    repeat_similarity: float = 0.9
    """Cosine to an earlier sentence of the section from which a sentence is dropped."""
    length_tolerance: float = 0.5
    """How far beyond the planned length a section may go, as a share of it."""

    def __post_init__(self) -> None:
        if self.block_size < 1:
            raise UsageError(f"block_size must be at least 1, got {self.block_size}")
        if self.num_steps < 1:
            raise UsageError(f"num_steps must be at least 1, got {self.num_steps}")


@dataclass
class _Row:
    """One section being written."""

    plan: WritingPlan
    seed: int
    path: str
    here: int
    num_planned: int
    most: int
    """Sentences drawn at most, repetitions included."""
    sentences: list[Tensor] = field(default_factory=list)
    """Normalized (D,)."""
    drafts: list[Tensor] = field(default_factory=list)
    """Predicted x0 (T, D) of each sentence, normalized."""
    num_drawn: int = 0
    stop_reason: str = ""


class Writer:
    """A loaded writer."""

    def __init__(self, card: ModelCard, model: WriterModel, options: WriteOptions) -> None:
        self.card, self.model, self.options = card, model, options

    @classmethod
    def load(
        cls,
        name: str | None = None,
        *,
        space_id: str,
        options: WriteOptions | None = None,
        device: torch.device | None = None,
    ) -> Writer:
        """Load a writer by name or folder for work in `space_id`; `device` None: the CPU.

        Raises ModelError for missing or damaged weights, SpaceMismatchError for another space's.
        """
        card = find_card("writer", name)
        model = WriterModel(load_config(card, WriterConfig))
        load_released(model, card, space_id)
        return cls(card, model.to(device or torch.device("cpu")), options or WriteOptions())

    @property
    def device(self) -> torch.device:
        """The model's device."""
        return self.model.end.device

    def with_options(self, options: WriteOptions) -> Writer:
        """Return a writer with other options over the same weights."""
        return Writer(self.card, self.model, options)

    @torch.inference_mode()
    def write(self, plan: WritingPlan, paths: Sequence[str], *, seed: int) -> list[WrittenSection]:
        """Return the sections named by `paths`, in that order; they are written in one batch.

        A pure function of its arguments: noise depends on (seed, path, block) alone, so the same call
        gives the same vectors again.
        """
        (sections,) = self.write_together([WritingTask(plan, paths, seed)])
        return sections

    @torch.inference_mode()
    def write_together(self, tasks: Sequence[WritingTask]) -> list[list[WrittenSection]]:
        """Return the sections of each task, all written in one batch; equal to `write` up to rounding."""
        return [[self._finish(row) for row in begun] for begun in self._draw(tasks)[0]]

    @torch.inference_mode()
    def refine(self, plan: WritingPlan, paths: Sequence[str], path: str, *, seed: int) -> Drafts:
        """Return the sentences of section `path` at each diffusion step, when `paths` are written together.

        The last step equals the result of `write` for the same arguments.
        """
        (rows,), times = self._draw([WritingTask(plan, paths, seed)])
        drafts = rows[list(paths).index(path)].drafts
        if not drafts:
            return Drafts(times, torch.empty(len(times), 0, plan.gists.shape[1]))
        return Drafts(times, self.model.sentence_norm.denormalize(torch.stack(drafts, dim=1)))

    def _draw(self, tasks: Sequence[WritingTask]) -> tuple[list[list[_Row]], tuple[float, ...]]:
        """Draw all sections; return the rows of each task and the times of the diffusion steps."""
        found = [self._begin(task) for task in tasks]
        rows = [row for begun in found for row in begun]
        times: tuple[float, ...] = ()
        while active := [row for row in rows if not row.stop_reason]:
            steps = self._draw_blocks(active)
            times = tuple(time for time, _ in steps)
            drafts_TRKD = torch.stack([x0 for _, x0 in steps])
            for place, row in enumerate(active):
                self._take(row, drafts_TRKD[:, place])
        return found, times

    def _begin(self, task: WritingTask) -> list[_Row]:
        self._check(task.plan, task.paths)
        plan = task.plan.to(self.device)
        rows = []
        for path in task.paths:
            here = plan.paths.index(path)
            planned = plan.num_sentences[here]
            beyond = max(planned + 1, int(planned * (1 + self.options.length_tolerance)))
            most = planned if plan.is_limit else beyond
            rows.append(_Row(plan, task.seed, path, here, planned, most))
        return rows

    def _draw_blocks(self, rows: list[_Row]) -> list[tuple[float, Tensor]]:
        """Return each step's time and next blocks (R, K, D, normalized); the last step is the draw."""
        size = self.options.block_size
        noise = torch.stack(
            [
                seeded_noise((size, self.model.config.concept_dim), r.seed, "write", r.path, r.num_drawn)
                for r in rows
            ]
        ).to(self.device)
        index = torch.stack([torch.arange(row.num_drawn, row.num_drawn + size) for row in rows])
        planned = torch.tensor([row.num_planned for row in rows])
        slots = Slots(index.repeat(2, 1).to(self.device), planned.repeat(2).to(self.device))
        return self.denoise_blocks(noise, self._context(rows), slots)

    def denoise_blocks(self, noise: Tensor, context: Context, slots: Slots) -> list[tuple[float, Tensor]]:
        """Return each step's time and predicted blocks (R, K, D, normalized) from `noise`; the last step is the draw.

        `context` and `slots` have 2R rows: with the context, then without it (for guidance).
        """
        options = self.options
        cache, mask = self.model.contextualize(context)

        def denoise(x: Tensor, t: float) -> Tensor:
            times = torch.full((2 * len(noise),), t, device=self.device)
            told, untold = self.model.denoise(torch.cat((x, x)), times, slots, cache, mask).chunk(2)
            return guide(told, untold, options.guidance_scale, options.guidance_rescale)

        steps: list[tuple[float, Tensor]] = []

        def keep(time: float, x0: Tensor) -> None:
            steps.append((time, x0))

        if self.model.config.objective == "mse":  # it gives the mean, in one step without noise
            sample(denoise, noise, num_steps=1, noise_scale=0.0, on_step=keep)
        else:
            sample(
                denoise,
                noise,
                num_steps=options.num_steps,
                sampler=options.sampler,
                noise_scale=options.noise_scale,
                last_time=options.last_time,
                on_step=keep,
            )
        return steps

    def _context(self, rows: list[_Row]) -> Context:
        """Return the rows' contexts, followed by as many empty ones (for guidance)."""
        tokens = [self._tokens(row) for row in rows]
        width, dim = max(map(len, tokens)), self.model.config.concept_dim
        shape = (2 * len(rows), width)
        kind = torch.full(shape, PAD)
        kind[:, 0] = NOTHING
        lead, gist = (torch.zeros(*shape, dim, device=self.device) for _ in range(2))
        place, length = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        for r, row_tokens in enumerate(tokens):
            for c, (k, a, b, p, n) in enumerate(row_tokens):
                kind[r, c], place[r, c], length[r, c] = k, p, n
                if a is not None:
                    lead[r, c] = a
                if b is not None:
                    gist[r, c] = b
        kind, place, length = (table.to(self.device) for table in (kind, place, length))
        return normalize_context(Context(kind, lead, gist, place, length), self.model, 0.0, None)

    def _tokens(self, row: _Row) -> list[tuple[int, Tensor | None, Tensor | None, int, int]]:
        """Return (kind, raw lead, raw gist, place, length) of a section's context tokens, as in training."""
        plan = row.plan
        tokens: list[tuple[int, Tensor | None, Tensor | None, int, int]] = [(NOTHING, None, None, 0, 0)]
        tokens += [(PROMPT, sentence, None, 0, 0) for sentence in plan.prompt[:8]]
        if plan.goal is not None:
            tokens.append((GOAL, plan.goal, None, 0, 0))
        for other in range(max(0, row.here - PLAN_REACH), min(len(plan.paths), row.here + PLAN_REACH + 1)):
            if other != row.here:
                length = min(plan.num_sentences[other], MAX_LENGTH)
                tokens.append(
                    (PLAN, plan.leads[other], plan.gists[other], other - row.here + PLAN_REACH, length)
                )
        length = min(row.num_planned, MAX_LENGTH)
        tokens.append((CURRENT, plan.leads[row.here], plan.gists[row.here], PLAN_REACH, length))
        previous = [self.model.sentence_norm.denormalize(x) for x in row.sentences[-MAX_PREVIOUS:]]
        tokens += [(PREVIOUS, x, None, min(i, NUM_PLACES - 1), 0) for i, x in enumerate(reversed(previous))]
        return tokens

    def _take(self, row: _Row, drafts: Tensor) -> None:
        """Append a block's sentences to the section until it ends; `drafts` (T, K, D) are the steps' predictions."""
        end = self.model.sentence_norm.normalize(self.model.end)
        num_new = 0
        for place, sentence in enumerate(drafts[-1]):
            is_end = F.cosine_similarity(sentence, end, dim=0) > self.options.end_similarity
            if is_end and row.sentences:
                row.stop_reason = "end"
                return
            row.num_drawn += 1
            earlier = torch.stack(row.sentences) if row.sentences else sentence.new_empty(0, len(sentence))
            similar = F.cosine_similarity(earlier, sentence[None], dim=1)
            if not is_end and not (similar > self.options.repeat_similarity).any():
                row.sentences.append(sentence)
                row.drafts.append(drafts[:, place])
                num_new += 1
            if row.num_drawn >= row.most:
                row.stop_reason = "length"
                return
        if not num_new:
            row.stop_reason = "repetition"

    def _finish(self, row: _Row) -> WrittenSection:
        if not row.sentences:
            return WrittenSection(row.path, torch.empty(0, row.plan.gists.shape[1]), row.stop_reason, 0.0)
        vectors = self.model.sentence_norm.denormalize(torch.stack(row.sentences))
        if not torch.isfinite(vectors).all():
            raise NonFiniteError(
                f"{self.card.name} wrote a sentence of NaN or infinity; install it again or train it anew"
            )
        center = self.model.gist_norm.center
        similarity = F.cosine_similarity(
            vectors.mean(dim=0) - center, row.plan.gists[row.here] - center, dim=0
        )
        return WrittenSection(row.path, vectors, row.stop_reason, float(similarity))

    def _check(self, plan: WritingPlan, paths: Sequence[str]) -> None:
        dim, num = self.model.config.concept_dim, len(plan.paths)
        tensors = {"prompt": plan.prompt, "leads": plan.leads, "gists": plan.gists}
        if plan.goal is not None:
            tensors["goal"] = plan.goal.unsqueeze(0)
        for name, tensor in tensors.items():
            if tensor.ndim != 2 or tensor.shape[1] != dim:
                raise SpaceMismatchError(
                    f"{self.card.name} writes from concepts of dimension {dim}, "
                    f"the {name} have shape {tuple(tensor.shape)}"
                )
            if not torch.isfinite(tensor).all():
                raise NonFiniteError(f"the plan's {name} hold NaN or infinity; plan again")
        if len(plan.leads) != num or len(plan.gists) != num or len(plan.num_sentences) != num:
            raise UsageError(
                f"the plan has {num} leaves but {len(plan.leads)} leads, {len(plan.gists)} gists and "
                f"{len(plan.num_sentences)} lengths"
            )
        if unknown := [path for path in paths if path not in plan.paths]:
            raise UsageError(f"the plan has no item {unknown[0]}; it has {', '.join(plan.paths[:8])}")
