"""What a company's HTTP server may answer, and what the hub makes of it: yes only where yes was said."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from lxml import etree
from pydantic import ValidationError
from sshd import free_port

from adapters.base import Garbled, Parcel, Refused, Unreachable
from adapters.channels import answers, http_push
from adapters.channels.http_push import HttpPush

CONTENT = "参考号|户号\nK7F2Q9|00012345\n".encode() * 1000
PARCEL = Parcel(
    "list-city_water-12-ab",
    "CITYWATER_202611_000012.txt",
    "text/plain",
    len(CONTENT),
    hashlib.sha256(CONTENT).hexdigest(),
    {"Waiverhub-List": "12"},
    {},
)
CODES = {"0": "accepted", "D-01": "duplicate", "E01": "refused", "忙": "retry"}
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TEMPLATE = (
    f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body>'
    '<put xmlns="urn:w" id="{message_id}">'
    "<name>{file_name}</name><sha>{sha256}</sha><data>{content_base64}</data></put></s:Body></s:Envelope>"
)


class Call(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Company:
    """A company's server that answers everything alike."""

    def __init__(self) -> None:
        self.forget()
        company = self

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                if company.answers is None:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    company.calls.append(Call(self.command, self.path, dict(self.headers), body))
                    self.answer()
                else:
                    company.calls.append(Call(self.command, self.path, dict(self.headers), b""))
                    self.close_connection = True
                    company.answers(self)

            def answer(self) -> None:
                self.send_response(company.status)
                for name, value in company.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(company.body)

            do_PUT = do_POST = do_HEAD = take  # noqa: N815

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def forget(self) -> None:
        self.calls: list[Call] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.answers: Callable[[BaseHTTPRequestHandler], None] | None = None

    def push(self, **more: Any) -> HttpPush:
        return HttpPush(form="http_push", url=f"http://127.0.0.1:{self.server.server_port}/lists", **more)

    def by_json(self) -> HttpPush:
        return self.push(method="POST", answer="json", answer_codes=CODES)

    def by_soap(self, template: str = TEMPLATE) -> HttpPush:
        envelope = {"template": template, "soap_action": "urn:w/put"}
        codes = {"true": "accepted", "twice": "duplicate"}
        return self.push(method="POST", envelope=envelope, answer="soap", answer_key="Accepted", answer_codes=codes)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Company]:
    made = Company()
    yield made
    made.close()


@pytest.fixture
def company(server: Company) -> Company:
    server.forget()
    return server


def send(push: HttpPush) -> str:
    return push.send(PARCEL, [CONTENT[:7], b"", CONTENT[7:]])


def ends(push: HttpPush) -> tuple[type[Exception], str]:
    with pytest.raises((Unreachable, Refused)) as caught:
        send(push)
    return type(caught.value), caught.value.code


# --- the status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_server_with_too_much_to_do_is_tried_again_when_it_says(company: Company, status: int) -> None:
    company.status, company.headers = status, {"Retry-After": "900"}
    for doing in (send, lambda push: push.has(PARCEL)):
        with pytest.raises(Unreachable, match=f"HTTP_{status}") as caught:
            doing(company.push())
        assert caught.value.retry_after == "900"


@pytest.mark.parametrize("status", [208, 299, 301, 302, 307, 308, 400, 401, 403, 404, 409, 413, 418, 501])
@pytest.mark.parametrize("form", ["push", "by_json", "by_soap"])
def test_every_other_status_is_a_refusal_after_one_call(company: Company, status: int, form: str) -> None:
    company.status, company.body = status, b'{"code": "0"}'
    company.headers = {"Location": "/elsewhere", "Content-Length": str(len(company.body))}
    assert ends(getattr(company, form)()) == (Refused, f"HTTP_{status}")
    assert len(company.calls) == 1


def test_where_nobody_listens_it_is_unreachable() -> None:
    push = HttpPush(form="http_push", url=f"http://127.0.0.1:{free_port()}/lists")
    assert ends(push) == (Unreachable, "ConnectionRefusedError")


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_push, "_TIMEOUT_S", 0.2)
    ended = threading.Event()
    company.answers = lambda _handler: ended.wait(5) and None
    assert ends(company.push()) == (Unreachable, "TimeoutError")
    ended.set()


def early(status: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer by the headers alone, and hang up on the rest."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)

    return answer


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        (b"401 Unauthorized", (Refused, "HTTP_401")),
        (b"413 Content Too Large", (Refused, "HTTP_413")),
        (b"201 Created", (Unreachable, "ConnectionResetError")),
    ],
)
def test_who_refuses_by_the_headers_alone_is_heard_but_not_who_takes_half(
    company: Company, status: bytes, becomes: tuple[type[Exception], str]
) -> None:
    company.answers = early(status)
    with pytest.raises((Unreachable, Refused)) as caught:
        company.push().send(PARCEL._replace(size=80 << 20), [bytes(1 << 20)] * 80)
    code = caught.value.code.replace("BrokenPipeError", "ConnectionResetError")
    assert (type(caught.value), code) == becomes
    assert len(company.calls) == 1


# --- the request


def test_what_is_posted_carries_its_id_and_is_asked_about_where_that_is_agreed(company: Company) -> None:
    assert send(company.push(method="POST")) == "200"
    assert not company.push(method="POST").has(PARCEL)
    (call,) = company.calls
    assert (call.method, call.path, call.body) == ("POST", "/lists", CONTENT)
    assert call.headers["Idempotency-Key"] == PARCEL.message_id
    assert call.headers["Waiverhub-List"] == "12"
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert call.headers["Content-Digest"] == f"sha-256=:{digest}:"
    asking = company.push(method="POST", status_path="/state?id={message_id}")
    assert asking.has(PARCEL)
    company.status = 404
    assert not asking.has(PARCEL)
    assert {(call.method, call.path) for call in company.calls[1:]} == {("HEAD", f"/state?id={PARCEL.message_id}")}


@pytest.mark.parametrize("value", [None, "", "  ", "geheim\nX-Other: 1", "密"])
def test_without_the_token_that_is_agreed_nobody_is_called(
    company: Company, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("WATER_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("WATER_TOKEN", value)
    push = company.push(token_env="WATER_TOKEN")
    assert ends(push) == (Refused, "NO_TOKEN")
    with pytest.raises(Refused, match="NO_TOKEN"):
        push.has(PARCEL)
    assert company.calls == []


def test_the_token_is_sent_as_it_stands_without_the_end_of_its_line(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATER_TOKEN", "geheim\n")
    send(company.push(token_env="WATER_TOKEN"))
    assert company.calls[0].headers["Authorization"] == "Bearer geheim"


# --- answers in JSON


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        ('{"code": "0", "message": "成功"}', "ACCEPTED"),
        ('{"code": 0}', "ACCEPTED"),
        ('{"code": "D-01"}', "DUPLICATE"),
        ('{"code": "E01"}', (Refused, "ANSWER_E01")),
        ('{"code": "忙"}', (Unreachable, "ANSWER__")),
    ],
)
def test_a_code_means_what_is_agreed(company: Company, body: str, becomes: object) -> None:
    company.body = body.encode()
    company.headers = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(company.body))}
    push = company.by_json()
    assert (send(push) if isinstance(becomes, str) else ends(push)) == becomes


GARBAGE = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"0"',
    b"0",
    b'{"code": null}',
    b'{"code": true}',
    b'{"code": 0.0}',
    b'{"code": ["0"]}',
    b'{"code": "00"}',
    b'{"Code": "0"}',
    b'{"code": "E01", "code": "0"}',
    b'{"code": "0"',
    b'{"code": "0"} and more',
    '{"code": "0", "message": "成功"}'.encode("gb18030"),
    '{"code": "0"}'.encode("utf-16"),
    b"<!DOCTYPE html><html><body>Please log in</body></html>",
    b"[" * 60_000,
    b'{"code": "0", "more": "' + b"x" * 70_000 + b'"}',
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_no_other_answer_is_taken_for_yes(company: Company, body: bytes) -> None:
    company.body, company.headers = body, {"Content-Length": str(len(body))}
    assert ends(company.by_json())[0] is Garbled
    assert len(company.calls) == 1


def test_an_answer_in_another_charset_makes_no_sense(company: Company) -> None:
    company.body, company.headers = b'{"code": "0"}', {"Content-Type": "application/json; charset=gbk"}
    assert ends(company.by_json()) == (Garbled, "NO_JSON")


@pytest.mark.parametrize(
    "headers", [b"Content-Length: 20\r\n", b"Transfer-Encoding: chunked\r\n"], ids=["length", "chunked"]
)
def test_an_answer_that_breaks_off_is_unclear(company: Company, headers: bytes) -> None:
    chunk = b"20\r\n" if b"chunked" in headers else b""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(len(CONTENT))
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + chunk + b'{"code": "0"}')

    company.answers = answer
    assert ends(company.by_json()) == (Unreachable, "CUT_OFF")


def test_an_answer_that_drips_is_not_read_for_ever(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST_S", 0.1)
    read = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(len(CONTENT))
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not read.wait(0.01):
            handler.wfile.write(b" ")

    company.answers = answer
    assert ends(company.by_json()) == (Garbled, "TOO_SLOW")
    read.set()


# --- SOAP


def answered(inside: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inside}</s:Body></s:Envelope>'.encode()


ACCEPTED = answered('<put xmlns="urn:w"><Accepted>true</Accepted></put>')


@pytest.mark.parametrize("cut", [1, 2, 3, 1000, len(CONTENT)])
def test_a_message_comes_out_of_its_envelope_as_it_went_in(company: Company, cut: int) -> None:
    company.body = ACCEPTED
    pieces = [CONTENT[start : start + cut] for start in range(0, len(CONTENT), cut)]
    odd = PARCEL._replace(message_id="a<b&\"c'", file_name="]]>.txt")
    assert company.by_soap().send(odd, pieces) == "ACCEPTED"
    (call,) = company.calls
    assert (call.method, call.path) == ("POST", "/lists")
    assert call.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert call.headers["SOAPAction"] == '"urn:w/put"'
    assert int(call.headers["Content-Length"]) == len(call.body)
    put = etree.fromstring(call.body)[0][0]
    assert put.get("id") == odd.message_id
    assert [child.text for child in put] == ["]]>.txt", PARCEL.sha256, base64.b64encode(CONTENT).decode()]


def test_a_message_of_any_length_is_put_into_its_envelope_as_it_comes(company: Company) -> None:
    envelope = company.by_soap().envelope
    assert envelope is not None
    pieces = (bytes(65_536) for _ in range(1_000))
    assert max(map(len, envelope.around(PARCEL, pieces))) < 100_000


FAULT = "<s:Fault><faultcode>s:{}</faultcode><faultstring>geheim</faultstring></s:Fault>"
BOMB = f'<!DOCTYPE s:Envelope [<!ENTITY a "true">]>{answered("<Accepted>&a;</Accepted>").decode()}'.encode()


@pytest.mark.parametrize(
    ("status", "body", "becomes"),
    [
        (200, ACCEPTED, "ACCEPTED"),
        (200, answered("<x:Accepted xmlns:x='urn:x'> twice\n</x:Accepted>"), "DUPLICATE"),
        (200, answered("<Accepted>false</Accepted>"), (Garbled, "UNKNOWN_CODE")),
        (200, answered("<Accepted/>"), (Garbled, "UNKNOWN_CODE")),
        (200, answered(""), (Garbled, "NO_CODE")),
        (200, answered("<Accepted>true</Accepted><Accepted>false</Accepted>"), (Garbled, "NO_CODE")),
        (200, answered(FAULT.format("Client") + "<Accepted>true</Accepted>"), (Refused, "SOAP_FAULT")),
        (500, answered(FAULT.format("Client.Auth")), (Refused, "SOAP_FAULT")),
        (200, answered(FAULT.format("MustUnderstand")), (Refused, "SOAP_FAULT")),
        (200, answered(FAULT.format("Server")), (Unreachable, "SOAP_FAULT")),
        (500, answered(FAULT.format("Server.Database")), (Unreachable, "SOAP_FAULT")),
        (500, ACCEPTED, (Unreachable, "HTTP_500")),
        (500, b"<html>", (Unreachable, "HTTP_500")),
        (503, answered(FAULT.format("Client")), (Unreachable, "HTTP_503")),
        (200, b"", (Garbled, "NO_SOAP")),
        (200, b"<html><body>Please log in</body></html>", (Garbled, "NO_SOAP")),
        (200, b"<Accepted>true</Accepted>", (Garbled, "NO_SOAP")),
        (200, ACCEPTED[:-5], (Garbled, "NO_SOAP")),
        (200, BOMB, (Garbled, "NO_SOAP")),
        (200, BOMB.replace(b' [<!ENTITY a "true">]', b"").replace(b"&a;", b"true"), (Garbled, "NO_SOAP")),
        (200, ACCEPTED.replace(b"true", b"t\xffrue"), (Garbled, "NO_SOAP")),
        (200, ACCEPTED + b" " * 70_000, (Garbled, "TOO_LONG")),
    ],
)
def test_what_is_answered_by_soap_counts_only_as_agreed(
    company: Company, status: int, body: bytes, becomes: object
) -> None:
    company.status, company.body = status, body
    company.headers = {"Content-Length": str(len(body)), "Retry-After": "60"}
    push = company.by_soap()
    assert (send(push) if isinstance(becomes, str) else ends(push)) == becomes
    assert len(company.calls) == 1


def test_no_entity_of_an_answer_is_fetched(company: Company) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/a.dtd"
        company.body = f'<!DOCTYPE a SYSTEM "{address}">'.encode() + ACCEPTED
        company.headers = {"Content-Length": str(len(company.body))}
        assert ends(company.by_soap()) == (Garbled, "NO_SOAP")
        with pytest.raises(TimeoutError):
            elsewhere.accept()


# --- configuration


def without(text: str, new: str = "") -> dict[str, str]:
    assert text in TEMPLATE
    return {"template": TEMPLATE.replace(text, new)}


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("status_path: what was PUT", {"status_path": "/a/{message_id}"}),
        ("status_path", {"method": "POST", "status_path": "/a"}),
        ("status_path", {"method": "POST", "status_path": "http://elsewhere/{message_id}"}),
        ('need answer = "json" or "soap"', {"answer_codes": {"0": "accepted"}}),
        ("say which code means accepted", {"answer": "json"}),
        ("say which code means accepted", {"answer": "json", "answer_codes": {"0": "refused"}}),
        ("answer_codes", {"answer": "json", "answer_codes": {"0": "maybe"}}),
        ("go together", {"method": "POST", "answer": "soap", "answer_codes": {"0": "accepted"}}),
        ("go together", {"method": "POST", "envelope": {"template": TEMPLATE}}),
        ('method = "POST"', {"envelope": {"template": TEMPLATE}}),
        ("unknown placeholder name", {"envelope": without("{file_name}", "{name}")}),
        ("stands in it once", {"envelope": without("{content_base64}")}),
        ("stands in it once", {"envelope": without("{file_name}", "{content_base64}")}),
        ("no envelope of SOAP 1.1", {"envelope": without("</s:Body>")}),
        ("no envelope of SOAP 1.1", {"envelope": without(SOAP, "http://www.w3.org/2003/05/soap-envelope")}),
        ("it is sent in UTF-8", {"envelope": without('encoding="UTF-8"', 'encoding="GBK"')}),
        ("soap_action", {"envelope": {"template": TEMPLATE, "soap_action": 'a"b'}}),
    ],
)
def test_a_delivery_that_cannot_be_is_told_before_the_hub_starts(said: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        HttpPush(form="http_push", url="https://water.example/lists", **settings)
    assert said in str(caught.value)
