"""Codecs: sentences to concepts, and back where the space has a decoder, for any space by card name.

A concept is one sentence as one raw float32 vector of the space. A codec knows the space's
languages and its identity; it does not know outlines, storage or normalizers. `Codec` works on sonar-space's
pipelines, for real SONAR and for spaces trained here; sentence_codec.py has the codec of a downloaded sentence encoder.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from concepts.codecs.reranking import Beam
from concepts.errors import InputError, LonghandError, ModelError, NonFiniteError, SpaceMismatchError
from concepts.languages.codes import ENGLISH, check_code
from concepts.models.card import FetchedCard, ModelCard
from concepts.models.installed import find_card
from concepts.models.published import PublishedCard, asset_cards
from concepts.models.runtime import start_fairseq2
from concepts.neural.devices import choose_dtype
from concepts.space.draft import MAX_DRAFT
from concepts.space.extension import extension_cards, extensions_of, own_files
from concepts.space.loading import draft_model, load_part, measure_space

if TYPE_CHECKING:
    from fairseq2.assets import AssetCard
    from fairseq2.generation import Hypothesis
    from sonar.inference_pipelines.text import EmbeddingToTextModelPipeline, TextToEmbeddingModelPipeline

BEAM_SIZE = 4
"""Beam size for the texts of a document."""
_DECODE_BATCH = 64
_ENCODE_BATCH = 128
_LENGTH_WEIGHT = 0.0
"""A beam's log probability is divided by its length to this power (fairseq2's len_penalty). The default of 1 compares
means over tokens: a certain second word then makes up for an unlikely first one, and one-word headings are doubled."""
_PUBLISHED_ENCODE_TOKENS = 4_096
"""Tokens per batch for a published space's encoder, whose feed-forward networks are wide (8,192 in SONAR)."""


class ConceptCodec(Protocol):
    """The interface of every codec."""

    space_id: str
    dim: int
    langs: tuple[str, ...]
    device: torch.device
    dtype: torch.dtype

    @property
    def card(self) -> ModelCard:
        """The card of the space."""

    def encode(self, sentences: Sequence[str], lang: str = ENGLISH) -> Tensor:
        """Return the raw concepts (N, D), float32 on the CPU, of `sentences` in `lang`."""

    def as_query(self, vectors: Tensor, lang: str = ENGLISH) -> Tensor:
        """Return query vectors (N, D) for the concepts `vectors` of texts in `lang`."""

    def decode(self, vectors: Tensor, lang: str = ENGLISH, *, beam_size: int = 1) -> list[str]:
        """Return the text of each raw concept (N, D); raises ModelError where the space has no decoder."""

    def check_lang(self, lang: str) -> str:
        """Return `lang` if the space knows it; raises UsageError that names the nearest codes."""


class Codec:
    """A concept space with encoder and decoder, loaded by sonar-space."""

    def __init__(
        self,
        card: ModelCard,
        encoder: TextToEmbeddingModelPipeline,
        decoder: EmbeddingToTextModelPipeline,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.card = card
        self.space_id = card.space_id
        self.dim = int(str(card.config["model_dim"]))
        self.langs: tuple[str, ...] = tuple(map(str, card.config["langs"]))  # type: ignore[call-overload]
        self.device, self.dtype = device, dtype
        self._encoder, self._decoder = encoder, decoder
        self._searched: dict[str, Any] = {
            "len_penalty": _LENGTH_WEIGHT,
            "max_seq_len": int(str(card.config["max_seq_len"])),
        }
        self._extension_of = {
            lang: extension for extension in extensions_of(card) for lang in extension.langs
        }
        self._loaded: dict[str, tuple[TextToEmbeddingModelPipeline, EmbeddingToTextModelPipeline]] = {}

    @classmethod
    def load(
        cls,
        name: str | None = None,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> Codec:
        """Load a space by name or folder; `dtype` None: `$LONGHAND_DTYPE`, else the best for space and device.

        `on_note` gets a line on the memory that a published space is about to take. Raises ModelError when
        the files are missing or damaged, or more memory is needed than is free.
        """
        card = find_card("space", name, verify=False)
        if isinstance(card, FetchedCard):
            raise ModelError(f"the space {card.name} has no decoder: name another one, such as sonar-mini")
        place = device or torch.device("cpu")
        is_published = isinstance(card, PublishedCard)
        if not is_published:
            card.verify(own_files(card))  # an extension's files are verified when a text needs them
        chosen = dtype or choose_dtype(place, is_large=is_published)
        start_fairseq2()
        with _one_line(card):
            reads, says = asset_cards(card)
            if is_published:
                on_note(measure_space(card, place, chosen))
            return cls(card, *_pipelines(reads, says, place, chosen), place, chosen)

    def encode(self, sentences: Sequence[str], lang: str = "eng_Latn") -> Tensor:
        """Return the raw concepts (N, D), float32 on the CPU, of `sentences` in `lang`.

        Sentences beyond the encoder's length are cut there; split long texts with
        `concepts.segment.split_sentences` first. Raises InputError for an empty sentence.
        """
        self.check_lang(lang)
        if not sentences:
            return torch.empty(0, self.dim)
        for sentence in sentences:
            if not sentence.strip():
                raise InputError("an empty sentence has no concept; give text with at least one word")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # truncation is documented above
            vectors = self._pipelines_of(lang)[0].predict(
                list(sentences),
                source_lang=lang,
                batch_size=_ENCODE_BATCH,
                batch_max_tokens=_PUBLISHED_ENCODE_TOKENS if isinstance(self.card, PublishedCard) else None,
            )
        return vectors.float().cpu().clone()

    def as_query(self, vectors: Tensor, lang: str = ENGLISH) -> Tensor:
        """Return query vectors (N, D) for the concepts `vectors` of texts in `lang`: the same."""
        return vectors

    def decode(self, vectors: Tensor, lang: str = ENGLISH, *, beam_size: int = 1) -> list[str]:
        """Return the text of each raw concept of `vectors` (N, D) in `lang`, by greedy or beam search.

        Row i of the result belongs to row i. A translation is better: see concepts/codecs/translation.py. Raises
        SpaceMismatchError for another dimension and NonFiniteError for NaN or infinity.
        """
        self.check_vectors(vectors)
        self.check_lang(lang)
        if not len(vectors):
            return []
        texts = self._pipelines_of(lang)[1].predict(
            vectors.to(self.device, self.dtype),
            target_lang=lang,
            batch_size=_DECODE_BATCH,
            beam_size=beam_size,
            **self._searched,
        )
        return [text.strip() for text in texts]

    def check_vectors(self, vectors: Tensor) -> None:
        """Raise SpaceMismatchError for vectors of another dimension, NonFiniteError for NaN or infinity."""
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise SpaceMismatchError(
                f"the space {self.space_id} decodes vectors (N, {self.dim}), got {tuple(vectors.shape)}; "
                "use the space these vectors were made in"
            )
        if not torch.isfinite(vectors).all():
            raise NonFiniteError(
                "a concept to decode holds NaN or infinity; the model that made it is broken"
            )

    def beams(
        self, vectors: Tensor, lang: str, beam_size: int, drafts: Sequence[str] | None = None
    ) -> list[list[Beam]]:
        """Return the texts that a beam search finds for each raw concept, likeliest first.

        `drafts` are the concepts' English texts ("" for none), for a language whose decoder reads them (`reads_draft`).
        """
        self.check_vectors(vectors)
        self.check_lang(lang)
        to_text = self._pipelines_of(lang)[1].tokenizer.create_decoder()
        inputs, lengths = (vectors, None) if drafts is None else self._with_drafts(vectors, lang, drafts)
        return [
            [Beam(to_text(found.seq).strip(), float(found.score), len(found.seq)) for found in hypotheses]  # type: ignore[arg-type]
            for hypotheses in self.hypotheses(inputs, lang, beam_size, lengths)
        ]

    def reads_draft(self, lang: str) -> bool:
        """Return whether the decoder of `lang` reads a concept's English text beside the concept."""
        extension = self._extension_of.get(lang)
        return extension is not None and extension.reads_draft

    @torch.inference_mode()
    def _with_drafts(self, vectors: Tensor, lang: str, drafts: Sequence[str]) -> tuple[Tensor, list[int]]:
        """Return concepts followed by the encoder states of their English (N, 1 + S, D), and the length of each row."""
        from fairseq2.nn import BatchLayout

        assert self.reads_draft(lang), f"the decoder of {lang} reads no English"
        to_tokens = self._encoder.tokenizer.create_encoder(task="translation", lang=ENGLISH, mode="source")
        tokens = [to_tokens(text)[:MAX_DRAFT] if text else None for text in drafts]
        assert len(tokens) == len(vectors), f"{len(tokens)} drafts for {len(vectors)} concepts"
        lengths = [1 if row is None else 1 + len(row) for row in tokens]
        inputs = vectors.new_zeros(len(vectors), max(lengths), self.dim)
        inputs[:, 0] = vectors
        by_length: dict[int, list[int]] = {}
        for row, length in enumerate(lengths):
            by_length.setdefault(length, []).append(row)
        by_length.pop(1, None)
        for length, rows in by_length.items():
            batch = torch.stack([tokens[row] for row in rows]).to(self.device)  # type: ignore[misc]
            states = self._encoder.model(batch, BatchLayout.of(batch)).encoded_seqs
            inputs[rows, 1:length] = states.to(inputs)
        return inputs, lengths

    @torch.inference_mode()
    def hypotheses(
        self, inputs: Tensor, lang: str, beam_size: int, lengths: Sequence[int] | None = None
    ) -> list[list[Hypothesis]]:
        """Return all hypotheses of a beam search for each row, likeliest first; sonar-space returns only the best text.

        `inputs` is (N, D), or (N, 1 + C, D) if the decoder reads more vectors behind each concept; `lengths` are the
        used vectors of each row (None: all). A score is the sum of the tokens' log probabilities, in nats.
        """
        from fairseq2.generation.beam_search import BeamSearchSeq2SeqGenerator
        from fairseq2.nn import BatchLayout
        from sonar.inference_pipelines.text import precision_context
        from sonar.inference_pipelines.utils import SequenceToTextConverter

        says = self._pipelines_of(lang)[1]
        generator = BeamSearchSeq2SeqGenerator(
            says.model, says.tokenizer.vocab_info, beam_size=beam_size, **self._searched
        )
        converter = SequenceToTextConverter(
            generator, says.tokenizer, task="translation", target_lang=lang, mode="target"
        )
        found: list[list[Hypothesis]] = []
        for first in range(0, len(inputs), _DECODE_BATCH):
            placed = inputs[first : first + _DECODE_BATCH].to(self.device, self.dtype)
            read = None if lengths is None else list(lengths[first : first + _DECODE_BATCH])
            if read is not None:
                placed = placed[:, : max(read)]
            with precision_context(self.dtype):
                found += converter.batch_convert(placed, BatchLayout.of(placed, read))[1].hypotheses
        return found

    def is_extension(self, lang: str) -> bool:
        """Return whether `lang` belongs to an extension, with an encoder and decoder of its own."""
        return lang in self._extension_of

    def _pipelines_of(self, lang: str) -> tuple[TextToEmbeddingModelPipeline, EmbeddingToTextModelPipeline]:
        """Return encoder and decoder for `lang`; an extension is loaded on first use."""
        extension = self._extension_of.get(lang)
        if extension is None:
            return self._encoder, self._decoder
        if extension.name not in self._loaded:
            with _one_line(self.card):
                reads, says = extension_cards(self.card, extension)
                parts = _pipelines(reads, says, self.device, self.dtype)
            if extension.reads_draft:
                parts[1].model = draft_model(parts[1].model.decoder)
            self._loaded[extension.name] = parts
        return self._loaded[extension.name]

    def check_lang(self, lang: str) -> str:
        """Return `lang` if the space knows it; raises UsageError that names the nearest codes."""
        return check_code(lang, self.langs, self.card.name)


def _pipelines(
    reads: AssetCard, says: AssetCard, device: torch.device, dtype: torch.dtype
) -> tuple[TextToEmbeddingModelPipeline, EmbeddingToTextModelPipeline]:
    """Return sonar-space's pipelines for an encoder's and a decoder's card."""
    from fairseq2.data.tokenizers import load_tokenizer
    from sonar.inference_pipelines.text import EmbeddingToTextModelPipeline, TextToEmbeddingModelPipeline

    encoder, decoder = load_part(reads, device, dtype), load_part(says, device, dtype)
    tokenizer = load_tokenizer(reads, progress=False)
    return (
        TextToEmbeddingModelPipeline(encoder, tokenizer, device=device),  # type: ignore[arg-type]
        EmbeddingToTextModelPipeline(decoder, tokenizer, device=device),  # type: ignore[arg-type]
    )


@contextmanager
def _one_line(card: ModelCard) -> Iterator[None]:
    """Turn any error while loading a space into a ModelError of one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except LonghandError:
        raise
    except Exception as error:  # fairseq2 raises its own families of errors for a bad checkpoint or card
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the space {card.name} in {card.folder} cannot be loaded ({first})") from error
