"""Documents of one worker say their sentences together where that changes nothing, and only there."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flow_fakes import DIM, FakeEngine, vectors

from flows.device import MAX_SHARED_ROWS, SharedEngine
from flows.engine import SectionConcepts, Talk, Text


class FakeTalk:
    """Says the numbers of its sentences, section by section."""

    def __init__(self, sections: Sequence[SectionConcepts], company: Hashable) -> None:
        self.company = company
        self.sections = sections
        self.said: list[list[Text]] = [[] for _ in sections]
        self.is_broken = False

    def next_sections(self) -> list[int]:
        return [n for n, s in enumerate(self.sections) if len(self.said[n]) < len(s.places)]

    @property
    def num_rows(self) -> int:
        return len(self.next_sections())

    def result(self) -> list[list[Text]]:
        return self.said

    def take(self) -> None:
        for n in self.next_sections():
            at = self.sections[n].vectors[len(self.said[n]), 0]
            self.said[n].append(Text(text=f"{at:.6f}", score=1.0))


class TalkingFake(FakeEngine):
    """An engine whose talks can be held up, so that others come by meanwhile."""

    def __init__(self, *, least: int | None = 1) -> None:
        super().__init__()
        self.turns: list[int] = []
        """How many talks took each turn."""
        self.broken = -1.0
        """A talk with this number in its first concept fails at its second sentence."""
        self.gate = threading.Semaphore(0)
        self.asked: list[int] = []
        self._least = least

    def begin_talk(
        self, sections: Sequence[SectionConcepts], prompt: object, lang: str, *, beam_size: int
    ) -> Talk | None:
        return FakeTalk(sections, (lang, beam_size)) if lang == "eng_Latn" else None

    def least_company(self, talk: Talk, num_rows: int) -> int | None:
        self.asked.append(num_rows)
        return self._least

    def take_turn(self, talks: Sequence[Talk]) -> None:
        self.gate.acquire()
        self.turns.append(len(talks))
        assert sum(talk.num_rows for talk in talks) <= MAX_SHARED_ROWS or len(talks) == 1
        for talk in talks:
            assert isinstance(talk, FakeTalk)
            if talk.sections[0].vectors[0, 0] == self.broken and talk.said[0]:
                raise RuntimeError("the decoder broke")
        for talk in talks:
            assert isinstance(talk, FakeTalk)
            talk.take()


def sections_of(*lengths: int, seed: int) -> list[SectionConcepts]:
    return [
        SectionConcepts(
            heading=vectors((DIM,), seed, n),
            gist=vectors((DIM,), seed, n, "gist"),
            vectors=vectors((length, DIM), seed, n, "sentences"),
            places=tuple(range(length)),
        )
        for n, length in enumerate(lengths)
    ]


def expected(sections: Sequence[SectionConcepts]) -> list[list[str]]:
    return [[f"{row[0]:.6f}" for row in section.vectors] for section in sections]


PROMPT = vectors((1, DIM), "prompt")


@contextmanager
def saying(engine: TalkingFake, *documents: list[SectionConcepts], langs: Sequence[str] = ()):  # type: ignore[no-untyped-def]
    """Let documents be said by threads, the first of which has begun before the others come by."""
    shared = SharedEngine(engine, threading.Lock())

    def say(sections: list[SectionConcepts], lang: str) -> list[list[str]]:
        found = shared.say(sections, PROMPT, lang, beam_size=4)
        return [[text.text for text in section] for section in found]

    with ThreadPoolExecutor(len(documents)) as pool:
        found: list[Future[list[list[str]]]] = []
        for number, sections in enumerate(documents):
            found.append(pool.submit(say, sections, langs[number] if langs else "eng_Latn"))
            wait_for(lambda: bool(shared._conversation and len(shared._conversation._speakers) == len(found)))
        try:
            yield found
        finally:
            for _ in range(1000):
                engine.gate.release()


def wait_for(is_so) -> None:  # type: ignore[no-untyped-def]
    for _ in range(2000):
        if is_so():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come")


def open_gate(engine: TalkingFake) -> None:
    for _ in range(1000):
        engine.gate.release()


def test_who_comes_by_joins_at_the_next_sentence() -> None:
    engine = TalkingFake()
    first, second = sections_of(5, 2, seed=1), sections_of(3, seed=2)
    with saying(engine, first, second) as found:
        open_gate(engine)
        assert [f.result(30) for f in found] == [expected(first), expected(second)]
    # The first turn had begun alone; the second document's three sentences were said beside the others.
    assert engine.turns == [1, 2, 2, 2, 1]
    assert set(engine.asked) == {MAX_SHARED_ROWS}


def test_where_company_matters_each_is_said_alone() -> None:
    engine = TalkingFake(least=None)
    first, second = sections_of(4, seed=1), sections_of(3, seed=2)
    with saying(engine, first, second) as found:
        open_gate(engine)
        assert [f.result(30) for f in found] == [expected(first), expected(second)]
    assert engine.turns == [1] * 7


def test_what_is_too_small_for_company_is_said_alone() -> None:
    engine = TalkingFake(least=2)
    first, second = sections_of(5, 3, seed=1), sections_of(2, 2, 2, seed=2)
    with saying(engine, first, second) as found:
        open_gate(engine)
        assert [f.result(30) for f in found] == [expected(first), expected(second)]
    # Alone, twice together; then the first document has one section left and says the rest by itself.
    assert engine.turns == [1, 2, 2, 1, 1]


def test_a_company_never_grows_beyond_what_was_looked_at() -> None:
    engine = TalkingFake()
    documents = [sections_of(*([2] * 7), seed=seed) for seed in range(3)]
    with saying(engine, *documents) as found:
        open_gate(engine)
        assert [f.result(30) for f in found] == [expected(sections) for sections in documents]
    assert max(engine.turns) == 2  # take_turn checks the number of rows


def test_the_trouble_of_one_document_is_not_the_others() -> None:
    engine = TalkingFake()
    sound, broken = sections_of(5, seed=1), sections_of(4, seed=2)
    engine.broken = broken[0].vectors[0, 0]
    with saying(engine, sound, broken) as found:
        open_gate(engine)
        assert found[0].result(30) == expected(sound)
        with pytest.raises(RuntimeError, match="the decoder broke"):
            found[1].result(30)


def test_what_cannot_be_said_in_turns_is_said_as_before() -> None:
    engine = TalkingFake()
    sections = sections_of(2, seed=1)
    shared = SharedEngine(engine, threading.Lock())
    found = shared.say(sections, PROMPT, "deu_Latn", beam_size=4)
    assert found == FakeEngine().say(sections, PROMPT, "deu_Latn", beam_size=4)
    assert engine.turns == [] and engine.calls == ["say"]
    assert SharedEngine(FakeEngine(), threading.Lock())._conversation is None
