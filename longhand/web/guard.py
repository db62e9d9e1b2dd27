"""Access to the inspector: a check of every request before any page sees it, and the headers of every answer.

A page of another site in the same browser must neither read nor change documents:

- a foreign `Host` is refused (DNS rebinding makes a foreign name point to this machine);
- requests from another site's page are refused by `Sec-Fetch-Site` and `Origin`;
- requests that change something need a token that only our pages know (`Guard.form_token`, new at every start);
- on another host than loopback, every request needs the printed access token, as a cookie.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
TOKEN = "token"
"""Query parameter that carries the access token once."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # With no-referrer a browser would send forms with the origin "null".
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a listening address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Guard:
    """The rules for requests; `host`: the server's listening address."""

    host: str = LOOPBACK
    port: int = 0
    """Part of the cookie's name: browsers share cookies between the ports of a host."""
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    access_token: str | None = None
    """None: everybody who reaches the server may read it; only on loopback."""

    def __post_init__(self) -> None:
        assert self.access_token or is_loopback(self.host), "another host needs a token"

    @property
    def cookie(self) -> str:
        """Name of the cookie that holds the access token."""
        return f"longhand-{self.port}"

    def allows_host(self, header: str | None) -> bool:
        """Return whether a `Host` header names us; any port is accepted, since tunnels change it."""
        name = hostname_of(header or "")
        if is_loopback(self.host):
            return name == "localhost" or is_loopback(name)
        known = {self.host.lower(), "localhost", socket.gethostname().lower(), socket.getfqdn().lower()}
        # Accept addresses: only names can be rebound.
        return name in known or _is_address(name)

    def check(self, request: Request) -> tuple[int, str] | None:
        """Return status and reason if a request is refused, else None."""
        headers = request.headers
        if not self.allows_host(headers.get("host")):
            return 421, f"this server does not answer to the name {headers.get('host')!r}"
        if self.access_token is not None and not self._has_token(request):
            return (
                403,
                "open the address that longhand inspect printed: it ends with the token that is missing",
            )
        site = headers.get("sec-fetch-site", "same-origin")
        is_change = request.method not in SAFE_METHODS
        # Another site may link to us, but nothing else.
        is_visit = headers.get("sec-fetch-mode", "navigate") == "navigate"
        if site not in ("same-origin", "none") and (is_change or not is_visit):
            return 403, "another site's page asked for this: only pages of this server may"
        origin = headers.get("origin")
        if is_change and origin is not None and not _is_own(origin, headers):
            return 403, "the change did not come from a page of this server"
        return None

    def has_form_token(self, typed: str | None) -> bool:
        """Return whether a form carries the token of this start."""
        return typed is not None and secrets.compare_digest(typed.encode(), self.form_token.encode())

    def _has_token(self, request: Request) -> bool:
        return self.is_access_token(request.cookies.get(self.cookie))

    def is_access_token(self, typed: str | None) -> bool:
        """Return whether this is the printed token."""
        if typed is None or self.access_token is None:
            return False
        return secrets.compare_digest(typed.encode(), self.access_token.encode())


def hostname_of(header: str) -> str:
    """Return the name or address in a `Host` header in lower case, without port and brackets; "" if malformed."""
    name = header.strip().lower()
    if name.startswith("["):
        inner, _, port = name[1:].partition("]")
        return inner if re.fullmatch(r"(:\d*)?", port) else ""
    return name.rpartition(":")[0] if name.count(":") == 1 else name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_own(origin: str, headers: Headers) -> bool:
    return origin.lower() in {f"{scheme}://{headers.get('host', '').lower()}" for scheme in ("http", "https")}


class GuardMiddleware:
    """Checks each request with the guard, and adds its headers to every answer."""

    def __init__(self, app: ASGIApp, guard: Guard, refuse: Callable[[Request, int, str], Response]) -> None:
        self._app = app
        self._guard = guard
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            elif scope["type"] == "websocket":
                # We have no websockets: refuse with 403 before it opens.
                await send({"type": "websocket.close"})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        answer = self._log_in(request)
        if answer is None and (refused := self._guard.check(request)) is not None:
            answer = self._refuse(request, *refused)
        await (self._app if answer is None else answer)(scope, receive, send_with_headers)

    def _log_in(self, request: Request) -> Response | None:
        """Move the token from the address into a cookie."""
        guard = self._guard
        if request.method not in SAFE_METHODS or not guard.allows_host(request.headers.get("host")):
            return None
        if not guard.is_access_token(request.query_params.get(TOKEN)):
            return None
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != TOKEN]
        # A path with two leading slashes would lead to another host.
        path = "/" + request.scope["path"].lstrip("/\\")
        answer = RedirectResponse(path + (f"?{urlencode(rest)}" if rest else ""), status_code=303)
        answer.set_cookie(guard.cookie, guard.access_token or "", httponly=True, samesite="lax", path="/")
        return answer
