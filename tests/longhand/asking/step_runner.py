"""A runner of the real steps, with a fake engine and without Prefect."""

from __future__ import annotations

from collections.abc import Mapping

from flows.document.job.events import OnEvent
from flows.document.job.job import Job
from flows.leases.lease import claim
from storage import NewDocument, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine


class StepRunner:
    """Runs the real steps with a fake engine, without Prefect."""

    def check(self, new: NewDocument) -> None:
        """Find every model."""

    def run(
        self, store: Store, document_id: str, *, plan_only: bool, resume: bool, on_event: OnEvent
    ) -> Mapping[str, float]:
        engine = FakeEngine()
        engine.start_loading(("plan", "write", "decode"))
        lease = claim(store, document_id)
        with store.fenced(lease) as tx:
            tx.set_params({**store.get_document(document_id).params, "plan_only": plan_only})
        try:
            run_steps(Job(store, lease, engine))
        finally:
            store.release(lease)
        return {"total": 0.1}
