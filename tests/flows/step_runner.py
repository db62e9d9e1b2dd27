"""Every step of a document without Prefect, from whatever state it is in."""

from __future__ import annotations

from flows.sequence import run_steps

__all__ = ["run_steps"]
