"""The main job on the weights that ship, in a process of its own and in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flows.document.job.job import Job
from flows.leases.lease import claim
from flows.models.engine import ModelEngine
from storage import Store
from tests.flows.document.step_runner import run_steps

ROOT = Path(__file__).resolve().parents[3]
# sonar-space, fairseq2 and torchaudio about each other
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def engine() -> ModelEngine:
    """The models that ship, loaded once."""
    made = ModelEngine()
    made.start_loading(("plan", "write", "decode"))
    made.prepare("plan")
    return made


def test_a_process_and_plain_steps_write_the_same_document(
    tmp_path, lay_template, run, database, engine, monkeypatch
):
    """Once by a command in a process of its own, as a flow of its own Prefect server; once step by step in this one."""

    class Steps:
        def check(self, new: object) -> None:
            pass

        def run(self, store: Store, document_id: str, **_: object) -> dict[str, float]:
            lease = claim(store, document_id)
            run_steps(Job(store, lease, engine))
            store.release(lease)
            return {}

    # What the library knows would be quoted, whatever the models are.
    words = ["write", "Printing a document", "--json", "--sections", "1", "--length", "short"]
    words += ["--library", "none", "--seed", "17"]  # a plan of three sentences, each of which costs seconds
    lay_template(tmp_path)
    variables = {
        **os.environ,
        "LONGHAND_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "XDG_DATA_HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "longhand", *words]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    monkeypatch.setattr("longhand.doing.running.make_runner", Steps)
    again = run(*words)
    assert again.exit_code == 0, again.stderr
    second = json.loads(again.stdout)
    assert first["sections"] == second["sections"]
    assert (first["title"], first["status"], first["num_missing"]) == ("Printing a document", "done", 0)
    (section,) = first["sections"]
    assert section["heading"] and len(section["sentences"]) >= 3
    assert all(sentence["text"] and 0 < sentence["score"] <= 1.001 for sentence in section["sentences"])


def test_documents_made_together_are_what_they_are_alone(engine):
    """Vectors up to rounding: of three prompts, plans and seeds."""
    from flows.document.engine import LeafPlan, WriteAsk

    asks = []
    for seed, prompt in enumerate(("How to share a folder.", "Bread for beginners.", "Printing a document")):
        vector = engine.encode([prompt], "eng_Latn")
        items = engine.plan(vector, goal=None, num_sections=2 + seed, depth=1, seed=seed)
        plan = LeafPlan(
            prompt=vector,
            goal=None,
            paths=tuple(item.path for item in items),
            leads=np.stack([item.lead for item in items]),
            gists=np.stack([item.gist for item in items]),
            num_sentences=tuple(min(3, item.planned_length) for item in items),
            is_limit=seed == 1,
        )
        asks.append(WriteAsk(plan=plan, paths=plan.paths[:2], seed=seed))
    written = engine.write_together(asks)
    for ask, together in zip(asks, written, strict=True):
        for one, other in zip(together, engine.write(ask.plan, ask.paths, seed=ask.seed), strict=True):
            assert (one.path, one.stop_reason) == (other.path, other.stop_reason)
            np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-4)


def test_the_shipped_books_answer_who_asks_for_one(engine):
    from flows.document.engine import OutlineAsk

    def outline(prompt: str, depth: int, **asked) -> list[tuple[str, str]]:
        wish = {"num_items": None, "num_words": None, "book": None, "is_wish": True, "library": None} | asked
        languages = {"prompt_lang": "eng_Latn", "lang": "eng_Latn"}
        ask = OutlineAsk(title=prompt, prompt=prompt, typed=prompt, depth=depth, **wish, **languages)
        return engine.find_outline(ask)

    book = outline("A comprehensive guide to beekeeping", 2, book="wider")
    parts = [heading for path, heading in book if "." not in path]
    assert 8 <= len(parts) <= 10 and len(book) > 60
    assert parts.index("Getting the first bee colony") < parts.index("Harvesting honey")
    short = outline("A comprehensive guide to beekeeping", 2, book="wider", num_words=2_500)
    assert [heading for path, heading in short if "." not in path] == parts and len(short) < len(book) / 2
    assert [heading for _, heading in outline("A guide to beekeeping", 1)] == parts
    assert outline("A comprehensive guide to insomnia in horses", 2, book="exact") == []
    assert outline("A letter about beekeeping", 1) != [(str(n), part) for n, part in enumerate(parts, 1)]
