"""Whatever is fed to Longhand is read, or refused in one line; `benchmarks/faults/fuzz_inputs.py` tries for minutes."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.longhand.asking.fuzz_inputs import FUZZES, MAX_S, Fuzz

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
