"""What a search by meaning finds: sentences of the document that a heading, a title or a sentence belongs to.

    python benchmarks/bench_queries.py --corpus CORPUS [--split test] [--space SPACE]

Among the sentences of how-to documents with three sections or more of a held-out split, by the cosine of the concepts
as they are and of what is looked for as `longhand search` does (concepts/space/search_map.py): the share of queries
whose nearest sentence is of their own document, and the share of such sentences among the five nearest. A sentence
does not find itself.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codec import Codec
from concepts.corpus.records import MANUAL_KINDS
from concepts.corpus.store import load_documents
from concepts.space.config import ENGLISH

MIN_SECTIONS, MAX_SENTENCES, MAX_DOCUMENTS = 3, 25, 400
MIN_CHARS, MAX_CHARS = 20, 150
NUM_NEAR = 5


def main() -> None:
    """Print both shares for each kind of query, as they are and mapped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--space", help="name or folder; else the one that ships")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    asked = parser.parse_args()
    codec = Codec.load(asked.space)
    found = [
        document
        for document in load_documents(asked.corpus, split=asked.split, kinds=MANUAL_KINDS)
        if document.lang == ENGLISH and len(document.sections) >= MIN_SECTIONS
    ]
    random.Random(0).shuffle(found)
    texts: dict[str, list[tuple[str, int]]] = {"headings": [], "titles": [], "sentences": []}
    for number, document in enumerate(found[:MAX_DOCUMENTS]):
        texts["titles"].append((document.title, number))
        texts["headings"] += [
            (s.heading, number) for s in document.sections if len(s.heading or "") > MIN_CHARS / 2
        ]
        said = [s for s in document.sentences if MIN_CHARS < len(s) < MAX_CHARS]
        texts["sentences"] += [(sentence, number) for sentence in said[:MAX_SENTENCES]]
    vectors = {kind: codec.encode([text for text, _ in rows]) for kind, rows in texts.items()}
    owners = {kind: torch.tensor([owner for _, owner in rows]) for kind, rows in texts.items()}
    num_documents, num_sentences = len(found[:MAX_DOCUMENTS]), len(texts["sentences"])
    print(f"{codec.card.model_id}, {asked.split}: {num_documents} documents, {num_sentences} sentences")
    for kind, rows in vectors.items():
        for name, queries in (("as they are", rows), ("mapped", codec.as_query(rows))):
            cosine = F.normalize(queries, dim=1) @ F.normalize(vectors["sentences"], dim=1).T
            if kind == "sentences":
                cosine.fill_diagonal_(-1)
            first, near = shares(cosine, owners[kind], owners["sentences"])
            print(
                f"{len(rows)} {kind}, {name}: {first:.1f} % nearest, {near:.1f} % of {NUM_NEAR}", flush=True
            )


def shares(cosine_QS: Tensor, owners_Q: Tensor, owners_S: Tensor) -> tuple[float, float]:
    """Return the share (%) of queries whose nearest sentence is their document's, and of such among the nearest."""
    is_own = owners_S[cosine_QS.topk(NUM_NEAR, dim=1).indices] == owners_Q[:, None]
    return 100 * float(is_own[:, 0].float().mean()), 100 * float(is_own.float().mean())


if __name__ == "__main__":
    main()
