"""Turning a trained autoencoder into a space that sonar-space loads by card name."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from concepts.errors import ModelError
from concepts.models.card import ModelCard, write_card
from concepts.models.quantize import quantize, read_tensors
from concepts.models.tensors import load_parameters, save_tensors
from concepts.space.config import BOS_ID, EOS_ID, LANGS, PAD_ID, UNK_ID, SpaceConfig
from concepts.space.extension import CARDS_FILE
from concepts.space.network import SpaceAutoencoder, SpaceEncoder
from training.release import LICENCE, NO_DATA, origin, tensors_of, trained_weights

_CARD = """\
name: {name}
model_family: transformer_{part}
model_arch: basic
model_config:
  _set_:
    model_dim: {model_dim}
    max_seq_len: {max_seq_len}
    num_encoder_layers: {num_encoder_layers}
    num_decoder_layers: {num_decoder_layers}
    num_encoder_attn_heads: {num_heads}
    num_decoder_attn_heads: {num_heads}
    ffn_inner_dim: {ffn_inner_dim}
{pooling}    normalize_before: true
{legacy}    vocab_info: {{size: {vocab_size}, unk_idx: {unk}, bos_idx: {bos}, eos_idx: {eos}, pad_idx: {pad}}}
checkpoint: {checkpoint}
tokenizer: {tokenizer}
tokenizer_family: nllb
tokenizer_config:
  _set_:
    langs: [{langs}]
    default_lang: eng_Latn
"""
_PARTS = {
    "encoder": {"pooling": "    pooling: mean\n", "legacy": "    _from_fairseq: false\n"},
    "decoder": {"pooling": "", "legacy": ""},
}
"""Further fields of each part's card."""


def renamed_cards(space: ModelCard, name: str) -> str:
    """Return the fairseq2 cards of a released space, renamed for its successor `name`."""
    cards = space.path(CARDS_FILE).read_text(encoding="utf-8")
    return cards.replace(f"name: {space.name}_", f"name: {name}_")


def load_autoencoder(run_dir: Path, *, newest: bool = False) -> tuple[SpaceAutoencoder, dict[str, object]]:
    """Return the averaged autoencoder of a training run and its recipe.

    Takes the best evaluation's weights, or with `newest` (or before the first evaluation) the last
    checkpoint's.
    """
    try:
        recipe = json.loads((run_dir / "recipe.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{run_dir} is no training run ({error}); name the --out of `longhand train`"
        ) from error
    model = SpaceAutoencoder(SpaceConfig(**recipe["model"]))
    path = trained_weights(run_dir, "space", newest=newest)
    load_parameters(model, tensors_of(path, "autoencoder"))
    return model.eval(), recipe


def space_tensors(card: ModelCard) -> dict[str, Tensor]:
    """Return a released space's parameters under the autoencoder's names, in float32; the embedding table once."""
    tensors: dict[str, Tensor] = {}
    for part in ("encoder", "decoder"):
        for name, value in read_tensors(card.path(f"{part}.safetensors")).items():
            tensors[f"{part}.{name}"] = value
    del tensors["decoder.decoder_frontend.embed.weight"]  # the encoder's
    return tensors


def load_encoder(card: ModelCard) -> SpaceEncoder:
    """Return the trainable twin of a released space's encoder, in float32."""
    encoder = SpaceEncoder(SpaceConfig.of(card.config))
    encoder.load_state_dict(read_tensors(card.path("encoder.safetensors")))
    return encoder


def release_space(
    run_dir: Path, folder: Path, *, name: str, figures: dict[str, float] | None = None, newest: bool = False
) -> ModelCard:
    """Write the space of a training run to `folder`: sonar-space checkpoints, quantised, with cards and checksums."""
    model, recipe = load_autoencoder(run_dir, newest=newest)
    config = model.config
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / "encoder.safetensors", quantize(model.encoder.state_dict()))
    save_tensors(folder / "decoder.safetensors", quantize(model.decoder.state_dict()))
    (folder / "pieces.model").write_bytes((run_dir / "pieces.model").read_bytes())
    fields = {key: getattr(config, key) for key in config.__dataclass_fields__}
    cards = "---\n".join(
        asset_card_text(
            f"{name}_{part}", part, config, checkpoint=f"{part}.safetensors", tokenizer="pieces.model"
        )
        for part in _PARTS
    )
    (folder / CARDS_FILE).write_text(cards, encoding="utf-8")
    state_path = run_dir / "checkpoint" / "state.json"
    return write_card(
        folder,
        name=name,
        kind="space",
        version=1,
        file_names=["encoder.safetensors", "decoder.safetensors", "pieces.model", CARDS_FILE],
        config={**fields, "langs": list(recipe["langs"])},  # type: ignore[call-overload]
        space="",
        data=str(recipe.get("data", NO_DATA)),
        recipe=f"longhand train space{' --teacher' if recipe['teacher_weight'] else ''}{origin(recipe)}",
        steps=int(json.loads(state_path.read_text(encoding="utf-8"))["step"]),
        figures=figures or {},
        licence=LICENCE,
    )


def asset_card_text(name: str, part: str, config: SpaceConfig, *, checkpoint: str, tokenizer: str) -> str:
    """Return the fairseq2 card `name` of an encoder or decoder ("encoder", "decoder") of these sizes and files."""
    return _CARD.format(
        name=name,
        part=part,
        checkpoint=checkpoint,
        tokenizer=tokenizer,
        vocab_size=config.vocab_size,
        unk=UNK_ID,
        bos=BOS_ID,
        eos=EOS_ID,
        pad=PAD_ID,
        langs=", ".join(LANGS),
        **{key: getattr(config, key) for key in config.__dataclass_fields__},
        **_PARTS[part],
    )
