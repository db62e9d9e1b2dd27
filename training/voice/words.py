"""Teaching a map from concepts to the words of their sentences.

Legend: N sentences, D concept dim, M width of the base model, V its vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from concepts.neural.precision import autocast
from writer.voice.words import WordMap


def learn_words(
    words: WordMap,
    embed_VM: Tensor,
    bags: Sequence[Tensor],
    concepts_ND: Tensor,
    *,
    num_epochs: float,
    max_noise: float,
    batch: int = 512,
    num_others: int = 4_000,
    lr: float = 2e-3,
    seed: int = 1,
    on_progress: Callable[[int, int, float], None] = lambda _done, _total, _loss: None,
) -> Tensor:
    """Train a map from noised concepts to sentences' words (`bags`: token ids of each); return the word biases (V,).

    A word's bias is the part of its logit that does not depend on the concept. A step contrasts the words of its
    sentences with each other and with `num_others` random ones, which represent all others (sampled softmax, Jean et
    al. 2015, arXiv 1412.2007). `on_progress` gets steps done, all steps, and nats per word.
    """
    device = embed_VM.device
    words.to(device)
    counts = torch.zeros(len(embed_VM))
    for bag in bags:
        counts[bag] += 1
    common = nn.Parameter((counts + 0.1).log().to(device))
    optimizer = torch.optim.AdamW(
        [{"params": words.parameters(), "lr": lr}, {"params": [common], "lr": lr}], weight_decay=0.0
    )
    generator = torch.Generator().manual_seed(seed)
    num_steps = max(1, int(num_epochs * len(bags) / batch))
    for step in range(num_steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 50, (num_steps - step) / (0.5 * num_steps))
        chosen = torch.randint(len(bags), (batch,), generator=generator).tolist()
        concepts = concepts_ND[chosen].float()
        noise = torch.randn(concepts.shape, generator=generator) * concepts.norm(dim=1, keepdim=True)
        size = max_noise * torch.rand(len(chosen), 1, generator=generator)
        lengths = torch.tensor([len(bags[n]) for n in chosen])
        rows = torch.arange(len(chosen)).repeat_interleave(lengths)
        own, columns = torch.unique(torch.cat([bags[n] for n in chosen]), return_inverse=True)
        is_other = torch.ones(len(embed_VM), dtype=torch.bool)
        is_other[own] = False
        others = is_other.nonzero().squeeze(1)
        num_left = len(others)
        others = others[torch.randint(num_left, (min(num_others, num_left),), generator=generator)]
        drawn = torch.cat([own, others]).to(device)
        stands_for = torch.zeros(len(drawn), device=device)
        stands_for[len(own) :] = math.log(num_left / max(1, len(others)))
        with autocast(device):
            directions = words((concepts + size * noise * concepts.shape[1] ** -0.5).to(device))
            logits = directions @ embed_VM[drawn].T
        chances = (logits.float() + common[drawn] + stands_for).log_softmax(dim=1)
        picked = chances[rows.to(device), columns.to(device)]
        loss = -(picked / lengths.repeat_interleave(lengths).to(device)).sum() / len(chosen)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        on_progress(step + 1, num_steps, float(loss.detach()))
    return common.detach()
