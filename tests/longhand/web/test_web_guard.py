"""Who may talk to the inspector: hosts, other sites' pages, tokens, and the address that it listens on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from queue import SimpleQueue
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.routing import Route
from starlette.testclient import TestClient

from concepts.errors import InputError
from longhand.web.app import make_app
from longhand.web.guard import Guard, hostname_of, is_loopback
from longhand.web.pages.changing import FORM_TOKEN
from longhand.web.server import address, listen, serve
from storage import NewDocument, Store

BASE = "http://127.0.0.1:8765"
GUARD = Guard(port=8765)


def client_of(store: Store, guard: Guard = GUARD, base: str = BASE) -> TestClient:
    return TestClient(make_app(store, guard=guard), base_url=base, follow_redirects=False)


@pytest.fixture
def client(store: Store) -> TestClient:
    return client_of(store)


@pytest.fixture
def waiting(store: Store) -> Iterator[str]:
    """The address of the form that pauses a queued document."""
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    yield f"/documents/{document.id}/act/pause"
    assert store.get_document(document.id).status in ("queued", "paused")


def status_of(store: Store) -> str:
    return store.list_documents()[0].status


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1:8765", True),
        ("127.0.0.1:9000", True),  # through a tunnel
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("[::1]:8765", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:8765", False),
        ("192.0.2.7:8765", False),
        ("", False),
        ("[::1].evil.example", False),
    ],
)
def test_only_names_of_this_machine_are_answered(client: TestClient, host: str, is_known: bool) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == (200 if is_known else 421)


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    for answer in (
        client.get("/"),
        client.get("/nothing"),
        client.get("/static/style.css"),
        client.post("/"),
        client.get("/", headers={"host": "evil.example"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "cache-control" in answer.headers


FORM = {FORM_TOKEN: GUARD.form_token}


@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        ({}, FORM, 303),
        ({"origin": BASE, "sec-fetch-site": "same-origin"}, FORM, 303),
        ({}, {"other": "1"}, 403),
        ({}, {FORM_TOKEN: "guessed"}, 403),
        ({}, {FORM_TOKEN: "ü\ud800".encode("utf-8", "replace").decode()}, 403),
        ({"origin": "http://evil.example"}, FORM, 403),
        ({"origin": "null"}, FORM, 403),
        ({"origin": "http://127.0.0.1:1234"}, FORM, 403),
        ({"sec-fetch-site": "cross-site"}, FORM, 403),
        ({"sec-fetch-site": "same-site"}, FORM, 403),
        ({"content-type": "text/plain"}, FORM, 400),
        ({"host": "evil.example"}, FORM, 421),
    ],
)
def test_only_forms_of_our_own_pages_change_something(
    store: Store, waiting: str, headers: dict[str, str], form: dict[str, str], status: int
) -> None:
    answer = client_of(store).post(waiting, data=form, headers=headers)
    assert answer.status_code == status
    assert status_of(store) == ("paused" if status == 303 else "queued")


def test_every_form_asks_for_the_token(store: Store) -> None:
    document_id = store.create_document(NewDocument(prompt="tea", lang="eng_Latn")).id
    app = make_app(store, guard=GUARD)
    client = TestClient(app, base_url=BASE)
    changing = [route for route in app.routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    assert len(changing) >= 5
    before = store.get_document(document_id)
    for route in changing:
        path = route.path.replace("{id}", document_id).replace("{action}", "cancel")
        assert client.post(path, data={"version": "1"}).status_code == 403, path
        assert client.get(path).status_code == 405, path
    assert store.get_document(document_id) == before


def test_nothing_but_a_visit_comes_from_another_site(client: TestClient) -> None:
    visit = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=visit).status_code == 200
    assert client.get("/", headers={**visit, "sec-fetch-mode": "no-cors"}).status_code == 403


def test_a_form_that_is_too_long_is_refused(store: Store, waiting: str) -> None:
    answer = client_of(store).post(waiting, data={**FORM, "text": "x" * 1_000_001})
    assert answer.status_code == 413
    assert client_of(store).post(waiting, data={f"f{n}": "" for n in range(5001)}).status_code == 400
    assert status_of(store) == "queued"


def test_another_host_wants_the_token_and_then_a_cookie(store: Store, waiting: str) -> None:
    guard = Guard(host="0.0.0.0", port=8765, access_token="s3cret", form_token="form")
    client = client_of(store, guard, "http://192.0.2.7:8765")
    assert client.get("/").status_code == 403
    assert client.get("/static/style.css").status_code == 403
    assert client.get("/?token=wrong").status_code == 403
    assert client.post(waiting, data={FORM_TOKEN: "form"}).status_code == 403
    assert status_of(store) == "queued"
    welcome = client.get("http://192.0.2.7:8765//evil.example/?token=s3cret&page=1")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/evil.example/?page=1")
    cookie = welcome.headers["set-cookie"].lower()
    assert cookie.startswith("longhand-8765=s3cret;")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"host": socket.gethostname()}).status_code == 200
    assert client.post(waiting, data={FORM_TOKEN: "form"}, headers={"origin": BASE}).status_code == 403
    assert client.post(waiting, data={FORM_TOKEN: "form"}).status_code == 303


def test_another_host_without_a_token_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Guard(host="0.0.0.0")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("a:1", "a"),
        ("a", "a"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("A.b:9", "a.b"),
        ("[::1].b", ""),
    ],
)
def test_names_in_host_headers(header: str, name: str) -> None:
    assert hostname_of(header) == name


def test_what_is_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.0.2.1", "localhost.x", "")] == [False] * 5


def test_addresses() -> None:
    assert address("127.0.0.1", 80, None) == "http://127.0.0.1:80/"
    assert address("::1", 80, None) == "http://[::1]:80/"
    assert address("0.0.0.0", 80, "a+b") == f"http://{socket.gethostname()}:80/?token=a%2Bb"


def test_a_port_that_is_taken_is_one_line(run) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        result = run("inspect", "--port", str(port))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"longhand: port {port} of 127.0.0.1 is taken: "
        "name another one with --port, or --port 0 for a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--port", "70000"], 2, "--port is 70000: give a number from 1 to 65535, or 0"),
        (["--port", "-1"], 2, "--port is -1"),
        (["--host", "192.0.2.7", "--port", "0"], 1, "192.0.2.7, port 0 cannot be listened on"),
        (["--host", "a..b", "--port", "0"], 1, "the host 'a..b' is not known"),
    ],
)
def test_wrong_hosts_and_ports_are_one_line(run, arguments: list[str], code: int, message: str) -> None:
    result = run("inspect", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_listening_on_nothing_known_is_an_input_error() -> None:
    with pytest.raises(InputError):
        listen("", 70000)


@pytest.mark.parametrize("more", [[], ["--token"], ["--host", "0.0.0.0"]])
def test_the_command_serves_until_ctrl_c(store: Store, more: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "longhand", "inspect", "--port", "0", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # A shell's background jobs ignore SIGINT, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert ("token=" in url) == bool(more)
            parts = urlsplit(url)  # a token, too, may hold this machine's name, if that is short
            reached = parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl()
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
            )
            with opener.open(reached, timeout=60) as answer:
                assert "There are no documents yet" in answer.read().decode()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
        except BaseException:
            process.kill()  # or leaving the block would wait for it for ever
            raise
    assert process.returncode == 0
    assert stderr.endswith("end it with Ctrl-C\nended\n")
    assert "Traceback" not in stderr


def test_a_client_that_speaks_no_http_is_refused_without_a_line(store, monkeypatch, capfd):
    servers: list[uvicorn.Server] = []
    run = uvicorn.Server.run
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, **kept: (servers.append(self), run(self, **kept)))
    ready: SimpleQueue[str] = SimpleQueue()
    thread = threading.Thread(target=serve, args=(store,), kwargs={"on_ready": ready.put})
    thread.start()
    try:
        port = urlsplit(ready.get(timeout=60)).port
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"\x16\x03\x01 a handshake of TLS\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    finally:
        servers[0].should_exit = True
        thread.join(60)
    assert capfd.readouterr().err == ""
