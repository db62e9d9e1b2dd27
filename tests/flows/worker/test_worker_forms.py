"""Runs that nobody queued as a document: from the form of the deployment, and of other deployments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from storage import Store
from tests.flows.flow_fakes import FakeEngine
from tests.flows.queue_runner import make_worker, run
from tests.flows.worker.worker_helpers import WORKER_MARKS

Make = Callable[..., Any]
pytestmark = WORKER_MARKS


def test_a_run_from_the_form_makes_one_document(store: Store, api: PrefectApi) -> None:
    path = f"/deployments/{work_pool.deployment_id(api)}/create_flow_run"
    form = {"prompt": "How to brew tea.", "sections": 2, "length": "short", "lang": "eng_Latn"}
    run_id = api.call("POST", path, {"parameters": form})["id"]
    bad = {
        "the prompt is empty: ": {"prompt": " "},
        "the prompt has 10,001 characters": {"prompt": "x" * 10_001},
        "sections is 999: give a number from 1 to 200": {"prompt": "Rice", "sections": 999},
        "sections is two: ": {"prompt": "Rice", "sections": "two"},
        "the prompt reads as Polish": {"prompt": "Jak upiec chleb na zakwasie"},
    }
    refused = {message: api.call("POST", path, {"parameters": form})["id"] for message, form in bad.items()}
    assert run(make_worker(store), Keeping(api), store) == {"done": 1}
    (document,) = store.list_documents()
    assert (document.prompt, document.params["sections"], document.flow_run_id) == (
        "How to brew tea.",
        2,
        run_id,
    )
    shown = api.get(f"/flow_runs/{run_id}")
    assert (shown["name"], shown["parameters"]["document_id"]) == (
        f"How to brew tea ({document.id})",
        document.id,
    )
    for message, bad_id in refused.items():
        state = api.get(f"/flow_runs/{bad_id}")["state"]
        assert state["type"] == "FAILED" and state["message"].startswith(message)


def test_a_language_of_the_form_is_stored_by_its_code(store: Store, api: PrefectApi) -> None:
    path = f"/deployments/{work_pool.deployment_id(api)}/create_flow_run"
    for form in (
        {"prompt": "Tea", "lang": "German"},
        {"prompt": "Wie man ein Hochbeet baut"},
        {"prompt": "Milk"},
    ):
        api.call("POST", path, {"parameters": {**form, "sections": 1}})
    refused = api.call("POST", path, {"parameters": {"prompt": "Rice", "lang": "germn"}})["id"]
    run(make_worker(store), Keeping(api), store)
    assert {d.prompt: d.lang for d in store.list_documents()} == {
        "Tea": "deu_Latn",
        "Wie man ein Hochbeet baut": "deu_Latn",
        "Milk": "eng_Latn",
    }
    assert "did you mean deu_Latn?" in api.get(f"/flow_runs/{refused}")["state"]["message"]


def test_a_wrong_language_of_a_translation_is_refused_before_anything_is_written(
    store: Store, api: PrefectApi
) -> None:
    path = f"/deployments/{work_pool.deployment_id(api)}/create_flow_run"
    form = {"prompt": "How to brew tea.", "sections": 2, "translate_to": "nobody"}
    run_id = api.call("POST", path, {"parameters": form})["id"]
    engine = FakeEngine()
    assert run(make_worker(store, engine), Keeping(api), store) == {"failed": 1}
    assert "does not know the language 'nobody'" in api.get(f"/flow_runs/{run_id}")["state"]["message"]
    assert engine.calls == []


class Keeping(PrefectApi):
    """Deletes nothing: the runs of a form have no document yet."""

    def __init__(self, api: PrefectApi) -> None:
        super().__init__(api.url, api.auth)

    def pages(self, path: str, body: dict[str, Any]) -> list[Any]:
        """Find no run of others."""
        return []


def test_a_deployment_of_another_flow_runs_nothing(store: Store, api: PrefectApi) -> None:
    """Whoever may write to the server can have documents written, and nothing else run."""
    work_pool.prepare(api)
    flow = api.call("POST", "/flows/", {"name": "another-flow"})
    body = {
        "name": "attack",
        "flow_id": flow["id"],
        "work_pool_name": work_pool.POOL,
        "entrypoint": "os.system",
    }
    deployment = api.call("POST", "/deployments/", body)["id"]
    run_id = api.call("POST", f"/deployments/{deployment}/create_flow_run", {})["id"]
    assert run(make_worker(store), Keeping(api), store) == {}
    state = api.get(f"/flow_runs/{run_id}")["state"]
    assert (state["type"], state["name"]) == ("FAILED", "Refused")
