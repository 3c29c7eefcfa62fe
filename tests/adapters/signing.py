"""Who signs the contract in the tests: every partner with its samples, and a way of each form with its other end."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sshd import KEY_ENV, Served, free_port, new_key

from adapters.channels.exchange import FolderExchange, HomeExchange, SftpExchange
from adapters.channels.http_push import HttpPush
from adapters.contract.boxes import NAMES, Collecting
from adapters.contract.clauses import Capability
from adapters.contract.dialects import Listing, Reading, listings, readings
from adapters.contract.samples import Sample, samples_in
from adapters.contract.signers import Signer, signers_in
from adapters.contract.ways import Reaction, Sending

CONFIG = Path(__file__).parents[2] / "config"
SAMPLES = Path(__file__).parent / "samples"
HERE = Path(__file__).parent
#: Everybody of the configuration, and companies in whose forms no shipped one speaks.
CONFIGURED = [signers_in(HERE), signers_in(HERE / "signers"), signers_in(CONFIG)]
SIGNERS: Mapping[str, Signer] = {code: one for signers in CONFIGURED for code, one in signers.items()}
TOKEN_ENV, WRONG_ENV, TOKEN = "CONTRACT_TOKEN", "CONTRACT_WRONG_TOKEN", "a-token-of-forty-characters-and-some-more"
LIST = "HDR|名单|0\nTRL|0|0.000\n".encode("gb18030")


def samples_of(code: str) -> list[Sample]:
    return samples_in(SAMPLES, code)


@cache
def readings_of(code: str) -> list[Reading]:
    others = next(signers for signers in reversed(CONFIGURED) if code in signers)
    return readings(SIGNERS[code], samples_of(code), others.values())


@cache
def listings_of(code: str) -> list[Listing]:
    return listings(SIGNERS[code], samples_of(code))


# --- a company's server of HTTP


class HttpCompany:
    """A company's server that asks for a token, and answers as it is told, or takes what it is sent.

    What is PUT or asked about is known by the end of its path, what is POSTed by its ``Idempotency-Key``; ``yes`` is
    the body of an answer that takes a list.
    """

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        self.yes = b""
        self._called = 0
        self._next: Told | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/lists"

    def told(self) -> Told:
        """Return what to do with the call that has just come."""
        self._called += 1
        told, self._next = self._next, None
        return told or Told(Reaction.TAKES, {}, b"")

    def will(self, reaction: Reaction | int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self._next = Told(reaction, headers or {}, body)

    def calls(self) -> int:
        return self._called

    def lying(self) -> Mapping[str, bytes]:
        return dict(self.taken)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Told(NamedTuple):
    reaction: Reaction | int
    headers: Mapping[str, str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, company: HttpCompany, *args: Any) -> None:
        self._company = company
        super().__init__(*args)

    def do_PUT(self) -> None:
        size = int(self.headers["Content-Length"])
        content = self.rfile.read(size)
        if len(content) < size:  # broken off: no call, and nothing that is told is for it
            return
        told = self._company.told()
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            told = Told(401, {}, b"")
        if told.reaction in (Reaction.TAKES, Reaction.CUTS_AFTER):
            self._company.taken[self.headers["Idempotency-Key"] or self.last_step()] = _unwrapped(content)
        self.answer(told, Told(201, {}, self._company.yes))

    do_POST = do_PUT  # noqa: N815 - the server's own word

    def do_HEAD(self) -> None:
        told = self._company.told()
        self.answer(told, Told(200 if self.last_step() in self._company.taken else 404, {}, b""))

    def last_step(self) -> str:
        return self.path.rpartition("/")[2]

    def answer(self, told: Told, usual: Told) -> None:
        if told.reaction in (Reaction.CUTS_BEFORE, Reaction.CUTS_AFTER):
            self.close_connection = True
            return
        status, headers, body = usual if told.reaction is Reaction.TAKES else told
        self.send_response(int(status))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def _unwrapped(content: bytes) -> bytes:
    """Return what a message holds, in its envelope or without one."""
    found = re.fullmatch(rb".*<content>(.*)</content>.*", content, re.DOTALL)
    return base64.b64decode(found[1]) if found else content


_SOAP = '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>{}</Body></Envelope>'
_ANSWER = _SOAP.format("<code>{}</code>")
_FAULT = _SOAP.format("<Fault><faultcode>Client</faultcode></Fault>").encode()
_CODES = {"answer_codes": {"00": "accepted", "01": "duplicate", "E1": "refused"}}
_POSTED: dict[str, Any] = {"method": "POST", "status_path": "/lists/{message_id}"}
#: What each way of pushing adds to the configuration, its yes, and its noes.
PUSHES: dict[str, tuple[dict[str, Any], bytes, tuple[bytes, ...]]] = {
    "http_put": ({}, b"", ()),
    "http_json": (
        {**_POSTED, "answer": "json", **_CODES},
        b'{"code": "00"}',
        (b'{"code": "E1", "text": "failed"}', b'{"code": "07"}', b'{"code": 0}', b'{"code": "00", "code": "00"}'),
    ),
    "http_soap": (
        {**_POSTED, "answer": "soap", **_CODES,
         "envelope": {"template": _SOAP.format("<id>{message_id}</id><content>{content_base64}</content>")}},
        _ANSWER.format("00").encode(),
        (_ANSWER.format("E1").encode(), _ANSWER.format("07").encode(), _ANSWER.format("").encode(), _FAULT),
    ),
}  # fmt: skip


def http_way(company: HttpCompany, form: str = "http_put") -> Sending:
    more, company.yes, noes = PUSHES[form]

    def push(url: str, token_env: str = TOKEN_ENV) -> HttpPush:
        return HttpPush.model_validate({"form": "http_push", "url": url, "token_env": token_env, **more})

    return Sending(
        name=form,
        channel=push(company.url),
        files=False,
        stem="contract-check-1",
        suffix=".txt",
        media_type="text/plain",
        content=LIST,
        shown=company,
        obeys=company,
        as_stranger=push(company.url, WRONG_ENV),
        nowhere=push(f"http://127.0.0.1:{free_port()}/"),
        tokenless=push(company.url, "CONTRACT_NO_TOKEN"),
        noes=noes,
        secrets=(TOKEN,),
    )


# --- places where files lie


class OnDisk:
    """The partner's side of a folder on this machine."""

    def __init__(self, root: Path, folder: str) -> None:
        self._root, self._folder = root, folder

    def lying(self, folder: str | None = None) -> Mapping[str, bytes]:
        names = {"from": "in", "done": "done", "reject": "reject", None: self._folder}
        return {one.name: one.read_bytes() for one in (self._root / names[folder]).iterdir() if one.is_file()}

    def lay(self, name: str, content: bytes) -> None:
        with (self._root / "in" / name).open("ab") as file:
            file.write(content)


FILES = [{"kind": "report", "name": NAMES.pattern}]


def folders(root: Path) -> Path:
    for name in ("in", "out", "done", "reject"):
        (root / name).mkdir(parents=True)
    return root


def folder_ways(root: Path) -> tuple[Sending, Collecting]:
    exchange = FolderExchange.model_validate(
        {"form": "folder", "path": str(folders(root)), "lists_to": "out", "files_from": "in", "files": FILES}
    )
    return exchanged("folder", root, exchange, None, None)


def home_ways(homes: Path) -> tuple[Sending, Collecting]:
    folders(homes / "company")
    exchange = HomeExchange.model_validate({"form": "home", "files": FILES})
    return exchanged("home", homes / "company", exchange, None, None, homes)


def sftp_ways(root: Path, served: Served) -> tuple[Sending, Collecting]:
    new_key(root / "wrong_key")
    exchange = SftpExchange.model_validate(
        {"form": "sftp", "host": "127.0.0.1", "port": served.port, "user": served.at(root).user,
         "host_key": served.host_key, "key_env": KEY_ENV, "path": str(folders(root / "there")), "lists_to": "out",
         "files_from": "in", "files": FILES}
    )  # fmt: skip
    wrong = exchange.model_copy(update={"key_env": WRONG_ENV})
    nowhere = exchange.model_copy(update={"port": free_port()})
    return exchanged("sftp", root / "there", exchange, wrong, nowhere)


def exchanged(
    name: str, root: Path, exchange: Any, wrong: Any, nowhere: Any, homes: Path = Path("/nowhere")
) -> tuple[Sending, Collecting]:
    side = OnDisk(root, "out")
    sending = Sending(
        name=name,
        channel=exchange.channel("company", homes),
        files=True,
        stem="contract-check-1",
        suffix=".txt",
        media_type="text/plain",
        content=LIST,
        shown=side,
        as_stranger=wrong and wrong.channel("company", homes),
        nowhere=nowhere and nowhere.channel("company", homes),
        secrets=(str(root),),
    )
    return sending, Collecting(name, exchange.box("company", homes), "contract-check-1", side)


@pytest.fixture
def http_company(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpCompany]:
    monkeypatch.setenv(TOKEN_ENV, TOKEN)
    monkeypatch.setenv(WRONG_ENV, "another-token")
    company = HttpCompany()
    yield company
    company.close()


@pytest.fixture(params=[*PUSHES, "folder", "home", "sftp"])
def sending(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sending:
    if request.param in PUSHES:
        return http_way(request.getfixturevalue("http_company"), request.param)
    return files_ways(request, tmp_path, monkeypatch)[0]


@pytest.fixture(params=["folder", "home", "sftp"])
def collecting(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collecting:
    return files_ways(request, tmp_path, monkeypatch)[1]


def files_ways(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Sending, Collecting]:
    if request.param == "folder":
        return folder_ways(tmp_path / "folder")
    if request.param == "home":
        return home_ways(tmp_path / "homes")
    served: Served = request.getfixturevalue("in_thread")
    monkeypatch.setenv(KEY_ENV, str(served.private_key))
    monkeypatch.setenv(WRONG_ENV, str(tmp_path / "wrong_key"))
    return sftp_ways(tmp_path, served)


def without_samples(file: Reading) -> Reading:
    """Return a kind of file that is judged by made files alone."""
    return replace(file, given=None, can=file.can - {Capability.SAMPLE, Capability.GOLDEN})
