"""What is known of the codebook's leads, real headings that stand for all headings of the training outlines.

A diffusion head trained on a few thousand outlines draws leads that decode to broken headings. Choosing from a
codebook keeps every lead decodable (`concepts.codebook`); gist and length stay free.

Legend: N headings, C codes, D concept dim. All normalized.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codebook import nearest


def mean_titles(codes: Tensor, leads_ND: Tensor, titles_ND: Tensor, *, shrink: float = 3.0) -> Tensor:
    """Return, for each code, the mean (C, D) of the titles of the documents that hold its leads.

    `titles_ND` goes with `leads_ND` and is seen from the mean of all titles; a code's mean is drawn towards that
    as by `shrink` more documents. So a heading of documents of one subject gets a long vector, one of
    all subjects ("Overview") a short one. What a heading says does not tell which documents have it
    ("Ingredients", "Identity"); this does.
    """
    code = nearest(F.normalize(leads_ND, dim=1), F.normalize(codes, dim=1))
    sums = torch.zeros_like(codes).index_add_(0, code, titles_ND)
    counts = torch.zeros(len(codes)).index_add_(0, code, torch.ones(len(code)))
    return sums / (counts[:, None] + shrink)
