"""Whatever is fed to Longhand is read, or refused in one line; `benchmarks/faults/fuzz_inputs.py` tries for minutes."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.longhand.asking.fuzz_inputs import FUZZES, LONG, MAX_S, Fuzz

NUM_EXAMPLES = 25


@pytest.mark.parametrize("fuzz", FUZZES, ids=lambda fuzz: fuzz.name)
def test_whatever_is_given_is_read_or_refused(fuzz: Fuzz) -> None:
    @settings(
        max_examples=NUM_EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(data=st.data())
    def try_(data: st.DataObject) -> None:
        given_ = data.draw(fuzz.inputs)
        started = time.process_time()
        fuzz.check(given_)
        assert time.process_time() - started < MAX_S

    try_()


@pytest.mark.parametrize("kind", ["outline", "markdown", "text"])
@pytest.mark.parametrize("name", LONG)
def test_a_long_row_of_marks_is_read_or_refused_in_seconds(kind: str, name: str) -> None:
    (fuzz,) = [fuzz for fuzz in FUZZES if fuzz.name == kind]
    started = time.process_time()
    fuzz.check(LONG[name])
    assert time.process_time() - started < MAX_S


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("outline", "# Tea\n" + "\n" * 290_000),
        ("outline", "~" * 290_000),
        ("outline", "# " + "[" * 100_000),
        ("text", "Hello there. " + "![" * 150_000),
        ("text", "Hello there. " + "[a](" * 75_000),
        ("markdown", "".join("`" * num + "a" for num in range(1, 1500))),
    ],
    ids=["blank lines", "tildes", "brackets of a heading", "pictures", "links", "backticks"],
)
def test_texts_that_once_took_a_minute(kind: str, text: str) -> None:
    (fuzz,) = [fuzz for fuzz in FUZZES if fuzz.name == kind]
    started = time.process_time()
    fuzz.check(text)
    assert time.process_time() - started < MAX_S


@pytest.mark.parametrize(
    ("name", "given_"),
    [
        ("rrule", "FREQ=DAILY;INTERVAL=" + "9" * 5000),
        ("rrule", "FREQ=DAILY;INTERVAL=99999999999"),
        ("rrule", "FREQ=DAILY;BYMINUTE=" + "1" * 5000),
        ("rrule", "FREQ=YEARLY;INTERVAL=999999"),
        ("url", "sqlite:////tmp/" + "x" * 5000),
        ("url", "sqlite:////tmp/a\0b"),
    ],
)
def test_inputs_that_once_gave_a_traceback(
    name: str, given_: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    (fuzz,) = [fuzz for fuzz in FUZZES if fuzz.name == name]
    fuzz.check(given_)
    assert "Traceback" not in capfd.readouterr().err
    assert not recwarn.list
