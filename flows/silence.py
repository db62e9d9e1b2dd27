"""The automation that crashes silent flow runs: Prefect's way to see that a flow run's process has died.

Flow runs send a heartbeat every `HEARTBEAT_S`. A run whose heartbeats stop before it has ended is set to
Crashed. It matters for the flows that Prefect runs itself (`flows.scheduled`) where their worker dies with
them; documents are not stuck by it, since their leases end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

HEARTBEAT_S = 30
"""Prefect allows no less."""
SILENCE_S = 90.0
AUTOMATION_NAME = "longhand-silent-runs"
HEARTBEAT = "prefect.flow-run.heartbeat"
_NUM_RUNS_READ = 200


def ensure_automation(client: SyncPrefectClient, silence_s: float = SILENCE_S) -> None:
    """Make the automation where it is missing; one that a user has changed or switched off stays so.

    silence_s: after so many seconds without a heartbeat a run is taken for dead.
    """
    from datetime import timedelta

    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    if client.read_automations_by_name(AUTOMATION_NAME):
        return
    # Events carry the name of a state. A run that is suspended waits without a process.
    names = ("Completed", "Failed", "Cancelled", "Crashed", "Suspended")
    trigger = EventTrigger(
        after={HEARTBEAT},
        expect={HEARTBEAT, *(f"prefect.flow-run.{name}" for name in names)},
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=silence_s),
    )
    crash = ChangeFlowRunState(
        state=StateType.CRASHED,
        name=None,
        message=f"No heartbeat for {silence_s:g} s: its process is gone.",
        # A run that has ended stays as it ended, whatever comes late.
        force=False,
    )
    client.create_automation(
        AutomationCore(
            name=AUTOMATION_NAME,
            description="Sets flow runs whose heartbeats stop to Crashed.",
            trigger=trigger,
            actions=[crash],
        )
    )


def beat(client: SyncPrefectClient, flow_run_ids: Sequence[UUID]) -> None:
    """Send one heartbeat for each of these runs, in their name."""
    from prefect.events import Event
    from prefect.events.schemas.events import Resource

    events = [
        Event(event=HEARTBEAT, resource=Resource({"prefect.resource.id": f"prefect.flow-run.{flow_run_id}"}))
        for flow_run_id in flow_run_ids
    ]
    if events:
        client.request("POST", "/events", json=[event.model_dump(mode="json") for event in events])


def suspect_running(client: SyncPrefectClient) -> int:
    """Let the time of silence begin now for all runs that Prefect itself has started; return how many they are.

    A server that was away forgets silences that were long over when it came back (power loss ends it and
    them together), and a run that died before its first heartbeat was never listened to. Those that live go on
    to send heartbeats; the others are Crashed `SILENCE_S` later. The runs of documents have no heartbeats and
    no deployment, and are left out.
    """
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterDeploymentId,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
    )
    found: list[UUID] = []
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_NUM_RUNS_READ, offset=len(found)):
        found += [run.id for run in page]
    beat(client, found)
    return len(found)
