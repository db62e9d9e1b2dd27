"""A headless Chromium, driven over its DevTools pipe: no port, no library, ends with the test."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--remote-debugging-pipe",
)
TIMEOUT_S = 120.0


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page; see https://chromedevtools.github.io/devtools-protocol/ for the commands."""

    def __init__(self, path: str, profile: Path, options: Sequence[str] = ()) -> None:
        """`options`: further ones of the command."""
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        # The browser reads from descriptor 3 and writes to 4; ours may have just these numbers.
        far = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for fd in (commands, answers)]

        def connect() -> None:
            os.dup2(far[0], 3)
            os.dup2(far[1], 4)

        self._process = subprocess.Popen(
            [path, *OPTIONS, *options, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=connect,
        )
        for fd in (commands, answers, *far):
            os.close(fd)
        self._buffer = b""
        self._loaded = False
        self._count = 0
        self.complaints: list[str] = []
        """What the console and the security policy said since the last `open`."""
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        os.close(self._to)
        os.close(self._from)

    def open(self, url: str) -> None:
        """Go to an address and wait until the page is loaded."""
        self.complaints.clear()
        self.follow(lambda: self.call("Page.navigate", url=url))

    def follow(self, action: Callable[[], object]) -> None:
        """Do what leads to another page, and wait until that is loaded."""
        self._loaded = False
        action()
        self.wait_for(lambda: self._loaded)

    def show(self, *, width: int = 1200, height: int = 900, dark: bool = False, script: bool = True) -> None:
        """Set the window's size, the colour scheme that people prefer, and whether scripts of pages run."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def ask(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """Return the visible text of an element; empty while there is none, as between two pages."""
        return str(self.ask(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                text="\r" if key == "Enter" and kind == "keyDown" else "",
            )  # fmt: skip

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition (a function without arguments) holds."""
        end = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < end, "the browser did not get there"
            self._read(0.1)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and return its answer."""
        self._count += 1
        message: dict[str, object] = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            for answer in self._read(1.0):
                if answer.get("id") == self._count:
                    assert "error" not in answer, answer
                    return dict(answer["result"])
            assert self._process.poll() is None, "the browser ended"
        raise AssertionError(f"the browser does not answer to {method}")

    def _read(self, wait_s: float) -> list[dict[str, Any]]:
        if select.select([self._from], [], [], wait_s)[0]:
            self._buffer += os.read(self._from, 1 << 20)
        *whole, self._buffer = self._buffer.split(b"\0")
        messages = [json.loads(message) for message in whole]
        for message in messages:
            if message.get("method") == "Page.loadEventFired":
                self._loaded = True
            elif message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(message["params"]))
        return messages
