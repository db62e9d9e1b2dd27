"""From a concept to the words of its sentence: a small network that is trained on sentences alone, without a text.

Which words a sentence has is most of what its concept tells. A language model learns to read that from the text of
whole documents only slowly: one step reads a thousand tokens and shows a few dozen concepts. This network sees
a sentence as a bag of tokens, so that a step over five hundred sentences costs less than one over a thousand tokens.

Legend: N sentences, D concept dim, M width of the base model, V its vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class WordMap(nn.Module):
    """A concept (…, D) as a direction of last hidden states (…, M): the likelier words are those of its sentence."""

    def __init__(self, concept_dim: int, num_inner: int, hidden_dim: int) -> None:
        super().__init__()
        self.enter = nn.Linear(concept_dim, num_inner)
        self.leave = nn.Linear(num_inner, hidden_dim)

    def forward(self, concepts: Tensor) -> Tensor:
        scaled = F.normalize(concepts, dim=-1) * concepts.shape[-1] ** 0.5
        found: Tensor = self.leave(F.gelu(self.enter(scaled)))
        # a concept of zeros says nothing
        return found * (concepts != 0).any(dim=-1, keepdim=True)
