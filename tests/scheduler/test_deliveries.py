"""Deliveries to a company's real server: same id, same bytes, one effect, and an end on file for every attempt."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from world import account, household, list_bytes, publish, roster, run, snapshot, take

from adapters.channels.http_push import HttpPush
from integration.jobs.deliver import deliver_next, wait_us
from integration.jobs.hub import Hub
from integration.storage import outbox
from integration.storage.outbox import MOST_ATTEMPTS, OutboxLine
from integration.storage.tables import lists
from schemas import envelope

#: What a server does with a PUT: a status with headers, or "cut": it takes it and hangs up without an answer.
Reaction = tuple[int, dict[str, str]] | str


class Company:
    """A company's server that reacts as it is told, then takes everything."""

    def __init__(self) -> None:
        self.reactions: list[Reaction] = []
        self.calls: list[tuple[str, str]] = []
        self.taken: dict[str, tuple[bytes, dict[str, str]]] = {}
        company = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                company.calls.append(("PUT", self.path))
                content = self.rfile.read(int(self.headers["Content-Length"]))
                reaction = company.reactions.pop(0) if company.reactions else (201, {})
                if reaction == "cut" or reaction[0] == 201:
                    company.taken[self.path] = (content, dict(self.headers))
                if isinstance(reaction, str):
                    self.close_connection = True
                    return
                self.answer(*reaction)

            def do_HEAD(self) -> None:
                company.calls.append(("HEAD", self.path))
                self.answer(200 if self.path in company.taken else 404, {})

            def answer(self, status: int, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/lists"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Port:
    """A configured company that is delivered to."""

    def __init__(self, port: Any, channel: Any) -> None:
        self._port = port
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def channel(self, _homes: Any) -> Any:
        return self._channel


def delivering(hub: Hub, channel: Any) -> Hub:
    """A hub with one list queued for a company that is delivered to."""
    hub = replace(hub, companies={"city_water": Port(hub.companies["city_water"], channel)})
    roster(hub, "city_water", [account("W1", 1)])
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"})]))
    run(hub, "2026-11")
    assert publish(hub, "2026-11")["city_water"].state == "published"
    return hub


@pytest.fixture
def company() -> Iterator[Company]:
    made = Company()
    yield made
    made.close()


@pytest.fixture
def sender(sqlite_hub: Hub, company: Company) -> Hub:
    return delivering(sqlite_hub, HttpPush(form="http_push", url=company.url))


def line(hub: Hub) -> OutboxLine:
    with hub.store.read() as connection:
        (only,) = outbox.outbox_lines(connection, 10)
    return only


def attempts(hub: Hub) -> list[tuple[str, str]]:
    with hub.store.read() as connection:
        return [(one.outcome, one.code) for one in outbox.attempt_lines(connection, line(hub).message_id)]


def test_a_list_is_put_under_its_id_with_what_proves_it(hub: Hub, company: Company) -> None:
    hub = delivering(hub, HttpPush(form="http_push", url=company.url))
    assert deliver_next(hub, "a")
    assert not deliver_next(hub, "a")
    ((path, (content, headers)),) = company.taken.items()
    assert path == f"/lists/{line(hub).message_id}"
    assert content == list_bytes(hub, "city_water", 1, "company")
    assert headers["Waiverhub-List"] == "1"
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert headers["Content-Digest"] == f"sha-256=:{digest}:"
    manifest, signature = (base64.b64decode(headers[f"Waiverhub-{name}"]) for name in ("Manifest", "Signature"))
    assert envelope.verify(hub.ring.lists.public_pem, manifest, signature)
    with hub.store.read() as connection:
        assert connection.execute(select(lists.c.manifest)).scalar_one() == manifest
    assert attempts(hub) == [("delivered", "201")]


def test_after_an_unclear_end_the_company_is_asked_and_nothing_sent_twice(sender: Hub, company: Company) -> None:
    company.reactions = ["cut"]
    deliver_next(sender, "a")
    assert line(sender).state == "waiting"
    sender.clock.advance(hours=1)
    deliver_next(sender, "b")
    assert [method for method, _ in company.calls] == ["PUT", "HEAD"]
    assert attempts(sender) == [("failed", "RemoteDisconnected"), ("delivered", "HAD_IT")]


def test_what_it_was_too_busy_for_is_sent_again_when_it_asked_to(sender: Hub, company: Company) -> None:
    company.reactions = [(503, {"Retry-After": "900"})]
    deliver_next(sender, "a")
    sender.clock.advance(minutes=14)
    assert not deliver_next(sender, "a")
    sender.clock.advance(minutes=1)
    assert deliver_next(sender, "a")
    assert [method for method, _ in company.calls] == ["PUT", "HEAD", "PUT"]
    assert len(set(company.calls) & {("PUT", path) for path in company.taken}) == 1
    assert line(sender).state == "delivered"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 301, 302, 307, 308])
def test_what_is_refused_is_not_sent_again_and_no_redirect_is_followed(
    sender: Hub, company: Company, status: int
) -> None:
    company.reactions = [(status, {"Location": f"{company.url}/elsewhere"})]
    deliver_next(sender, "a")
    assert line(sender).state == "dead"
    sender.clock.advance(days=30)
    assert not deliver_next(sender, "a")
    assert len(company.calls) == 1


def test_it_is_a_persons_in_the_end_and_goes_once_redriven(sender: Hub, company: Company) -> None:
    company.reactions = [(503, {})] * MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS):
        assert deliver_next(sender, "a")
        sender.clock.advance(hours=2)
    assert line(sender).state == "dead"
    assert not deliver_next(sender, "a")
    with sender.store.write() as connection:
        assert outbox.redrive(connection, sender.clock, line(sender).message_id, "root")
        assert not outbox.redrive(connection, sender.clock, line(sender).message_id, "root")
    assert deliver_next(sender, "a")
    assert [outcome for outcome, _ in attempts(sender)] == [
        *["failed"] * (MOST_ATTEMPTS - 1), "dead", "redriven", "delivered",
    ]  # fmt: skip


class Broken:
    """A channel with a fault of ours in it."""

    def send(self, parcel: Any, content: Any) -> str:
        raise ValueError("private")

    has = send


def test_a_fault_of_ours_ends_an_attempt_like_any_other(sqlite_hub: Hub) -> None:
    hub = delivering(sqlite_hub, Broken())
    for _ in range(MOST_ATTEMPTS):
        assert deliver_next(hub, "a")
        hub.clock.advance(hours=2)
    assert not deliver_next(hub, "a")
    assert (line(hub).state, len(attempts(hub))) == ("dead", MOST_ATTEMPTS)
    assert {code for _, code in attempts(hub)} <= {"ValueError", "TypeError"}


def test_an_attempt_whose_process_died_is_on_file_and_the_last_one_ends_it(hub: Hub) -> None:
    def claimed() -> bool:
        with hub.store.write() as connection:
            return outbox.claim(connection, hub.clock, "a", -1) is not None

    with hub.store.write() as connection:
        outbox.queue(connection, hub.clock, "m", "list", "city_gas", "1")
    assert [claimed() for _ in range(MOST_ATTEMPTS + 1)] == [True] * MOST_ATTEMPTS + [False]
    with hub.store.read() as connection:
        found = [(one.outcome, one.code, one.actor) for one in outbox.attempt_lines(connection, "m")]
    assert found == [("unclear", "CUT_OFF", "a")] * (MOST_ATTEMPTS - 1) + [("dead", "CUT_OFF", "a")]


def test_a_claim_of_a_time_that_has_not_come_is_over(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    with hub.store.write() as connection:
        outbox.queue(connection, hub.clock, "m", "list", "city_gas", "1")
    hub.clock.advance(days=3650)
    for _ in range(2):
        with hub.store.write() as connection:
            assert outbox.claim(connection, hub.clock, "a", 300_000_000) is not None
        hub.clock.advance(days=-3650)


@pytest.mark.parametrize(
    ("said", "least_s", "most_s"),
    [
        ("120", 120, 120),
        ("Tue, 20 Oct 2026 13:02:00 GMT", 120, 120),
        ("Tue, 20 Oct 2026 12:00:00 GMT", 0, 5),
        ("999999999999", 86_400, 86_400),
        ("²", 0, 5),
        ("soon", 0, 5),
        (None, 0, 5),
    ],
)
def test_how_long_is_waited(clock: Any, said: str | None, least_s: int, most_s: int) -> None:
    drawn = [wait_us(1, said, clock) for _ in range(50)]
    assert all(least_s * 1_000_000 <= one <= most_s * 1_000_000 for one in drawn)


def test_waits_grow_are_drawn_by_chance_and_are_capped(clock: Any) -> None:
    late = [wait_us(40, None, clock) for _ in range(200)]
    assert max(late) <= 3_600_000_000
    assert max(late) > 1_000_000_000
    assert len(set(late)) > 190


@pytest.mark.parametrize(
    "url",
    ["ftp://a/b", "http://user@a/b", "http://a/b?c=d", "http://a/b#c", "http://a:abc/b", "http://a:70000/b", "http://"],
)
def test_an_address_that_is_none_is_refused_before_the_hub_starts(url: str) -> None:
    with pytest.raises(ValidationError):
        HttpPush(form="http_push", url=url)


def test_a_server_that_answers_no_http_or_at_great_length_is_no_harm() -> None:
    from socketserver import StreamRequestHandler, ThreadingTCPServer

    from adapters.base import Garbled, Parcel

    def served(answer: Callable[[Any], None]) -> str | type[Exception]:
        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                with contextlib.suppress(OSError):
                    answer(self.wfile)

        with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            push = HttpPush(form="http_push", url=f"http://127.0.0.1:{server.server_address[1]}")
            try:
                return push.send(Parcel("m", "m.txt", "text/plain", 0, "", {}, {}), [])
            except Garbled as error:
                return type(error)
            finally:
                server.shutdown()
                thread.join()

    written = 0

    def long(out: Any) -> None:
        nonlocal written
        out.write(b"HTTP/1.1 201 Created\r\n\r\n")
        while written < 200 << 20:
            written += out.write(b"x" * 65536)

    assert served(lambda out: out.write(b"SSH-2.0-OpenSSH\r\n")) is Garbled
    assert served(long) == "201"
    assert written < 100 << 20  # nobody reads it
