"""What the engine of this repository's models does with other languages than English.

Outline, notes and voice work in English. A text in another language becomes English in one of three ways: as the
original of a translation that the library holds; as the title of the library's document that is nearest in meaning; or
by the translator. English becomes the other language by the library's translation, else by the translator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from concepts.languages.codes import ENGLISH
from flows.document.asked.options import WritingOptions
from flows.document.engine import Text
from flows.models.arrays import to_array, to_tensor
from flows.models.loading import LoadedModels

if TYPE_CHECKING:
    from concepts.library.foreign import Reading
    from concepts.library.translations import TranslationMemory
    from storage.records import Vector


class TranslatingModels(LoadedModels):
    """The part of the engine that knows other languages than English."""

    def check_lang(self, lang: str) -> str:
        """Ask the codec, then the translator, which knows more languages."""
        codec = self._codec.result()
        if lang in codec.langs or lang in self._translates().langs:
            return lang
        return codec.check_lang(lang)

    def encode(self, sentences: Sequence[str], lang: str) -> Vector:
        """Encode with the codec; translate sentences into English first if its encoder lacks their language."""
        codec = self._codec.result()
        if lang not in codec.langs and sentences:
            sentences, lang = self._translates().translate(list(sentences), lang, ENGLISH), ENGLISH
        return to_array(codec.encode(sentences, lang))

    def tells_in(self, prompt: str, lang: str) -> bool:
        """Return whether the library holds, in `lang`, the document that a prompt is read as."""
        titles = self._memory.titles(lang)
        if not titles:
            return False
        found = self._read(prompt, lang, is_preferred=True)
        return found is not None and found.is_sure and found.title in titles

    def name_in(self, title: str, source_lang: str, lang: str) -> str:
        """Take the title of the nearest document; translate only where none is near."""
        (english,) = self._in_english([title], source_lang, is_preferred=False)
        (found,) = self._from_english([Text(text=english, score=None)], lang)
        return found.text.strip()

    def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[Text]:
        """Translate and score, both with the translator; the library's translations stand as they are."""
        return self._translated(texts, source_lang, lang, scored=True)

    def _in_english(self, texts: Sequence[str], lang: str, *, is_preferred: bool = True) -> list[str]:
        """Return texts in English, the voice's language.

        `is_preferred`: whether documents that the library holds in `lang` come first.
        """
        if lang == ENGLISH:
            return list(texts)
        originals = self._memory.translate(texts, lang, ENGLISH)
        found = [
            self._title_of(text, lang, is_preferred=is_preferred) if original is None else original
            for text, original in zip(texts, originals, strict=True)
        ]
        left = [place for place, text in enumerate(found) if text is None]
        said = self._translated([texts[place] for place in left], lang, ENGLISH)
        for place, text in zip(left, said, strict=True):
            found[place] = text.text
        return [text or "" for text in found]

    def _title_of(self, text: str, lang: str, *, is_preferred: bool) -> str | None:
        """Return the English title of the document that a text is read as; None if none is near."""
        if not text.strip():
            return ""
        reading = self._read(text, lang, is_preferred=is_preferred)
        return reading.title if reading is not None and reading.is_near else None

    def _read(self, text: str, lang: str, *, is_preferred: bool) -> Reading | None:
        from concepts.library.foreign import read_foreign

        asked = text, lang, is_preferred
        if asked not in self._readings:
            codec = self._codec.result()
            if lang not in codec.langs:
                return None
            (vector,) = codec.encode([text], lang)
            preferred = self._memory.titles(lang) if is_preferred else ()
            self._readings[asked] = read_foreign(self._library(None), self._encode_english, vector, preferred)
        return self._readings[asked]

    @cached_property
    def _readings(self) -> dict[tuple[str, str, bool], Reading | None]:
        return {}

    @cached_property
    def _memory(self) -> TranslationMemory:
        """The translations of the space's library."""
        from concepts.library.stored import load_translations

        return load_translations(self._codec.result().space_id)

    def _from_english(self, texts: Sequence[Text], lang: str) -> list[Text]:
        """Translate a voice's texts into the document's language; the scores stay the English texts'."""
        if lang == ENGLISH:
            return list(texts)
        found = self._translated([text.text for text in texts], ENGLISH, lang)
        return [replace(text, text=other.text) for text, other in zip(texts, found, strict=True)]

    def _translated(
        self, texts: Sequence[str], source_lang: str, lang: str, *, scored: bool = False
    ) -> list[Text]:
        """Return texts in `lang`; languages that the translator lacks go to the space's own decoder."""
        found = [Text(text="", score=None)] * len(texts)
        places = []
        for place, known in enumerate(self._memory.translate(texts, source_lang, lang)):
            text = texts[place]
            if known is not None:
                found[place] = Text(text=known, score=1.0 if scored else None)
            elif text.strip():
                places.append(place)
        if not places:
            return found
        asked = [texts[place] for place in places]
        translator = self._translates()
        if {source_lang, lang} <= set(translator.langs):
            said = translator.translate(asked, source_lang, lang)
            scores: Sequence[float | None] = [None] * len(said)
            if scored:
                scores = translator.score(asked, source_lang, said, lang)
            answers = [Text(text=text, score=score) for text, score in zip(said, scores, strict=True)]
        else:
            answers = self.render(self.encode(asked, source_lang), lang, beam_size=WritingOptions.beam_size)
        for place, answer in zip(places, answers, strict=True):
            found[place] = answer
        return found

    def render(self, vectors: Vector, lang: str, *, beam_size: int) -> list[Text]:
        """Decode and score with the codec."""
        from writer.decoding import render

        found = render(self._codec.result(), to_tensor(vectors), lang, beam_size=beam_size)
        return [Text(text=rendering.text, score=float(rendering.score)) for rendering in found]
