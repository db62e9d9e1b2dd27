"""Schedules that are refused on the spot, when they come round, and what an occasion queues; no server."""

from __future__ import annotations

from typing import Any

import pytest

from concepts.errors import InputError, LonghandError, UsageError
from flows.prefect_link import check_api
from flows.schedules import make_schedule, next_times, to_parameters
from storage import NewDocument, Store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def make(**given: str) -> Any:
    return make_schedule(
        **{"cron": None, "every": None, "rrule": None, "at": None, "timezone": None, **given}
    )


REFUSED = [
    ({}, "give exactly one of --cron, --every, --rrule and --at"),
    ({"cron": "* * * * *", "every": "1h"}, "give exactly one"),
    ({"cron": "0 2 * *"}, "--cron: Invalid cron string"),
    ({"cron": "99 2 * * *"}, "--cron: Invalid cron string"),
    ({"cron": "0 0 30 2 *"}, "--cron never comes round"),
    ({"cron": "0 2 * * *", "timezone": "Europe/Pari"}, "--timezone is 'Europe/Pari'"),
    ({"cron": "0 2 * * *", "timezone": "../etc/passwd"}, "--timezone is"),
    ({"every": "6"}, "--every is '6'"),
    ({"every": "10s"}, "at least a minute"),
    ({"every": "-1h"}, "--every is '-1h'"),
    ({"every": "9999w"}, "--every is '9999w'"),
    ({"rrule": "FREQ=NEVER"}, "--rrule: Invalid RRule string"),
    ({"rrule": "DTSTART:20000101T000000\nRRULE:FREQ=DAILY;COUNT=1"}, "--rrule never comes round"),
    ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "whose next time is not found within 0 s: give an INTERVAL above 0"),
    ({"rrule": "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30"}, "whose next time is not found"),
    ({"rrule": "FREQ=SECONDLY;DTSTART=x"}, "--rrule"),
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
    monkeypatch.setattr("flows.schedules.COUNT_TIMEOUT_S", 0.4)
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
    found = next_times(make(**given))
    assert len(found) == num
    assert found == sorted(found)
    assert hour is None or {moment.hour for moment in found} == {hour}


def test_more_than_prefect_stores_is_refused() -> None:
    documents = [NewDocument(prompt="x" * 9000, lang="eng_Latn")] * 60
    with pytest.raises(InputError, match="split the file into several schedules"):
        to_parameters(documents, seeds=[True] * len(documents))


def test_an_occasion_queues_its_documents_once(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.scheduled import queue_documents

    monkeypatch.setenv("LONGHAND_DATABASE_URL", url)
    documents = to_parameters(
        [NewDocument(prompt=prompt, lang="eng_Latn", seed=3) for prompt in ("Tea", "Bread")],
        seeds=[False, False],
    )["documents"]
    first = queue_documents(documents, "deployment/2030-01-01")
    assert queue_documents(documents, "deployment/2030-01-01") == first
    second = queue_documents(documents, "deployment/2030-01-02")
    assert not set(first) & set(second)
    seeds = [store.get_document(document_id).seed for document_id in (*first, *second)]
    assert len(set(seeds)) == 4
    fixed = to_parameters([NewDocument(prompt="Tea", lang="eng_Latn", seed=3)], seeds=[True])["documents"]
    (third,) = queue_documents(fixed, "deployment/2030-01-03")
    assert store.get_document(third).seed == 3


def test_a_spoilt_parameter_queues_nothing(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.scheduled import queue_documents

    monkeypatch.setenv("LONGHAND_DATABASE_URL", url)
    good = {"prompt": "Tea", "lang": "eng_Latn", "params": {}}
    with pytest.raises(LonghandError):
        queue_documents([good, {**good, "prompt": ""}], "k")
    with pytest.raises(LonghandError):
        queue_documents([good, {**good, "params": {"sections": 0}}], "k")
    assert store.get_overview().counts == {}


NO_APIS = ["", "localhost:4200", "ftp://x/api", "http://127.0.0.1:4200", "http://[::1/api", "http://x:y/api"]


@pytest.mark.parametrize("url", NO_APIS)
def test_what_is_no_api_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not the URL of a Prefect API"):
        check_api(url)


def test_two_prompts_due_at_one_time_are_two_documents(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.scheduled import queue_documents

    monkeypatch.setenv("LONGHAND_DATABASE_URL", url)
    tea, bread = (
        to_parameters([NewDocument(prompt=prompt, lang="eng_Latn")], seeds=[False])["documents"]
        for prompt in ("Tea", "Bread")
    )
    first = queue_documents(tea, "deployment/2030-01-01")
    assert queue_documents(bread, "deployment/2030-01-01") != first
    assert queue_documents(tea, "deployment/2030-01-01") == first
