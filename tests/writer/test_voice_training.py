"""Training a voice: its texts, their batches, noise, notes, and a run that lowers the loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from concepts.corpus.records import Block, Document, Section
from concepts.errors import ModelError
from concepts.library.library import Library, Passage
from tests.writer.toy_voice import (
    DOCUMENTS,
    VOICE_DIM,
    WordTokenizer,
    encode_words,
    pack_documents,
)
from training.loop_config import LoopConfig
from training.optimizers import make_optimizers
from training.voice.config import VoiceTrainingConfig
from training.voice.corpus import spoken_document
from training.voice.data import (
    LEAST_SAID,
    NO_CONCEPT,
    PackedTexts,
    SpokenDocument,
    SpokenSection,
    draw,
    make_batch,
    pack,
)
from training.voice.notes import NO_NOTES_SHARE, OWN_NOTES_SHARE, OWN_SHARE, add_notes
from training.voice.train import VoiceTask, blur, first_tensors, noised, release_voice, train_voice
from training.voice.words import learn_words
from writer.voice.adapter import VoiceAdapter
from writer.voice.config import AdapterConfig
from writer.voice.text import Said, title_prefix
from writer.voice.words import WordMap


def test_each_token_goes_with_the_concept_of_its_sentence() -> None:
    packed = pack_documents()
    tokenizer = WordTokenizer()
    spans = list(zip(packed.starts[:-1], packed.starts[1:], strict=True))
    assert len(spans) == 2  # the contents, and the sections that are said from them
    start, end = spans[1]
    said: dict[tuple[int, int], str] = {}
    for token, row, group in zip(
        packed.tokens[start:end].tolist(),
        packed.rows[start:end].tolist(),
        packed.groups[start:end].tolist(),
        strict=True,
    ):
        said[group, row] = said.get((group, row), "") + tokenizer.decode([token])
    texts = [text.strip() for (group, row), text in said.items() if row != NO_CONCEPT]
    assert texts == ["1. Boil the water.", "2. pour the water.", "Dry the leaves slowly.", "pour tea now."]
    assert "leaves" in said[2, NO_CONCEPT] and "Boil" not in said[2, NO_CONCEPT]


def test_a_section_reads_what_all_share_and_no_other_section(base: LlamaForCausalLM) -> None:
    """Trained in one sequence, sections say what they would each alone."""
    base.config._attn_implementation = "eager"
    packed = pack_documents()
    vectors = torch.from_numpy(packed.vectors).float()
    batch = make_batch(packed, [1], vectors)
    task = VoiceTask(_config(1), packed, packed, base, first_tensors(packed, base, _config(1), {}))
    with torch.no_grad():
        together, num = task.module.nats(batch, batch.concepts_BSD)
        start = int(packed.starts[1])
        groups = packed.groups[start : int(packed.starts[2])]
        alone, total = 0.0, 0
        for group in (1, 2):
            keep = np.flatnonzero((groups == 0) | (groups == group)) + start
            one = PackedTexts(
                packed.tokens[keep],
                packed.rows[keep],
                packed.groups[keep],
                np.array([0, len(keep)], dtype=np.int64),
                np.ones(1, dtype=np.float32),
                packed.vectors,
                packed.drawn,
            )
            single = make_batch(one, [0], vectors)
            nats, said = task.module.nats(single, single.concepts_BSD)
            alone, total = alone + float(nats) * said, total + said
    assert total == num
    assert float(together) == pytest.approx(alone / total, abs=1e-4)


def test_packed_texts_survive_their_file(tmp_path: Path) -> None:
    packed = pack_documents()
    packed.save(tmp_path / "packed.safetensors")
    again = PackedTexts.load(tmp_path / "packed.safetensors")
    for name in ("tokens", "rows", "groups", "starts", "weights", "vectors", "drawn"):
        np.testing.assert_array_equal(getattr(again, name), getattr(packed, name))


def test_a_section_shows_what_was_drawn_for_it_where_something_was() -> None:
    """True concepts stay where nothing was drawn, and in the sections that show none."""

    def drawn_for(texts: list[str]) -> Tensor:
        return torch.stack([torch.full((VOICE_DIM,), 0.5 if "pour" in text else 0.0) for text in texts])

    packed = pack([(DOCUMENTS, 1.0)], WordTokenizer(), encode_words, max_tokens=60, drawn_for=drawn_for)
    vectors, drawn = torch.from_numpy(packed.vectors).float(), torch.from_numpy(packed.drawn).float()
    chosen = list(range(len(packed)))
    plain = make_batch(packed, chosen, vectors)
    shown = make_batch(packed, chosen, vectors, drawn, [n % 2 == 1 for n in chosen])
    assert not plain.is_drawn_BS.any() and shown.is_drawn_BS[1].any() and not shown.is_drawn_BS[0].any()
    assert (shown.concepts_BSD[shown.is_drawn_BS] == 0.5).all()
    torch.testing.assert_close(shown.concepts_BSD[~shown.is_drawn_BS], plain.concepts_BSD[~shown.is_drawn_BS])
    assert (shown.targets_BS == plain.targets_BS).all()


def test_a_title_is_said_after_what_was_typed_for_it() -> None:
    typed = replace(DOCUMENTS[0], prompt="pour  the\nwater")
    packed = pack([([typed], 1.0)], WordTokenizer(), encode_words, max_tokens=60)
    first = slice(0, int(packed.starts[1]))
    text = title_prefix(typed.prompt or "") + "# " + typed.title + "\n"
    assert text.startswith("Request: pour the water\n\n# ")
    wanted = WordTokenizer()(text, add_special_tokens=False, return_offsets_mapping=True)["input_ids"]
    assert packed.tokens[first].tolist() == wanted
    said = packed.rows[first] >= 0
    assert 0 < said.sum() < len(wanted) and said[-1]
    torch.testing.assert_close(
        torch.from_numpy(packed.vectors[packed.rows[first][-1]]).float(),
        encode_words([typed.title])[0],
        atol=1e-3,
        rtol=0,
    )


def test_a_sequence_is_drawn_by_what_it_says_and_short_ones_a_little_more() -> None:
    sentence = Said(" ".join(["tea"] * 75) + ".", "paragraph")
    long = SpokenDocument("tea", (SpokenSection("water", (sentence, sentence)),))
    short = SpokenDocument("water", (SpokenSection("leaves", (Said("tea.", "paragraph"),)),))
    packed = pack([([long, short], 0.6), ([short], 0.4)], WordTokenizer(), encode_words, max_tokens=1_000)
    first, second, third = packed.weights.tolist()
    assert first + second == pytest.approx(0.6) and third == pytest.approx(0.4)
    said = int((packed.rows[: packed.starts[1]] >= 0).sum())
    assert first / second == pytest.approx(said / LEAST_SAID) and said > LEAST_SAID


def test_a_batch_holds_no_more_than_its_tokens() -> None:
    packed = pack_documents()
    longest = int(np.diff(packed.starts).max())
    for seed in range(5):
        chosen = draw(packed, np.random.default_rng(seed), 2 * longest)
        batch = make_batch(packed, chosen, torch.from_numpy(packed.vectors).float())
        assert 1 <= len(chosen) <= 64
        assert batch.ids_BS.numel() <= 2 * longest or len(chosen) == 1


def test_a_batch_knows_what_each_sentence_has_said() -> None:
    """In training as in use: the tokens of the sentence before the one that follows, the nearest first."""
    packed = pack_documents()
    batch = make_batch(packed, [0, 1], torch.from_numpy(packed.vectors).float())
    for b, index in enumerate((0, 1)):
        first = int(packed.starts[index])
        for place in range(int(packed.starts[index + 1]) - first - 1):
            row = packed.rows[first + place + 1]
            said: list[int] = []
            at = first + place
            while row >= 0 and packed.rows[at] == row:
                said.append(int(packed.tokens[at]))
                at -= 1
            found = batch.said_BSL[b, place]
            assert found[found >= 0].tolist() == said


def test_hidden_concepts_are_zero_and_noised_ones_keep_their_length() -> None:
    concepts = encode_words(["Boil the water.", "pour tea now."])[None]
    assert not noised(concepts, None, 0).any()
    torch.testing.assert_close(noised(concepts, 0.0, 0), concepts)
    torch.testing.assert_close(noised(concepts, 0.5, 0).norm(dim=-1), concepts.norm(dim=-1))


def _config(num_steps: int) -> VoiceTrainingConfig:
    return VoiceTrainingConfig(
        adapter=AdapterConfig(
            concept_dim=VOICE_DIM, hidden_dim=32, num_layers=3, rank=2, injected=(0,), word_dim=16
        ),
        loop=LoopConfig(
            num_steps=num_steps,
            num_warmup_steps=1,
            num_cooldown_steps=1,
            matrix_lr=1e-2,
            uses_muon=False,
            ema_decay=0.5,
            evaluate_every=num_steps,
        ),
        tokens_per_batch=200,
    )


def test_training_lowers_the_loss_and_leaves_the_base_alone(base: LlamaForCausalLM, tmp_path: Path) -> None:
    base.config._attn_implementation = "eager"
    before = {name: value.clone() for name, value in base.named_parameters()}
    packed = pack_documents()
    task = VoiceTask(_config(1), packed, packed, base, first_tensors(packed, base, _config(1), {}))
    start = task.evaluate()["loss"]
    for optimizer in make_optimizers(task.module, _config(1).loop):
        assert optimizer.param_groups
    task.module(task.batch(0, 0, 1), torch.Generator().manual_seed(0))[0].backward()
    # several processes wait for the gradient of each
    assert all(parameter.grad is not None for parameter in task.module.parameters())
    recipe: dict[str, object] = {
        "space": "toy@0",
        "base": "toy",
        "data": "none",
        "init": None,
        "drawn_by": ["toy-writer@1"],
    }
    fresh = LlamaForCausalLM(base.config).eval()
    fresh.load_state_dict(base.state_dict())
    figures = train_voice(pack_documents(), pack_documents(), fresh, tmp_path, _config(30), recipe=recipe)
    assert figures["loss"] < start - 0.1
    for name, value in base.named_parameters():
        torch.testing.assert_close(value, before[name])
    card = release_voice(tmp_path, tmp_path / "voice", name="toy", figures=figures, newest=False)
    assert card.kind == "voice"
    assert card.steps == 30
    assert "with draws of toy-writer@1" in card.recipe


@pytest.mark.parametrize(("part", "same_as"), [(1.0, "noise_0.0"), (-0.0, None)])
def test_what_was_drawn_is_measured_as_concepts_are(
    base: LlamaForCausalLM, part: float, same_as: str | None
) -> None:
    """Draws that are the true concepts cost what these cost; where nothing was drawn nothing is measured."""
    base.config._attn_implementation = "eager"
    packed = pack(
        [(DOCUMENTS, 1.0)],
        WordTokenizer(),
        encode_words,
        max_tokens=60,
        drawn_for=lambda texts: part * encode_words(texts),
    )
    start = first_tensors(packed, base, _config(1), {})
    figures = VoiceTask(_config(1), packed, packed, base, start).evaluate()
    if same_as is None:
        assert "drawn" not in figures
    else:
        assert figures["drawn"] == pytest.approx(figures[same_as], abs=1e-5)
        assert figures["drawn"] != pytest.approx(figures["none"], abs=1e-5)


def test_drawn_concepts_get_less_noise_than_true_ones() -> None:
    concepts = torch.nn.functional.normalize(torch.randn(64, 2, 48), dim=-1)
    is_drawn = torch.zeros(64, 2, dtype=torch.bool)
    is_drawn[:32] = True
    config = replace(_config(1), hidden_share=0.0, max_noise=1.5, drawn_noise=0.1)
    found = blur(concepts, is_drawn, config, torch.Generator().manual_seed(0))
    likeness = torch.nn.functional.cosine_similarity(found, concepts, dim=-1)
    assert likeness[:32].min() > 0.98 and likeness[32:].mean() < 0.9


def test_a_run_goes_on_from_another_ones_adapter(base: LlamaForCausalLM) -> None:
    """What it brings is kept, what it lacks is learnt, and what this adapter does not have is refused."""
    given = {name: value + 1.0 for name, value in VoiceAdapter(_config(1).adapter, base).state_dict().items()}
    old = {name: value for name, value in given.items() if not name.startswith(("words.", "amount."))}
    found = first_tensors(pack_documents(), base, _config(1), old)
    assert found.keys() == given.keys()
    for name, value in old.items():
        torch.testing.assert_close(found[name], value)
    assert found["words.leave.weight"].any()
    whole = first_tensors(pack_documents(), base, _config(1), given)
    torch.testing.assert_close(whole["words.leave.weight"], given["words.leave.weight"])
    with pytest.raises(ModelError, match="has elsewhere, which this one has not"):
        first_tensors(pack_documents(), base, _config(1), {**given, "elsewhere": torch.zeros(1)})
    with pytest.raises(ModelError, match="other sizes"):
        first_tensors(pack_documents(), base, _config(1), {**given, "outward.weight": torch.zeros(2, 2)})


def test_words_of_a_concept_are_learnt_from_sentences_alone() -> None:
    """Each sentence's own words become likelier than they are in general; no concept adds nothing."""
    torch.manual_seed(0)
    embed = torch.randn(60, 24)
    concepts = torch.nn.functional.normalize(torch.randn(40, VOICE_DIM), dim=1)
    bags = [torch.randperm(60)[:4] for _ in range(40)]
    words = WordMap(VOICE_DIM, 64, 24)
    losses: list[float] = []
    common = learn_words(
        words,
        embed,
        bags,
        concepts,
        num_epochs=300,
        max_noise=0.1,
        batch=40,
        num_others=20,
        on_progress=lambda _step, _all, loss: losses.append(loss),
    )
    with torch.no_grad():
        chances = (words(concepts) @ embed.T + common).log_softmax(dim=1)
        general = common.log_softmax(dim=0)
    mine = torch.stack([chances[row, bag].mean() for row, bag in enumerate(bags)])
    others = torch.stack([general[bag].mean() for bag in bags])
    assert float((mine - others).mean()) > 1.5
    # sampled or not, the loss is the same measure
    assert losses[-1] == pytest.approx(-float(mine.mean()), abs=0.4)
    assert not words(torch.zeros(2, VOICE_DIM)).any()


def _everyday(title: str, *sections: tuple[str, tuple[str, ...]]) -> SpokenDocument:
    return SpokenDocument(
        title,
        tuple(SpokenSection(h, tuple(Said(text, "paragraph") for text in texts)) for h, texts in sections),
    )


def _bags(texts: list[str]) -> Tensor:
    """Return the sum of a random vector for each word."""
    rows = [
        sum(
            torch.randn(64, generator=torch.Generator().manual_seed(hash_of(word)))
            for word in text.lower().split()
        )
        for text in texts
    ]
    return torch.stack(rows)  # type: ignore[arg-type]


def hash_of(word: str) -> int:
    return int.from_bytes(word.strip(".:").encode()[:6], "little")


def _tea_library() -> Library:
    passages = [
        Passage(
            f"{n} ways of making tea",
            "Boiling water",
            (f"Fresh water boils best in pot number {n} of the kitchen.",),
        )
        for n in range(6)
    ]
    return Library.of(passages, _bags, least_likeness=0.0)


def test_documents_learn_from_notes_of_others_and_never_of_their_own() -> None:
    document = _everyday(
        "3 ways of making tea", ("Boiling water", ("Cold water takes longer to boil in the kitchen.",))
    )
    (found,) = add_notes([document], _tea_library(), _bags, is_training=False)
    notes = found.sections[0].notes
    assert notes and not any("number 3" in note for note in notes)
    assert found.sections[0].sentences == document.sections[0].sentences


def test_in_training_some_sections_have_no_notes_and_some_their_own_sentences() -> None:
    own = "Cold water takes longer to boil in the kitchen."
    documents = [_everyday(f"Tea of day {n}", ("Boiling water", (own,))) for n in range(300)]
    found = add_notes(documents, _tea_library(), _bags, is_training=True)
    notes = [document.sections[0].notes for document in found]
    without = sum(not texts for texts in notes) / len(notes)
    with_own = sum(own in texts for texts in notes) / len(notes)
    assert without == pytest.approx(NO_NOTES_SHARE, abs=0.07)
    assert with_own == pytest.approx(OWN_NOTES_SHARE * OWN_SHARE, abs=0.07)
    assert add_notes(documents, _tea_library(), _bags, is_training=True) == found


def test_packed_sections_read_their_notes_and_learn_to_say_none_of_them() -> None:
    tokenizer = WordTokenizer()
    section = SpokenSection("leaves", (Said("Dry the leaves.", "paragraph"),), notes=("hot cup.",))
    packed = pack([([SpokenDocument("tea", (section,))], 1.0)], tokenizer, encode_words, max_tokens=60)
    read = tokenizer.decode(packed.tokens[packed.rows == NO_CONCEPT].tolist())
    said = tokenizer.decode(packed.tokens[packed.rows != NO_CONCEPT].tolist())
    assert "Notes:\n- hot cup.\n\n## leaves" in read
    assert said.strip() == "Dry the leaves."


def test_a_voice_learns_a_poem_as_paragraphs() -> None:
    blocks = (Block(("Roses,", "violets."), "verse"), Block(("Do it.",), "step"), Block(("Mind.",), "note"))
    document = Document("Poem", (Section("Roses", blocks),), "eng_Latn", "x")
    spoken = spoken_document(document)
    assert spoken is not None
    assert spoken.sections[0].sentences == (
        Said("Roses,", "paragraph"),
        Said("violets.", None),
        Said("Do it.", "step"),
        Said("Mind.", "paragraph"),
    )
