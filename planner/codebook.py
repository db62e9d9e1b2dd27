"""What is known of the codebook's leads, real headings that stand for all headings of the training outlines.

A diffusion head trained on a few thousand outlines draws leads that decode to broken headings. Choosing from a
codebook keeps every lead decodable (`concepts.codebook`); gist and length stay free.

Legend: N headings, C codes, D concept dim, E meaning dim. Concepts are normalized.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codebook import nearest
from concepts.corpus.embed import EmbeddedCorpus
from concepts.meaning import Meaning, meanings_of
from concepts.normalizer import RobustNormalizer


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


@torch.inference_mode()
def code_subjects(
    codes: Tensor,
    lead_norm: RobustNormalizer,
    corpus: EmbeddedCorpus,
    meaning: Meaning,
    *,
    shrink: float = 3.0,
) -> Tensor:
    """Return, for each code (C, D), what it is about (C, E): its heading, and the sections that stand under such a one.

    The latter is the mean meaning of their documents' titles and of their sentences, each seen from its mean over
    the corpus and drawn towards that as by `shrink` more sections: "Ingredients" says less of cooking than what stands
    under it.
    """
    meanings = meanings_of(meaning, corpus.vectors)
    sections = [(document, section) for document in corpus.documents for section in document.sections]
    leads = lead_norm.normalize(corpus.vectors[[section.heading for _, section in sections]])
    code = nearest(F.normalize(leads, dim=1), F.normalize(codes, dim=1))
    titles = torch.stack([meanings[list(document.prompts)].mean(dim=0) for document, _ in sections])
    said = torch.stack([meanings[list(section.sentences)].mean(dim=0) for _, section in sections])
    around = torch.stack((titles - titles.mean(dim=0), said - said.mean(dim=0))).mean(dim=0)
    sums = torch.zeros(len(codes), around.shape[1]).index_add_(0, code, around)
    counts = torch.zeros(len(codes)).index_add_(0, code, torch.ones(len(code)))
    return meanings_of(meaning, lead_norm.denormalize(codes)) + sums / (counts[:, None] + shrink)
