"""Baselines for Longhand: its voice without concepts or notes, the base model without a plan, true parts.

Each hides or replaces one part of the pipeline, so that the table shows which part causes a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from concepts.corpus.records import Block
from longhand.evaluation.prompts import Prompt
from longhand.evaluation.systems import LonghandSystem, true_document
from longhand.evaluation.texts import DocumentText, parse_markdown

if TYPE_CHECKING:
    from flows.document.engine import Engine, SayAsk, Text

_LENGTH = 700
"""Tokens of an unplanned document, about as many as of a planned one."""
_SYSTEM_PROMPT = "You are a helpful writer of clear, practical documents."


class HiddenConcepts:
    """An engine whose voice does not see the sentences' concepts: it continues from the words alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def say(self, ask: SayAsk) -> list[list[Text]]:
        """Say the sections with all-zero concepts."""
        hidden = [replace(section, vectors=section.vectors * 0) for section in ask.sections]
        return self._engine.say(replace(ask, sections=hidden))


class VoiceAlone(LonghandSystem):
    """The same voice and planned headings, with hidden concepts."""

    name = "voice alone"

    def engine(self) -> Engine:
        """Return Longhand's engine with hidden concepts."""
        return HiddenConcepts(super().engine())


class SubjectHidden(LonghandSystem):
    """The same models, but the library's documents on the very subject are hidden, not the ones near it."""

    name = "subject hidden"
    most_alike = 0.7


class WithoutNotes(LonghandSystem):
    """The same models without a library."""

    name = "without notes"
    library = "none"


class TrueOutline(LonghandSystem):
    """Headings of the true document; gists, lengths and sentences are Longhand's."""

    name = "true outline"

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Write below the true headings."""
        true = true_document(prompt, self.name)
        outline = "\n".join(f"- {section.heading or true.title}" for section in true.sections)
        return self.write_with(prompt.text, seed=seed, outline=outline)


class TrueConcepts(LonghandSystem):
    """Headings and concepts of the true document, said by the voice."""

    name = "true concepts"

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Say the true sentences' concepts."""
        from flows.document.engine import SayAsk, SectionConcepts

        true = true_document(prompt, self.name)
        engine = self.engine()
        engine.start_loading(("decode",))
        engine.prepare("decode")
        sections = [
            SectionConcepts(
                here=here,
                vectors=engine.encode(section.sentences, "eng_Latn"),
                places=tuple(range(len(section.sentences))),
                key=(seed, here),
            )
            for here, section in enumerate(true.sections)
            if section.sentences
        ]
        headings = tuple(section.heading or true.title for section in true.sections)
        said = engine.say(SayAsk(title=true.title, headings=headings, sections=sections, lang="eng_Latn"))
        texts = {section.here: blocks_of(rows) for section, rows in zip(sections, said, strict=True)}
        return replace(
            true,
            sections=tuple(
                replace(section, blocks=texts.get(here, ())) for here, section in enumerate(true.sections)
            ),
        )


class Unplanned:
    """The voice's base model, asked for the whole document in its chat format."""

    name = "unplanned"

    def __init__(self, name: str | None = None) -> None:
        """`name`: of the base model; None: the one that ships."""
        self._name = name
        self._loaded: tuple[Any, Any] | None = None

    def write(self, prompt: Prompt, *, seed: int) -> DocumentText:
        """Sample one answer at temperature 0.5, with a repetition penalty of 1.1."""
        import torch

        from concepts.models.wheels import SMOLLM2
        from writer.voice.base import load_base

        if self._loaded is None:
            self._loaded = load_base(self._name or SMOLLM2.name)
            # its own attention: `generate` brings a cache of transformers, not ours
            self._loaded[0].config._attn_implementation = "sdpa"
        base, tokenizer = self._loaded
        # do not mention a format: a model of this size then writes markup instead of text
        asked = f"Write a detailed guide of several sections: {prompt.text}"
        messages = [{"role": "system", "content": _SYSTEM_PROMPT}, {"role": "user", "content": asked}]
        ids = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        torch.manual_seed(seed)
        with torch.inference_mode():
            found = base.generate(
                ids["input_ids"],
                attention_mask=ids["attention_mask"],
                max_new_tokens=_LENGTH,
                do_sample=True,
                temperature=0.5,
                top_p=0.9,
                repetition_penalty=1.1,  # as in llama.cpp: without it, answers loop
                pad_token_id=tokenizer.eos_token_id,
            )
        text = tokenizer.decode(found[0][ids["input_ids"].shape[1] :], skip_special_tokens=True)
        document = parse_markdown(text)
        return document if document.title else replace(document, title=prompt.text)


def blocks_of(texts: Sequence[Text]) -> tuple[Block, ...]:
    """Return decoded sentences as blocks."""
    blocks: list[Block] = []
    for text in texts:
        if text.block is not None or not blocks:
            blocks.append(Block(kind=text.block or "paragraph", sentences=(text.text,)))
        else:
            blocks[-1] = replace(blocks[-1], sentences=(*blocks[-1].sentences, text.text))
    return tuple(blocks)
