"""Which stage loses the subject: documents planned and written from held-out titles, judged by their words alone.

    python benchmarks/bench_topics.py --corpus CORPUS [--documents 80] [--sections 4]

Every row is a way to make documents of the same dev titles: outlines planned with and without the planner's meaning
(concepts/meaning.py), or the true ones; sentences chosen by the writer's compass, by its meaning, both or neither (then
planned gists are the planner's own). A document counts as found where its words, weighted
by how few training sentences hold them, are nearest to those of its own true document (title three times, then text),
among all documents of the run: `writer.evaluate.nearest_topics`, a judge that knows no vectors. Texts are decoded
greedily and without context, so that all rows are heard alike.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from concepts.codec import Codec
from concepts.corpus.embed import EmbeddedCorpus, EmbeddedDocument, embed_corpus, load_embedded
from planner import Planner
from writer import Writer, WritingPlan
from writer.evaluate import nearest_topics

_MIN_SENTENCES = 5
_MAX_LENGTH = 5


def main() -> None:
    """Make the documents in every way and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=80)
    parser.add_argument("--sections", type=int, default=4)
    args = parser.parse_args()
    codec = Codec.load("sonar-mini")
    embed_corpus(args.corpus, codec)
    dev, known = (load_embedded(args.corpus, codec.space_id, split) for split in ("dev", "train"))
    planner = Planner.load(space_id=codec.space_id)
    writer = Writer.load(space_id=codec.space_id)
    assert writer.codebook is not None
    documents = [d for d in dev.documents if sum(len(s.sentences) for s in d.sections) >= _MIN_SENTENCES]
    documents = documents[: args.documents]
    true = [
        " ".join([dev.texts[d.title]] * 3 + [dev.texts[row] for s in d.sections for row in s.sentences])
        for d in documents
    ]
    sentences = [known.texts[row] for d in known.documents for s in d.sections for row in s.sentences]
    codebook, blind = writer.codebook, Planner(planner.card, planner.model, planner.options)
    compass, meaning = codebook.compass, codebook.meaning
    assert compass is not None and meaning is not None, f"{writer.card.name} lacks a compass or a meaning"
    drawn = {
        way: [drawn_plan(each, dev, d, n, args.sections) for n, d in enumerate(documents)]
        for way, each in (("planned without meaning", blind), ("planned", planner))
    }
    made = {
        f"{way}, headings alone": [" ".join(codec.decode(plan.leads)) for plan in plans]
        for way, plans in drawn.items()
    }
    drawn["true plan"] = [true_plan(dev, d) for d in documents]
    for way, chosen in (
        ("planned without meaning", "neither"),
        ("planned without meaning", "compass"),
        ("planned", "compass"),
        ("planned", "meaning"),
        ("planned", "both"),
        ("true plan", "neither"),
        ("true plan", "compass"),
        ("true plan", "both"),
    ):
        codebook.compass = compass if chosen in ("compass", "both") else None
        codebook.meaning = meaning if chosen in ("meaning", "both") else None
        plans = drawn[way]
        if way != "true plan" and chosen != "neither":
            plans = [replace(plan, gists=aims_of(writer, plan)) for plan in plans]
        made[f"{way}, sentences by {chosen}"] = [
            write(writer, codec, plan, seed) for seed, plan in enumerate(plans)
        ]
    found = nearest_topics([text for texts in made.values() for text in texts], true, sentences)
    print(f"{len(documents)} documents; by chance {1 / len(documents):.3f}")
    for way in made:
        own, found = found[: len(documents)], found[len(documents) :]
        share = sum(n == topic for n, topic in enumerate(own)) / len(documents)
        print(f"{way:<50}{share:>8.3f}")


def drawn_plan(
    planner: Planner, corpus: EmbeddedCorpus, document: EmbeddedDocument, seed: int, num_sections: int
) -> WritingPlan:
    """Return a plan that the outline model draws for a title."""
    prompt = corpus.vectors[document.title].unsqueeze(0)
    items = planner.plan(prompt, num_sections=num_sections, seed=seed)
    return WritingPlan(
        prompt=prompt,
        goal=None,
        paths=tuple(item.path for item in items),
        leads=torch.stack([item.lead for item in items]),
        gists=torch.stack([item.gist for item in items]),
        num_sentences=tuple(min(_MAX_LENGTH, item.num_sentences) for item in items),
    )


def true_plan(corpus: EmbeddedCorpus, document: EmbeddedDocument) -> WritingPlan:
    """Return the plan that a document has."""
    sections = document.sections
    return WritingPlan(
        prompt=corpus.vectors[document.title].unsqueeze(0),
        goal=None,
        paths=tuple(str(n + 1) for n in range(len(sections))),
        leads=corpus.vectors[[section.heading for section in sections]],
        gists=torch.stack([corpus.vectors[list(section.sentences)].mean(dim=0) for section in sections]),
        num_sentences=tuple(min(_MAX_LENGTH, len(section.sentences)) for section in sections),
    )


def aims_of(writer: Writer, plan: WritingPlan) -> torch.Tensor:
    """Return the gists that the writer's codebook says."""
    aims = writer.aim(plan.prompt, plan.leads)
    assert aims is not None, f"{writer.card.name} says no gists"
    return aims


def write(writer: Writer, codec: Codec, plan: WritingPlan, seed: int) -> str:
    """Return the text of a document."""
    sections = writer.write(plan, plan.paths, seed=seed)
    return " ".join(codec.decode(torch.cat([section.vectors for section in sections])))


if __name__ == "__main__":
    main()
