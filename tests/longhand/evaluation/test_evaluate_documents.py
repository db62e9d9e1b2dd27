"""`longhand evaluate documents`: prompts, systems, tables, resuming and wrong input, without models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longhand.evaluation import known_systems
from longhand.evaluation import run as evaluation_run
from longhand.evaluation.prompts import Prompt, load_prompts
from longhand.evaluation.systems import LonghandSystem, ShuffledDocument
from longhand.evaluation.table import estimate, make_table, rows_of
from tests.longhand.evaluation.evaluation_fakes import WORDS, CountJudge, FakeSystem, make_corpus

Run = Callable[..., Any]
FED_WITH_TRUTH = ("true outline", "true concepts")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus")


@pytest.fixture
def few_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two documents have figures."""
    monkeypatch.setattr("longhand.evaluation.run.MIN_MEASURED", 2)


@pytest.fixture
def longhand(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    """Put a fake in the place of Longhand, and a judge that counts in the place of all."""
    fake = FakeSystem()
    monkeypatch.setitem(known_systems.SYSTEMS, "longhand", lambda options: fake)

    def judges(materials: object, on_missing: Callable[[str], None]) -> list[CountJudge]:
        on_missing("grammar left out: link-parser is not installed")
        return [CountJudge()]

    monkeypatch.setattr(evaluation_run, "load_judges", judges)
    return fake


def test_general_prompts_are_many_and_short() -> None:
    prompts = load_prompts("general", Path(), 100).prompts
    assert len(prompts) >= 40
    assert len({prompt.text for prompt in prompts}) == len(prompts)
    assert all(1 <= len(prompt.text.split()) <= 40 for prompt in prompts)
    assert any(prompt.text.isupper() for prompt in prompts) and any("?" in prompt.text for prompt in prompts)


def test_titles_are_held_out_and_stay_the_same(corpus: Path) -> None:
    prompts = load_prompts("titles", corpus, 4)
    assert [prompt.number for prompt in prompts.prompts] == [1, 2, 3, 4]
    assert len(prompts.references) == 6
    for prompt in prompts.prompts:
        assert prompt.true is not None and prompt.true.title == prompt.text
        assert prompts.references[prompt.number - 1].startswith(prompt.text)
    assert load_prompts("titles", corpus, 2).prompts == prompts.prompts[:2]


def test_one_title_in_three_is_a_recipe_as_far_as_there_are_others(tmp_path: Path) -> None:
    prompts = load_prompts("titles", make_corpus(tmp_path / "recipes", 7, num_recipes=4), 7).prompts
    recipes = {f"About {word}" for word in WORDS[:4]}
    assert [prompt.text in recipes for prompt in prompts] == [False, False, True, False, True, True, True]


def test_a_shuffled_document_holds_the_same_sentences(corpus: Path) -> None:
    (prompt,) = load_prompts("titles", corpus, 1).prompts
    assert prompt.true is not None
    shuffled = ShuffledDocument().write(prompt, seed=3)
    assert shuffled == ShuffledDocument().write(prompt, seed=3) != ShuffledDocument().write(prompt, seed=4)
    assert sorted(shuffled.sentences) == sorted(prompt.true.sentences)
    assert [(s.heading, len(s.sentences)) for s in shuffled.sections] == [
        (s.heading, len(s.sentences)) for s in prompt.true.sections
    ]


def test_longhand_writes_in_this_process() -> None:
    from tests.flows.flow_fakes import FakeEngine

    engine = FakeEngine()
    document = LonghandSystem(engine=engine).write(Prompt(number=1, text="How to share a folder"), seed=7)
    assert document == LonghandSystem(engine=engine).write(
        Prompt(number=1, text="How to share a folder"), seed=7
    )
    assert document.title == "How to share a folder"
    assert document.sections and all(
        s.heading and 2 <= len(s.sentences) <= (s.num_planned or 0) for s in document.sections
    )


def test_an_identical_document_differs_by_nothing() -> None:
    values = dict(enumerate(np.random.default_rng(0).random(9)))
    table = make_table({"longhand": {"x": values}, "same": {"x": values}}, baseline="longhand")
    difference = table["same"]["x"].difference
    assert difference is not None
    assert (difference.mean, difference.low, difference.high) == (0, 0, 0)
    assert table["longhand"]["x"].difference is None


def test_differences_are_paired_by_prompt() -> None:
    measured = {
        "longhand": {"x": {1: 0.0, 2: 10.0, 3: 5.0}},
        "more": {"x": {1: 1.0, 2: 11.0, 9: 0.0}},
        "none": {},
    }
    table = make_table(measured, baseline="longhand")
    difference = table["more"]["x"].difference
    assert difference is not None
    assert (difference.mean, difference.low, difference.high, difference.num_documents) == (1, 1, 1, 2)
    assert [row[0] for row in rows_of(table, ("x",), baseline="longhand")] == [
        "longhand",
        "more",
        "  less longhand",
        "none",
    ]


def test_an_interval_holds_the_mean_and_shrinks() -> None:
    values = np.random.default_rng(1).standard_normal(400)
    few, many = estimate(list(values[:20])), estimate(list(values))
    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low
    # The normal interval of a mean: 1.96 standard errors to each side.
    assert many.high - many.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


def test_a_table_has_a_row_a_system_and_says_what_is_left_out(
    run: Run, corpus: Path, longhand: FakeSystem, tmp_path: Path, few_will_do: None
) -> None:
    out = tmp_path / "out"
    command = ("evaluate", "documents", "--corpus", str(corpus), "--num", "3", "--out", str(out))
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert "grammar left out: link-parser is not installed" in result.stderr
    assert [line.split("  ")[0] for line in result.stdout.splitlines() if line[:1] not in (" ", "")] == [
        "SYSTEM",
        "longhand",
        "true document",
        "shuffled document",
    ]
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.md"))[:3] == [
        "longhand/01.md",
        "longhand/02.md",
        "longhand/03.md",
    ]
    result = run(*command, "--json")
    figures = json.loads(result.stdout)
    assert figures["left_out"] == ["grammar left out: link-parser is not installed"]
    assert figures["systems"]["true document"]["count"]["difference"]["mean"] == 0
    stored = json.loads((out / "figures.json").read_text())
    assert stored["systems"] == figures["systems"] and len(stored["documents"]["longhand"]["count"]) == 3


def test_a_few_documents_are_written_and_not_measured(
    run: Run, corpus: Path, longhand: FakeSystem, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("evaluate", "documents", "--corpus", str(corpus), "--num", "4", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    assert "4 documents are written, and not measured: figures need at least 10" in result.stderr
    assert result.stdout.strip() == ""
    assert len(list((out / "longhand").glob("*.md"))) == 4


def test_what_was_written_is_not_written_again(
    run: Run,
    corpus: Path,
    longhand: FakeSystem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    few_will_do: None,
) -> None:
    command = (
        "evaluate",
        "documents",
        "--corpus",
        str(corpus),
        "--num",
        "4",
        "--system",
        "longhand",
        "--json",
    )
    broken = FakeSystem(fail_after=2)
    monkeypatch.setitem(known_systems.SYSTEMS, "longhand", lambda options: broken)
    assert run(*command, "--out", str(tmp_path / "out")).exit_code == 130
    monkeypatch.setitem(known_systems.SYSTEMS, "longhand", lambda options: longhand)
    resumed = run(*command, "--out", str(tmp_path / "out"))
    assert len(broken.written) == len(longhand.written) == 2
    assert not set(broken.written) & set(longhand.written)
    again = run(*command, "--out", str(tmp_path / "out"))
    assert len(longhand.written) == 2
    whole = run(*command, "--out", str(tmp_path / "whole"))
    assert resumed.stdout == again.stdout == whole.stdout
    run(*command, "--out", str(tmp_path / "out"), "--seed", "8")
    assert len(longhand.written) == 2 + 4 + 4


def test_texts_of_the_first_release_are_found_by_their_prompt(
    run: Run, corpus: Path, longhand: FakeSystem, tmp_path: Path, few_will_do: None
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("One thing\n\nAnother thing\n")
    folder = tmp_path / "texts" / "first-release"
    folder.mkdir(parents=True)
    (folder / "02.md").write_text("# Two\n\n## H\n\nIt is two.\n")
    (folder / "01.md").write_text(
        '<!-- {"prompt": "One thing", "seed": 7} -->\n\n# One\n\n## H\n\nIt is one.\nYes.\n'
    )
    command = (
        "evaluate",
        "documents",
        "--corpus",
        str(corpus),
        "--prompts",
        str(prompts),
        "--out",
        str(tmp_path / "o"),
    )
    result = run(*command, "--texts", str(tmp_path / "texts"), "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["systems"]["first release"]["count"]["mean"] == 1.5
    (folder / "02.md").unlink()
    result = run(*command, "--texts", str(tmp_path / "texts"), "--seed", "1", "--system", "first release")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(
        "longhand: the system 'first release' has no text for 'Another thing'"
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("--num", "0"), 2, "--num is 0: give a number from 1"),
        (("--system", "longhnd"), 2, "did you mean longhand?"),
        (("--system", "first release"), 2, "name their folder with --texts"),
        (("--texts", "/no/such/folder"), 1, "there is no folder /no/such/folder"),
        (("--prompts", "general", "--system", "true document"), 2, "--prompts titles"),
        (("--prompts", "/no/such/file"), 1, "one prompt a line"),
        (("--model", "x"), 2, "leave --model out"),
        (("--seed", "-1"), 2, "--seed is -1"),
        (("--corpus", "/no/such/corpus"), 1, "longhand corpus import"),
        *((("--prompts", "general", "--system", name), 2, "needs true documents") for name in FED_WITH_TRUTH),
    ],
)
def test_wrong_input_is_one_line(
    run: Run,
    corpus: Path,
    longhand: FakeSystem,
    tmp_path: Path,
    arguments: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    result = run("evaluate", "documents", "--corpus", str(corpus), "--out", str(tmp_path / "out"), *arguments)
    assert result.exit_code == exit_code
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("grammar left out")]
    assert says in line
    assert not longhand.written


def test_options_of_documents_are_for_documents(run: Run, corpus: Path, tmp_path: Path) -> None:
    for option in (("--num", "3"), ("--prompts", "general"), ("--system", "longhand"), ("--seed", "1")):
        result = run("evaluate", "planner", "--corpus", str(corpus), *option)
        assert result.exit_code == 2
        assert f"{option[0]} is for documents, got planner" in result.stderr


def test_a_file_in_the_place_of_the_folder_is_one_line(
    run: Run, corpus: Path, longhand: FakeSystem, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("")
    result = run("evaluate", "documents", "--corpus", str(corpus), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1 and "is a file: name a folder with --out" in result.stderr
