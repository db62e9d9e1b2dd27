"""What Longhand is compared with: its voice without concepts or notes, the base model without a plan, true parts.

Each hides or replaces one part of the pipeline, so that the table tells which part a difference comes from.
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
"""Tokens of an unplanned document, about those of a planned one."""
_SYSTEM_PROMPT = "You are a helpful writer of clear, practical documents."


class HiddenConcepts:
    """An engine whose voice is not shown the concepts of the sentences: it goes on from the words alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def say(self, ask: SayAsk) -> list[list[Text]]:
        """Say the sections with concepts of zeros."""
        hidden = [replace(section, vectors=section.vectors * 0) for section in ask.sections]
        return self._engine.say(replace(ask, sections=hidden))


class VoiceAlone(LonghandSystem):
    """The same voice and planned headings, the concepts hidden."""

    name = "voice alone"

    def engine(self) -> Engine:
        """Return Longhand's engine, its concepts hidden."""
        return HiddenConcepts(super().engine())


class SubjectHidden(LonghandSystem):
    """The same models, which find no document on the very subject in the library, only what is near it."""

    name = "subject hidden"
    most_alike = 0.7


class WithoutNotes(LonghandSystem):
    """The same models, which look nothing up."""

    name = "without notes"
    library = "none"


class TrueOutline(LonghandSystem):
    """The headings of the true document given; gists, lengths and sentences are Longhand's."""

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
    """The voice's base model, asked for the whole document in its chat form."""

    name = "unplanned"

    def __init__(self, name: str | None = None) -> None:
        """`name`: of the base, None: the one that ships."""
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
        # no word of a format: a model of this size writes signs instead of text when it hears of them
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
                repetition_penalty=1.1,  # as llama.cpp has it: without, answers loop
                pad_token_id=tokenizer.eos_token_id,
            )
        text = tokenizer.decode(found[0][ids["input_ids"].shape[1] :], skip_special_tokens=True)
        document = parse_markdown(text)
        return document if document.title else replace(document, title=prompt.text)


def blocks_of(texts: Sequence[Text]) -> tuple[Block, ...]:
    """Return said sentences as blocks."""
    blocks: list[Block] = []
    for text in texts:
        if text.block is not None or not blocks:
            blocks.append(Block(kind=text.block or "paragraph", sentences=(text.text,)))
        else:
            blocks[-1] = replace(blocks[-1], sentences=(*blocks[-1].sentences, text.text))
    return tuple(blocks)
