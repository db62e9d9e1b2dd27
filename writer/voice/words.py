"""From a concept to the words of its sentence: a small network trained on single sentences.

A concept mostly tells the words of its sentence. A language model learns this slowly from whole documents, since a
step reads a thousand tokens but only a few dozen concepts. This network sees a sentence as a bag of tokens: its step
over five hundred sentences costs less than the language model's step over a thousand tokens.

Legend: N sentences, D concept dim, M width of the base model, V its vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class WordMap(nn.Module):
    """Map a concept (…, D) to a direction of last hidden states (…, M) that makes its sentence's words likelier."""

    def __init__(self, concept_dim: int, num_inner: int, hidden_dim: int) -> None:
        super().__init__()
        self.enter = nn.Linear(concept_dim, num_inner)
        self.leave = nn.Linear(num_inner, hidden_dim)

    def forward(self, concepts: Tensor) -> Tensor:
        scaled = F.normalize(concepts, dim=-1) * concepts.shape[-1] ** 0.5
        found: Tensor = self.leave(F.gelu(self.enter(scaled)))
        # a concept of zeros adds nothing
        return found * (concepts != 0).any(dim=-1, keepdim=True)
