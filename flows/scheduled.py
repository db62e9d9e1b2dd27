"""The flows that put documents into the queue: on a schedule, or started in Prefect's UI.

Any Prefect worker with Longhand and `LONGHAND_DATABASE_URL` runs them; they load no model. Their
documents are keyed by the deployment and the time they were due, so a flow run that is repeated, or run
twice at once, makes no second document.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.context import FlowRunContext

from flows.options import WritingOptions
from storage import NewDocument, Store

SUBMIT_FLOW = "submit-documents"
PROMPT_FLOW = "submit-prompt"


@flow(name=SUBMIT_FLOW, validate_parameters=False, persist_result=False)
def submit_documents(documents: list[dict[str, Any]]) -> list[str]:
    """Queue documents that were checked when the schedule was made (see `flows.schedules.to_parameters`)."""
    return queue_documents(documents, due_key())


@flow(name=PROMPT_FLOW, persist_result=False)
def submit_prompt(
    prompt: str,
    sections: int | None = None,
    depth: int = 1,
    lang: str = "eng_Latn",
    goal: str | None = None,
    seed: int | None = None,
    priority: int = 0,
) -> list[str]:
    """Queue one document; a seed that is not given is another one each time."""
    params = WritingOptions(sections=sections, depth=depth, goal=goal).to_params()
    document = {"prompt": prompt, "lang": lang, "seed": seed, "params": params, "priority": priority}
    return queue_documents([document], due_key())


def due_key() -> str:
    """Return what stands for this occasion: the deployment and the time it was due, else the flow run."""
    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    assert run is not None, "a flow runs in a flow run"
    due: datetime | None = run.expected_start_time
    if run.deployment_id is None or due is None:
        return f"run/{run.id}"
    return f"{run.deployment_id}/{due.astimezone(UTC).isoformat()}"


def queue_documents(documents: list[dict[str, Any]], key: str) -> list[str]:
    """Store documents in one transaction, keyed by the occasion and what they are, and return their ids.

    A seed of None follows from the key: another text each time, the same for the same occasion. Runs of one deployment
    that are due at one time with other documents are other occasions.
    """
    news = []
    for number, values in enumerate(documents):
        content = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
        own_key = f"{key}/{number}/{content}"
        seed = values.get("seed")
        if seed is None:
            seed = int.from_bytes(hashlib.sha256(own_key.encode()).digest()[:4], "big") >> 1
        WritingOptions.from_params(values["params"])  # refuses what a hand has spoilt
        news.append(NewDocument(**{**values, "seed": seed, "idempotency_key": own_key}))
    with Store.open() as store:
        return [submitted.id for submitted in store.submit_documents(news)]
