"""A back-up taken while a worker writes: restored, the document goes on to the text that it would have had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.prefect.api import PrefectApi
from storage import Store, restore_backup
from tests.flows.flow_fakes import FakeEngine
from tests.flows.queue_runner import drain
from tests.flows.worker.worker_helpers import PREFECT_WARNINGS

Make = Callable[..., Any]
pytestmark = PREFECT_WARNINGS


@pytest.mark.parametrize("moment", [("write", 1), ("write", 2), ("say_headings", 1), ("say", 1)])
def test_restored_and_resumed_it_is_the_same_text(
    store: Store,
    url: str,
    new_document: Make,
    outcome: Make,
    tmp_path: Path,
    api: PrefectApi,
    moment: tuple[str, int],
) -> None:
    document_id = new_document(store)

    def back_up(method: str, number: int) -> None:
        if (method, number) == moment:
            store.backup(tmp_path / "copy")

    assert drain(store, api, FakeEngine(before=back_up)) == {"done": 1}
    uninterrupted = outcome(store, document_id)
    assert restore_backup(tmp_path / "copy", url, force=True) == 1
    assert store.get_document(document_id).status in ("planning", "writing", "decoding")
    assert drain(store, api) == {"done": 1}
    assert outcome(store, document_id) == uninterrupted
