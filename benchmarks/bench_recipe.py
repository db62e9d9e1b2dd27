"""Small runs of the space's recipe, one choice changed in each: which learns most in the same processor time.

    python benchmarks/bench_recipe.py --corpus CORPUS [--seconds 180] [--only NAME ...]

Every run starts from the same seed, reads the same English training sentences, warms up, and cools down over the last
third of its time; batches are half as large as in a long run. Judged by nats a character of unseen dev sentences up to
30 pieces (of 8,000): minus their log-likelihood from the clean concept, over their characters, so that vocabularies
compare. Short runs favour what learns quickly; what they say about a long one is a guess.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.neural.precision import autocast
from concepts.space.config import SpaceConfig
from concepts.space.network import Frontend, SpaceEncoder
from concepts.space.tokenizer import Pieces, train_sentencepiece
from training.corpus.store import iter_space_sentences
from training.loop import step_generator
from training.loop_config import LoopConfig
from training.optimizers import make_optimizers
from training.space.data import SpaceData
from training.space.train import SpaceLoss, SpaceTrainingConfig

LANG = "eng_Latn"
NUM_SENTENCES = 60_000
NUM_DEV = 600
WARMUP_S, COOLDOWN = 0.05, 0.33
"""Shares of the time."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One recipe."""

    name: str
    model: SpaceConfig = field(default_factory=SpaceConfig)
    loop: LoopConfig = SpaceTrainingConfig().loop
    max_tokens: int = 2_048
    short_share: float = 0.4
    """Share of the time spent on short sentences only."""
    pooling: str = "mean"
    ties_tables: bool = True


def choices() -> list[Choice]:
    """Return the recipe and its variations."""
    loop = SpaceTrainingConfig().loop
    adamw = replace(loop, uses_muon=False, matrix_lr=2e-3)
    return [
        Choice(name="recipe"),
        Choice(name="AdamW, rate 2e-3", loop=adamw),
        Choice(name="4,000 pieces", model=SpaceConfig(num_pieces=4_000)),
        Choice(name="16,000 pieces", model=SpaceConfig(num_pieces=16_000)),
        Choice(name="256 wide", model=SpaceConfig(model_dim=256, ffn_inner_dim=1_024, num_heads=4)),
        Choice(name="2 + 2 layers", model=SpaceConfig(num_encoder_layers=2, num_decoder_layers=2)),
        Choice(name="5 + 5 layers", model=SpaceConfig(num_encoder_layers=5, num_decoder_layers=5)),
        Choice(name="512 tokens a batch", max_tokens=512),
        Choice(name="8,192 tokens a batch", max_tokens=8_192),
        Choice(name="all lengths from the start", short_share=0.0),
        Choice(name="the state behind eos instead of the mean", pooling="eos"),
        Choice(name="two embedding tables", ties_tables=False),
    ]


class LastStateEncoder(SpaceEncoder):
    """An encoder whose concept is its last state."""

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return the normalized state behind the last token (B, M)."""
        x = self.encoder_frontend(tokens_BT)
        for layer in self.encoder.layers:
            x = layer(x)
        result: Tensor = self.layer_norm(x)[:, -1]
        return result


def main() -> None:
    """Train every choice and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=180.0, help="processor time of a run")
    parser.add_argument("--only", nargs="*", help="names of the runs to make")
    args = parser.parse_args()
    texts = sorted({text for text, _ in iter_space_sentences(args.corpus, "train", (LANG,))})
    random.Random(0).shuffle(texts)
    texts = texts[:NUM_SENTENCES]
    dev = sorted({text for text, _ in iter_space_sentences(args.corpus, "dev", (LANG,), unseen=True)})
    random.Random(0).shuffle(dev)
    with tempfile.TemporaryDirectory() as folder:
        vocabularies: dict[int, Pieces] = {}

        def pieces_of(num_pieces: int) -> Pieces:
            if num_pieces not in vocabularies:
                path = Path(folder, f"{num_pieces}.model")
                train_sentencepiece(texts, path, num_pieces)
                vocabularies[num_pieces] = Pieces(path)
            return vocabularies[num_pieces]

        counts = map(len, pieces_of(SpaceConfig().num_pieces).encode(dev))
        judged = [text for text, n in zip(dev, counts, strict=True) if 1 <= n <= 30][:NUM_DEV]
        print(f"{'run':42} {'parameters':>12} {'steps':>6} {'nats a character':>17}", flush=True)
        for choice in choices():
            if args.only and choice.name not in args.only:
                continue
            pieces = pieces_of(choice.model.num_pieces)
            sizes = replace(choice.model, num_pieces=pieces.num_pieces)
            module, num_steps = learn(
                choice, sizes, SpaceData([(t, LANG) for t in texts], pieces, sizes), args.seconds
            )
            loss = judge(module, SpaceData([(t, LANG) for t in judged], pieces, sizes), sum(map(len, judged)))
            num_parameters = sum(p.numel() for p in module.parameters())
            print(f"{choice.name:42} {num_parameters:12,} {num_steps:6,} {loss:17.3f}", flush=True)


def learn(choice: Choice, sizes: SpaceConfig, data: SpaceData, seconds: float) -> tuple[SpaceLoss, int]:
    """Return a module trained for `seconds` of processor time, and the number of its steps."""
    config = SpaceTrainingConfig(model=sizes, loop=choice.loop)
    torch.manual_seed(config.loop.seed)
    module = SpaceLoss(config)
    autoencoder = module.autoencoder
    if choice.pooling == "eos":
        autoencoder.encoder.__class__ = LastStateEncoder
    if not choice.ties_tables:
        own = Frontend(sizes).embed
        nn.init.normal_(own.weight, std=sizes.model_dim**-0.5)
        autoencoder.decoder.decoder_frontend.embed = own
    optimizers = make_optimizers(module, choice.loop)
    started, step = time.process_time(), 0
    while (share := (time.process_time() - started) / seconds) < 1.0:
        short = share < choice.short_share
        batch = data.batch(
            step,
            seed=config.loop.seed,
            max_tokens=choice.max_tokens,
            max_len=config.short_len if short else config.max_len,
        )
        factor = min(1.0, (share + 0.002) / WARMUP_S, (1.0 - share) / COOLDOWN)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * factor
        with autocast(torch.device("cpu")):
            loss, _ = module(batch, step_generator(config.loop.seed, step, 0))
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), config.loop.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
    return module, step


@torch.inference_mode()
def judge(module: SpaceLoss, data: SpaceData, num_chars: int) -> float:
    """Return nats a character of all sentences of `data`, each once."""
    autoencoder, total, done, step = module.autoencoder.eval(), 0.0, 0, 0
    while done < data.num_sentences:
        batch = data.batch(step, seed=0, max_tokens=4_096, max_len=SpaceConfig().max_seq_len)
        with autocast(torch.device("cpu")):
            hidden = autoencoder.decoder(autoencoder.encoder(batch.source), batch.prefix)[:, 1:]
            logits = autoencoder.decoder.project(hidden).float()
        total += F.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), reduction="sum").item()
        done, step = done + len(batch.target), step + 1
    return total / num_chars


if __name__ == "__main__":
    main()
