"""Further languages are learnt from the English of their texts, and released so that the space reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from concepts.codecs.extension import PAD_ID, ExtensionConfig
from concepts.codecs.sentence_codec import SentenceCodec
from concepts.models.card import FetchedCard, read_card
from concepts.models.wheels import FETCHED_VARIABLE
from tests.concepts.minilm_toy import DIM, MAX_TOKENS, make_sentence_encoder
from training.languages.encoder import EncoderData, EncoderTask, EncoderTrainingConfig, prepare, train_encoder
from training.languages.release import release_encoder
from training.languages.start import start_table
from training.languages.texts import Taught
from training.loop_config import LoopConfig

WORDS = {
    "öffne": "open",
    "schließe": "close",
    "datei": "file",
    "fenster": "window",
    "drucke": "print",
    "speichere": "save",
    "brot": "bread",
    "backe": "bake",
}
SHARES = (("lexicon", 0.5), ("library", 0.5))


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> FetchedCard:
    home = tmp_path_factory.mktemp("minilm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FETCHED_VARIABLE, str(home / "fetched"))
        return make_sentence_encoder(home / "toy-minilm")


@pytest.fixture(autouse=True)
def places(card: FetchedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FETCHED_VARIABLE, str(card.folder.parent / "fetched"))
    monkeypatch.setenv("LONGHAND_MODELS", str(card.folder))


def taught() -> list[Taught]:
    words = [Taught(text, "deu_Latn", english, "lexicon") for text, english in WORDS.items()]
    pairs = [
        Taught(f"{a} {b}", "deu_Latn", f"{x} {y}", "library")
        for a, x in WORDS.items()
        for b, y in WORDS.items()
        if a != b
    ]
    return [*words, *pairs]


def make_task(card: FetchedCard, run_dir: Path, num_steps: int) -> EncoderTask:
    from tokenizers import Tokenizer
    from transformers.models.bert import BertModel

    base = BertModel.from_pretrained(card.path("config.json").parent, add_pooling_layer=False)
    tokenizer = Tokenizer.from_file(str(card.path("tokenizer.json")))
    codec = SentenceCodec.load(card, device=torch.device("cpu"), dtype=torch.float32)
    sizes = ExtensionConfig(
        langs=("deu_Latn",), num_pieces=300, model_dim=DIM, rank=2, max_seq_len=MAX_TOKENS
    )
    loop = LoopConfig(
        num_steps=num_steps,
        num_warmup_steps=1,
        num_cooldown_steps=10,
        matrix_lr=1e-2,
        uses_muon=False,
        adam_lr=1e-2,
        ema_decay=0.9,
        evaluate_every=20,
    )
    config = EncoderTrainingConfig(model=sizes, loop=loop, max_tokens=128, shares=SHARES)
    texts = taught()

    def english_ids(some: Sequence[str]) -> list[list[int]]:
        return [row.ids for row in tokenizer.encode_batch(list(some), add_special_tokens=False)]

    task = prepare(
        texts,
        texts[-20:],
        run_dir,
        config,
        base.eval().requires_grad_(False),
        english_ids,
        codec.encode,
        lambda piece: tokenizer.token_to_id(piece.removeprefix("\u2581")),
        (2, 3),
    )
    if not (run_dir / "checkpoint").exists():  # the toy's words start as what they are to become
        torch.manual_seed(1)
        torch.nn.init.normal_(task.module.extension.embed.weight)
    return task


def test_a_language_is_learnt_and_released_into_the_space(
    card: FetchedCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = tmp_path / "run"
    with torch.no_grad():
        before = make_task(card, run_dir, 60).evaluate()
    half = train_encoder(make_task(card, run_dir, 40), run_dir)
    after = train_encoder(make_task(card, run_dir, 80), run_dir)  # goes on from step 40
    assert after["loss"] < half["loss"] < before["loss"]
    assert after["cosine"] > before["cosine"]
    steps = [json.loads(line)["step"] for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert max(steps) == 80 and steps.count(20) == 1
    monkeypatch.setattr("training.languages.release.find_card", lambda kind, verify: card)
    made = release_encoder(run_dir, tmp_path / "german")
    assert read_card(made.folder) == made
    assert (made.kind, made.space, made.steps) == ("languages", card.space_id, 80)
    assert made.figures["cosine"] == pytest.approx(after["cosine"], abs=1e-3)
    codec = SentenceCodec.load(card, device=torch.device("cpu"), dtype=torch.float32, extensions=[made])
    own = codec.encode(list(WORDS), "deu_Latn")
    cosines = (own * codec.encode(list(WORDS.values()))).sum(dim=1)
    assert cosines.mean() > 0.8


def test_batches_hold_texts_of_one_length_in_the_shares_asked_for() -> None:
    texts = [Taught("a", "deu_Latn", "b", "lexicon")] * 90 + [
        Taught("a b c", "deu_Latn", "d", "library")
    ] * 10
    ids = [[1, 2]] * 90 + [[1, 2, 3, 4]] * 10
    vectors = np.eye(2, 4, dtype=np.float16)
    data = EncoderData(texts, ids, np.array([0] * 90 + [1] * 10), vectors)
    batches = [data.batch(n, seed=1, max_tokens=64, shares=SHARES) for n in range(200)]
    assert all(batch.ids_BT.numel() <= 64 for batch in batches)
    lengths = [set(batch.mask_BT.sum(dim=1).tolist()) for batch in batches]
    assert all(len(found) == 1 for found in lengths)
    num_long = sum(len(batch.row_B) for batch in batches if 4 in batch.mask_BT.sum(dim=1))
    assert 0.3 < num_long / sum(len(batch.row_B) for batch in batches) < 0.7
    again = data.batch(7, seed=1, max_tokens=64, shares=SHARES)
    assert torch.equal(again.ids_BT, batches[7].ids_BT)
    for batch in batches:
        assert torch.equal(batch.teacher_BD, torch.from_numpy(vectors[batch.row_B.numpy()]).float())
        assert torch.equal(batch.mask_BT, batch.ids_BT != PAD_ID)


def test_texts_are_drawn_by_their_weights() -> None:
    texts = [Taught("a", "deu_Latn", "b", "lexicon", 9.0), Taught("c", "deu_Latn", "d", "lexicon")]
    data = EncoderData(texts, [[1], [2]], np.array([0, 1]), np.eye(2, dtype=np.float16))
    batch = data.batch(0, seed=1, max_tokens=10_000, shares=(("lexicon", 1.0),))
    assert (batch.row_B == 0).float().mean() == pytest.approx(0.9, abs=0.02)


def test_a_piece_starts_as_the_english_of_its_words() -> None:
    english = torch.eye(5)
    words = [([4], [0]), ([4], [1]), ([5, 6], [2]), ([6], [3])]
    shared = [(4, 4), (7, 4)]
    table = start_table(english, words, shared, 9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        table[4], torch.tensor([0.5, 0.5, 0, 0, 0]) * 2**0.5
    )  # no English "pan" in Spanish
    torch.testing.assert_close(table[5], english[2])
    torch.testing.assert_close(table[6], english[3])  # a word of this piece alone says more
    torch.testing.assert_close(table[7], english[4])
    assert table[8].norm() > 0
