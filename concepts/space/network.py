"""The training twin of sonar-space's text encoder and decoder, in plain torch.

Same parameter names, same arithmetic as `SonarTextTransformerEncoderModel` (mean pooling) and
`ConditionalTransformerDecoderModel`, so that a checkpoint of the twin loads in sonar-space as it is
(a test compares their outputs). It exists because training needs other things than inference: no
padding bookkeeping, one fused projection for queries, keys and values, and a shortcut in the attention to a
single concept, where the softmax over one key is 1 and queries and keys do not matter.

Legend: B sentences, T tokens, S input vectors of the decoder, M model (= concept) width, H heads, V vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.space.config import PAD_ID, SpaceConfig


class SelfAttention(nn.Module):
    """Multi-head self-attention with biases; parameter names as in fairseq2."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj, self.v_proj, self.output_proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x_BTM: Tensor, causal: bool, padding_BT: Tensor | None = None) -> Tensor:
        weight = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        bias = torch.cat((self.q_proj.bias, self.k_proj.bias, self.v_proj.bias))
        qkv = F.linear(x_BTM, weight, bias)
        batch, length, _ = x_BTM.shape
        q, k, v = qkv.view(batch, length, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        # On sentences of some twenty tokens the plain product is several times faster on a CPU than the
        # backward pass of torch's fused kernel.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, H, T, T)
        if causal:
            future = torch.ones(length, length, dtype=torch.bool, device=x_BTM.device).triu(1)
            scores = scores.masked_fill(future, float("-inf"))
        if padding_BT is not None:
            scores = scores.masked_fill(padding_BT[:, None, None], float("-inf"))
        out = scores.softmax(dim=-1).to(v.dtype) @ v
        result: Tensor = self.output_proj(out.transpose(1, 2).reshape(batch, length, -1))
        return result


class ConceptAttention(nn.Module):
    """Attention of a decoder to its input: a concept, alone or followed by its English draft's states (draft.py)."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj, self.v_proj, self.output_proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(
        self,
        x_BTM: Tensor,
        memory: Tensor,
        padding_BS: Tensor | None = None,
        looked: list[Tensor] | None = None,
    ) -> Tensor:
        """Return (B, T, M), or (B, 1, M) if `memory` is one concept per sentence (B, M) and not (B, S, M).

        `padding_BS` masks vectors of `memory`. The attention weights (B, H, T, S) are appended to `looked`.
        """
        if memory.ndim == 2:
            alone: Tensor = self.output_proj(self.v_proj(memory)).unsqueeze(1)
            return alone
        batch, length, _ = x_BTM.shape
        q = self.q_proj(x_BTM).view(batch, length, self.num_heads, -1).transpose(1, 2)  # (B, H, T, M / H)
        k = self.k_proj(memory).view(batch, memory.shape[1], self.num_heads, -1).transpose(1, 2)
        v = self.v_proj(memory).view(batch, memory.shape[1], self.num_heads, -1).transpose(1, 2)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, H, T, S)
        if padding_BS is not None:
            scores = scores.masked_fill(padding_BS[:, None, None], float("-inf"))
        shares = scores.softmax(dim=-1)
        if looked is not None:
            looked.append(shares)
        out = shares.to(v.dtype) @ v
        result: Tensor = self.output_proj(out.transpose(1, 2).reshape(batch, length, -1))
        return result


class FeedForward(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(self, dim: int, inner_dim: int) -> None:
        super().__init__()
        self.inner_proj = nn.Linear(dim, inner_dim)
        self.output_proj = nn.Linear(inner_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.output_proj(F.relu(self.inner_proj(x)))
        return result


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(config.model_dim)
        self.self_attn = SelfAttention(config.model_dim, config.num_heads)
        self.ffn_layer_norm = nn.LayerNorm(config.model_dim)
        self.ffn = FeedForward(config.model_dim, config.ffn_inner_dim)

    def forward(self, x: Tensor, padding_BT: Tensor | None = None) -> Tensor:
        x = x + self.self_attn(self.self_attn_layer_norm(x), causal=False, padding_BT=padding_BT)
        result: Tensor = x + self.ffn(self.ffn_layer_norm(x))
        return result


class DecoderLayer(nn.Module):
    """Pre-norm causal transformer layer that reads concepts."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(config.model_dim)
        self.self_attn = SelfAttention(config.model_dim, config.num_heads)
        self.encoder_decoder_attn_layer_norm = nn.LayerNorm(config.model_dim)
        self.encoder_decoder_attn = ConceptAttention(config.model_dim, config.num_heads)
        self.ffn_layer_norm = nn.LayerNorm(config.model_dim)
        self.ffn = FeedForward(config.model_dim, config.ffn_inner_dim)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        padding_BS: Tensor | None = None,
        looked: list[Tensor] | None = None,
    ) -> Tensor:
        x = x + self.self_attn(self.self_attn_layer_norm(x), causal=True)
        x = x + self.encoder_decoder_attn(self.encoder_decoder_attn_layer_norm(x), memory, padding_BS, looked)
        result: Tensor = x + self.ffn(self.ffn_layer_norm(x))
        return result


class Frontend(nn.Module):
    """Scaled token embeddings plus fairseq's sinusoids (first position 1 + pad id)."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, config.model_dim, padding_idx=PAD_ID)
        self.register_buffer("positions", sinusoids(config.max_seq_len, config.model_dim), persistent=False)
        self.positions: Tensor

    def forward(self, tokens_BT: Tensor) -> Tensor:
        scale = math.sqrt(self.embed.embedding_dim)
        result: Tensor = self.embed(tokens_BT) * scale + self.positions[: tokens_BT.shape[1]]
        return result


class Stack(nn.Module):
    """A list of layers with an optional norm behind it."""

    def __init__(self, layers: list[nn.Module], norm_dim: int | None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        if norm_dim is not None:
            self.layer_norm = nn.LayerNorm(norm_dim)


class SpaceEncoder(nn.Module):
    """Tokens to concepts."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.encoder_frontend = Frontend(config)
        self.encoder = Stack([EncoderLayer(config) for _ in range(config.num_encoder_layers)], None)
        self.layer_norm = nn.LayerNorm(config.model_dim)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return raw concepts (B, M) of unpadded `tokens_BT` (language token ... eos)."""
        return self.states(tokens_BT).mean(dim=1)

    def states(self, tokens_BT: Tensor, padding_BT: Tensor | None = None) -> Tensor:
        """Return the hidden states of the tokens (B, T, M), whose mean is the concept."""
        x = self.encoder_frontend(tokens_BT)
        for layer in self.encoder.layers:
            x = layer(x, padding_BT)
        result: Tensor = self.layer_norm(x)
        return result


class SpaceDecoder(nn.Module):
    """Concepts and a prefix of tokens to the hidden states that predict each next token."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder_frontend = Frontend(config)
        self.decoder = Stack(
            [DecoderLayer(config) for _ in range(config.num_decoder_layers)], config.model_dim
        )
        self.trains_attention(False)

    def trains_attention(self, wanted: bool) -> None:
        """Set whether the queries and keys of the concept attention are trained; one concept alone needs none."""
        for layer in self.decoder.layers:
            assert isinstance(layer, DecoderLayer)
            attention = layer.encoder_decoder_attn
            for part in (layer.encoder_decoder_attn_layer_norm, attention.q_proj, attention.k_proj):
                part.requires_grad_(wanted)

    def forward(
        self,
        memory: Tensor,
        tokens_BT: Tensor,
        padding_BS: Tensor | None = None,
        looked: list[Tensor] | None = None,
    ) -> Tensor:
        """Return hidden states (B, T, M) for `tokens_BT` (eos, language token, ...).

        `memory` is a raw concept per sentence (B, M), or that followed by context vectors (B, S, M); `padding_BS` masks
        some of them. Each layer appends its attention weights (B, H, T, S) to `looked`.
        """
        x = self.decoder_frontend(tokens_BT)
        for layer in self.decoder.layers:
            x = layer(x, memory, padding_BS, looked)
        result: Tensor = self.decoder.layer_norm(x)
        return result

    def project(self, hidden: Tensor) -> Tensor:
        """Return logits (..., V): the output projection is the embedding table."""
        # reshaped to one product: torch splits non-contiguous rows into a batch of small ones
        logits = F.linear(hidden.reshape(-1, hidden.shape[-1]), self.decoder_frontend.embed.weight)
        return logits.view(*hidden.shape[:-1], logits.shape[-1])


class SpaceAutoencoder(nn.Module):
    """Encoder and decoder with one embedding table between them."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = SpaceEncoder(config)
        self.decoder = SpaceDecoder(config)
        self.decoder.decoder_frontend.embed = self.encoder.encoder_frontend.embed
        self.init_weights()

    def init_weights(self) -> None:
        """Embeddings of std M^-1/2 (fairseq2's scaled embedding), fan-in normal for the rest, residual
        outputs scaled down by the depth."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                std = module.in_features**-0.5
                if name.endswith("output_proj"):
                    std /= math.sqrt(2 * self.config.num_encoder_layers)
                nn.init.normal_(module.weight, std=std)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.encoder.encoder_frontend.embed.weight, std=self.config.model_dim**-0.5)
        with torch.no_grad():
            self.encoder.encoder_frontend.embed.weight[PAD_ID].zero_()


def sinusoids(num_positions: int, dim: int) -> Tensor:
    """Return the (num_positions, dim) table of fairseq: sines left, cosines right, first position 1.

    Vaswani et al. 2017 with tensor2tensor's spacing (exponent over dim/2 - 1), as fairseq2 builds it
    with `_legacy_pad_idx = 0`.
    """
    half = dim // 2
    freqs = torch.exp(torch.arange(half, dtype=torch.float32) * -math.log(10000.0) / (half - 1))
    angles = torch.outer(torch.arange(1, num_positions + 1, dtype=torch.float32), freqs)
    return torch.cat((angles.sin(), angles.cos()), dim=1)
