"""The trained part of a voice: low-rank updates of the base model, and maps through which it reads concepts.

The base stays frozen and is no submodule: hooks add the updates while it runs, or `merge` adds them to its weights
for good. At each position whose next token belongs to a concept's sentence, a linear map adds the concept to the hidden
states: before some layers, and once after the last one, which makes the sentence's words likelier. After the last layer
a network also adds the words that it predicts from the concept (`writer.voice.words`), weighted by how well they fit
the position. A concept of zeros adds nothing: the voice then uses the text alone.

The base may be spread over several devices, or partly offloaded between two calls (`writer.voice.base`): the adapter's
terms move to the device where they are added.

Legend: B sections, S tokens, D concept dim, M width of the base model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.neural.low_rank import LowRank
from writer.voice.config import AdapterConfig
from writer.voice.words import WordMap

WORDS_AT_FIRST = -1.0
"""Initial weight of a concept's words, before softplus."""


class VoiceAdapter(nn.Module):
    """All trained parts of a voice, for a base model of `transformers`."""

    def __init__(self, config: AdapterConfig, base: Any) -> None:
        super().__init__()
        self.config = config
        self._scale = config.alpha / config.rank
        linears = {name: m for name, m in base.model.layers.named_modules() if isinstance(m, nn.Linear)}
        self.updates = nn.ModuleDict(
            {
                name.replace(".", "/"): LowRank(linear.in_features, linear.out_features, config.rank)
                for name, linear in linears.items()
            }
        )
        self.inward = nn.ModuleDict(
            {
                str(layer): nn.Linear(config.concept_dim, config.hidden_dim, bias=False)
                for layer in config.injected
            }
        )
        self.outward = nn.Linear(config.concept_dim, config.hidden_dim, bias=False)
        for weight in self.parameters_of_maps():
            nn.init.zeros_(weight)
        self.words = WordMap(config.concept_dim, config.word_dim, config.hidden_dim)
        self.amount = nn.Linear(config.hidden_dim, 1)
        nn.init.zeros_(self.amount.weight)
        nn.init.constant_(self.amount.bias, WORDS_AT_FIRST)

    def parameters_of_maps(self) -> list[nn.Parameter]:
        """Return the concept maps' matrices, the injected layers' first."""
        return [*self.inward.parameters(), *self.outward.parameters()]

    def states(
        self, base: Any, ids_BS: Tensor, concepts_BSD: Tensor, trust: float = 1.0, **kwargs: Any
    ) -> Tensor:
        """Return the last hidden states (B, S, M); `kwargs` go to the base's transformer.

        `concepts_BSD`: at each position the concept of the next token's sentence, zero for none.
        `trust`: scale of the concepts' effect, from 0 (none) to 1.
        """
        with self._injecting(base, concepts_BSD, trust):
            states: Tensor = base.model(input_ids=ids_BS, **kwargs).last_hidden_state
        return states

    def logits(
        self,
        base: Any,
        states_NM: Tensor,
        concepts_ND: Tensor,
        said_NL: Tensor | None = None,
        trust: float = 1.0,
    ) -> Tensor:
        """Return the logits (N, V) of the next tokens from last hidden states, with the concepts added.

        `said_NL`: the tokens of each row's sentence so far, padded with -1: a word already said is no longer promoted.
        """
        length = states_NM.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        amount_N1 = trust * F.softplus(self._read(self.amount, states_NM / length, states_NM))
        words_NM = amount_N1 * self._read(self.words, concepts_ND, states_NM)
        outward_NM = trust * self._read(self.outward, concepts_ND, states_NM)
        logits_NV: Tensor = base.lm_head(states_NM + outward_NM + words_NM).float()
        if said_NL is None:
            return logits_NV
        said_NL = said_NL.to(logits_NV.device)
        gained_NL = self._gained(base.lm_head, words_NM, said_NL.clamp_min(0))
        # a token said twice is subtracted once
        is_first = (said_NL.unsqueeze(2) == said_NL.unsqueeze(1)).tril(diagonal=-1).sum(dim=2) == 0
        taken = torch.where((said_NL >= 0) & is_first, gained_NL.clamp_min(0.0), 0.0)
        return logits_NV.scatter_add(1, said_NL.clamp_min(0), -taken)

    @staticmethod
    def _gained(head: Any, words_NM: Tensor, tokens_NL: Tensor) -> Tensor:
        """Return the change (N, L) of some tokens' logits when `words_NM` is added to the states."""
        if head.weight.is_meta:  # offloaded between two calls
            gained_NV: Tensor = head(words_NM) - head(torch.zeros_like(words_NM[:1]))
            return gained_NV.float().gather(1, tokens_NL)
        embed_NLM = head.weight[tokens_NL.to(head.weight.device)]
        gained: Tensor = (embed_NLM @ words_NM.to(head.weight.device).unsqueeze(-1)).squeeze(-1)
        return gained.float().to(tokens_NL.device)

    @staticmethod
    def _read(part: nn.Module, values: Tensor, like: Tensor) -> Tensor:
        """Apply a part to values; return the result on the device and in the number format of `like`."""
        weight = next(part.parameters())
        read: Tensor = part(values.to(weight.device, weight.dtype))
        return read.to(like.device, like.dtype)

    @contextmanager
    def _injecting(self, base: Any, concepts_BSD: Tensor, trust: float) -> Iterator[None]:
        def inject(layer: str) -> Any:
            def hook(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
                return (args[0] + trust * self._read(self.inward[layer], concepts_BSD, args[0]), *args[1:])

            return hook

        layers = base.model.layers
        handles = [layers[int(layer)].register_forward_pre_hook(inject(layer)) for layer in self.inward]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def attach(self, base: Any) -> None:
        """Hook the updates into `base`, for training; a base is attached only once."""
        modules = dict(base.model.layers.named_modules())
        for name, update in self.updates.items():
            self._attach(modules[name.replace("/", ".")], update)

    def _attach(self, module: nn.Module, update: nn.Module) -> None:
        assert isinstance(update, LowRank)

        def hook(_m: nn.Module, args: tuple[Tensor], out: Tensor) -> Tensor:
            updated: Tensor = out + self._scale * update(args[0].to(update.down.device)).to(out.device)
            return updated

        module.register_forward_hook(hook)

    @torch.no_grad()
    def merge(self, base: Any) -> None:
        """Add the updates to the weights of `base`, which is then faster than with hooks.

        Offloaded weights, in memory only while they are used, get hooks instead.
        """
        modules = dict(base.model.layers.named_modules())
        for name, update in self.updates.items():
            assert isinstance(update, LowRank)
            module = modules[name.replace("/", ".")]
            if module.weight.is_meta:
                self._attach(module, update)
            else:
                module.weight += self._scale * (update.up @ update.down).to(module.weight)

    @torch.no_grad()
    def start_from_words(
        self, embed_VM: Tensor, bags: list[Tensor], concepts_ND: Tensor, outward: float
    ) -> float:
        """Initialise the maps so that a concept adds its words' mean embedding; return the variance explained.

        Ridge regression of the mean embedding of `bags` (token ids of each sentence) on `concepts_ND`. `outward`
        scales the map after the last layer, whose states are larger than embeddings.
        """
        mean = torch.stack([embed_VM[bag].mean(dim=0) for bag in bags])
        center = embed_VM[torch.cat(bags)].mean(dim=0)
        target = mean - center
        gram = concepts_ND.T @ concepts_ND + 1.0 * torch.eye(concepts_ND.shape[1])
        solution = torch.linalg.solve(gram, concepts_ND.T @ target)  # (D, M)
        if 0 in self.config.injected:
            first = self.parameters_of_maps()[self.config.injected.index(0)]
            first.copy_(solution.T)
        self.outward.weight.copy_(outward * solution.T)
        left = (target - concepts_ND @ solution).square().sum() / target.square().sum()
        return 1.0 - float(left)
