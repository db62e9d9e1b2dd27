"""Flow runs in a process of its own, with a heartbeat every second: what tests/flows/test_silence.py kills.

Run with PREFECT_API_URL set. It runs a flow to its end, begins another one that lasts until a line comes on
standard input, and prints the id of each run as soon as it is at work.
"""

from __future__ import annotations

import sys

import prefect.flow_engine
from prefect import flow, runtime

BEAT_S = 1


@flow
def end() -> None:
    print(runtime.flow_run.id, flush=True)


@flow
def last() -> None:
    print(runtime.flow_run.id, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    # Prefect allows no less than 30 s.
    prefect.flow_engine.MINIMUM_HEARTBEAT_INTERVAL = BEAT_S
    prefect.flow_engine.BaseFlowRunEngine.heartbeat_seconds = BEAT_S  # type: ignore[assignment,method-assign]
    end()
    last()
