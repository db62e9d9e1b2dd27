"""Takes the pictures of this folder from an inspector that runs, with a headless Chromium and Pillow.

    longhand inspect --port 8765 &
    python docs/pictures/make.py http://127.0.0.1:8765 DOCUMENT REVIEWED

`DOCUMENT` is the id of a document that is done, `REVIEWED` of one that waits for review.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "longhand"))

from chromium import Browser, find_browser

HERE = Path(__file__).parent
NUM_COLOURS = 256
"""Pages have few; so a picture is a third as large."""


def main(base: str, document: str, reviewed: str) -> None:
    """Open the pages and write a picture of each."""
    path = find_browser()
    if path is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(path, Path(profile))
        try:
            take_all(browser, base, document, reviewed)
        finally:
            browser.close()


def take_all(browser: Browser, base: str, document: str, reviewed: str) -> None:
    """Write the pictures."""
    browser.call("Emulation.setScrollbarsHidden", hidden=True)
    browser.show(width=1200, height=760)
    browser.open(f"{base}/documents/{document}")
    take(browser, "document")
    browser.show(width=1200, height=900, dark=True)
    browser.open(f"{base}/documents/{document}/map")
    browser.ask("Promise.all([...document.images].map((i) => { i.loading = 'eager'; return i.decode(); }))")
    take(browser, "map")
    browser.ask("document.getElementById('similarity').scrollIntoView()")
    take(browser, "similarity")
    browser.show(width=1100, height=620)
    browser.open(f"{base}/documents/{reviewed}/edit")
    # A length that no section may have, so that the refusal is seen.
    browser.ask("document.querySelector('[name=heading-1]').value = 'What you need'")
    browser.ask("document.querySelector('[name=length-2]').value = '99'")
    browser.follow(
        lambda: browser.ask("document.querySelector('form[action$=\"/edit/rows\"] button').click()")
    )
    take(browser, "edit")
    browser.show(width=400, height=760, dark=True)
    browser.open(f"{base}/documents/{document}")
    take(browser, "narrow")


def take(browser: Browser, name: str) -> None:
    """Write what the window shows."""
    shown = base64.b64decode(browser.call("Page.captureScreenshot", format="png")["data"])
    image = Image.open(io.BytesIO(shown)).convert("RGB")
    image = image.quantize(NUM_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    image.save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
