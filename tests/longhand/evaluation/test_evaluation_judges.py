"""Judges: figures that a closed form gives, and what is said where one is missing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from concepts.corpus.records import Block
from longhand.evaluation import fluency, judges, meaning
from longhand.evaluation.fluency import DictionaryJudge, GrammarJudge, find_words, spread
from longhand.evaluation.judges import Materials, load_judges
from longhand.evaluation.judging import MissingJudge, Sample
from longhand.evaluation.meaning import MeaningJudge
from longhand.evaluation.prompts import Prompt, PromptSet, load_prompts
from longhand.evaluation.repetition import LengthJudge, RepetitionJudge
from longhand.evaluation.systems import ShuffledDocument, TrueDocument
from longhand.evaluation.texts import DocumentText, SectionText
from longhand.evaluation.topics import WordsJudge
from tests.longhand.evaluation.evaluation_fakes import encode_words, make_corpus


def text_of(*sections: tuple[str, ...], num_planned: int | None = None) -> Sample:
    document = DocumentText(
        title="T",
        sections=tuple(
            SectionText(heading=f"H{n}", blocks=(Block(sentences=s),) if s else (), num_planned=num_planned)
            for n, s in enumerate(sections)
        ),
    )
    return Sample(prompt=Prompt(number=1, text="T"), document=document)


@pytest.fixture
def titles(tmp_path: Path) -> PromptSet:
    return load_prompts("titles", make_corpus(tmp_path / "corpus"), 5)


def test_a_shuffled_document_is_less_coherent(titles: PromptSet) -> None:
    judge = MeaningJudge(titles, encode_words)
    true, shuffled = (
        judge.measure([Sample(prompt=p, document=system.write(p, seed=7)) for p in titles.prompts])
        for system in (TrueDocument(), ShuffledDocument())
    )
    for whole, mixed in zip(true, shuffled, strict=True):
        assert mixed["next_sentence"] < whole["next_sentence"]
        assert mixed["section_unity"] < whole["section_unity"]
        assert mixed["own_heading"] < whole["own_heading"]
        assert whole["own_prompt"] > 0
        assert mixed["heading_prompt"] == pytest.approx(whole["heading_prompt"])
        assert whole["order"] == 1.0 and whole["topic_by_meaning"] == 1.0
        assert mixed["order"] < 1.0


def test_what_a_document_lacks_is_no_figure(titles: PromptSet) -> None:
    (figures,) = MeaningJudge(titles, encode_words).measure([text_of(("One.",))])
    assert "next_sentence" not in figures and "section_document" not in figures and "order" not in figures
    assert MeaningJudge(titles, encode_words).measure([text_of(())]) == [{}]
    assert RepetitionJudge([]).measure([text_of(())]) == [{}]


def test_the_topic_is_found_by_words(titles: PromptSet) -> None:
    judge = WordsJudge(titles, ["The moon is up.", "A wheel."])
    first, second = titles.prompts[:2]
    assert first.true is not None and second.true is not None
    samples = [
        Sample(prompt=first, document=first.true),
        Sample(prompt=first, document=second.true),
        Sample(prompt=first, document=text_of(("Qq ww.",)).document),
    ]
    assert [figures["topic_by_words"] for figures in judge.measure(samples)] == [1.0, 0.0, 0.0]


def test_repetition_in_closed_form() -> None:
    sample = text_of(("One two three four.", "One two three four."), ("One two three four!", "Five six."))
    (figures,) = RepetitionJudge(["five six", "ONE TWO three four"]).measure([sample])
    assert figures["repeated_within"] == 0.25
    assert figures["repeated_across"] == 0.25
    assert figures["copied"] == 1.0  # "Five six." is too short to count
    # Fourteen words make eleven runs of four.
    words = ["one", "two", "three", "four"] * 3 + ["five", "six"]
    runs = [tuple(words[n : n + 4]) for n in range(11)]
    assert figures["rep_4"] == 1 - len(set(runs)) / 11
    (lengths,) = LengthJudge().measure([text_of(("One two.",), ("Three.", "Four."), num_planned=2)])
    assert lengths == {
        "sections": 2.0,
        "words_section": 2.0,
        "words_sentence": 4 / 3,
        "written_planned": 0.75,
    }


def test_a_parser_is_asked_once_for_each_sentence(tmp_path: Path) -> None:
    parser = tmp_path / "link-parser"
    # Refuses every sentence with "bad" in it, as link-parser does in batch mode with echo.
    parser.write_text(
        '#!/bin/sh\necho "Batch mode turned on."\nawk \'{print} /bad/{print "+++++ error " NR}\'\necho Bye.\n'
    )
    parser.chmod(parser.stat().st_mode | stat.S_IXUSR)
    judge = GrammarJudge(str(parser))
    figures = judge.measure(
        [text_of(("* All good.", "This bad."), ("All good.",)), text_of(("Bad bad.",)), text_of(())]
    )
    assert figures == [{"parsed": pytest.approx(2 / 3)}, {"parsed": 0.0}, {}]
    long = "This is all good and has eight words."
    (figure,) = judge.measure([text_of((long, f"{long} It is bad.", "Bad bad."))])
    assert figure == {"parsed": pytest.approx(1 / 3), "parsed_long": 0.5}
    parser.write_text("#!/bin/sh\ncat > /dev/null\n")
    with pytest.raises(MissingJudge, match="answered for 0 of 1"):
        judge.measure([text_of(("Good.",))])


def test_words_are_looked_up_without_case_and_possessives(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("Moon\nthe\nisn't\n")
    judge = DictionaryJudge(find_words((tmp_path / "words", tmp_path / "none")))
    assert judge.measure([text_of(("The moon's moon isn’t qzx.",))]) == [{"known_words": 0.8}]
    assert spread("abcdef", 3) == ["a", "c", "e"]


def test_a_missing_judge_is_named(titles: PromptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> meaning.Encode:
        raise MissingJudge("the encoder is not installed")

    monkeypatch.setattr(meaning, "find_encoder", missing)
    monkeypatch.setattr(fluency, "PARSER", "no-such-parser")
    monkeypatch.setattr(fluency.find_words, "__defaults__", ((tmp_path / "none",),))
    lines: list[str] = []
    loaded = load_judges(Materials(prompts=titles, corpus=tmp_path / "corpus"), lines.append)
    assert [judge.name for judge in loaded] == ["topic by words", "repetition", "length"]
    assert lines[0] == "adherence and coherence left out: the encoder is not installed"
    assert "apt-get install --no-install-recommends link-grammar" in lines[1]
    assert "wamerican" in lines[2]
    assert len(judges.JUDGES) == 6
