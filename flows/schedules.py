"""Schedules: Prefect deployments of `flows.scheduled`, made, listed, paused, run and removed.

Needs a running Prefect server. What is asked for is checked here and now; Prefect's own schedule classes
say whether a cron line, a rule or a time zone means anything, and when it comes round.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from concepts.errors import InputError, NotFoundError, UsageError
from flows.isolation import import_prefect
from flows.prefect_link import PrefectLink
from storage import NewDocument

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    Schedule: TypeAlias = CronSchedule | IntervalSchedule | RRuleSchedule

POOL_NAME = "longhand"
MAX_PARAMETER_BYTES = 524_288
"""Prefect's own limit for a deployment."""
MIN_INTERVAL_S = 60.0
NUM_TIMES_SHOWN = 3
COUNT_TIMEOUT_S = 5.0
"""A rule whose next times take longer to find would keep Prefect's scheduler busy, or never comes round."""
_COUNT_RULE = """
import sys
from datetime import UTC, datetime
from dateutil.rrule import rrulestr
rule = rrulestr(sys.argv[1], dtstart=datetime(2020, 1, 1, tzinfo=UTC))
list(rule.xafter(datetime.now(UTC), count=2))
"""
_INTERVAL = re.compile(r"(\d{1,9})\s*([smhdw])")
_MOMENT = "%Y%m%dT%H%M%S"
_ONCE = re.compile(r"DTSTART:(\w+)\s+RRULE:FREQ=DAILY;COUNT=1")
_PREFECTS_START = "20200101T000000"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, kw_only=True)
class ScheduleRecord:
    """One schedule as it is shown."""

    name: str
    deployment_id: str
    rule: str
    is_paused: bool
    num_documents: int
    next_times: tuple[datetime, ...]


def make_schedule(
    *, cron: str | None, every: str | None, rrule: str | None, at: str | None, timezone: str | None
) -> Schedule:
    """Return the schedule that was typed; exactly one of the first four. Raises UsageError.

    every: a number with s, m, h, d or w. at: a date and time (ISO 8601), once. timezone: an IANA name;
    None means that of the machine for `at` with no offset, UTC otherwise.
    """
    given = [
        name for name, value in (("cron", cron), ("every", every), ("rrule", rrule), ("at", at)) if value
    ]
    if len(given) != 1:
        raise UsageError("give exactly one of --cron, --every, --rrule and --at")
    zone = _zone(timezone)
    import_prefect()
    from pydantic import ValidationError

    try:
        from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

        if cron is not None:
            schedule: Schedule = CronSchedule(cron=cron, timezone=timezone or "UTC")
        elif every is not None:
            schedule = IntervalSchedule(interval=_interval(every), timezone=timezone or "UTC")
        elif rrule is not None:
            schedule = RRuleSchedule(rrule=rrule, timezone=timezone or "UTC")
        else:
            assert at is not None
            moment = _moment(at, zone)
            once = f"DTSTART:{moment.strftime(_MOMENT)}\nRRULE:FREQ=DAILY;COUNT=1"
            schedule = RRuleSchedule(rrule=once, timezone="UTC")
    except ValidationError as error:
        first = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(f"--{given[0]}: {first}") from error
    if cron is not None and len(cron.split()) > 5:
        raise UsageError(
            f"--cron is {cron!r}: give five fields (minute, hour, day, month, weekday), no seconds"
        )
    if rrule is not None:
        _check_countable(rrule)
    try:
        times = next_times(schedule)
    except ValueError:  # croniter's way to say that there is no 30th of February
        times = []
    if not times:
        raise UsageError(f"--{given[0]} never comes round (again): name a time in the future")
    if any(later - earlier < timedelta(seconds=MIN_INTERVAL_S) for earlier, later in pairwise(times)):
        raise UsageError(
            f"--{given[0]} comes round more than once a minute: leave at least a minute between two"
        )
    return schedule


def _check_countable(rrule: str) -> None:
    """Raise UsageError for a rule whose next times are not found in reasonable time; the search cannot be ended
    from within."""
    command = [sys.executable, "-c", _COUNT_RULE, rrule]
    try:
        subprocess.run(
            command,
            timeout=COUNT_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,  # what is no rule at all Prefect has refused already
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"--rrule is {rrule!r}, whose next time is not found within {COUNT_TIMEOUT_S:.0f} s: give an INTERVAL "
            "above 0 and days that exist, and for a rule by the minute a DTSTART of today, or use --every"
        ) from None


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"--timezone is {name!r}: give an IANA name such as Europe/Paris") from error


def _interval(typed: str) -> timedelta:
    found = _INTERVAL.fullmatch(typed.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found is not None else 0
    if not MIN_INTERVAL_S <= seconds <= 366 * 86400:
        raise UsageError(
            f"--every is {typed!r}: give a number with m, h, d or w, at least a minute: 30m, 6h, 1d"
        )
    return timedelta(seconds=seconds)


def _moment(typed: str, zone: ZoneInfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError as error:
        raise UsageError(f"--at is {typed!r}: give a date and time such as 2030-01-31T02:00") from error
    try:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise UsageError(
            f"--at is {typed!r}: no clock shows that; name a time such as 2030-01-31T02:00"
        ) from error
    if moment <= datetime.now(UTC):
        raise UsageError(f"--at is {typed!r}, which is over ({moment:%Y-%m-%d %H:%M} UTC): name a later time")
    return moment


def next_times(schedule: Schedule, num: int = NUM_TIMES_SHOWN) -> list[datetime]:
    """Return when a schedule comes round next, in its own time zone; empty where it never does."""
    import_prefect()
    from prefect.server.schemas import schedules as server_side

    same = getattr(server_side, type(schedule).__name__)(**schedule.model_dump())
    zone = ZoneInfo(schedule.timezone or "UTC")
    found: list[datetime] = asyncio.run(same.get_dates(n=num, start=datetime.now(UTC)))
    return [moment.astimezone(zone) for moment in found]


def to_parameters(documents: Sequence[NewDocument], *, seeds: Sequence[bool]) -> dict[str, Any]:
    """Return checked documents as parameters of a deployment.

    seeds: which documents keep their seed; for the others each occasion draws its own.
    Raises InputError where they are more than Prefect stores.
    """
    values = [
        {
            "prompt": new.prompt,
            "lang": new.lang,
            "title": new.title,
            "params": dict(new.params),
            "priority": new.priority,
            "seed": new.seed if is_seeded else None,
        }
        for new, is_seeded in zip(documents, seeds, strict=True)
    ]
    size = len(json.dumps({"documents": values}, separators=(",", ":")).encode())
    if size > MAX_PARAMETER_BYTES:
        raise InputError(
            f"{len(documents)} documents take {size:,} bytes, a schedule holds {MAX_PARAMETER_BYTES:,}: "
            "split the file into several schedules"
        )
    return {"documents": values}


def ensure_pool(client: SyncPrefectClient) -> None:
    """Make the work pool that schedules run in, where it is missing."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    try:
        client.create_work_pool(WorkPoolCreate(name=POOL_NAME, type="process"))
    except ObjectAlreadyExists:
        return


def deploy_prompt_flow(client: SyncPrefectClient) -> None:
    """Make the deployment that a user may run from Prefect's UI with a prompt."""
    from flows.scheduled import PROMPT_FLOW, submit_prompt

    _create(client, submit_prompt, PROMPT_FLOW, "longhand", {}, None)


def create_schedule(
    link: PrefectLink,
    name: str,
    documents: Sequence[NewDocument],
    schedule: Schedule,
    *,
    seeds: Sequence[bool],
) -> str:
    """Make a deployment with a schedule and return its id; UsageError where the name is taken.

    seeds: as for `to_parameters`.
    """
    parameters = to_parameters(documents, seeds=seeds)

    def create(client: SyncPrefectClient) -> str:
        from flows.scheduled import SUBMIT_FLOW, submit_documents

        if any(deployment.name == name for deployment in _deployments(client)):
            raise UsageError(
                f"there is a schedule {name!r} already: give another --name, or longhand schedules rm {name}"
            )
        ensure_pool(client)
        return _create(client, submit_documents, SUBMIT_FLOW, name, parameters, schedule)

    return link.call(create)


def _create(
    client: SyncPrefectClient,
    flow: Any,
    flow_name: str,
    name: str,
    parameters: dict[str, Any],
    schedule: Schedule | None,
) -> str:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.utilities.callables import parameter_schema

    schedules = [] if schedule is None else [DeploymentScheduleCreate(schedule=schedule, active=True)]
    deployment_id = client.create_deployment(
        flow_id=client.create_flow_from_name(flow_name),
        name=name,
        schedules=schedules,
        parameters=parameters,
        description=flow.description,
        work_pool_name=POOL_NAME,
        # A module, so that every machine takes it from its own installation.
        entrypoint=f"{flow.fn.__module__}.{flow.fn.__name__}",
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=schedule is None,
    )
    return str(deployment_id)


def _deployments(client: SyncPrefectClient) -> list[DeploymentResponse]:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    from flows.scheduled import SUBMIT_FLOW

    found: list[DeploymentResponse] = []
    while page := client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[SUBMIT_FLOW])), limit=200, offset=len(found)
    ):
        found += page
    return sorted(found, key=lambda deployment: deployment.name)


def _find(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    known = _deployments(client)
    for deployment in known:
        if deployment.name == name:
            return deployment
    names = ", ".join(deployment.name for deployment in known[:8]) or "there are none"
    raise NotFoundError(f"no schedule is named {name!r}: {names}; see longhand schedules ls")


def list_schedules(link: PrefectLink) -> list[ScheduleRecord]:
    """Return all schedules by name."""
    return [_record(deployment) for deployment in link.call(_deployments)]


def _record(deployment: DeploymentResponse) -> ScheduleRecord:
    rules: list[Any] = [entry.schedule for entry in deployment.schedules]
    is_paused = deployment.paused or not any(entry.active for entry in deployment.schedules)
    times = [] if is_paused else [moment for rule in rules for moment in next_times(rule)]
    documents = deployment.parameters.get("documents", ())
    return ScheduleRecord(
        name=deployment.name,
        deployment_id=str(deployment.id),
        rule="; ".join(describe_rule(rule) for rule in rules),
        is_paused=is_paused,
        num_documents=len(documents) if isinstance(documents, list) else 0,
        next_times=tuple(sorted(times)[:NUM_TIMES_SHOWN]),
    )


def describe_rule(schedule: Schedule) -> str:
    """Return a schedule as one line for people."""
    values: Mapping[str, Any] = schedule.model_dump()
    zone = f" ({values['timezone']})" if values.get("timezone") else ""
    if "cron" in values:
        return f"cron {values['cron']}{zone}"
    if "interval" in values:
        return f"every {_format_interval(values['interval'])}{zone}"
    if (once := _ONCE.fullmatch(values["rrule"])) is not None:
        return f"once at {datetime.strptime(once[1], _MOMENT):%Y-%m-%d %H:%M}{zone}"
    # Prefect puts a start of its own before a rule that has none.
    return " ".join(values["rrule"].removeprefix(f"DTSTART:{_PREFECTS_START}").split()) + zone


def _format_interval(interval: timedelta) -> str:
    seconds = int(interval.total_seconds())
    unit = next(unit for unit in reversed(_SECONDS) if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def pause_schedule(link: PrefectLink, name: str, *, is_paused: bool) -> None:
    """Pause a schedule, or let it go on; NotFoundError."""

    def change(client: SyncPrefectClient) -> None:
        deployment = _find(client, name)
        if is_paused:
            client.pause_deployment(deployment.id)
            return
        # Prefect's UI has a switch for the schedule as well.
        for entry in deployment.schedules:
            if not entry.active:
                client.update_deployment_schedule(deployment.id, entry.id, active=True)
        client.resume_deployment(deployment.id)

    link.call(change)


def remove_schedule(link: PrefectLink, name: str) -> None:
    """Remove a schedule; what it has queued stays. NotFoundError."""
    link.call(lambda client: client.delete_deployment(_find(client, name).id))


def run_now(link: PrefectLink, name: str) -> str:
    """Start a schedule's flow once, now, and return the flow run's id; NotFoundError."""
    run = link.call(lambda client: client.create_flow_run_from_deployment(_find(client, name).id))
    return str(run.id)
