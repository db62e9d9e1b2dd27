"""Silencing what transformers prints to stderr while it loads models: progress bars, remarks, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Let transformers log only errors inside the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging: Any = import_module("transformers.utils.logging")

        before, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(before)
            if had_bars:
                logging.enable_progress_bar()
