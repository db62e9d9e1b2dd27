"""The automation that crashes silent flow runs: Prefect's way to see that a flow run's process has died.

Flow runs send a heartbeat every `HEARTBEAT_S`. A run whose heartbeats stop before it has ended is set to
Crashed. It matters for the flows that Prefect runs itself (`flows.scheduled`) where their worker dies with
them; documents are not stuck by it, since their leases end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

HEARTBEAT_S = 30
"""Prefect allows no less."""
SILENCE_S = 90
AUTOMATION_NAME = "longhand-silent-runs"
HEARTBEAT = "prefect.flow-run.heartbeat"


def ensure_automation(client: SyncPrefectClient) -> None:
    """Make the automation where it is missing; one that a user has changed or switched off stays so."""
    from datetime import timedelta

    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    if client.read_automations_by_name(AUTOMATION_NAME):
        return
    ends = {f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Cancelled", "Crashed")}
    trigger = EventTrigger(
        after={HEARTBEAT},
        expect={HEARTBEAT, *ends},
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=SILENCE_S),
    )
    crash = ChangeFlowRunState(
        state=StateType.CRASHED,
        name=None,
        message=f"No heartbeat for {SILENCE_S} s: its process is gone.",
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
