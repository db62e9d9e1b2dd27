"""Times of schedules: cron lines, intervals, iCalendar rules and single moments, checked without Prefect.

This refuses, in a fraction of a second, rules that Prefect's scheduler would accept and then hang on, never fire, or
fire at another time than the user meant.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from concepts.errors import UsageError

if TYPE_CHECKING:
    from dateutil.rrule import rrule as Recurrence

MIN_INTERVAL_S = 60.0
NUM_TIMES_SHOWN = 3
FAR = timedelta(days=9 * 366)
"""A cron line without an occurrence in this time has none: leap days are at most eight years apart."""
SEARCH_TIMEOUT_S = 2.0
OLDEST_HOURLY = datetime(2010, 1, 1, tzinfo=UTC)
"""Earliest start of an hourly rule: Prefect's scheduler counts from the start each time."""
_INTERVAL = re.compile(r"(\d{1,9})\s*([smhdw])")
_MOMENT = "%Y%m%dT%H%M%S"
_ONCE = re.compile(r"DTSTART:(\w+)\s+RRULE:FREQ=DAILY;COUNT=1")
_OUR_START = re.compile(r"DTSTART:\d{8}T000000\s+")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_NO_ZONES = ("localtime", "posixrules", "Factory")
"""Zone files for a machine's own setting; another machine would fire at another time."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule, as Prefect stores it."""

    values: Mapping[str, Any]
    """The JSON of Prefect's schedule."""

    @property
    def timezone(self) -> str:
        """IANA name of the rule's time zone."""
        return str(self.values.get("timezone") or "UTC")

    def next_times(self, num: int = NUM_TIMES_SHOWN) -> list[datetime]:
        """Return the next times, in the rule's time zone; empty if there are none."""
        now = datetime.now(UTC)
        zone = ZoneInfo(self.timezone)
        if "cron" in self.values:
            return _cron_times(str(self.values["cron"]), now.astimezone(zone), num)
        if "interval" in self.values:
            step = timedelta(seconds=float(self.values["interval"]))
            anchor = datetime.fromisoformat(str(self.values["anchor_date"]).replace("Z", "+00:00"))
            first = anchor + step * max(0, -((anchor - now) // step))
            return [(first + step * number).astimezone(zone) for number in range(num)]
        return [moment.astimezone(zone) for moment in _rrule_times(str(self.values["rrule"]), zone, now, num)]

    def __str__(self) -> str:
        zone = f" ({self.timezone})"
        if "cron" in self.values:
            return f"cron {self.values['cron']}{zone}"
        if "interval" in self.values:
            return f"every {_format_interval(float(self.values['interval']))}{zone}"
        if (once := _ONCE.fullmatch(str(self.values["rrule"]))) is not None:
            return f"once at {datetime.strptime(once[1], _MOMENT):%Y-%m-%d %H:%M}{zone}"
        text = _OUR_START.sub("", str(self.values["rrule"])).removeprefix("RRULE:")
        return " ".join(text.split()) + zone


def make_rule(
    *, cron: str | None, every: str | None, rrule: str | None, at: str | None, timezone: str | None
) -> Rule:
    """Return the rule for exactly one of the first four arguments. Raises UsageError.

    every: a number with s, m, h, d or w. at: a date and time (ISO 8601), once. timezone: an IANA name;
    None means the machine's zone for `at` without an offset, else UTC.
    """
    given = [
        name for name, value in (("cron", cron), ("every", every), ("rrule", rrule), ("at", at)) if value
    ]
    if len(given) != 1:
        raise UsageError("give exactly one of --cron, --every, --rrule and --at")
    zone = _zone(timezone)
    name = timezone or "UTC"
    if cron:
        rule = Rule(values={"cron": _check_cron(cron), "timezone": name, "day_or": True})
    elif every:
        anchor = datetime.now(UTC).isoformat()
        rule = Rule(values={"interval": _interval(every), "anchor_date": anchor, "timezone": name})
    elif rrule:
        rule = Rule(values={"rrule": _check_rrule(rrule, ZoneInfo(name)), "timezone": name})
    else:
        assert at is not None
        moment = _moment(at, zone)
        once = f"DTSTART:{moment.strftime(_MOMENT)}\nRRULE:FREQ=DAILY;COUNT=1"
        rule = Rule(values={"rrule": once, "timezone": "UTC"})
    times = rule.next_times()
    if not times:
        raise UsageError(f"--{given[0]} never comes round (again): name a time in the future")
    return rule


def _check_cron(typed: str) -> str:
    from croniter import croniter

    line = " ".join(typed.split())
    wanted = "give five fields (minute, hour, day, month, weekday), such as 0 2 * * *"
    if not line.startswith("@") and len(line.split()) != 5:
        seconds = ", no seconds" if len(line.split()) > 5 else ""
        raise UsageError(f"--cron is {typed!r}, {len(line.split())} fields: {wanted}{seconds}")
    if re.search(r"[RH]\b|[RH]\(", line) or not croniter.is_valid(line):
        raise UsageError(f"--cron is {typed!r}, which is no cron line: {wanted}")
    return line


def _cron_times(line: str, now: datetime, num: int) -> list[datetime]:
    from croniter import CroniterBadDateError, croniter

    found: list[datetime] = []
    times = croniter(line, now, ret_type=datetime, max_years_between_matches=FAR.days // 366)
    try:
        while len(found) < num:
            found.append(times.get_next(datetime))
    except CroniterBadDateError:  # there is no 30th of February
        return found
    return found


def _check_rrule(typed: str, zone: ZoneInfo) -> str:
    """Return a rule with its start; raise UsageError if Prefect's scheduler cannot handle it.

    A rule without a start begins today at midnight: Prefect would count from the year 2020 each time.
    """
    lines = [line.strip() for line in typed.replace("\\n", "\n").splitlines() if line.strip()]
    rules = [line.removeprefix("RRULE:") for line in lines if line.startswith(("RRULE:", "FREQ="))]
    starts = [line for line in lines if line.startswith("DTSTART")]
    if len(rules) != 1 or len(rules) + len(starts) != len(lines) or len(starts) > 1:
        raise UsageError(
            f"--rrule is {typed!r}: give one rule, such as FREQ=WEEKLY;BYDAY=MO, and at most one DTSTART"
        )
    parts = dict(part.partition("=")[::2] for part in rules[0].upper().split(";"))
    if parts.get("FREQ") in ("SECONDLY", "MINUTELY") or "," in parts.get("BYSECOND", ""):
        raise UsageError(
            f"--rrule is {typed!r}, which fires by the minute or second: use --every, such as 30m"
        )
    if _is_by_the_minute(parts.get("BYMINUTE", "")):
        raise UsageError(f"--rrule is {typed!r}, which fires every minute at times: use --every, such as 5m")
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", parts.get("INTERVAL", "1")):
        raise UsageError(f"--rrule is {typed!r}: give an INTERVAL from 1 to 999999")
    if starts and not re.fullmatch(r"DTSTART:\d{8}T\d{6}Z", starts[0]):
        raise UsageError(
            f"--rrule is {typed!r}, whose DTSTART names no time zone: end it with Z (UTC), such as "
            "DTSTART:20300131T020000Z, or leave it out"
        )
    starts = starts or [f"DTSTART:{datetime.now(zone):%Y%m%d}T000000"]
    text = "\n".join([*starts, f"RRULE:{rules[0]}"])
    try:
        rule = _recurrence(text, zone)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise UsageError(
            f"--rrule is {typed!r}, which is no rule ({error}): such as FREQ=WEEKLY;BYDAY=MO"
        ) from error
    start: datetime = rule._dtstart
    if parts.get("FREQ") == "HOURLY" and start < OLDEST_HOURLY:
        raise UsageError(
            f"--rrule is {typed!r}: give an hourly rule a DTSTART after {OLDEST_HOURLY:%Y}, or none"
        )
    return text


def _is_by_the_minute(minutes: str) -> bool:
    """Return whether two consecutive minutes of an hour match."""
    found = sorted({int(minute) for minute in minutes.split(",") if re.fullmatch("[0-9]{1,2}", minute)})
    return (
        any(later - earlier <= 1 for earlier, later in pairwise([*found, found[0] + 60])) if found else False
    )


def _recurrence(text: str, zone: ZoneInfo) -> Recurrence:
    """Return a recurrence that counts from its start, which is in `zone` unless it ends with Z."""
    from dateutil.rrule import rrule, rrulestr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of COUNT beside UNTIL
        match = re.match(r"DTSTART:(\d{8}T\d{6})(Z?)\s+", text)
        assert match is not None, text
        start = datetime.strptime(match[1], _MOMENT).replace(tzinfo=UTC if match[2] else zone)
        text = text[match.end() :]
        if re.search(r"UNTIL=\d{8}(T\d{6})?(?!T?\d*Z)", text):
            text = re.sub(r"(UNTIL=\d{8})(T\d{6})?\b", lambda m: f"{m[1]}{m[2] or 'T235959'}Z", text)
        found = rrulestr(text, dtstart=start)
        if not isinstance(found, rrule):
            raise ValueError("one RRULE is wanted")
        return found


def _rrule_times(text: str, zone: ZoneInfo, now: datetime, num: int) -> list[datetime]:
    """Return a rule's next times; UsageError if the search takes long, as it would in Prefect's scheduler."""
    found: list[datetime] = []

    def look() -> None:
        # A rule whose next time is beyond the last year has none.
        with suppress(OverflowError, ValueError):
            found.extend(islice(_recurrence(text, zone).xafter(now), num))

    # The search cannot be stopped: a daemon thread ends with the process.
    search = threading.Thread(target=look, daemon=True)
    search.start()
    search.join(SEARCH_TIMEOUT_S)
    if search.is_alive():
        raise UsageError(
            f"--rrule is {text!r}, whose next time is not found within {SEARCH_TIMEOUT_S:g} s: give days that exist, "
            "and for an hourly rule a DTSTART of today"
        )
    return found


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        if name in _NO_ZONES:
            raise ValueError("a machine's own")
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"--timezone is {name!r}: give an IANA name such as Europe/Paris") from error


def _interval(typed: str) -> float:
    found = _INTERVAL.fullmatch(typed.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found is not None else 0
    if not MIN_INTERVAL_S <= seconds <= 366 * 86400:
        raise UsageError(
            f"--every is {typed!r}: give a number with m, h, d or w, at least a minute: 30m, 6h, 1d"
        )
    return float(seconds)


def _moment(typed: str, zone: ZoneInfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError as error:
        raise UsageError(f"--at is {typed!r}: give a date and time such as 2030-01-31T02:00") from error
    try:
        if moment.tzinfo is None:
            local = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
            back = local.astimezone(UTC).astimezone(local.tzinfo)
            if back.replace(tzinfo=None) != moment:
                where = "this machine's time zone" if zone is None else zone.key
                raise UsageError(
                    f"--at is {typed!r}, which {where} skips when its clocks go forward (it is {back:%H:%M} then): "
                    "name another time"
                )
            moment = local
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"--at is {typed!r}: no clock shows that; name a time such as 2030-01-31T02:00"
        ) from error
    if moment <= datetime.now(UTC):
        raise UsageError(f"--at is {typed!r}, which is over ({moment:%Y-%m-%d %H:%M} UTC): name a later time")
    return moment


def _format_interval(interval_s: float) -> str:
    seconds = int(interval_s)
    unit = next(unit for unit in reversed(_SECONDS) if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
