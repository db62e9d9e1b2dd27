"""`submit`, `worker`, `status`, `cancel`, `pause`, `priority`, `resume --queue`: what is queued, shown and refused."""

from __future__ import annotations

import io
import json
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

import longhand
from flows.document.job.events import WorkerEvent
from storage import NewDocument, Store


def queue_one(store: Store, prompt: str = "tea", **values: object) -> str:
    return store.create_document(NewDocument(prompt=prompt, lang="eng_Latn", **values)).id


def test_a_prompt_is_queued_with_its_options(run, store):
    arguments = ["--sections", "3", "--seed", "0", "--goal", "A calm evening", "--priority", "4"]
    arguments += ["--steps", "24", "--guidance", "1.5"]
    result = run("submit", "How to brew tea", *arguments)
    assert result.exit_code == 0
    (document,) = store.list_documents()
    assert result.stdout == f"{document.id}\n"
    assert (document.status, document.seed, document.priority) == ("queued", 0, 4)
    assert (document.params["sections"], document.params["goal"]) == (3, "A calm evening")
    assert (document.params["steps"], document.params["guidance"]) == (24, 1.5)


def test_the_same_key_makes_one_document(run, store):
    first = run("submit", "tea", "--idempotency-key", "k")
    second = run("submit", "coffee", "--idempotency-key", "k", "--json")
    (shown,) = json.loads(second.stdout)
    assert (shown["id"], shown["is_new"]) == (first.stdout.strip(), False)
    assert "queued 0, 1 known by their keys" in second.stderr
    assert len(store.list_documents()) == 1


def test_a_thousand_prompts_from_one_file_keep_their_order(run, store, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(json.dumps(f"Prompt number {n}") for n in range(1000)))
    result = run("submit", "--file", str(path), "--idempotency-key", "batch", "--sections", "2")
    assert result.exit_code == 0
    assert len(set(result.stdout.split())) == 1000
    first = store.get_document(result.stdout.split()[0])
    assert [first] == list(store.list_documents(offset=999))
    assert (first.prompt, first.idempotency_key) == ("Prompt number 0", "batch/1")
    assert first.params["sections"] == 2
    run("submit", "--file", str(path), "--idempotency-key", "batch")
    assert store.get_overview().counts == {"queued": 1000}


@pytest.mark.parametrize(
    "line", ['{"prompt": "tea", "seed": 1, "seed": 2}', '{"prompt": "tea", "prompt": "tea"}']
)
def test_a_field_that_is_there_twice_is_refused(run, store, tmp_path, line):
    path = tmp_path / "prompts.jsonl"
    path.write_text(line)
    result = run("submit", "--file", str(path))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "line 1: the field" in result.stderr and "is there twice" in result.stderr
    assert not store.list_documents()


def test_each_line_has_its_own_key_and_options(run, store, tmp_path):
    path = tmp_path / "prompts.jsonl"
    lines = [
        {"prompt": "Bread", "key": "b", "priority": -2, "seed": 5, "sections": 2},
        {"prompt": "Tee", "outline": ["Kaufen", "Brauen"], "lang": "eng_Latn", "seed": 1},
        {"prompt": "Own", "outline": "# Title\n\n## A\n### B\n"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert run("submit", "--file", str(path), "--sections", "9").exit_code == 0
    own, tee, bread = store.list_documents()
    assert (bread.idempotency_key, bread.priority, bread.seed) == ("b", -2, 5)
    assert (tee.seed, tee.params["sections"], tee.idempotency_key) == (1, None, None)
    assert tee.params["outline"] == [["1", "Kaufen"], ["2", "Brauen"]]
    assert (own.title, own.params["depth"]) == ("Title", 2)


def test_a_file_may_come_from_stdin(run, store, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b'"tea"\n')))
    assert run("submit", "--file", "-").exit_code == 0
    assert len(store.list_documents()) == 1


LINES = [
    ("{", "not JSON"),
    ("3", "got 3: expected a text, or an object"),
    ('{"sections": 3}', 'there is no "prompt"'),
    ('{"prompt": "tea", "secions": 3}', "'secions': did you mean sections?"),
    ('{"prompt": 7}', "prompt is 7: expected a text"),
    ('{"prompt": "tea", "sections": true}', "sections is true: expected a whole number"),
    ('{"prompt": "tea", "sections": 2.5}', "sections is 2.5: expected a whole number"),
    ('{"prompt": "tea", "review": 1}', "review is 1: expected true or false"),
    ('{"prompt": "tea", "sections": 0}', "give a number from 1 to 200"),
    ('{"prompt": "tea", "steps": 1.5}', "steps is 1.5: expected a whole number"),
    ('{"prompt": "tea", "steps": 1000}', "--steps is 1000: give a number of diffusion steps from 1 to 100"),
    ('{"prompt": "tea", "guidance": "2"}', 'guidance is "2": expected a number;'),
    ('{"prompt": "tea", "guidance": NaN}', "--guidance is nan: give a number from 1 (none) to 10"),
    ('{"prompt": "tea", "depth": 3}', "give 1 (sections) or 2"),
    ('{"prompt": "tea", "lang": "germn"}', "did you mean deu_Latn?"),
    ('{"prompt": "tea", "seed": -1}', "give a whole number from 0"),
    ('{"prompt": "tea", "goal": "😀"}', "the goal holds only emoji"),
    ('{"prompt": "tea", "outline": []}', "the outline is empty"),
    ('{"prompt": "tea", "outline": [1]}', "no list of texts"),
    ('{"prompt": "tea", "outline": ["a"], "sections": 2}', "leave --sections out"),
    ('{"prompt": "tea", "priority": 99999999999}', "the priority is 99999999999"),
    ('{"prompt": "tea", "key": ""}', "the idempotency key has 0 characters"),
    ('{"prompt": ""}', "the prompt is empty"),
    ('{"prompt": "tea", "key": "first"}', "the key 'first' is there already (line 1)"),
]


@pytest.mark.parametrize(("line", "message"), LINES)
def test_a_wrong_line_is_named_and_nothing_is_queued(run, store, tmp_path, line, message):
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt": "fine", "key": "first"}) + "\n" + line + "\n")
    result = run("submit", "--file", str(path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"longhand: {path}, line 2: ")
    assert message in result.stderr
    assert "nothing was queued" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not store.list_documents()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\n \n", "holds no prompt"), (b'"a"\n"\xff"\n', "line 2: not UTF-8 text"), (None, "there is no file")],
)
def test_files_that_cannot_be_read(run, store, tmp_path, content, message):
    path = tmp_path / "prompts.jsonl"
    if content is not None:
        path.write_bytes(content)
    result = run("submit", "--file", str(path))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert message in result.stderr
    assert not store.list_documents()


USAGES = [
    (("cancel",), "give ids, --all, or --status: one of the three"),
    (("pause", "x", "--all"), "give ids, --all, or --status: one of the three"),
    (("cancel", "--status", "done"), "--status"),
    (("worker", "--prefect-api", "nonsense"), "is not the URL of a Prefect API"),
    (("submit",), "give either a prompt or --file"),
    (("submit", "tea", "--file", "x"), "give either a prompt or --file"),
    (("submit", "tea", "--idempotency-key", " "), "the idempotency key has 1 characters"),
    (("submit", "tea", "--priority", "5000000"), "the priority is 5000000"),
    (("submit", "tea", "--lang", "germn"), "did you mean deu_Latn?"),
    (("submit", "tea", "--steps", "0"), "--steps is 0"),
    (("submit", "tea", "--guidance", "0.9"), "--guidance is 0.9"),
    (("write", "tea", "--steps", "101"), "--steps is 101"),
    (("worker", "--once", "--drain"), "give one of the two"),
    (("worker", "--batch", "0"), "--batch is 0"),
    (("worker", "--batch", "1", "--together"), "give --batch 2 or more"),
    (("worker", "--once", "--together"), "give one of the two"),
    (("up", "--batch", "1", "--together"), "give --batch 2 or more"),
    (("status", "--window", "10"), "--window is '10'"),
    (("status", "--window", "0m"), "--window is '0m'"),
    (("priority", "x", "9999999"), "the priority is 9999999"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGES)
def test_wrong_usage(run, store, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
    assert not store.list_documents()


def test_missing_models_are_found_on_submission(run, store, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "concepts.models.installed.DEFAULT_NAMES", {"space": "nowhere", "planner": "p", "writer": "w"}
    )
    result = run("submit", "tea")
    assert result.exit_code == 1
    assert "no space named 'nowhere'" in result.stderr
    assert not store.list_documents()


def test_cancel_pause_resume_and_priority(run, store):
    first, second = queue_one(store), queue_one(store, "coffee")
    assert run("pause", first, second).exit_code == 0
    assert run("cancel", second).exit_code == 0
    assert [store.get_document(i).status for i in (first, second)] == ["paused", "cancelled"]
    assert run("resume", first, "--queue").exit_code == 0
    assert run("priority", first, "-3").exit_code == 0
    assert (store.get_document(first).status, store.get_document(first).priority) == ("queued", -3)
    result = run("pause", second)
    assert result.exit_code == 1
    assert f"document {second} is cancelled: there is nothing to pause" in result.stderr


def test_all_documents_of_a_status_are_paused_and_cancelled(run, store):
    ids = [queue_one(store, f"tea {n}") for n in range(3)]
    store.pause_document(ids[0])
    assert run("cancel", "--status", "paused").exit_code == 0
    assert [store.get_document(i).status for i in ids] == ["cancelled", "queued", "queued"]
    assert run("pause", "--all").stderr.count("paused ") == 2
    for arguments, kind in ((("--all",), "waits or is being written"), (("--status", "queued"), "is queued")):
        none = run("pause", *arguments)
        assert none.exit_code == 1 and f" {kind}: see longhand ls" in none.stderr
    assert run("cancel", "--all").stderr.count("cancelled ") == 2
    assert run("cancel", "--all").exit_code == 1


def test_without_a_server_documents_wait_in_the_store(run, store):
    assert "queued 1; they wait for a server: longhand up" in run("submit", "tea").stderr
    for command in ("worker", "requeue"):
        result = run(command)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "no Prefect server is known: start one with longhand up" in result.stderr
    assert json.loads(run("status", "--json").stdout)["without_run"] == []


def test_one_wrong_id_stops_a_command_before_its_first_change(run, store):
    document_id = queue_one(store)
    assert run("cancel", document_id, "nothing").exit_code == 1
    assert store.get_document(document_id).status == "queued"


def test_what_is_done_cannot_be_cancelled_or_queued_again(run, store):
    run("write", "tea")
    (document,) = store.list_documents()
    assert "is done: there is nothing to cancel" in run("cancel", document.id).stderr
    assert run("resume", document.id, "--queue").exit_code == 1
    assert run("resume", queue_one(store), "--queue", "--json").exit_code == 2


def test_status_counts_what_runs_and_what_was_done(run, store):
    queue_one(store)
    held = store.claim(queue_one(store), "far/12345678:1:1", 60)
    over = store.claim(queue_one(store), "far/12345678:1:2", 0.01)
    for lease in (held, over):
        with store.fenced(lease) as tx:
            tx.set_status("writing")
    dead = store.claim(queue_one(store), "far/12345678:1:1", 60)
    with store.fenced(dead) as tx:
        tx.set_status("failed", "a NaN came")
    store.release(dead)
    now = time.time()
    store.record_attempt(
        held, "decode", started_at=now, finished_at=now, outcome="done", timing={"num_sentences": 30}
    )
    store.record_attempt(held, "run", started_at=now, finished_at=now, outcome="done")
    store.record_attempt(held, "run", started_at=1.0, finished_at=2.0, outcome="done")
    time.sleep(0.02)
    shown = json.loads(run("status", "--json", "--window", "2m").stdout)
    assert (shown["queued"], shown["running"], shown["interrupted"]) == (1, 1, 1)
    assert (shown["documents_per_min"], shown["sentences_per_min"]) == (0.5, 15.0)
    assert shown["oldest_lease"]["id"] == held.document_id
    assert [f["error"] for f in shown["failures"]] == ["a NaN came"]
    text = run("status").stdout
    assert "running       1\n" in text
    assert "a NaN came" in text


def test_a_dead_process_is_never_shown_as_running(run, store):
    from flows.leases.owner import current_owner

    lease = store.claim(queue_one(store), current_owner().rpartition(":")[0] + ":1", 60)
    with store.fenced(lease) as tx:
        tx.set_status("writing")
    shown = json.loads(run("status", "--json").stdout)
    assert (shown["running"], shown["interrupted"], shown["oldest_lease"]) == (0, 1, None)
    assert "interrupted (writing)" in run("ls").stdout


def test_what_a_dead_process_held_is_queued_and_deleted_at_once(run, store):
    from flows.leases.owner import current_owner

    dead = current_owner().rpartition(":")[0] + ":1"
    ids = [queue_one(store) for _ in range(3)]
    for document_id in ids:
        store.claim(document_id, dead, 60)
    assert run("resume", ids[0], "--queue").exit_code == 0
    assert store.get_document(ids[0]).owner is None
    assert run("rm", ids[1], "--yes").exit_code == 0
    with longhand.open() as lh:
        store.claim(ids[2], dead, 60, steal=True)
        lh.get(ids[2]).delete()
    assert [document.id for document in store.list_documents()] == ids[:1]
    store.claim(ids[0], "far/12345678:1:1", 60)
    for arguments in (("resume", ids[0], "--queue"), ("rm", ids[0], "--yes")):
        result = run(*arguments)
        assert (result.exit_code, "is being worked on by far/" in result.stderr) == (1, True)


class FakeWorker:
    def __init__(self, tally, on_event):
        self.tally, self.on_event = tally, on_event
        self.asked: dict[str, object] = {}

    def stop(self):
        pass

    def run(self, *, drain, limit):
        self.asked = {"drain": drain, "limit": limit}
        self.on_event(WorkerEvent(kind="failed", document_id="abc", message="a NaN came", seconds=2.0))
        return self.tally


@pytest.mark.parametrize(
    ("arguments", "asked", "exit_code"),
    [
        (("--drain",), {"drain": True, "limit": None}, 1),
        (("--once",), {"drain": False, "limit": 1}, 1),
        ((), {"drain": False, "limit": None}, 0),
    ],
)
def test_a_worker_says_what_it_does(run, monkeypatch, arguments, asked, exit_code):
    made: list[FakeWorker] = []

    @contextmanager
    def make_worker(store, *, on_event, **options):
        made.append(FakeWorker({"done": 2, "failed": 1}, on_event))
        yield made[-1]

    monkeypatch.setattr("longhand.doing.running.make_worker", make_worker)
    result = run("worker", *arguments)
    assert (result.exit_code, made[0].asked) == (exit_code, asked)
    assert "failed abc after 2.0 s: a NaN came\n2 done, 1 failed\n" in result.stderr
