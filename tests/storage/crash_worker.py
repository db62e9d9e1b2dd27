"""A small worker that does a document from whatever state it finds; tests kill it and run it again.

Everything it writes follows from paths and ordinals, as real units do, so that an interrupted and
resumed run must end with the same document as an uninterrupted one.

    python tests/storage/crash_worker.py URL
    python tests/storage/crash_worker.py --serve

`--serve` imports everything once and forks: each line of its input is a JSON list of the URL and the fault (or null) of
a worker, each line of its output that worker's exit code.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import zlib
from contextlib import suppress

import numpy as np

from storage import (
    ItemConcepts,
    NewDocument,
    NewPlanItem,
    NewRendering,
    PromptConcept,
    SpaceRef,
    Store,
    UnitSpec,
)
from tests.storage.fault_points import VARIABLE, arm_from_environment

SPACE = SpaceRef(name="toy", checksum="c0ffee", dim=4)


def vectors(seed: str, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(zlib.crc32(seed.encode())).standard_normal((*shape, 4)).astype(np.float32)


def item(path: str) -> NewPlanItem:
    return NewPlanItem(path=path, lead=vectors(path), gist=vectors(path + "g"), planned_length=2)


def main(url: str) -> None:
    with Store.open(url) as store:
        document = store.create_document(NewDocument(prompt="Tea.", lang="eng_Latn", idempotency_key="one"))
        lease = store.claim(document.id, "worker", 60, force=True)
        if document.active_outline_id is None:
            with store.fenced(lease, space=SPACE) as tx:
                tx.save_prompt([PromptConcept(text="Tea.", vector=vectors("prompt"))])
                tx.create_outline()
                tx.plan_units("plan", [UnitSpec(extra={"level": 1}), UnitSpec(extra={"level": 2})])
        while (unit := store.next_unit(document.id, "plan")) is not None:
            paths = ["1", "2"] if unit.extra["level"] == 1 else ["2.1", "2.2"]
            with store.fenced(lease, space=SPACE) as tx:
                tx.add_plan_items([item(path) for path in paths], unit_id=unit.id)
        outline = store.get_outline(document.id)
        with store.fenced(lease) as tx:
            tx.plan_units("write", [UnitSpec(item_ids=(leaf.id,)) for leaf in outline.leaves()])
        while (unit := store.next_unit(document.id, "write")) is not None:
            (leaf,) = (i for i in outline.items if i.id in unit.item_ids)
            with store.fenced(lease, space=SPACE) as tx:
                tx.commit_concepts(
                    unit.id, [ItemConcepts(item_id=leaf.id, vectors=vectors(leaf.path + "w", 2))]
                )
                tx.record_attempt("write", unit_id=unit.id, started_at=0.0, outcome="done")
        if not store.get_units(document.id, "decode", "eng_Latn"):
            todo = store.get_undecoded(document.id, "eng_Latn")
            half = len(todo.concept_ids) // 2
            specs = [
                UnitSpec(item_ids=todo.item_ids, concept_ids=todo.concept_ids[:half]),
                UnitSpec(concept_ids=todo.concept_ids[half:]),
            ]
            with store.fenced(lease) as tx:
                tx.plan_units("decode", specs, lang="eng_Latn")
        while (unit := store.next_unit(document.id, "decode", "eng_Latn")) is not None:
            texts = [NewRendering(text=f"heading {unit.item_ids.index(i)}", item_id=i) for i in unit.item_ids]
            found = store.get_concept_vectors(unit.concept_ids)
            texts += [
                NewRendering(text=found[n].tobytes().hex(), concept_id=i, score=0.5)
                for n, i in enumerate(unit.concept_ids)
            ]
            with store.fenced(lease) as tx:
                tx.commit_renderings(unit.id, texts, decoder="toy")
        with store.fenced(lease) as tx:
            tx.set_status("done")
        store.release(lease)


def serve() -> None:
    with suppress(ImportError):
        import psycopg  # noqa: F401  # else each fork that opens PostgreSQL imports it
    for line in sys.stdin:
        url, fault = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.environ.update({} if fault is None else {VARIABLE: fault})
                arm_from_environment()
                main(url)
                code = 0
            except BaseException:  # noqa: BLE001  # a fork must never return into its parent's code
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve()
    else:
        arm_from_environment()
        main(sys.argv[1])
