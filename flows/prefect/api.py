"""Prefect's REST API for commands: over httpx, since importing Prefect's client takes seconds.

This module knows no documents. Flows and workers import Prefect anyway and use its own client.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from concepts.errors import LonghandError, UsageError
from flows.errors import FlowError

if TYPE_CHECKING:
    import httpx

API_VARIABLE, AUTH_VARIABLE = "LONGHAND_PREFECT_API", "PREFECT_API_AUTH_STRING"
TIMEOUT_S = 15.0
BUSY_DELAYS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
PAGE = 200
"""Most objects that one Prefect query returns."""


class RefusedError(LonghandError):
    """Prefect's server refused a request."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class PrefectApi:
    """One Prefect server and its secret."""

    def __init__(self, url: str, auth: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        """`url`: of the API. `auth`: the server's secret, as `PREFECT_API_AUTH_STRING`; None: it has none."""
        self.url = check_api(url)
        self.auth = auth
        self._timeout_s = timeout_s
        self._client: httpx.Client | None = None

    def __enter__(self) -> PrefectApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def call(self, method: str, path: str, body: object | None = None) -> Any:
        """Return the server's JSON answer, None if it is empty.

        Raises FlowError if the server is unreachable or has another secret, RefusedError if it refuses the request.
        """
        import base64

        import httpx

        if self._client is None:
            headers = {}
            if self.auth is not None:
                headers["Authorization"] = "Basic " + base64.b64encode(self.auth.encode()).decode()
            # Ignore proxies and other settings of the environment: the secret goes to this server alone.
            self._client = httpx.Client(
                headers=headers,
                timeout=self._timeout_s,
                trust_env=False,
                # Reading all certificates takes longer than a call, and plain HTTP needs none.
                verify=self.url.startswith("https:"),
            )
        try:
            for delay_s in (*BUSY_DELAYS_S, None):
                answer = self._client.request(method, self.url + path, json=body)
                if answer.status_code != 503 or delay_s is None:
                    break
                time.sleep(delay_s)  # its SQLite is locked for a moment
        except httpx.TimeoutException as error:
            raise FlowError(f"Prefect's server at {self.url} does not answer: is it running?") from error
        except httpx.HTTPError as error:
            raise FlowError(f"Prefect's server at {self.url} cannot be reached ({error})") from error
        if answer.status_code == 401:
            raise FlowError(
                f"Prefect's server at {self.url} refuses our secret: set {AUTH_VARIABLE} to that of the server"
            )
        if answer.is_error:
            raise RefusedError(
                f"Prefect's server at {self.url} refused {method} {path} ({answer.status_code}): {_detail(answer)}",
                answer.status_code,
            )
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """Return the object at `path`; None if there is none."""
        try:
            return self.call("GET", path)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, body: dict[str, Any]) -> list[Any]:
        """Return all objects that a `/filter` of Prefect finds, page by page."""
        found: list[Any] = []
        while page := self.call("POST", path, {**body, "limit": PAGE, "offset": len(found)}):
            found += page
            if len(page) < PAGE:
                break
        return found

    def set_state(
        self,
        flow_run_id: str,
        kind: str,
        *,
        name: str | None = None,
        message: str = "",
        force: bool = False,
        **details: object,
    ) -> str:
        """Propose a state for a flow run and return the type of its resulting state; `details`: of the state."""
        state = {"type": kind, "name": name, "message": message, "state_details": details}
        answer = self.call("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": state, "force": force})
        found: str = ((answer or {}).get("state") or {}).get("type") or ""
        return found if (answer or {}).get("status") != "ABORT" else ""

    def read_runs(self, run_ids: Sequence[str] = (), keys: Sequence[str] = ()) -> list[Any]:
        """Return the flow runs with these ids or these idempotency keys."""
        found: dict[str, Any] = {}
        for name, wanted in (("id", run_ids), ("idempotency_key", keys)):
            for start in range(0, len(wanted), PAGE):
                filters = {"flow_runs": {name: {"any_": list(wanted[start : start + PAGE])}}}
                for run in self.pages("/flow_runs/filter", filters):
                    found[run["id"]] = run
        return list(found.values())


def _detail(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        found = answer.text
    if isinstance(found, dict):
        found = found.get("detail") or found.get("exception_message") or found
    return str(found)[:300]


def check_api(url: str) -> str:
    """Return the URL without a trailing slash; raise UsageError if it is not a URL."""
    if not _is_api(url):
        raise UsageError(
            f"{url!r} is not the URL of a Prefect API: expected one like http://127.0.0.1:4200/api"
        )
    return url.rstrip("/")


def _is_api(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        # An invalid port raises only when it is read.
        is_port = parts.port != 0
    except ValueError:
        return False
    is_place = parts.scheme in ("http", "https") and parts.hostname is not None and is_port
    return is_place and bool(parts.path.strip("/"))
