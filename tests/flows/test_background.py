"""Prefect's services in the background end with the server that they talk to, whatever they are at."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from prefect._internal.concurrency.services import QueueService

from flows.prefect import background

ROOT = Path(__file__).resolve().parents[2]


class Sender(QueueService[float]):
    """Sends for so many seconds."""

    sent: list[float]

    async def _handle(self, item: float) -> None:
        await asyncio.sleep(item)
        self.sent.append(item)

    def send(self, item: float) -> None:
        self._queue.put_nowait(item)


@pytest.fixture
def sender() -> Sender:
    found: Sender = Sender.instance()
    found.sent = []
    return found


def test_what_can_be_sent_in_time_is_sent(sender: Sender) -> None:
    sender.send(0.0)
    sender.send(0.01)
    background.end_services()
    assert sender.sent == [0.0, 0.01]


def test_one_that_goes_on_trying_is_cancelled(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "SEND_TIMEOUT_S", 0.05)
    sender.send(600.0)
    sender.send(600.0)
    background.end_services()
    # What the interpreter waits for at its end, without a limit.
    assert sender.drain(at_exit=True) is False
    assert sender.sent == []


def test_a_process_without_prefect_has_none() -> None:
    code = (
        "import sys; from flows.prefect.background import end_services; end_services(); "
        "assert 'prefect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
