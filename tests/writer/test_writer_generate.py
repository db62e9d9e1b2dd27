"""Writing sections: pure, the same alone and side by side, and stopped for each of the reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import writer.generate as generate
from concepts.errors import NonFiniteError, SpaceMismatchError, UsageError
from concepts.neural.normalizer import RobustNormalizer
from training.writer.data import BlockData, Choice
from writer.config import MAX_PREVIOUS, PLAN_REACH, WriterConfig
from writer.generate import WriteOptions, Writer, WritingPlan, WritingTask, WrittenSection
from writer.model import CURRENT, PREVIOUS, Cache, Context, Slots, WriterModel, normalize_context

DIM = 12


def draw(num: int, *, seed: int) -> Tensor:
    return torch.randn(num, DIM, generator=torch.Generator().manual_seed(seed))


def same(a: Sequence[WrittenSection], b: Sequence[WrittenSection], tolerance: float = 0.0) -> bool:
    return [(x.path, x.stop_reason) for x in a] == [(x.path, x.stop_reason) for x in b] and all(
        x.vectors.shape == y.vectors.shape
        and torch.allclose(x.vectors, y.vectors, atol=tolerance, rtol=tolerance)
        for x, y in zip(a, b, strict=True)
    )


def test_sections_come_back_in_the_asked_order_as_raw_concepts(writer: Writer, plan: WritingPlan) -> None:
    written = writer.write(plan, ["3", "1", "2.2"], seed=0)
    assert [section.path for section in written] == ["3", "1", "2.2"]
    for section in written:
        here = plan.paths.index(section.path)
        most = max(plan.num_sentences[here] + 1, int(1.5 * plan.num_sentences[here]))
        assert section.vectors.shape[1] == DIM and 1 <= len(section.vectors) <= most
        assert section.vectors.dtype == torch.float32 and torch.isfinite(section.vectors).all()
        assert section.stop_reason in ("end", "length", "repetition") and -1 <= section.similarity <= 1
    assert writer.write(plan, [], seed=0) == []


def test_a_section_is_the_same_alone_and_side_by_side(writer: Writer, plan: WritingPlan) -> None:
    together = writer.write(plan, plan.paths, seed=5)
    alone = [writer.write(plan, [path], seed=5)[0] for path in plan.paths]
    assert same(together, alone, tolerance=1e-3)


def test_sections_of_several_documents_are_the_same_alone_and_side_by_side(
    writer: Writer, plan: WritingPlan
) -> None:
    """Each from its own plan, of another width, with its own goal, limit and seed."""
    other = WritingPlan(
        prompt=draw(1, seed=11),
        goal=None,
        paths=("1", "2", "3"),
        leads=draw(3, seed=12),
        gists=draw(3, seed=13),
        num_sentences=(9, 1, 2),
        is_limit=True,
    )
    tasks = [
        WritingTask(plan, ["2.2", "1"], 5),
        WritingTask(other, ["1", "3", "2"], 5),
        WritingTask(plan, ["1"], 6),
        WritingTask(other, [], 7),
    ]
    together = writer.write_together(tasks)
    alone = [writer.write(task.plan, task.paths, seed=task.seed) for task in tasks]
    assert all(same(a, b, tolerance=1e-3) for a, b in zip(together, alone, strict=True))
    assert not torch.allclose(together[0][1].vectors[0], together[2][0].vectors[0], atol=1e-3)


def test_the_seed_decides(writer: Writer, plan: WritingPlan) -> None:
    first = writer.write(plan, plan.paths, seed=5)
    torch.manual_seed(99)  # the global generator has no say
    assert same(first, writer.write(plan, plan.paths, seed=5))
    for seed in (0, 6):
        other = writer.write(plan, plan.paths, seed=seed)
        assert not torch.allclose(first[0].vectors[0], other[0].vectors[0], atol=1e-3)


def test_noise_depends_on_seed_path_and_block_alone(
    writer: Writer, plan: WritingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int | str, ...]] = []
    original = generate.seeded_noise

    def noting(shape: tuple[int, ...], *key: int | str) -> Tensor:
        asked.append((*shape, *key))
        return original(shape, *key)

    monkeypatch.setattr(generate, "seeded_noise", noting)
    writer.write(plan, plan.paths, seed=5)
    together, asked[:] = list(asked), []
    for path in plan.paths:
        writer.write(plan, [path], seed=5)
    assert sorted(together, key=str) == sorted(asked, key=str)
    assert len(set(together)) == len(together)  # no two blocks share their noise


def test_the_context_is_read_once_a_block(
    writer: Writer, plan: WritingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"contextualize": 0, "denoise": 0}
    for name in calls:
        original = getattr(writer.model, name)

        def counting(*args: object, _name: str = name, _original: object = original) -> object:
            calls[_name] += 1
            assert callable(_original)
            return _original(*args)

        monkeypatch.setattr(writer.model, name, counting)
    writer.write(plan, ["2.2"], seed=1)
    assert calls["contextualize"] >= 1 and calls["denoise"] == 4 * calls["contextualize"]


def test_prompt_goal_plan_and_gist_change_what_is_written(writer: Writer, plan: WritingPlan) -> None:
    before = writer.write(plan, ["2.1"], seed=0)[0].vectors[0]
    changes = (
        replace(plan, prompt=-plan.prompt),
        replace(plan, goal=None),
        replace(plan, gists=torch.cat((plan.gists[:1], -plan.gists[1:2], plan.gists[2:]))),
        replace(plan, leads=torch.cat((plan.leads[:4], -plan.leads[4:]))),
        replace(plan, num_sentences=(4, 5, 7, 1, 3)),
    )
    for changed in changes:
        assert not torch.allclose(writer.write(changed, ["2.1"], seed=0)[0].vectors[0], before, atol=1e-3)


def test_a_section_is_shown_what_a_block_of_the_corpus_is_shown(
    writer: Writer, corpus: object, end: Tensor
) -> None:
    """Writing from a true plan builds the same context as training does."""
    data = BlockData(corpus, end)  # type: ignore[arg-type]
    vectors = data.corpus.vectors
    plan = WritingPlan(
        prompt=vectors[[0]],
        goal=data.gists[2],
        paths=("1", "2", "3"),
        leads=vectors[[1, 4, 15]],
        gists=data.gists[:3],
        num_sentences=(2, 10, 1),
    )
    normalize = writer.model.sentence_norm.normalize
    for start in (2, 9):
        (row,) = writer._begin(WritingTask(plan, ["2"], 0))
        row.sentences, row.num_drawn = [normalize(vectors[5 + i]) for i in range(start)], start
        got = writer._context([row])
        block = data.batch([Choice(1, start, shows_goal=True)], 3).context
        wanted = normalize_context(block, writer.model, 0.0, None)
        for name in ("kind_BC", "lead_BCD", "gist_BCD", "place_BC", "length_BC"):
            torch.testing.assert_close(getattr(got, name)[:1], getattr(wanted, name), atol=1e-5, rtol=1e-5)
        assert got.kind_BC[1].tolist()[0] == 0 and not got.lead_BCD[1].any()  # guidance: nothing shown


def test_steps_and_guidance_change_what_is_written(writer: Writer, plan: WritingPlan) -> None:
    before = writer.write(plan, ["2.1"], seed=0)[0].vectors[0]
    for options in (replace(writer.options, num_steps=9), replace(writer.options, guidance_scale=4.0)):
        other = writer.with_options(options)
        assert other.model is writer.model
        assert not torch.allclose(other.write(plan, ["2.1"], seed=0)[0].vectors[0], before, atol=1e-3)


def test_the_baseline_without_noise_writes_the_same_whatever_the_seed(
    writer: Writer, plan: WritingPlan
) -> None:
    model = WriterModel(replace(writer.model.config, objective="mse"))
    model.load_state_dict(writer.model.state_dict())
    mean = Writer(writer.card, model.eval(), writer.options)
    assert same(mean.write(plan, plan.paths, seed=1), mean.write(plan, plan.paths, seed=2))


class StubModel:
    """Says sentence `table[n]` at index n, whatever the noise; `end` ends a section."""

    def __init__(self, table: Tensor, end: Tensor) -> None:
        self.config = WriterConfig(concept_dim=table.shape[1], model_dim=4, num_heads=1)
        self.sentence_norm = RobustNormalizer(table.shape[1])
        self.gist_norm = RobustNormalizer(table.shape[1])
        self.table, self.end = table, end

    def contextualize(self, context: Context) -> tuple[Cache, Tensor]:
        return [], (context.kind_BC != 7)[:, None, None]

    def denoise(self, x: Tensor, t: Tensor, slots: Slots, cache: Cache, mask: Tensor) -> Tensor:
        return self.table[slots.index_BK]


EYE = torch.eye(16)
END = EYE[15]


def stubbed(writer: Writer, table: Sequence[Tensor], **options: object) -> Writer:
    rows = torch.stack([*table, *[END] * (40 - len(table))])
    return Writer(writer.card, StubModel(rows, END), WriteOptions(num_steps=2, **options))  # type: ignore[arg-type]


def plan_of(*lengths: int) -> WritingPlan:
    num = len(lengths)
    return WritingPlan(torch.ones(1, 16), None, tuple(map(str, range(num))), EYE[:num], EYE[:num], lengths)


@pytest.mark.parametrize("block_size", [1, 2, 8])
def test_the_end_concept_ends_a_section(writer: Writer, block_size: int) -> None:
    (section,) = stubbed(writer, list(EYE[:5]), block_size=block_size).write(plan_of(5), ["0"], seed=0)
    assert section.stop_reason == "end"
    torch.testing.assert_close(section.vectors, EYE[:5])


@pytest.mark.parametrize("block_size", [1, 3, 8])
@pytest.mark.parametrize(("planned", "most"), [(1, 2), (2, 3), (4, 6), (7, 10)])
def test_a_section_without_end_stops_beyond_its_planned_length(
    writer: Writer, block_size: int, planned: int, most: int
) -> None:
    (section,) = stubbed(writer, list(EYE[:12]), block_size=block_size).write(plan_of(planned), ["0"], seed=0)
    assert section.stop_reason == "length" and len(section.vectors) == most
    torch.testing.assert_close(section.vectors, EYE[:most])


def test_a_block_of_nothing_but_repeats_stops_a_section(writer: Writer) -> None:
    table = [EYE[0], EYE[1], EYE[2], EYE[0], EYE[1], EYE[2]]
    (section,) = stubbed(writer, table, block_size=3).write(plan_of(10), ["0"], seed=0)
    assert section.stop_reason == "repetition"
    torch.testing.assert_close(section.vectors, EYE[:3])


def test_single_repeats_are_left_out_and_the_section_goes_on(writer: Writer) -> None:
    table = [EYE[0], EYE[0] * 3, EYE[1], EYE[2], EYE[1] + 0.1 * EYE[2], EYE[3]]
    (section,) = stubbed(writer, table, block_size=3).write(plan_of(8), ["0"], seed=0)
    assert section.stop_reason == "end"
    torch.testing.assert_close(section.vectors, EYE[:4])


def test_how_like_a_repeat_must_be_is_an_option(writer: Writer) -> None:
    table = [EYE[0], EYE[1], 0.8 * EYE[0] + 0.6 * EYE[2]]
    for limit, num in ((0.75, 2), (0.85, 3)):
        stub = stubbed(writer, table, repeat_similarity=limit)
        (section,) = stub.write(plan_of(8), ["0"], seed=0)
        assert len(section.vectors) == num


def test_an_end_needs_a_likeness_above_the_threshold(writer: Writer) -> None:
    nearly = 0.79 * END + math.sqrt(1 - 0.79**2) * EYE[7]
    table = [EYE[0], nearly, EYE[2]]
    (section,) = stubbed(writer, table).write(plan_of(6), ["0"], seed=0)
    assert section.stop_reason == "end" and len(section.vectors) == 3


def test_a_model_that_only_ends_writes_no_end_sentence(writer: Writer) -> None:
    (section,) = stubbed(writer, []).write(plan_of(4), ["0"], seed=0)
    assert section.vectors.shape == (0, 16)


def test_sections_of_a_batch_stop_each_for_itself(writer: Writer) -> None:
    short, long = stubbed(writer, list(EYE[:6]), block_size=2).write(plan_of(2, 6), ["0", "1"], seed=0)
    assert (short.stop_reason, len(short.vectors)) == ("length", 3)
    assert (long.stop_reason, len(long.vectors)) == ("end", 6)


def test_the_similarity_is_that_of_the_mean_to_the_gist(writer: Writer) -> None:
    plan = plan_of(2)
    stub = stubbed(writer, list(EYE[:2]))
    (section,) = stub.write(plan, ["0"], seed=0)
    assert section.similarity == pytest.approx(math.sqrt(0.5))
    stub.model.gist_norm.center.fill_(0.5)
    (section,) = stub.write(plan, ["0"], seed=0)
    mean, gist = EYE[:2].mean(dim=0) - 0.5, EYE[0] - 0.5
    assert section.similarity == pytest.approx(float(mean @ gist / mean.norm() / gist.norm()))


def test_a_model_that_says_nan_is_found(writer: Writer) -> None:
    with pytest.raises(NonFiniteError, match="toy-writer wrote a sentence of NaN or infinity"):
        stubbed(writer, [EYE[0] * float("nan")]).write(plan_of(1), ["0"], seed=0)


@pytest.mark.parametrize("name", ["prompt", "leads", "gists", "goal"])
def test_a_plan_of_another_space_or_of_no_numbers_is_refused(
    writer: Writer, plan: WritingPlan, name: str
) -> None:
    value = getattr(plan, name)
    with pytest.raises(
        SpaceMismatchError, match=f"writes from concepts of dimension 12, the {name} have shape"
    ):
        writer.write(replace(plan, **{name: torch.cat((value, value), dim=-1)}), ["1"], seed=0)
    spoilt = value.clone()
    spoilt[..., 2] = float("nan")
    with pytest.raises(NonFiniteError, match=f"the plan's {name} hold NaN or infinity; plan again"):
        writer.write(replace(plan, **{name: spoilt}), ["1"], seed=0)


def test_a_plan_that_does_not_fit_together_is_refused(writer: Writer, plan: WritingPlan) -> None:
    with pytest.raises(UsageError, match="5 leaves but 4 leads, 5 gists and 5 lengths"):
        writer.write(replace(plan, leads=plan.leads[:4]), ["1"], seed=0)
    with pytest.raises(UsageError, match="5 leaves but 5 leads, 5 gists and 1 lengths"):
        writer.write(replace(plan, num_sentences=(3,)), ["1"], seed=0)
    with pytest.raises(UsageError, match=r"the plan has no item 2\.9; it has 1, 2\.1, 2\.2"):
        writer.write(plan, ["2.9"], seed=0)
    for name in ("block_size", "num_steps"):
        with pytest.raises(UsageError, match=f"{name} must be at least 1, got 0"):
            WriteOptions(**{name: 0})  # type: ignore[arg-type]


def test_only_the_reachable_context_is_shown(writer: Writer) -> None:
    num = 4 * PLAN_REACH
    plan = WritingPlan(
        torch.ones(12, DIM),
        None,
        tuple(map(str, range(num))),
        torch.ones(num, DIM),
        torch.ones(num, DIM),
        (50,) * num,
    )
    (row,) = writer._begin(WritingTask(plan, ["12"], 0))
    row.sentences = [torch.full((DIM,), float(i)) for i in range(20)]
    kinds = [token[0] for token in writer._tokens(row)]
    assert kinds.count(CURRENT) == 1 and kinds.count(PREVIOUS) == MAX_PREVIOUS
    assert len(kinds) == 1 + 8 + 2 * PLAN_REACH + 1 + MAX_PREVIOUS


def test_a_section_is_shown_from_noise_to_what_is_written(writer: Writer, plan: WritingPlan) -> None:
    written = {section.path: section.vectors for section in writer.write(plan, ["3", "1"], seed=5)}
    for path, vectors in written.items():
        drafts = writer.refine(plan, ["3", "1"], path, seed=5)
        assert drafts.times == (1.0, 0.75, 0.5, 0.25)
        assert drafts.vectors.shape == (4, *vectors.shape)
        assert torch.equal(drafts.vectors[-1], vectors)
        assert not torch.allclose(drafts.vectors[0], vectors)
