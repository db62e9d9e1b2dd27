"""An engine that also returns the diffusion steps of its draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.document.asked.options import DEFAULT_DRAWING, Drawing
from flows.document.engine import LeafPlan, Text
from flows.document.refining import DraftsAsk, Steps
from flows.models.arrays import to_array, to_goal, to_tensor, to_writing_plan
from flows.models.engine import ModelEngine

if TYPE_CHECKING:
    from storage.records import Vector

DRAFTS_PER_CALL = 8
"""Drafts said side by side: each has its own text before it, which takes memory."""


class RefiningModels(ModelEngine):
    """The models of this repository; see `flows.document.refining.RefiningEngine`."""

    def refine_plan(
        self,
        prompt: Vector,
        *,
        goal: Vector | None,
        num_sections: int | None,
        depth: int,
        seed: int,
        drawing: Drawing = DEFAULT_DRAWING,
    ) -> list[Steps]:
        """Draw with the outline model."""
        found = self._planner_for(drawing).refine(
            to_tensor(prompt), goal=to_goal(goal), num_sections=num_sections, depth=depth, seed=seed
        )
        return [Steps(times=lead.times, vectors=to_array(lead.leads)) for lead in found]

    def refine_section(self, plan: LeafPlan, paths: Sequence[str], path: str, *, seed: int) -> Steps:
        """Draw with the concept diffusion model."""
        drafts = self._writer_for(plan.drawing).refine(to_writing_plan(plan), paths, path, seed=seed)
        return Steps(times=drafts.times, vectors=to_array(drafts.vectors))

    def say_drafts(self, ask: DraftsAsk) -> list[Text]:
        """Say with the voice."""
        from writer.voice.text import Said
        from writer.voice.voice import SentenceSaying

        title, *others = self._in_english(
            [ask.title, *ask.headings, *(text for text, _ in ask.texts)], ask.lang
        )
        headings, texts = others[: len(ask.headings)], others[len(ask.headings) :]
        said = [Said(text, block) for text, (_, block) in zip(texts, ask.texts, strict=True)]
        sayings = [
            SentenceSaying(
                title=title,
                headings=tuple(headings),
                here=ask.here,
                before=tuple(said[:place]),
                concept=to_tensor(vector),
                key=(*ask.key, "draft", place),
                notes=ask.notes,
            )
            for place, vector in zip(ask.places, ask.vectors, strict=True)
        ]
        found = []
        for start in range(0, len(sayings), DRAFTS_PER_CALL):
            found += self._voice.result().say_sentences(sayings[start : start + DRAFTS_PER_CALL])
        return self._from_english(
            [Text(text=row.said.text, score=float(row.score)) for row in found], ask.lang
        )
