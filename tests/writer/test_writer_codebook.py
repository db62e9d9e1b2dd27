"""Written sentences are drawn towards real ones, each to another; a codebook that is of no use is one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import writer.codebook as codebook
from concepts.card import ModelCard
from concepts.corpus.embed import EmbeddedCorpus
from concepts.errors import InputError, ModelError, NonFiniteError, UsageError
from concepts.normalizer import RobustNormalizer
from concepts.training import save_tensors
from writer.codebook import CODEBOOK_FILE, SentenceCodebook, choose_sentences, codebook_tensors, is_sound
from writer.generate import WriteOptions, Writer, WritingPlan

DIM = 12
NORMALIZER = RobustNormalizer(DIM)
CARD = ModelCard("toy", "writer", 1, {"model.safetensors": "0"}, {}, "fake@1", "", "", 0, {}, "", Path("toy"))


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


PROMPT = draw(DIM, seed=70)


def book(codes: Tensor) -> SentenceCodebook:
    return SentenceCodebook(codes, NORMALIZER)


def test_the_nearest_code_suits_and_the_prompt_decides_between_equals() -> None:
    codes = torch.eye(DIM)
    sentence = 3 * codes[2] + 2.9 * codes[5] + codes[7]
    assert book(codes).suits(sentence, PROMPT, 0.0, ()) == 2
    assert book(codes).suits(sentence, 5 * codes[5], 0.3, ()) == 5
    assert book(codes).suits(sentence, 5 * codes[9], 0.3, ()) == 2


def test_a_code_is_taken_once_as_long_as_there_are_others() -> None:
    codes = torch.eye(DIM)[:3]
    sentence = torch.arange(DIM, 0.0, -1.0)
    taken: list[int] = []
    for _ in range(3):
        taken.append(book(codes).suits(sentence, PROMPT, 0.0, taken))
    assert taken == [0, 1, 2]
    assert book(codes).suits(sentence, PROMPT, 0.0, taken) == 0


def with_codes(writer: Writer, codes: Tensor | None, **options: float) -> Writer:
    own = None if codes is None else SentenceCodebook(codes, writer.model.sentence_norm)
    return Writer(writer.card, writer.model, replace(writer.options, **options), own)  # type: ignore[arg-type]


def test_sentences_are_drawn_towards_codes_by_the_share(writer: Writer, plan: WritingPlan) -> None:
    codes = draw(300, DIM, seed=71)
    free = with_codes(writer, None).write(plan, plan.paths, seed=1)
    still = with_codes(writer, codes, code_share=0.0).write(plan, plan.paths, seed=1)
    near = with_codes(writer, codes, code_share=0.5).write(plan, plan.paths, seed=1)
    there = with_codes(writer, codes, code_share=1.0).write(plan, plan.paths, seed=1)
    first = [section.vectors[0] for section in free]
    assert all(torch.equal(a.vectors, b.vectors) for a, b in zip(free, still, strict=True))
    known = writer.model.sentence_norm.denormalize(writer.model.sentence_norm.normalize(codes))
    for n, section in enumerate(there):
        distance = torch.cdist(section.vectors, known).amin(dim=1)
        assert (distance < 0.01).all()
        torch.testing.assert_close(near[n].vectors[0], (first[n] + section.vectors[0]) / 2)
        assert len(section.vectors.unique(dim=0)) == len(section.vectors)  # none of them twice


def test_a_section_with_codes_is_the_same_alone_and_side_by_side(writer: Writer, plan: WritingPlan) -> None:
    bound = with_codes(writer, draw(300, DIM, seed=71), code_share=0.5)
    together = bound.write(plan, plan.paths, seed=5)
    for path, section in zip(plan.paths, together, strict=True):
        (alone,) = bound.write(plan, [path], seed=5)
        torch.testing.assert_close(alone.vectors, section.vectors, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_beyond_its_bounds_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="code_share must be from 0 to 1"):
        WriteOptions(code_share=share)


def test_codes_are_short_whole_sentences() -> None:
    assert is_sound("Open the folder.") and is_sound("2 eggs")
    assert not is_sound("for the folder") and not is_sound("Open " + "very " * 30 + "wide.")
    assert not is_sound('Click "Open.')


def test_codes_are_real_sentences_of_training_documents(
    corpus: EmbeddedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: Path, space_id: str, split: str) -> EmbeddedCorpus:
        assert (space_id, split) == ("fake@1", "train")
        return replace(corpus, texts=tuple(f"Text {n}." if n != 7 else "no text" for n in range(40)))

    monkeypatch.setattr(codebook, "load_embedded", load)
    codes = choose_sentences(Path("corpus"), "fake@1", 50)
    rows = [2, 3, *(n for n in range(5, 15) if n != 7), 16, 21, 22, 23]  # no title, heading or unsound one
    nearest = torch.cdist(codes, corpus.vectors).argmin(dim=1).tolist()
    assert sorted(nearest) == rows
    torch.testing.assert_close(codes, corpus.vectors[nearest])
    monkeypatch.setattr(codebook, "is_sound", lambda _: False)
    with pytest.raises(InputError, match="no short sentence"):
        choose_sentences(Path("corpus"), "fake@1", 50)


def card_with(folder: Path, tensors: dict[str, Tensor] | None) -> ModelCard:
    if tensors is None:
        (folder / CODEBOOK_FILE).write_bytes(b"no tensors")
    else:
        save_tensors(folder / CODEBOOK_FILE, tensors)
    return replace(CARD, files={CODEBOOK_FILE: "0"}, config={"concept_dim": DIM}, folder=folder)


def test_a_released_codebook_is_read_back_nearly_as_it_was(tmp_path: Path) -> None:
    codes = draw(20, DIM, seed=72)
    found = SentenceCodebook.load(card_with(tmp_path, codebook_tensors(codes)), NORMALIZER)
    assert found is not None
    assert (F.cosine_similarity(found.codes_CD, codes, dim=1) > 0.999).all()
    assert SentenceCodebook.load(CARD, NORMALIZER) is None


@pytest.mark.parametrize(
    ("tensors", "error", "why"),
    [
        (None, ModelError, "cannot be read"),
        ({"others": torch.zeros(3, DIM)}, ModelError, "cannot be read"),
        (
            {"codes": torch.zeros(3, DIM + 1)},
            ModelError,
            "concepts of dimension 13, the writer's have 12; train it",
        ),
        ({"codes": torch.zeros(0, DIM)}, ModelError, r"the shape \(0, 12\), expected \(C, D\)"),
        ({"codes": torch.zeros(DIM)}, ModelError, r"the shape \(12,\), expected \(C, D\)"),
        ({"codes": torch.full((3, DIM), torch.nan)}, NonFiniteError, "NaN or infinity"),
    ],
)
def test_a_codebook_of_no_use_is_one_line(
    tmp_path: Path, tensors: dict[str, Tensor] | None, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why) as caught:
        SentenceCodebook.load(card_with(tmp_path, tensors), NORMALIZER)
    assert "\n" not in str(caught.value) and "train it anew" in str(caught.value)
