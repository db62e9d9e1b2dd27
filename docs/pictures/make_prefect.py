"""Takes the pictures of Prefect's pages from what `longhand up` has started, with a headless Chromium and Pillow.

    longhand up
    python docs/pictures/make_prefect.py [--stop-only] [--sections 12]

It submits two documents: one is written to its end, the run of the other is cancelled and retried, by clicks.
That one is long (`--sections`) and written without a library, so that it is still at work when the page shows it.
`--stop-only` leaves out the first
and its pictures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "longhand"))

from chromium import Browser, find_browser
from make import take

from flows.prefect import work_pool
from flows.station.supervisor import running_station
from storage import Store

WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""The timeline is drawn with WebGL, here without a GPU."""
WAIT_S = 1800.0
"""How long a retried run may take to its end."""
SETTLE_S = 40.0
"""How long a page may go on drawing what it shows."""


def main() -> None:
    """Sign in, open the pages and write a picture of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stop-only", action="store_true", help="only the run that is cancelled and retried")
    parser.add_argument("--sections", default="12", help="of the document whose run is cancelled")
    asked = parser.parse_args()
    path, station = find_browser(), running_station()
    if path is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    if station is None:
        sys.exit("nothing is up: longhand up")
    with Store.open() as store, station.api() as api, tempfile.TemporaryDirectory() as profile:

        def run_of(document_id: str) -> Any:
            return work_pool.find_run(api, store.get_document(document_id))

        def state_of(document_id: str) -> str:
            return str(run_of(document_id)["state"]["type"])

        def take_done(pages: Pages) -> None:
            done = submit("How to keep bees in a small garden", "--sections", "6")
            wait_for(lambda: state_of(done) == "COMPLETED")
            pages.take_run(run_of(done)["id"], "prefect-run")
            (outline,) = api.call(
                "POST", "/artifacts/filter", {"artifacts": {"key": {"like_": f"outline-{done}"}}}
            )
            pages.take_outline(outline["id"])
            pages.take_form(work_pool.deployment_id(api))

        browser = Browser(path, Path(profile), WEBGL)
        try:
            browser.show(width=1200, height=900)
            browser.open(station.sign_in_url)
            time.sleep(SETTLE_S)
            pages = Pages(browser, station.ui_url)
            if not asked.stop_only:
                take_done(pages)
            running = submit(
                "How to mend a bicycle", "--sections", asked.sections, "--length", "long", "--library", "none"
            )
            wait_for(lambda: state_of(running) == "RUNNING")
            pages.take_stop(run_of(running)["id"], lambda: state_of(running))
        finally:
            browser.close()


class Pages:
    """Prefect's pages in a browser that is signed in."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser, self._base = browser, base

    def take_run(self, run_id: str, name: str) -> None:
        """A run: its timeline of tasks, and the logs of its units."""
        self._open(f"/runs/flow-run/{run_id}", "Logs")
        take(self._browser, name)

    def take_outline(self, artifact_id: str) -> None:
        """The outline, as the run's artifact."""
        self._open(f"/artifacts/artifact/{artifact_id}", "sentences")
        take(self._browser, "prefect-outline")

    def take_form(self, deployment_id: str) -> None:
        """The form of a custom run."""
        self._open(f"/deployments/deployment/{deployment_id}/run", "Prompt")
        take(self._browser, "prefect-form")

    def take_stop(self, run_id: str, state: Callable[[], str]) -> None:
        """A run that is cancelled, then retried until it is done."""
        self._open(f"/runs/flow-run/{run_id}", "Cancel")
        self._click("Cancel")
        time.sleep(SETTLE_S)
        self._click("Confirm")
        wait_for(lambda: state() == "CANCELLED")
        self._open(f"/runs/flow-run/{run_id}", "Retry")
        take(self._browser, "prefect-cancelled")
        self._click("Retry")
        time.sleep(SETTLE_S)
        self._click("Confirm", "Retry")
        wait_for(lambda: state() == "COMPLETED")
        self.take_run(run_id, "prefect-retried")

    def _open(self, path: str, word: str) -> None:
        """Go to a page and wait until it shows a word."""
        self._browser.open(self._base + path)
        self._browser.wait_for(lambda: word.lower() in self._browser.text().lower())
        time.sleep(SETTLE_S)

    def _click(self, *labels: str) -> None:
        """Click the last button of one of the labels: that of the question, where the page asks back."""
        buttons = "[...document.querySelectorAll('button')]"
        is_it = f"(b) => {json.dumps(labels)}.includes(b.innerText.trim())"
        self._browser.ask(f"{buttons}.filter({is_it}).at(-1).click()")


def submit(*words: str) -> str:
    """Queue a document and return its id."""
    command = [sys.executable, "-m", "longhand", "submit", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            sys.exit("the run did not get there")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
