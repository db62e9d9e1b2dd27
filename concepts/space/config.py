"""Configuration of a small SONAR: sizes, vocabulary and languages."""

from __future__ import annotations

from dataclasses import dataclass

from concepts.errors import ModelError

LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")
"""Languages that have a token in sonar-mini's vocabulary (NLLB codes)."""

PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3
"""Ids as fairseq2's NLLB tokenizer reports them once it has put `<pad>` in front of sentencepiece's."""


@dataclass(frozen=True, kw_only=True)
class SpaceConfig:
    """Sizes of an encoder and decoder pair; the names follow sonar-space's configs."""

    model_dim: int = 384
    """Width of the encoder, of the decoder and of a concept vector."""
    ffn_inner_dim: int = 1536
    """Inner width of every feed-forward network."""
    num_encoder_layers: int = 3
    """Transformer layers of the encoder."""
    num_decoder_layers: int = 3
    """Transformer layers of the decoder."""
    num_heads: int = 6
    """Attention heads, the same in encoder and decoder."""
    num_pieces: int = 8000
    """Size of the sentencepiece model, without `<pad>` and the control symbols; training lowers it if the text is
    too small."""
    max_seq_len: int = 128
    """Longest token sequence, prefix and suffix tokens included."""

    def __post_init__(self) -> None:
        if self.model_dim % self.num_heads or self.model_dim % 2:
            raise ModelError(
                f"model_dim must be even and a multiple of num_heads, got {self.model_dim} and "
                f"{self.num_heads}; choose for instance 384 and 6"
            )

    @classmethod
    def of(cls, config: dict[str, object]) -> SpaceConfig:
        """Return the sizes on a released space's card."""
        besides = ("langs", "extensions")
        return cls(**{key: value for key, value in config.items() if key not in besides})  # type: ignore[arg-type]

    @property
    def vocab_size(self) -> int:
        """Pieces, `<pad>`, one token a language and NLLB's three data tags."""
        return self.num_pieces + 1 + len(LANGS) + 3

    def lang_id(self, lang: str) -> int:
        """Id of the token of `lang`: NLLB appends them after the pieces, in the order of the card."""
        return self.num_pieces + 1 + LANGS.index(lang)


PRESETS = {
    "mini": SpaceConfig(),
    "tiny": SpaceConfig(
        model_dim=64,
        ffn_inner_dim=128,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_heads=2,
        num_pieces=1_000,
    ),
}
"""Named sizes: `mini` ships, `tiny` is for tests."""
