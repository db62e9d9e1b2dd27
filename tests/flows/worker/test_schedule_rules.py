"""Schedules that are refused on the spot, when they come round, and what they hand on; no server."""

from __future__ import annotations

from typing import Any

import pytest

from concepts.errors import InputError, UsageError
from flows.prefect.api import check_api
from flows.prefect.rules import make_rule
from flows.prefect.schedules import to_parameters
from storage import NewDocument

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def make(**given: str) -> Any:
    return make_rule(**{"cron": None, "every": None, "rrule": None, "at": None, "timezone": None, **given})


REFUSED = [
    ({}, "give exactly one of --cron, --every, --rrule and --at"),
    ({"cron": "* * * * *", "every": "1h"}, "give exactly one"),
    ({"cron": "0 2 * *"}, "4 fields: give five fields"),
    ({"cron": "99 2 * * *"}, "which is no cron line"),
    ({"cron": "0 0 30 2 *"}, "--cron never comes round"),
    ({"cron": "0 2 * * *", "timezone": "Europe/Pari"}, "--timezone is 'Europe/Pari'"),
    ({"cron": "0 2 * * *", "timezone": "../etc/passwd"}, "--timezone is"),
    ({"every": "6"}, "--every is '6'"),
    ({"every": "10s"}, "at least a minute"),
    ({"every": "-1h"}, "--every is '-1h'"),
    ({"every": "9999w"}, "--every is '9999w'"),
    ({"rrule": "FREQ=NEVER"}, "which is no rule"),
    ({"rrule": "DTSTART:20000101T000000Z\nRRULE:FREQ=DAILY;COUNT=1"}, "--rrule never comes round"),
    ({"rrule": "DTSTART:20300101T000000\nRRULE:FREQ=DAILY"}, "whose DTSTART names no time zone"),
    ({"rrule": "FREQ=SECONDLY"}, "fires by the minute or second"),
    ({"rrule": "FREQ=MINUTELY;INTERVAL=30"}, "fires by the minute or second"),
    ({"rrule": "FREQ=HOURLY;BYMINUTE=0,1,30"}, "fires every minute at times"),
    ({"rrule": "DTSTART:19700101T000000Z\nFREQ=HOURLY"}, "give an hourly rule a DTSTART after 2010"),
    ({"rrule": "FREQ=DAILY\nRRULE:FREQ=WEEKLY"}, "give one rule"),
    ({"cron": "0 2 * * *", "timezone": "localtime"}, "--timezone is 'localtime'"),
    ({"at": "2077-03-28T02:30", "timezone": "Europe/Paris"}, "which Europe/Paris skips"),
    ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "give an INTERVAL from 1 to 999999"),
    ({"rrule": "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"}, "whose next time is not found"),
    ({"rrule": "FREQ=DAILY;DTSTART=x"}, "--rrule"),
    ({"cron": "* * * * * *"}, "give five fields"),
    ({"at": "tomorrow"}, "--at is 'tomorrow'"),
    ({"at": "9999-12-31T23:59-12:00"}, "no clock shows that"),
    ({"at": "0001-01-01T00:00", "timezone": "Asia/Tokyo"}, "no clock shows that"),
    ({"every": "9" * 5000 + "d"}, "--every is '999"),
    ({"at": "2001-01-01T00:00"}, "which is over"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_means_nothing_is_refused(
    given: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.prefect.rules.SEARCH_TIMEOUT_S", 0.4)
    with pytest.raises(UsageError, match=message):
        make(**given)


@pytest.mark.parametrize(
    ("given", "num", "hour"),
    [
        ({"cron": "0 2 * * *", "timezone": "Europe/Paris"}, 3, 2),
        ({"rrule": "FREQ=DAILY;BYHOUR=5;BYMINUTE=0;BYSECOND=0", "timezone": "Asia/Tokyo"}, 3, 5),
        ({"every": "1d"}, 3, None),
        ({"at": "2077-01-31T02:00", "timezone": "Asia/Tokyo"}, 1, 17),
        ({"at": "2077-01-31T02:00+00:00"}, 1, 2),
    ],
)
def test_the_next_times(given: dict[str, str], num: int, hour: int | None) -> None:
    found = make(**given).next_times()
    assert len(found) == num
    assert found == sorted(found)
    assert hour is None or {moment.hour for moment in found} == {hour}


def test_more_than_prefect_stores_is_refused() -> None:
    documents = [NewDocument(prompt="x" * 9000, lang="eng_Latn")] * 60
    with pytest.raises(InputError, match="split the file into several schedules"):
        to_parameters(documents, seeds=[True] * len(documents))


def test_each_document_has_parameters_of_its_own() -> None:
    documents = [NewDocument(prompt=prompt, lang="eng_Latn", seed=3) for prompt in ("Tea", "Bread")]
    tea, bread = to_parameters(documents, seeds=[True, False])
    assert (tea["document"]["prompt"], tea["document"]["seed"]) == ("Tea", 3)
    assert (bread["document"]["prompt"], bread["document"]["seed"]) == ("Bread", None)


NO_APIS = ["", "localhost:4200", "ftp://x/api", "http://127.0.0.1:4200", "http://[::1/api", "http://x:y/api"]


@pytest.mark.parametrize("url", NO_APIS)
def test_what_is_no_api_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not the URL of a Prefect API"):
        check_api(url)
