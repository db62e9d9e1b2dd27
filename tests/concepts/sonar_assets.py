"""SONAR's own cards over small checkpoints in the published formats.

fairseq2 lets a card `NAME@user` in the user's asset folder override fields of the card NAME: here the sizes and
the checkpoint. All else is the real card's, so what loads these files is what loads the real ones.

- text: `{"model": ...}` under fairseq2's names, as the published files are (transformers,
  convert_sonar_original_checkpoint_to_transformers.py reads them so), or fairseq's names below `state_dict`;
- speech: fairseq's names below `model` (github.com/facebookresearch/SONAR/issues/74).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from torch import Tensor

from concepts.models.published import asset_card, model_config
from concepts.models.runtime import start_fairseq2

NUM_LANGS = 202
NAMES = ("text_sonar_basic_encoder", "text_sonar_finetuned_decoder")
CONTROL_ROWS = torch.tensor([2, 0, 3, 1])
"""Rows of the NLLB tokenizer's order (pad, unk, bos, eos) in fairseq's (bos, pad, eos, unk)."""


def write_text_assets(
    folder: Path, pieces: Path, num_pieces: int, *, dim: int = 64, num_layers: int = 2
) -> None:
    """Write a tokenizer and the cards of small text models; `$FAIRSEQ2_USER_ASSET_DIR` must be `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(pieces.read_bytes())
    sizes = {
        "model_dim": dim,
        "num_encoder_layers": num_layers,
        "num_decoder_layers": num_layers,
        "num_encoder_attn_heads": 4,
        "num_decoder_attn_heads": 4,
        "ffn_inner_dim": num_layers * dim,
        "max_seq_len": 40,
    }
    vocab = {"_set_": {"size": num_pieces + 1 + NUM_LANGS + 3}}
    cards = [
        {
            "name": f"{name}@user",
            "checkpoint": f"{name}.pt",
            "tokenizer": "tokenizer.model",
            "model_config": {"_set_": sizes, "vocab_info": vocab},
        }
        for name in NAMES
    ]
    (folder / "text.yaml").write_text("\n---\n".join(map(json.dumps, cards)))


def write_speech_assets(folder: Path, *, lang: str = "eng", dim: int = 64, num_layers: int = 2) -> None:
    """Write the card of a small speech encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = {
        "model_dim": dim,
        "num_encoder_layers": num_layers,
        "num_encoder_attn_heads": 4,
        "ffn_inner_dim": num_layers * dim,
    }
    pooler = {"model_dim": dim, "num_decoder_attn_heads": 4, "ffn_inner_dim": num_layers * dim}
    name = f"sonar_speech_encoder_{lang}"
    config = {"_set_": pooler, "w2v2_encoder_config": {"_set_": encoder}}
    card = {"name": f"{name}@user", "checkpoint": f"{name}.pt", "model_config": config}
    (folder / "speech.yaml").write_text(json.dumps(card))


def random_model(name: str, seed: int = 0) -> torch.nn.Module:
    """Return a model of the sizes that the card says, every parameter moved off its start value."""
    import copy

    resolver = start_fairseq2()
    from fairseq2.gang import create_fake_gangs
    from fairseq2.models import ModelFamily

    card = asset_card(name)
    family = resolver.resolve(ModelFamily, key=card.field("model_family").as_(str))
    torch.manual_seed(seed)
    gangs = create_fake_gangs(torch.device("cpu"))
    model = family.create_new_model(copy.deepcopy(model_config(card)), gangs, torch.float32, False, False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def save_published(model: torch.nn.Module, path: Path) -> None:
    """Save a text model as the published files are."""
    torch.save({"model": model.state_dict()}, path)


def save_fairseq1(model: torch.nn.Module, path: Path) -> None:
    """Save a text model as fairseq does: its names, its order of control tokens, a tied output projection."""
    renames = (
        (r"^(en|de)coder\.(layers|layer_norm)", r"\2"),
        (r"^(en|de)coder_frontend\.embed\.", "embed_tokens."),
        (r"^final_proj\.", "output_projection."),
        (r"\.encoder_decoder_attn", ".encoder_attn"),
        (r"\.ffn\.inner_proj\.", ".fc1."),
        (r"\.ffn\.output_proj\.", ".fc2."),
        (r"\.ffn_layer_norm\.", ".final_layer_norm."),
        (r"\.output_proj\.", ".out_proj."),
    )
    tensors = rename(model.state_dict(), renames)
    for name in ("embed_tokens.weight", "output_projection.weight"):
        if name in tensors:
            tensors[name] = tensors[name].clone()
            tensors[name][:4] = tensors[name][CONTROL_ROWS].clone()
    tensors |= {"version": torch.tensor([3.0]), "embed_positions._float_tensor": torch.zeros(1)}
    torch.save({"state_dict": tensors}, path)


def save_speech(model: torch.nn.Module, path: Path) -> None:
    """Save a speech encoder as fairseq does, with what the converter has to throw away."""
    w2v = "encoder.w2v_model."
    renames = (
        (r"^layer_norm\.", f"{w2v}encoder.layer_norm."),
        (r"^encoder_frontend\.post_extract_layer_norm\.", f"{w2v}layer_norm."),
        (r"^encoder_frontend\.model_dim_proj\.", f"{w2v}post_extract_proj."),
        (r"^encoder\.layers\.(\d+)\.conv_layer_norm\.", rf"{w2v}encoder.layers.\1.conv_module.layer_norm."),
        (r"^encoder\.layers\.(\d+)\.conv\.", rf"{w2v}encoder.layers.\1.conv_module."),
        (r"^encoder\.layers\.(\d+)\.ffn([12])_layer_norm\.", rf"{w2v}encoder.layers.\1.ffn\2.layer_norm."),
        (r"^encoder\.layers\.(\d+)\.ffn([12])\.inner_proj\.", rf"{w2v}encoder.layers.\1.ffn\2.w_1."),
        (r"^encoder\.layers\.(\d+)\.ffn([12])\.output_proj\.", rf"{w2v}encoder.layers.\1.ffn\2.w_2."),
        (
            r"^encoder\.layers\.(\d+)\.self_attn\.sdpa\.r_proj\.",
            rf"{w2v}encoder.layers.\1.self_attn.linear_pos.",
        ),
        (
            r"^encoder\.layers\.(\d+)\.self_attn\.sdpa\.([uv])_bias",
            rf"{w2v}encoder.layers.\1.self_attn.pos_bias_\2",
        ),
        (
            r"^encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.",
            rf"{w2v}encoder.layers.\1.self_attn.linear_\2.",
        ),
        (
            r"^encoder\.layers\.(\d+)\.self_attn\.output_proj\.",
            rf"{w2v}encoder.layers.\1.self_attn.linear_out.",
        ),
        (r"^encoder\.layers\.(\d+)\.layer_norm\.", rf"{w2v}encoder.layers.\1.final_layer_norm."),
        (r"^encoder\.layers\.", f"{w2v}encoder.layers."),
        (r"^encoder_pooler\.projection_out\.weight", "decoder.embed_out"),
        (r"^encoder_pooler\.decoder_frontend\.embed\.", "decoder.embed_tokens."),
        (r"^encoder_pooler\.", ""),
        (r"\.encoder_decoder_attn", ".encoder_attn"),
        (r"^(decoder.*)\.ffn\.inner_proj\.", r"\1.fc1."),
        (r"^(decoder.*)\.ffn\.output_proj\.", r"\1.fc2."),
        (r"^(decoder.*)\.ffn_layer_norm\.", r"\1.final_layer_norm."),
        (r"^(decoder.*)\.output_proj\.", r"\1.out_proj."),
    )
    tensors = rename(model.state_dict(), renames)
    tensors |= {
        f"{w2v}mask_emb": torch.zeros(4),
        "decoder.version": torch.tensor([3.0]),
        "decoder.embed_positions._float_tensor": torch.zeros(1),
    }
    torch.save({"model": tensors}, path)


def rename(tensors: dict[str, Tensor], renames: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    """Return the tensors under new names; every pattern is applied once, in order."""
    renamed = {}
    for name, value in tensors.items():
        for pattern, replacement in renames:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return renamed
