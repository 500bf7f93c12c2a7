"""Who is slow to ask is cut, and who waits behind them is served."""

import socket
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from evergrid.live.api import server
from tests.live.fake_service import FakeService
from tests.live.serving import OPEN, Served, serving

HEAD = b"GET /api/v1/healthz HTTP/1.1\r\nHost: x\r\n"


def connected(own: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", own.port), timeout=8)


def ended_after(peer: socket.socket, begun: float) -> float:
    """Seconds until the other side ended the connection."""
    while True:
        try:
            if not peer.recv(4096):
                break
        except ConnectionResetError:
            break
    return time.monotonic() - begun


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD, HEAD + b"\r\n" + HEAD])
def test_a_head_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch, sent: bytes):
    monkeypatch.setattr(server, "REQUEST_S", 0.4)
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 1)
    with serving(FakeService(1)) as own, connected(own) as peer:
        begun = time.monotonic()
        peer.sendall(sent)
        assert ended_after(peer, begun) < 3


def test_a_body_that_does_not_come_is_cut():
    quick = replace(OPEN, body_s=0.3)
    with serving(FakeService(1), quick) as own, connected(own) as peer:
        head = b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n"
        peer.sendall(head + b"Content-Type: application/json\r\n\r\n{")
        assert peer.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_those_who_wait_behind_slow_ones_are_served(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "REQUEST_S", 1.0)
    with serving(FakeService(1)) as own, ExitStack() as stack:
        for _ in range(300):
            peer = stack.enter_context(connected(own))
            peer.sendall(HEAD)
        began = time.monotonic()
        with own.client() as client:
            assert client.get("/api/v1/healthz").status_code == 200
        assert time.monotonic() - began < 1
        time.sleep(1.5)
        assert len(own.server.server_state.connections) == 0


def test_an_answer_does_not_wait_between_head_and_body():
    with serving(FakeService(1)) as own, own.client() as client:
        took = []
        for _ in range(20):
            began = time.monotonic()
            client.get("/api/v1/healthz")
            took.append(time.monotonic() - began)
    assert sorted(took)[10] < 0.03


def test_a_kept_connection_may_rest_between_requests(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "REQUEST_S", 0.2)
    with serving(FakeService(1)) as own, connected(own) as peer:
        for _ in range(2):
            peer.sendall(HEAD + b"\r\n")
            answer = b""
            while b"alive" not in answer:
                answer += peer.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 ")
            time.sleep(0.5)


def test_a_method_that_a_path_does_not_have_is_answered_with_all_that_it_has(served: Served):
    with served.client() as client:
        refused = client.request("OPTIONS", "/api/v1/people")
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/metrics"])
def test_a_refusal_is_described_as_json_where_the_answer_is_not(served: Served, path: str):
    with served.client() as client:
        described = client.get("/api/v1/openapi.json").json()["paths"][path]["get"]["responses"]
        refused = client.get(path)
    assert refused.status_code == 401
    assert list(described["401"]["content"]) == [refused.headers["content-type"]]
    assert "application/json" not in described["200"]["content"]
