"""`schedule` and `schedules`: documents that are written by the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from concepts.counting import counted
from concepts.errors import UsageError
from flows.document.asked.wishes import WISHES
from longhand.asking.completion import complete_schedules
from longhand.asking.options import COMMON, MODELS, asks
from longhand.asking.requests import Wishes
from longhand.commands.queue import AsJson, File, Prompt, read_requests
from longhand.showing.terminal import print_json, print_table, say

if TYPE_CHECKING:
    from flows.prefect.schedules import ScheduleRecord

MAX_NAME_CHARS = 60

PrefectApi = Annotated[
    str | None, typer.Option(help="URL of a Prefect API; else $LONGHAND_PREFECT_API, else `up`'s.")
]
_SEED = replace(WISHES["seed"], help="The same document each time; else another one.", default=None)
_WISHES = {**WISHES, "seed": _SEED}
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A name of `longhand schedules ls`.", autocompletion=complete_schedules
    ),
]

schedules_app = typer.Typer(
    help="List schedules; pause, resume, remove one, or run it now.", rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("schedule")(schedule)
    app.add_typer(schedules_app, name="schedules")


@schedules_app.callback()
def options() -> None:
    """Schedules: what is written by the clock, and when."""


@asks("priority", *COMMON, *MODELS, "review", before="prefect_api", table=_WISHES)
def schedule(
    prompt: Prompt = None,
    file: File = None,
    cron: Annotated[str | None, typer.Option(help='Minute, hour, day, month, weekday: "0 2 * * *".')] = None,
    every: Annotated[str | None, typer.Option(help="30m, 6h, 1d.")] = None,
    rrule: Annotated[str | None, typer.Option(help="An iCalendar rule: FREQ=WEEKLY;BYDAY=MO.")] = None,
    at: Annotated[str | None, typer.Option(help="Once: 2030-01-31T02:00.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Such as Europe/Paris; else UTC; for --at this machine's.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the schedule; else from the prompt.")] = None,
    prefect_api: PrefectApi = None,
    as_json: AsJson = False,
    **wishes: Unpack[Wishes],
) -> None:
    """Write documents by the clock; everything is checked now, not at two in the morning."""
    from flows.prefect.rules import make_rule
    from longhand.asking.requests import check_models
    from longhand.doing.running import need_api

    rule = make_rule(cron=cron, every=every, rrule=rrule, at=at, timezone=timezone)
    found = read_requests(prompt, file, **wishes)
    documents, seeds = [new for new, _ in found], [is_seeded for _, is_seeded in found]
    if any(document.idempotency_key is not None for document in documents):
        raise UsageError("a schedule gives its documents keys of its own: leave `key` out of the file")
    check_models()
    from flows.prefect.schedules import create_schedule, to_parameters

    to_parameters(documents, seeds=seeds)
    chosen = _check_name(name or _name_from(documents[0].prompt))
    with need_api(prefect_api) as api:
        deployment_id = create_schedule(api, chosen, documents, rule, seeds=seeds)
    times = rule.next_times()
    if as_json:
        print_json(
            {"name": chosen, "deployment_id": deployment_id, "next": [moment.isoformat() for moment in times]}
        )
    else:
        number = counted(len(documents), "document")
        say(f"scheduled {chosen}: {number}, next at {', '.join(map(format_moment, times))}")


def _name_from(prompt: str) -> str:
    words = "".join(char if char.isalnum() else " " for char in prompt.lower()).split()
    return "-".join(words)[:MAX_NAME_CHARS].strip("-") or "schedule"


def _check_name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME_CHARS or not name.isprintable() or set(name) & set("/%&<>"):
        raise UsageError(f"--name is {name!r}: give 1 to {MAX_NAME_CHARS} characters without / % & < >")
    return name


def format_moment(moment: datetime) -> str:
    """Return a point in time with its zone."""
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname()}"


@schedules_app.command("ls")
def list_all(prefect_api: PrefectApi = None, as_json: AsJson = False) -> None:
    """List schedules, what they write and when."""
    from flows.prefect.schedules import list_schedules
    from longhand.doing.running import need_api

    with need_api(prefect_api) as api:
        found = list_schedules(api)
    if as_json:
        print_json([_describe(record) for record in found])
    elif not found:
        say('no schedules yet; make one with: longhand schedule "Bread" --cron "0 2 * * *"')
    else:
        rows = [
            (
                record.name,
                record.rule,
                str(record.num_documents),
                "paused" if record.is_paused else ", ".join(map(format_moment, record.next_times)) or "over",
            )
            for record in found
        ]
        print_table(("NAME", "RULE", "DOCUMENTS", "NEXT"), rows, flexible="RULE")


def _describe(record: ScheduleRecord) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(record) | {"next_times": [moment.isoformat() for moment in record.next_times]}


@schedules_app.command("pause")
def pause(name: Name, prefect_api: PrefectApi = None) -> None:
    """Let a schedule rest."""
    _set_paused(name, prefect_api, is_paused=True)


@schedules_app.command("resume")
def resume(name: Name, prefect_api: PrefectApi = None) -> None:
    """Let a paused schedule go on."""
    _set_paused(name, prefect_api, is_paused=False)


def _set_paused(name: str, prefect_api: str | None, *, is_paused: bool) -> None:
    from flows.prefect.schedules import pause_schedule
    from longhand.doing.running import need_api

    with need_api(prefect_api) as api:
        pause_schedule(api, name, is_paused=is_paused)
    say(f"{'paused' if is_paused else 'resumed'} {name}")


@schedules_app.command("rm")
def remove(name: Name, prefect_api: PrefectApi = None) -> None:
    """Remove a schedule; documents that it has made stay."""
    from flows.prefect.schedules import remove_schedule
    from longhand.doing.running import need_api

    with need_api(prefect_api) as api:
        remove_schedule(api, name)
    say(f"removed {name}")


@schedules_app.command("run-now")
def run_now(name: Name, prefect_api: PrefectApi = None) -> None:
    """Write a schedule's documents now, once more; its clock goes on."""
    from flows.prefect.schedules import run_now as run
    from longhand.doing.running import need_api

    with need_api(prefect_api) as api:
        run_ids = run(api, name)
    say(f"started {name} as {counted(len(run_ids), 'flow run')}; workers write its documents: longhand ls")
