"""`show`: progress by stage and where the time went, from the attempts."""

from __future__ import annotations

import json

from longhand.showing.stages import stage_rows
from storage import Store


def test_time_and_tries_by_stage(run, store: Store):
    run("write", "tea")
    (document,) = store.list_documents()
    lease = store.claim(document.id, "worker", 60)
    for outcome, started_at, finished_at, timing in [
        ("started", 10.0, None, {}),
        ("failed", 10.0, 11.0, {}),
        ("started", 20.0, None, {}),
        ("done", 20.0, 24.0, {"model_s": 3.0}),
        ("started", 30.0, None, {}),  # killed
    ]:
        store.record_attempt(
            lease, "write", started_at=started_at, finished_at=finished_at, outcome=outcome, timing=timing
        )
    store.record_attempt(lease, "run", started_at=10.0, finished_at=75.0, outcome="done")
    store.release(lease)
    document = store.get_document(document.id)
    plan, write, decode = stage_rows(
        document,
        store.get_outline(document.id),
        store.export_document(document.id),
        store.get_attempts(document.id),
    )
    assert (plan["done"], plan["total"], plan["num_done"]) == (2, 2, 0)
    assert write == {
        "stage": "write", "done": 2, "total": 2, "num_done": 1, "num_failed": 2, "seconds": 5.0, "model_s": 3.0,
    }  # fmt: skip
    assert (decode["done"], decode["total"]) == (6, 6)
    lines = run("show", document.id).stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("STAGE"))
    assert lines[at + 2].split() == ["write", "2/2", "1", "2", "5.0", "s", "3.0", "s"]
    assert lines[at + 4].split() == ["in", "all", "1", "run", "1", "min", "05", "s"]
    assert json.loads(run("show", document.id, "--json").stdout)["stages"][1] == write


def test_a_document_that_is_not_begun_has_no_times(run, store):
    run("write", "tea", "--plan-only")
    (document,) = store.list_documents()
    shown = json.loads(run("show", document.id, "--json").stdout)["stages"]
    assert [(row["done"], row["total"]) for row in shown] == [(2, 2), (0, 2), (0, 0)]
    assert "STAGE" not in run("show", document.id).stdout
